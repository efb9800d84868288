"""POST /containers/{id}/attach of a container that runs: standard input and its end, output as it comes and what was before."""
import socket

import pytest

from support.waiting import receive_until, wait_until
from test_logs import frames

UPGRADE = "Connection: Upgrade\r\nUpgrade: tcp\r\n"


def attach(api, name, query, upgrade=True, version="1.43"):
    """The connection, its head's lines, and what came behind it."""
    s = api.connect()
    s.sendall(("POST /v%s/containers/%s/attach?%s HTTP/1.1\r\nHost: d\r\n%sContent-Length: 0\r\n\r\n" % (
        version, name, query, UPGRADE if upgrade else "")).encode())
    head, _, rest = receive_until(s, b"\r\n\r\n").partition(b"\r\n\r\n")
    return s, head.decode().split("\r\n"), rest


def feed(api, name):
    """A connection on which the container was given a line."""
    s, _, _ = attach(api, name, "stream=1&stdin=1")
    s.sendall(b"\n")
    return s


def read(s, data, size=None):
    """As much as `size`, or all until the end."""
    while size is None or len(data) < size:
        piece = s.recv(65536)
        if not piece:
            break
        data += piece
    return data


def exit_code(api, cid):
    return api.post("/containers/%s/wait" % cid).json["StatusCode"]


# (whether the connection is upgraded, the API's version, the head)
@pytest.mark.parametrize("upgrade, version, head", [
    (True, "1.43", ["HTTP/1.1 101 UPGRADED", "Content-Type: application/vnd.docker.multiplexed-stream", "Connection: Upgrade", "Upgrade: tcp"]),
    (True, "1.41", ["HTTP/1.1 101 UPGRADED", "Content-Type: application/vnd.docker.raw-stream", "Connection: Upgrade", "Upgrade: tcp"]),
    (False, "1.43", ["HTTP/1.1 200 OK", "Content-Type: application/vnd.docker.raw-stream"])])
def test_standard_input(api, upgrade, version, head):
    cid = api.create("fed", ["sh", "-c", "cat; echo end >&2; exit 3"], OpenStdin=True, StdinOnce=True, AttachStdin=True, AttachStdout=True, AttachStderr=True)
    s, lines, rest = attach(api, "fed", "stream=1&stdin=1&stdout=1&stderr=1", upgrade, version)
    with s:
        assert lines == head
        assert api.post("/containers/fed/start").status == 204
        s.sendall(b"to cat\n")
        rest = read(s, rest, len(frames((1, b"to cat\n"))))
        assert rest == frames((1, b"to cat\n"))
        s.shutdown(socket.SHUT_WR)
        assert read(s, rest) == frames((1, b"to cat\n"), (2, b"end\n"))
    assert exit_code(api, cid) == 3
    state = api.get("/containers/fed/json").json["State"]
    assert (state["Status"], state["ExitCode"], state["Pid"]) == ("exited", 3, 0)


def test_input_that_stays_open(api):
    """Without StdinOnce a client that leaves ends nothing."""
    cid = api.run("open", ["sh", "-c", "read a; echo $a; read b; echo $a$b"], OpenStdin=True)
    for word, told in ((b"one\n", b"one\n"), (b"two\n", b"onetwo\n")):
        s, _, rest = attach(api, "open", "stream=1&stdin=1&stdout=1")
        with s:
            s.sendall(word)
            s.shutdown(socket.SHUT_WR)
            assert read(s, rest, len(frames((1, told)))) == frames((1, told))
    assert exit_code(api, cid) == 0 and api.get("/containers/open/logs?stdout=1").body == frames((1, b"one\n"), (1, b"onetwo\n"))


@pytest.mark.parametrize("query, before, later", [
    ("logs=1&stream=1&stdout=1&stderr=1", [(1, b"out\n"), (2, b"err\n")], [(1, b"more\n")]), ("stream=1&stdout=1", [], [(1, b"more\n")]),
    ("logs=1&stream=1&stderr=1", [(2, b"err\n")], [])])
def test_what_was_and_what_comes(api, query, before, later):
    cid = api.run("telling", ["sh", "-c", "echo out; sleep 0.1; echo err >&2; read x; echo more"], OpenStdin=True)
    wait_until(lambda: len(api.get("/containers/telling/logs?stdout=1&stderr=1").body) == len(frames((1, b"out\n"), (2, b"err\n"))), 10, "both lines")
    s, _, rest = attach(api, "telling", query)
    with s:
        assert read(s, rest, len(frames(*before))) == frames(*before)
        with feed(api, "telling"):
            assert read(s, b"") == frames(*later)
    assert exit_code(api, cid) == 0


def test_terminal(api):
    cid = api.run("tty", ["sh", "-c", "read x; stty size"], Tty=True, OpenStdin=True)
    s, lines, rest = attach(api, "tty", "stream=1&stdin=1&stdout=1&stderr=1")
    with s:
        assert lines[1] == "Content-Type: application/vnd.docker.raw-stream"
        reply = api.post("/containers/tty/resize?h=10&w=20")
        assert (reply.status, reply.body) == (200, b"")
        s.sendall(b"go\n")
        assert read(s, rest) == b"go\r\n10 20\r\n"
    assert exit_code(api, cid) == 0


def test_detach_keys(api):
    api.run("left", ["cat"], Tty=True, OpenStdin=True)
    s, _, rest = attach(api, "left", "stream=1&stdin=1&stdout=1&detachKeys=ctrl-x,q")
    with s:
        s.sendall(b"\x18q")
        assert read(s, rest) in (b"", b"^X")
    assert api.get("/containers/left/json").json["State"]["Running"] is True
    reply = api.post("/containers/left/attach?stream=1&detachKeys=nonsense")
    assert (reply.status, reply.body) == (400, b"Invalid detach keys (nonsense) provided\r\n")
