"""What runs write is on disk before anybody hears of their end, and is back before the next process runs."""
import json
import os
import tarfile

import pytest

from fake_agent import ACK, DATA, END, EXIT, EXIT_CHANNEL, MAIN, SIGNAL, SPEC, WINDOW
from harness import frames, until
from test_agent import make, real  # noqa: F401: a fixture
from test_task import head, opened


def layer(gw, cid, ending=".tar"):
    return "%s/layer/%s%s" % (gw.dir, cid, ending)


def error(gw, cid):
    return gw.row("SELECT error FROM container WHERE id = ?", cid)[0]


def kept(gw, cid, name):
    with tarfile.open(layer(gw, cid)) as t:
        return t.extractfile(name).read()


def run(gw, cid):
    attach = gw.attach(cid)
    wait = gw.get("http/wait/%s?api=1.43&condition=next-exit" % cid)
    wait.head()
    x = gw.ask(cid, "start")
    assert x.head() == 204, x.body()
    code = json.loads(wait.body())["StatusCode"]
    return code, frames(attach.rest())[1]


def wrote(agent, **fields):
    """The agent's report; the gateway's acknowledgement isn't waited for."""
    agent.send(EXIT, {"code": 3, "stdout": 0, "stderr": 0, "oom": False, "error": "", "changed": True, **fields}, stream=MAIN)


def saving(agent):
    stream, message = opened(agent)
    assert (message["task"], message["stdin"], message["limit"]) == ("save", False, 256 << 20)
    return stream


def test_kept_and_put_back(real):
    cid = make(real, [])
    spec = json.loads(real.row("SELECT spec FROM container WHERE id = ?", cid)[0])
    spec["args"] = ["sh", "-c", "cd %s/tmp; cat n 2>/dev/null; echo x >>n; head -c 3000000 /dev/zero >big" % real.function.dir]
    real.db.execute("UPDATE container SET spec = ? WHERE id = ?", (json.dumps(spec), cid))
    for n in range(3):
        assert run(real, cid) == (0, b"x\n" * n)
        assert kept(real, cid, "tmp/n") == b"x\n" * (n + 1) and kept(real, cid, "tmp/big") == bytes(3000000)
    assert error(real, cid) == ""
    assert real.ask(cid, "remove", force=False, volumes=False).head() == 204
    until(lambda: os.listdir(real.dir + "/layer") == [])


def test_nothing_written_no_file(real):
    cid = make(real, ["true"])
    assert run(real, cid) == (0, b"")
    assert os.listdir(real.dir + "/layer") == []


@pytest.mark.parametrize("auto_remove", [True, False])
def test_not_of_containers_that_go(gw, auto_remove):
    cid = gw.container(auto_remove=auto_remove)
    agent = gw.begin(cid)
    client = None if auto_remove else gw.ask(cid, "remove", force=True, volumes=False)
    if client:
        agent.expect(SIGNAL)
    agent.exit(137, changed=True)
    until(lambda: gw.state(cid) == "removing")
    assert os.listdir(gw.dir + "/layer") == []


