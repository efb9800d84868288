"""The agent's own work: stat, get and put of paths, and top, in tasks beside the container's processes."""
import base64
import io
import json
import os
import random
import struct
import tarfile

import gateway as gw
import pytest

STREAM = 0x80000001


class Task:
    def __init__(self, conn, task, stream=STREAM, window=1 << 40, **args):
        self.conn, self.stream = conn, stream
        conn.send(gw.OPEN, stream, {"kind": "task", "task": task, "stdin": task == "put", "name": "box", **args})
        self.output, self.exit, self.credit = b"", None, 0
        while window > 0:
            conn.window(stream, min(window, 1 << 31))
            window -= min(window, 1 << 31)

    def message(self):
        m = self.conn.get()
        assert m is not None, "the connection ended"
        if m.stream != self.stream:
            return
        if m.type == gw.DATA:
            assert m.channel == 1, m.payload
            self.output += m.payload
        elif m.type == gw.WINDOW:
            self.credit += struct.unpack(">I", m.payload)[0]
        elif m.type == gw.EXIT:
            self.exit = m.json()

    def write(self, data):
        while data and self.exit is None:
            if not self.credit:
                self.message()
                continue
            part = data[:min(self.credit, 65536)]
            self.credit -= len(part)
            self.conn.send(gw.DATA, self.stream, part, 0)
            data = data[len(part):]

    def end(self):
        self.conn.send(gw.END, self.stream, b"", 0)

    def result(self):
        while self.exit is None:
            self.message()
        assert self.exit["code"] == 0
        head, _, body = self.output.partition(b"\n")
        return json.loads(head), body


@pytest.fixture
def conn(agent):
    return agent.start(["sleep", "100"])


def put(conn, path, tar, **args):
    t = Task(conn, "put", path=path, no_overwrite="0", **args)
    t.write(tar)
    t.end()
    return t.result()[0]


def make_tar(*entries, mode="w", format=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=format) as t:
        for name, fields in entries:
            info = tarfile.TarInfo(name)
            data = fields.pop("data", b"")
            for key, value in {"size": len(data), "mode": 0o644, **fields}.items():
                setattr(info, key, value)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def stat(conn, path):
    head, body = Task(conn, "stat", path=path).result()
    assert body == b""
    if head["status"] != 200:
        return head["status"], head["message"]
    return json.loads(base64.b64decode(head["stat"]))


def test_stat(agent, conn):
    os.symlink("/etc/passwd", agent.tmp + "/l")
    os.symlink("nowhere/../x", agent.tmp + "/dangling")
    os.mkdir(agent.tmp + "/d", 0o755)
    os.chmod(agent.tmp + "/d", 0o1755)
    os.utime(agent.tmp + "/d", ns=(0, 1500000000123000000))
    s = stat(conn, agent.tmp + "/d/")
    assert (s["name"], s["mode"], s["mtime"], s["linkTarget"]) == ("d", 1 << 31 | 1 << 20 | 0o755, "2017-07-14T02:40:00.123Z", "")
    assert stat(conn, agent.tmp + "/d/.")["name"] == "."
    s = stat(conn, agent.tmp + "/l")
    assert (s["name"], s["mode"], s["linkTarget"]) == ("l", 1 << 27 | 0o777, "/etc/passwd")
    assert stat(conn, agent.tmp + "/dangling")["linkTarget"] == agent.tmp + "/x"
    assert stat(conn, "/no/../nosuch") == (404, "Could not find the file /no/../nosuch in container box")
    assert stat(conn, "/etc/passwd/")[0] == 404
    assert stat(conn, "/" + "x" * 5000)[0] == 500
    assert stat(conn, "../..")["name"] == "/"


