"""The same gateway with the real agent."""
import hashlib
import json
import os
import threading
import time

import pytest

from harness import Gateway, frames, until
from real_agent import BUILD, Function, Relay

pytestmark = pytest.mark.skipif(not os.path.exists(BUILD + "/sockerless-agent"), reason="the agent isn't built")
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@pytest.fixture
def real():
    gw = Gateway(SOCKERLESS_AGENT_TIMEOUT=10)
    relay = Relay(gw.sock)
    gw.stop()
    gw.settings["SOCKERLESS_AGENT_CALLBACK_URL"] = relay.url
    gw.start()
    gw.relay = relay
    gw.function = None
    yield gw
    if gw.function:
        gw.function.close()
    relay.close()
    gw.close()


def make(gw, args, cwd="/", **kw):
    cid = gw.container(**kw)
    spec = json.loads(gw.row("SELECT spec FROM container WHERE id = ?", cid)[0])
    spec.update(args=args, env=[PATH], cwd=cwd)
    gw.db.execute("UPDATE container SET spec = ? WHERE id = ?", (json.dumps(spec), cid))
    if gw.function:
        gw.function.close()
    gw.function = Function(gw, cid)
    return cid


def test_run(real):
    cid = make(real, ["sh", "-c", "echo out; echo err >&2; exit 7"])
    attach = real.attach(cid)
    wait = real.get("http/wait/%s?api=1.43&condition=next-exit" % cid)
    wait.head()
    assert real.ask(cid, "start").head() == 204
    assert frames(attach.rest()) == {1: b"out\n", 2: b"err\n"}
    assert wait.body() == b'{"StatusCode":7}\n'


def test_stdin_there_and_back(real):
    data = os.urandom(3 << 20)
    cid = make(real, ["cat"], stdin=True, stdin_once=True)
    attach = real.attach(cid, "stream=1&stdin=1&stdout=1&stderr=1")

    def write():
        attach.sock.sendall(data)
        attach.half_close()

    t = threading.Thread(target=write)
    t.start()
    assert real.ask(cid, "start").head() == 204
    got = frames(attach.rest())[1]
    t.join()
    assert hashlib.sha1(got).digest() == hashlib.sha1(data).digest()
    until(lambda: real.state(cid) == "exited")


def test_failed_start(real):
    cid = make(real, ["/nosuchbin"])
    client = real.ask(cid, "start")
    assert client.head() == 400
    assert 'exec: \\"/nosuchbin\\": stat /nosuchbin: no such file or directory: unknown' in client.body().decode()
    assert real.row("SELECT state, exit_code FROM container WHERE id = ?", cid) == ("created", 127)
    cid = make(real, ["nosuchbin"])
    client = real.ask(cid, "start")
    assert client.head() == 400
    assert 'exec: \\"nosuchbin\\": executable file not found in $PATH: unknown' in client.body().decode()


def test_exec(real):
    cid = make(real, ["sleep", "60"])
    assert real.ask(cid, "start").head() == 204
    eid = real.exec(cid, ["sh", "-c", "cat; echo e >&2; exit 3"], stdin=True)
    client = real.get("tunnel/exec/%s?api=1.43" % eid, upgrade=True)
    data = os.urandom(1 << 20)

    def write():
        client.sock.sendall(data)
        client.half_close()

    t = threading.Thread(target=write)
    t.start()
    assert client.head() == 101
    out = frames(client.rest())
    t.join()
    assert out[1] == data and out[2] == b"e\n"
    assert real.row("SELECT state, exit_code FROM exec WHERE id = ?", eid) == ("exited", 3)
    client = real.get("tunnel/exec/%s?api=1.43" % real.exec(cid, ["/nosuch"]), upgrade=True)
    client.head()
    assert b'exec: "/nosuch": stat /nosuch: no such file or directory: unknown\r\n' in client.rest()
    stop = real.ask(cid, "stop", timeout=1)
    assert stop.head() == 204
    assert real.row("SELECT state, exit_code FROM container WHERE id = ?", cid) == ("exited", 137)


def test_kills_and_cuts_lose_nothing(real):
    cid = make(real, ["sh", "-c", "i=0; while [ $i -lt 60000 ]; do echo line $i; i=$((i+1)); done; exit 4"])
    assert real.ask(cid, "start").head() == 204
    for i in range(3):
        size = real.dir + "/spool/" + cid
        until(lambda: os.path.isdir(size))
        real.kill()
        real.start()
        real.relay.cut()
        time.sleep(0)
    until(lambda: real.state(cid) == "exited", 30)
    assert real.row("SELECT exit_code, error FROM container WHERE id = ?", cid) == (4, "")
    logs = real.get("http/logs/%s?api=1.43&stdout=1" % cid)
    logs.head()
    assert frames(logs.body())[1] == b"".join(b"line %d\n" % i for i in range(60000))
    assert real.lam.count == 1


def test_terminal(real):
    cid = make(real, ["sh"], tty=True, stdin=True, stdin_once=True)
    attach = real.attach(cid, "stream=1&stdin=1&stdout=1&stderr=1")
    assert real.ask(cid, "start").head() == 204
    assert real.get("http/resize/%s?api=1.43&h=33&w=77" % cid).head() == 200
    attach.sock.sendall(b"stty size; exit 5\n")
    assert b"33 77" in attach.rest()
    until(lambda: real.state(cid) == "exited")
    assert real.row("SELECT exit_code FROM container WHERE id = ?", cid) == (5,)