def test_the_end_is_told_after_the_file_is_there(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    wrote(agent)
    stream = saving(agent)
    head(agent, stream, status=200)
    agent.exec_output(stream, b"half a layer")
    until(lambda: os.path.exists(layer(gw, cid, ".tar.new")))
    assert gw.state(cid) == "running" and not os.path.exists(layer(gw, cid))
    agent.exec_output(stream, b" and the rest")
    agent.exit(0, stream=stream)
    agent.expect(ACK, MAIN, EXIT_CHANNEL)
    assert gw.state(cid) == "exited" and gw.row("SELECT exit_code FROM container WHERE id = ?", cid)[0] == 3
    with open(layer(gw, cid), "rb") as f:
        assert f.read() == b"half a layer and the rest"
    assert os.listdir(gw.dir + "/layer") == [cid + ".tar"]


@pytest.mark.parametrize("how", ["told", "broken", "nonsense"])
def test_what_cant_be_kept_is_told(gw, how):
    cid = gw.container()
    os.makedirs(gw.dir + "/layer", exist_ok=True)
    agent = gw.begin(cid)
    with open(layer(gw, cid), "w") as f:
        f.write("of the run before")
    wrote(agent)
    stream = saving(agent)
    if how == "told":
        head(agent, stream, status=413, message="it is more than the limit of 256 MB")
    elif how == "broken":
        head(agent, stream, status=200)
        agent.exec_output(stream, b"half")
    agent.exit(0 if how == "told" else 1, stream=stream)
    until(lambda: gw.state(cid) == "exited")
    reason = "it is more than the limit of 256 MB" if how == "told" else "the agent couldn't do it"
    assert error(gw, cid) == "what the run wrote isn't kept: " + reason
    until(lambda: os.listdir(gw.dir + "/layer") == [cid + ".tar"])
    with open(layer(gw, cid)) as f:
        assert f.read() == "of the run before"


def test_a_gateway_killed_in_the_middle_of_the_save(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    wrote(agent)
    stream = saving(agent)
    head(agent, stream, status=200)
    agent.exec_output(stream, b"half a layer")
    until(lambda: os.path.exists(layer(gw, cid, ".tar.new")))
    gw.kill()
    gw.start()
    agent = gw.agent(agent.run)
    agent.hello("exited")
    wrote(agent)
    stream = saving(agent)
    head(agent, stream, status=200)
    agent.exec_output(stream, b"the whole layer")
    agent.exit(0, stream=stream)
    until(lambda: gw.state(cid) == "exited")
    with open(layer(gw, cid), "rb") as f:
        assert f.read() == b"the whole layer"
    assert os.listdir(gw.dir + "/layer") == [cid + ".tar"] and error(gw, cid) == ""


def test_an_agent_that_never_comes_back(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    wrote(agent)
    saving(agent)
    agent.close()
    agent.inv.finish({"run": agent.run, "code": 3, "stdout": 0, "stderr": 0, "acknowledged": False, "error": "no time"})
    until(lambda: gw.state(cid) == "exited")
    assert gw.row("SELECT exit_code FROM container WHERE id = ?", cid)[0] == 3
    assert error(gw, cid) == "what the run wrote isn't kept: no time"
    assert os.listdir(gw.dir + "/layer") == []


def test_a_full_disk_and_after_it(gw):
    """A directory in the way of the file stands for it: root fills no quota."""
    cid = gw.container()
    agent = gw.begin(cid)
    os.mkdir(layer(gw, cid, ".tar.new"))
    wrote(agent)
    stream = saving(agent)
    head(agent, stream, status=200)
    agent.exec_output(stream, b"some")
    until(lambda: gw.state(cid) == "exited")
    assert error(gw, cid).startswith("what the run wrote isn't kept: open: ")
    os.rmdir(layer(gw, cid, ".tar.new"))
    agent.close()
    agent = gw.begin(cid)
    wrote(agent)
    stream = saving(agent)
    head(agent, stream, status=200)
    agent.exec_output(stream, b"some")
    agent.exit(0, stream=stream)
    until(lambda: os.path.exists(layer(gw, cid)))
    until(lambda: error(gw, cid) == "")


def begin_restore(gw, cid):
    agent = gw.agent(gw.lam.invocation().payload["run"])
    assert agent.hello() == {"stdout": 0, "stderr": 0, "hold": True}
    stream, message = opened(agent)
    assert (message["task"], message["stdin"]) == ("restore", True)
    return agent, stream


def give(agent, stream):
    agent.window(262144, stream)
    data = b""
    while True:
        kind, flags, s, payload = agent.message()
        if s != stream:
            agent.pending.append((kind, flags, s, payload))
        elif kind == DATA:
            data += payload
            agent.window(len(payload), stream)
        elif kind == END:
            break
    return data


def test_a_gateway_killed_in_the_middle_of_the_restore(gw):
    cid = gw.container()
    data = os.urandom(1000000)
    with open(layer(gw, cid), "wb") as f:
        f.write(data)
    with open(layer(gw, cid, ".staged.tar"), "wb") as f:
        f.write(b"staged")
    gw.ask(cid, "start")
    agent, stream = begin_restore(gw, cid)
    agent.window(262144, stream)
    agent.expect(DATA, stream)
    gw.kill()
    gw.start()
    agent = gw.agent(agent.run)
    assert agent.hello()["hold"]
    for wanted in (data, b"staged"):
        stream, _ = opened(agent)
        assert give(agent, stream) == wanted
        head(agent, stream, status=200)
        agent.exit(0, stream=stream)
    assert json.loads(agent.expect(SPEC)[3]) == {"stdout": 0, "stderr": 0}
    agent.started()
    until(lambda: gw.state(cid) == "running")
    # Both are kept until the run has been: what it found unchanged is still there.
    agent.exit(0)
    assert sorted(os.listdir(gw.dir + "/layer")) == [cid + ".staged.tar", cid + ".tar"]


def test_files_that_dont_fit_fail_the_start(gw):
    cid = gw.container()
    with open(layer(gw, cid), "wb") as f:
        f.write(b"x")
    client = gw.ask(cid, "start")
    agent, stream = begin_restore(gw, cid)
    head(agent, stream, status=500, message="write /tmp/x: no space left on device")
    agent.exit(0, stream=stream)
    assert client.head() == 500
    assert "can't be put back into the function: write /tmp/x: no space left on device" in json.loads(client.body())["message"]
    assert gw.state(cid) == "created" and os.path.exists(layer(gw, cid))


def test_files_of_containers_that_are_gone_are_swept(gw):
    keep, gone = gw.container(), "e" * 64
    for cid in (keep, gone):
        for ending in (".tar", ".staged.tar", ".tar.new"):
            open(layer(gw, cid, ending), "w").close()
    gw.stop()
    gw.start()
    until(lambda: {n[:64] for n in os.listdir(gw.dir + "/layer")} == {keep})


def test_an_agent_that_sends_more_than_it_measured(gw):
    gw.stop()
    gw.settings["SOCKERLESS_LAYER_LIMIT"] = 1
    gw.start()
    cid = gw.container()
    agent = gw.begin(cid)
    wrote(agent)
    stream, message = opened(agent)
    assert message["limit"] == 1 << 20
    head(agent, stream, status=200)
    for _ in range((5 << 20) // 65536):
        agent.expect(WINDOW, stream)
        agent.exec_output(stream, bytes(65536))
    agent.expect(SIGNAL, stream)
    until(lambda: gw.state(cid) == "exited")
    assert error(gw, cid) == "what the run wrote isn't kept: it is more than the agent has measured"
    until(lambda: os.listdir(gw.dir + "/layer") == [])