def test_put_and_get(agent, conn):
    data = random.Random(1).randbytes(300000)
    tar = make_tar(("a/", dict(type=tarfile.DIRTYPE, mode=0o555, mtime=1000)), ("a/big", dict(data=data, mode=0o4750, mtime=12345)),
                   ("./a/é", dict(data=b"1")), ("new/deep/" + "n" * 200, dict(data=b"2")),
                   ("a/link", dict(type=tarfile.SYMTYPE, linkname="big")), ("a/hard", dict(type=tarfile.LNKTYPE, linkname="a/big")),
                   ("a/fifo", dict(type=tarfile.FIFOTYPE)))
    os.chmod(agent.tmp, 0o755)
    assert put(conn, agent.tmp + "/.", tar) == {"status": 200}
    st = os.stat(agent.tmp + "/a/big")
    assert (st.st_mode & 0o777, st.st_mtime, st.st_nlink) == (0o750, 12345, 2)
    assert open(agent.tmp + "/a/big", "rb").read() == data
    assert (os.stat(agent.tmp + "/a").st_mode & 0o777, os.stat(agent.tmp + "/a").st_mtime) == (0o555, 1000)
    head, body = Task(conn, "get", path=agent.tmp + "/a").result()
    assert head["status"] == 200 and head["type"] == "application/x-tar"
    with tarfile.open(fileobj=io.BytesIO(body)) as t:
        assert t.getnames() == ["a", "a/big", "a/fifo", "a/hard", "a/link", "a/é"]
        assert t.extractfile("a/big").read() == data
        assert t.getmember("a/hard").islnk() and t.getmember("a/hard").linkname == "a/big"
        assert t.getmember("a/link").linkname == "big"
    with tarfile.open(fileobj=io.BytesIO(Task(conn, "get", path=agent.tmp + "/new/deep/.").result()[1])) as t:
        assert t.getnames() == [".", "./" + "n" * 200]
    with tarfile.open(fileobj=io.BytesIO(Task(conn, "get", path=agent.tmp + "/a/link").result()[1])) as t:
        assert t.getnames() == ["link"] and t.getmembers()[0].issym()


@pytest.mark.parametrize("mode,format", [("w", tarfile.GNU_FORMAT), ("w", tarfile.USTAR_FORMAT), ("w:gz", tarfile.PAX_FORMAT)])
def test_formats(agent, conn, mode, format):
    assert put(conn, agent.tmp, make_tar(("f", dict(data=b"x")), mode=mode, format=format)) == {"status": 200}
    assert open(agent.tmp + "/f").read() == "x"


def test_what_is_in_the_way(agent, conn):
    os.mkdir(agent.tmp + "/d")
    os.chown(agent.tmp + "/d", os.stat(agent.tmp).st_uid, -1)
    open(agent.tmp + "/f", "w").close()
    refused = Task(conn, "put", path=agent.tmp, no_overwrite="1")
    refused.write(make_tar(("d", dict(data=b"x"))))
    refused.end()
    assert refused.result()[0] == {"status": 500,
                                   "message": 'cannot overwrite directory "%s/d" with non-directory "%s"' % (agent.tmp, agent.tmp)}
    t = Task(conn, "put", STREAM + 1, path=agent.tmp, no_overwrite="1")
    t.write(make_tar(("f", dict(type=tarfile.DIRTYPE))))
    t.end()
    assert t.result()[0]["message"] == 'cannot overwrite non-directory "%s/f" with directory "%s"' % (agent.tmp, agent.tmp)
    assert put(conn, agent.tmp, make_tar(("d", dict(data=b"x")), ("f/", dict(type=tarfile.DIRTYPE, mode=0o755))))["status"] == 200
    assert os.path.isfile(agent.tmp + "/d") and os.path.isdir(agent.tmp + "/f")


def test_refusals(agent, conn):
    def message(path, tar):
        head = put(conn, path, tar)
        return head["status"], head["message"]

    tar = make_tar(("f", dict(data=b"x" * 5000)))
    open(agent.tmp + "/plain", "w").close()
    assert message("/no/such", tar) == (404, "Could not find the file /no/such in container box")
    assert message(agent.tmp + "/plain", tar) == (500, "extraction point is not a directory")
    assert message(agent.tmp, b"garbage") == (500, "unexpected EOF")
    assert message(agent.tmp, tar[:2000]) == (500, "unexpected EOF")
    assert message(agent.tmp, b"x" * 10240) == (500, "archive/tar: invalid tar header")
    assert message(agent.tmp, make_tar(("../f", {}))) == (500, '"../f" is outside of "%s"' % agent.tmp)
    assert message("/", make_tar(("etc/agent-test", {})))[0] == 500
    assert put(conn, agent.tmp, b"") == {"status": 200}
    assert put(conn, agent.tmp, make_tar(("/a/../abs", dict(data=b"x"))))["status"] == 200
    assert os.path.exists(agent.tmp + "/abs")
    assert Task(conn, "nosuch").result()[0] == {"message": "nosuch is not supported by this agent", "status": 501}


