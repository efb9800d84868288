"""What exec answers and inspects, before, while and after it runs."""
import json
import socket
import time

import pytest

from fields import check
from support.waiting import receive_until, wait_until
from test_logs import frames


@pytest.fixture(scope="module")
def up(stage):
    cid = stage.post("/containers/create", {"Image": "busybox", "Cmd": ["sleep", "300"]}).json["Id"]
    assert stage.post("/containers/%s/start" % cid).status == 204
    return cid


@pytest.mark.parametrize("cmd, shown, code", [
    (["sh", "-c", "echo o; sleep 0.2; echo e >&2; exit 3"], [(1, b"o\n"), (2, b"e\n")], 3), (["true"], [], 0)])
def test_exec(stage, up, cmd, shown, code):
    eid = stage.post("/containers/%s/exec" % up, {"Cmd": cmd, "AttachStdout": True, "AttachStderr": True}).json["Id"]
    before = stage.get("/exec/%s/json" % eid).json
    reply = stage.post("/exec/%s/start" % eid, {"Detach": False, "Tty": False})
    assert (reply.status, reply.headers["content-type"], reply.body) == (200, "application/vnd.docker.raw-stream", frames(*shown))
    after = stage.get("/exec/%s/json" % eid).json
    assert (before["Running"], before["ExitCode"], before["Pid"]) == (False, None, 0)
    assert (after["Running"], after["ExitCode"]) == (False, code) and after["Pid"] > 0
    process = {"tty": False, "entrypoint": cmd[0], "arguments": cmd[1:], "privileged": False}
    for seen in (before, after):
        assert seen["ProcessConfig"] == process and seen["ContainerID"] == up and seen["ID"] == eid
        assert (seen["OpenStdin"], seen["OpenStdout"], seen["OpenStderr"], seen["CanRemove"], seen["DetachKeys"]) == (False, True, True, False, "")


HEADS = {True: "HTTP/1.1 101 UPGRADED", False: "HTTP/1.1 200 OK"}


def create(api, up, cmd, attach="", **more):
    """attach: of i, o, e those that are attached."""
    body = {"Cmd": cmd, "AttachStdin": "i" in attach, "AttachStdout": "o" in attach, "AttachStderr": "e" in attach, **more}
    reply = api.post("/containers/%s/exec" % up, body)
    check(reply.json, "exec created")
    assert reply.status == 201
    return reply.json["Id"]


def inspect(api, eid, **expected):
    seen = api.get("/exec/%s/json" % eid).json
    check(seen, "exec")
    assert {k: seen[k] for k in expected} == expected
    return seen


