"""What the container wrote: told, saved at the end, put back before the next process."""
import io
import json
import os
import tarfile
import tempfile

import gateway as gw
import pytest
from conftest import Output
from support.waiting import wait_until
from test_archive import STREAM, Task, make_tar

WRITES = """
cd $0; mkdir d; echo one >d/f; chmod 640 d/f; ln d/f d/hard; ln -s f d/soft; mkfifo p; touch -d '2001-02-03 04:05:06.5 UTC' d/f
rm -r seeded/old; echo more >>seeded/log; chmod 000 d/f
"""


@pytest.fixture
def seeded(make_agent):
    """An agent whose image has something in /tmp."""
    with tempfile.TemporaryDirectory(prefix="sockerless-seed-") as seed:
        os.chmod(seed, 0o755)
        for path, text in {"old/x": "x", "log": "log\n", "same": "same"}.items():
            path = os.path.join(seed, "tmp", "seeded", path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as f:
                f.write(text)
        yield make_agent(env={"SOCKERLESS_AGENT_SEED": seed})


def run(agent, script, **spec):
    agent.invoke(["sh", "-c", script, agent.tmp], **spec)
    conn = agent.connect()
    return conn, Output(conn).until_exit().exit


def finish(agent, conn):
    conn.ack(3, 0)
    answer = agent.answer()
    conn.ended()
    return answer


def save(conn, stream=STREAM, **args):
    head, body = Task(conn, "save", stream, limit=1 << 30, **args).result()
    assert head == {"status": 200, "type": "application/x-tar"}
    return body


def entries(tar):
    with tarfile.open(fileobj=io.BytesIO(tar)) as t:
        return {m.name: m for m in t}


def test_saved_and_restored(seeded):
    conn, end = run(seeded, WRITES)
    assert end["changed"] is True
    tar = save(conn)
    members = entries(tar)
    assert set(members) == {"tmp/d", "tmp/d/f", "tmp/d/hard", "tmp/d/soft", "tmp/p", "tmp/seeded", "tmp/seeded/.wh.old", "tmp/seeded/log"}
    assert members["tmp/d/soft"].linkname == "f" and members["tmp/d/hard"].islnk() and members["tmp/p"].isfifo()
    assert (members["tmp/d/f"].uid, members["tmp/d/f"].gid) == (0, 0)
    finish(seeded, conn)
    # The next run begins with the image's files; the layer makes them those of the end.
    seeded.invoke(["sh", "-c", "cd $0; chmod 600 d/f; cat d/f seeded/log; stat -c '%a %Y %h' d/f; ls seeded; readlink d/soft", seeded.tmp])
    conn = seeded.gateway.connection()
    assert conn.expect(gw.HELLO).json()["state"] == "waiting"
    conn.send(gw.SPEC, 0, {"stdout": 0, "stderr": 0, "hold": True})
    task = Task(conn, "restore", stdin=True)
    task.write(tar)
    task.end()
    assert task.result() == ({"status": 200}, b"")
    conn.send(gw.SPEC, 0, {"stdout": 0, "stderr": 0})
    out = Output(conn).until_exit()
    assert bytes(out.data[1]).decode().split("\n")[:6] == ["one", "log", "more", "600 981173106 2", "log", "same"]
    again = entries(save(conn, STREAM + 1))
    assert set(again) == set(members) and again["tmp/d/f"].mode & 0o777 == 0o600
    finish(seeded, conn)


def test_nothing_written_nothing_said(seeded):
    for script in ("true", "cat $0/seeded/log", "ls -R $0"):
        conn, end = run(seeded, script)
        assert end["changed"] is False
        finish(seeded, conn)


def test_what_was_put_back_is_no_change(agent):
    agent.invoke(["true"])
    conn = agent.gateway.connection()
    conn.expect(gw.HELLO)
    conn.send(gw.SPEC, 0, {"stdout": 0, "stderr": 0, "hold": True})
    task = Task(conn, "restore", stdin=True)
    task.write(make_tar(("tmp/x", {"data": b"x"}), ("var/log/y", {"data": b"not writable here"}), ("tmp/.wh.gone", {})))
    task.end()
    assert task.result()[0]["status"] == 200
    conn.send(gw.SPEC, 0, {"stdout": 0, "stderr": 0})
    assert Output(conn).until_exit().exit["changed"] is False
    assert os.listdir(agent.tmp) == ["x"]
    finish(agent, conn)


@pytest.mark.parametrize("tar, status", [
    (b"no tar", 500), (make_tar(("tmp/../../x", {"data": b"x"})), 500), (make_tar(("tmp/x", {"data": b"x" * 9000}))[:4000], 500),
])
def test_a_layer_that_is_broken(agent, tar, status):
    agent.invoke(["true"])
    conn = agent.gateway.connection()
    conn.expect(gw.HELLO)
    conn.send(gw.SPEC, 0, {"stdout": 0, "stderr": 0, "hold": True})
    task = Task(conn, "restore", stdin=True)
    task.write(tar)
    task.end()
    assert task.result()[0]["status"] == status
    conn.send(gw.SPEC, 0, {"stdout": 0, "stderr": 0})
    Output(conn).until_exit()
    finish(agent, conn)


def test_a_cut_in_the_middle_of_the_save(agent):
    agent.invoke(["sh", "-c", "head -c 3000000 /dev/urandom >$0/big", agent.tmp])
    conn = agent.connect()
    Output(conn).until_exit()
    task = Task(conn, "save", limit=1 << 30, window=300000)
    while len(task.output) < 200000:
        task.message()
    conn.cut()
    conn = agent.connect()
    assert conn.hello["state"] == "exited"
    assert Output(conn, 0).until(lambda o: o.exit is not None).exit["changed"]
    with open(agent.tmp + "/big", "rb") as f:
        data = f.read()
    with tarfile.open(fileobj=io.BytesIO(save(conn, STREAM + 5))) as t:
        assert t.extractfile("tmp/big").read() == data
    finish(agent, conn)


def test_a_cut_in_the_middle_of_the_restore(agent):
    data = os.urandom(3000000)
    tar = make_tar(("tmp/big", {"data": data}))
    agent.invoke(["sh", "-c", "wc -c <$0/big", agent.tmp])
    conn = agent.gateway.connection()
    conn.expect(gw.HELLO)
    conn.send(gw.SPEC, 0, {"stdout": 0, "stderr": 0, "hold": True})
    Task(conn, "restore", stdin=True).write(tar[:1000000])
    conn.cut()
    conn = agent.gateway.connection()
    assert conn.expect(gw.HELLO).json()["state"] == "waiting"
    conn.send(gw.SPEC, 0, {"stdout": 0, "stderr": 0, "hold": True})
    task = Task(conn, "restore", STREAM + 1, stdin=True)
    task.write(tar)
    task.end()
    assert task.result()[0]["status"] == 200
    conn.send(gw.SPEC, 0, {"stdout": 0, "stderr": 0})
    assert Output(conn).until_exit().data[1] == b"3000000\n"
    with open(agent.tmp + "/big", "rb") as f:
        assert f.read() == data
    finish(agent, conn)


def test_too_much(agent):
    agent.invoke(["sh", "-c", "head -c 2100000 /dev/zero >$0/big", agent.tmp])
    conn = agent.connect()
    Output(conn).until_exit()
    head, body = Task(conn, "save", limit=2 << 20).result()
    assert head == {"status": 413, "message": "it is more than the limit of 2 MB"} and body == b""
    finish(agent, conn)


def test_only_at_its_time(agent):
    conn = agent.start(["sleep", "100"])
    for n, task in enumerate(("save", "restore")):
        conn.send(gw.OPEN, STREAM + n, {"kind": "task", "task": task, "stdin": False})
        assert conn.expect(gw.FAILED, STREAM + n).json()["errno"] == 3


def test_the_deadline_comes_first(agent):
    agent.invoke(["sh", "-c", "echo x >$0/x", agent.tmp], deadline=4)
    conn = agent.connect()
    assert Output(conn).until_exit().exit["changed"]
    answer = agent.answer()
    assert (answer["code"], answer["acknowledged"]) == (0, False)
    assert answer["error"] == "what the run wrote isn't kept: the function's timeout of 4 s came first"


def test_changes(seeded):
    conn = seeded.start(["sh", "-c", WRITES + "touch ready; sleep 100", seeded.tmp])
    wait_until(lambda: os.path.exists(seeded.tmp + "/ready"))
    head, body = Task(conn, "changes").result()
    assert head == {"status": 200, "type": "application/json"}
    assert [(c["Kind"], c["Path"]) for c in json.loads(body)] == [
        (0, "/tmp"), (1, "/tmp/d"), (1, "/tmp/d/f"), (1, "/tmp/d/hard"), (1, "/tmp/d/soft"), (1, "/tmp/p"), (1, "/tmp/ready"),
        (0, "/tmp/seeded"), (0, "/tmp/seeded/log"), (2, "/tmp/seeded/old")]


def test_no_changes(agent):
    conn = agent.start(["sleep", "100"])
    assert Task(conn, "changes").result()[1] == b"null\n"


def test_a_run_that_stands_still_while_its_files_are_read(agent):
    conn = agent.start(["sh", "-c", "cd $0; i=0; while :; do i=$((i+1)); echo $i >a; echo $i >b; done", agent.tmp])
    wait_until(lambda: os.path.exists(agent.tmp + "/b"))
    for n in range(20):
        with tarfile.open(fileobj=io.BytesIO(Task(conn, "layer", STREAM + n, pause="1").result()[1])) as t:
            a, b = (t.extractfile("tmp/" + f).read() for f in "ab")
        # Either file may be empty at the moment at which the shell has opened it.
        assert not a or not b or 0 <= int(a) - int(b) <= 1
    with open(agent.tmp + "/b") as f:
        before = f.read()
    wait_until(lambda: open(agent.tmp + "/b").read() not in ("", before))