def test_rubbish_tars_do_no_harm(agent, conn):
    rng = random.Random(7)
    good = make_tar(("d/", dict(type=tarfile.DIRTYPE, mode=0o755)), ("d/f", dict(data=b"x" * 3000)),
                    ("d/" + "l" * 150, dict(data=b"y")), ("s", dict(type=tarfile.SYMTYPE, linkname="d")))
    for i in range(30):
        bad = bytearray(good)
        for _ in range(rng.randrange(1, 20)):
            bad[rng.randrange(len(bad))] = rng.randrange(256)
        t = Task(conn, "put", STREAM + i, path=agent.tmp, no_overwrite="0")
        t.write(bytes(bad[:rng.randrange(len(bad))]))
        t.end()
        assert t.result()[0]["status"] in (200, 500)


def test_a_gigabyte_needs_no_memory(make_agent):
    agent = make_agent(env={"ASAN_OPTIONS": "detect_leaks=0:quarantine_size_mb=2:thread_local_quarantine_size_kb=64"})
    conn = agent.start(["sleep", "100"])
    with open(agent.tmp + "/sparse", "wb") as f:
        f.truncate(1 << 30)
    os.chmod(agent.tmp + "/sparse", 0o644)
    t = Task(conn, "get", window=1 << 18, path=agent.tmp + "/sparse")
    got, peak = 0, 0
    while t.exit is None:
        t.message()
        if len(t.output) >= 1 << 17:
            conn.window(STREAM, len(t.output))
            got, t.output = got + len(t.output), b""
            peak = max(peak, agent.rss())
    assert t.exit["code"] == 0 and got + len(t.output) > 1 << 30
    assert peak < 100 << 20


def test_a_stalled_reader_stops_it_and_a_signal_ends_it(agent, conn):
    with open(agent.tmp + "/f", "wb") as f:
        f.truncate(10 << 20)
    os.chmod(agent.tmp + "/f", 0o644)
    t = Task(conn, "get", window=100000, path=agent.tmp + "/f")
    while len(t.output) < 100000:
        t.message()
    conn.send(gw.PING, 0, b"still here")
    conn.send(gw.SIGNAL, STREAM, {"signal": 9})
    conn.window(STREAM, 1 << 20)
    while t.exit is None:
        t.message()
    assert t.exit["code"] == 137


def test_tasks_work_while_paused(agent, conn):
    conn.send(gw.PAUSE, 1, {"paused": True})
    conn.expect(gw.PAUSE, 1)
    assert put(conn, agent.tmp, make_tar(("f", dict(data=b"x"))))["status"] == 200
    t = Task(conn, "get", window=1000, path=agent.tmp + "/f")
    conn.send(gw.PAUSE, 1, {"paused": True})
    conn.window(STREAM, 1 << 20)
    assert t.result()[0]["status"] == 200


def test_top(agent, conn):
    head, body = Task(conn, "top", ps_args="-o pid,ppid,stat,comm,args").result()
    assert head["status"] == 200
    top = json.loads(body)
    assert top["Titles"] == ["PID", "PPID", "STAT", "COMMAND", "COMMAND"]
    (row,) = top["Processes"]
    assert row[:2] == [str(conn.started["pid"]), str(agent.process.pid)] and row[3:] == ["sleep", "sleep 100"]
    for args in ("-ef", "aux", "ax", "-e", "-A", ""):
        assert Task(conn, "top", ps_args=args).result()[0]["status"] == 200
    assert Task(conn, "top", ps_args="--forest").result()[0]["status"] == 400
    assert Task(conn, "top", ps_args="-o comm").result()[0] == {"message": "Couldn't find PID field in ps output", "status": 500}


def test_secrets_of_a_task_are_safe(agent):
    """It is a copy of the agent: the container's process, of the same user, reads neither memory nor environment of it."""
    conn = agent.start(["sh", "-c", "while :; do for p in /proc/[0-9]*; do grep -q sockerless-task $p/comm 2>/dev/null || continue; "
                        "cat $p/environ >/dev/null 2>&1 && echo environ; cat $p/mem >/dev/null 2>/dev/null && echo memory; ls $p/fd >/dev/null 2>&1 && echo fds; "
                        "echo seen; done; sleep 0.05; done"])
    with open(agent.tmp + "/f", "wb") as f:
        f.truncate(10 << 20)
    os.chmod(agent.tmp + "/f", 0o644)
    Task(conn, "get", window=1000, path=agent.tmp + "/f")
    seen = b""
    while seen.count(b"seen\n") < 3:
        m = conn.expect(gw.DATA, 1)
        seen += m.payload[16:]
    assert set(seen.split()) == {b"seen"}