def start(api, eid, upgrade=True, tty=False):
    """The connection, and its head."""
    s = api.connect()
    body = json.dumps({"Detach": False, "Tty": tty})
    s.sendall(("POST /v1.43/exec/%s/start HTTP/1.1\r\nHost: d\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        eid, "Connection: Upgrade\r\nUpgrade: tcp\r\n" if upgrade else "", len(body), body)).encode())
    head, _, rest = receive_until(s, b"\r\n\r\n").partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == HEADS[upgrade]
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    kind = "multiplexed" if upgrade and not tty else "raw"
    assert headers["content-type"] == "application/vnd.docker.%s-stream" % kind and headers["api-version"] == "1.47" and headers["ostype"] == "linux"
    assert (headers.get("connection"), headers.get("upgrade")) == (("upgrade", "tcp") if upgrade else (None, None))
    return s, rest


def read_all(s, data=b""):
    while piece := s.recv(65536):
        data += piece
    return data


def test_detached(stage, up):
    eid = create(stage, up, ["sh", "-c", "while [ ! -e /tmp/end ]; do sleep 0.05; done"])
    reply = stage.post("/exec/%s/start" % eid, {"Detach": True})
    assert (reply.status, reply.body, reply.headers["content-length"]) == (200, b"", "0") and "content-type" not in reply.headers
    seen = inspect(stage, eid, Running=True, ExitCode=None, OpenStdin=False, OpenStdout=False, OpenStderr=False)
    assert seen["Pid"] > 0 and stage.get("/containers/%s/json" % up).json["ExecIDs"] == [eid]
    reply = stage.post("/exec/%s/start" % eid, {"Detach": True})
    assert (reply.status, reply.message) == (409, "Error: Exec command %s is already running" % eid)
    assert stage.post("/exec/%s/start" % create(stage, up, ["touch", "/tmp/end"]), {"Detach": True}).status == 200
    wait_until(lambda: inspect(stage, eid)["ExitCode"] == 0, 10, "the exec ends")
    inspect(stage, eid, Running=False)
    reply = stage.post("/exec/%s/start" % eid, {"Detach": True})
    assert (reply.status, reply.message) == (409, "Error: Exec command %s has already run" % eid)
    wait_until(lambda: stage.get("/containers/%s/json" % up).json["ExecIDs"] is None, 5, "no exec lives")


FAILED = "OCI runtime exec failed: exec failed: unable to start container process: "


@pytest.mark.parametrize("cmd, more, text", [
    (["/nosuch"], {}, 'exec: "/nosuch": stat /nosuch: no such file or directory: unknown'),
    (["nosuch"], {}, 'exec: "nosuch": executable file not found in $PATH: unknown'),
    (["true"], {"WorkingDir": "/nosuch"}, 'chdir to cwd ("/nosuch") set in config.json failed: no such file or directory: unknown')])
def test_that_does_not_start(stage, up, cmd, more, text):
    eid = create(stage, up, cmd, "oe", **more)
    reply = stage.post("/exec/%s/start" % eid, {"Detach": False})
    message = (FAILED + text + "\r\n").encode()
    assert (reply.status, reply.body) == (200, frames((1, message)))
    inspect(stage, eid, Running=False, ExitCode=126, Pid=0)


@pytest.mark.parametrize("upgrade", [True, False])
def test_standard_input_and_its_end(stage, up, upgrade):
    eid = create(stage, up, ["sh", "-c", "cat; echo end >&2"], "ioe")
    s, rest = start(stage, eid, upgrade)
    with s:
        s.sendall(b"plain\n")
        s.shutdown(socket.SHUT_WR)
        assert read_all(s, rest) == frames((1, b"plain\n"), (2, b"end\n"))
    inspect(stage, eid, ExitCode=0, OpenStdin=True, OpenStdout=True, OpenStderr=True)


def test_terminal(stage, up):
    eid = create(stage, up, ["sh", "-c", "read x; stty size; exit 4"], "ioe", Tty=True)
    reply = stage.post("/exec/%s/resize?h=3&w=4" % eid)
    assert (reply.status, reply.message) == (409, "exec %s is not running" % eid)
    s, rest = start(stage, eid, tty=True)
    with s:
        reply = stage.post("/exec/%s/resize?h=33&w=77" % eid)
        assert (reply.status, reply.body, reply.headers["content-length"]) == (200, b"", "0")
        s.sendall(b"go\n")
        assert read_all(s, rest) == b"go\r\n33 77\r\n"
    inspect(stage, eid, ExitCode=4, Running=False)
    assert stage.get("/exec/%s/json" % eid).json["ProcessConfig"]["tty"] is True


# What the exec left in the background holds its output for 2 s, as with dockerd.
@pytest.mark.parametrize("cmd, shown, least", [
    ("sleep 60 & echo out", b"out\n", 1.9), ("(sleep 0.2; echo late) & echo out", b"out\nlate\n", 0.2),
    ("(for i in $(seq 600); do sleep 0.1; echo on; done) & echo out", b"out\n" + 2 * b"on\n", 1.9)])
def test_left_in_the_background(stage, up, cmd, shown, least):
    eid = create(stage, up, ["sh", "-c", cmd], "oe", Tty=False)
    begun = time.monotonic()
    body = stage.post("/exec/%s/start" % eid, {"Detach": False}).body
    took = time.monotonic() - begun
    text = b""
    while body:
        text, body = text + body[8:8 + body[7]], body[8 + body[7]:]
    assert text.startswith(shown) and least <= took <= 30, (text, took)
    inspect(stage, eid, ExitCode=0, Running=False)


def test_nothing_left_in_the_background(stage, up):
    """Those 2 s are not waited for."""
    took = []
    for _ in range(3):
        eid = create(stage, up, ["sh", "-c", "sleep 60 >/dev/null 2>&1 & echo out"], "oe")
        begun = time.monotonic()
        assert stage.post("/exec/%s/start" % eid, {"Detach": False}).body == frames((1, b"out\n"))
        took.append(time.monotonic() - begun)
    assert min(took) < 1.9, took
