"""GET /containers/{id}/attach/ws as a browser would use it."""
import pytest

from support.waiting import wait_until
from wire import WebSocket

ALL = "stream=1&stdin=1&stdout=1&stderr=1"


def attach(api, cid, query=ALL, version="1.43"):
    ws = WebSocket(api, "/containers/%s/attach/ws?%s" % (cid, query), version)
    assert ws.reply.line == "HTTP/1.1 101 Switching Protocols" and ws.accepted, ws.reply.raw
    assert ws.reply.headers["upgrade"] == "websocket" and ws.reply.headers["connection"] == "Upgrade"
    return ws


def ends(ws):
    """The server's goodbye, then the end of the connection."""
    opcode, data = ws.receive()
    assert (opcode, data) == (ws.CLOSE, b"\x03\xe8")
    with pytest.raises(EOFError):
        ws.receive()
    ws.close()


@pytest.mark.parametrize("version, opcode", [("1.24", WebSocket.TEXT), ("1.27", WebSocket.TEXT), ("1.28", WebSocket.BINARY), ("1.47", WebSocket.BINARY)])
def test_kind_of_messages(api, version, opcode):
    cid = api.run("ws", ["sh", "-c", "read x; echo got $x"], OpenStdin=True)
    ws = attach(api, cid, version=version)
    ws.send(b"abc\n")
    assert ws.receive() == (opcode, b"got abc\n")
    ends(ws)


def test_stdin_in_all_sorts_of_frames(api):
    cid = api.run("ws", ["cat"], OpenStdin=True)
    ws = attach(api, cid)
    ws.send(b"te", ws.TEXT, last=False)
    ws.send(b"are you there", ws.PING)
    assert ws.receive() == (ws.PONG, b"are you there")
    ws.send(b"xt\n", 0)
    assert ws.read_until(b"\n") == b"text\n"
    big = bytes(i % 251 for i in range(300000)) + b"end\n"
    ws.send(big)
    assert ws.read_until(b"end\n") == big
    ws.send(b"\x03\xe8", ws.CLOSE)
    ends(ws)
    assert api.get("/containers/ws/json").json["State"]["Running"], "stdin stays open without StdinOnce"


def test_goodbye_ends_stdin_once(api):
    cid = api.run("ws", ["cat"], OpenStdin=True, StdinOnce=True)
    ws = attach(api, cid)
    ws.send(b"last\n")
    assert ws.read_until(b"\n") == b"last\n"
    ws.send(b"", ws.CLOSE)
    wait_until(lambda: api.get("/containers/ws/json").json["State"]["Status"] == "exited", 20, "cat's end")
    ws.close()


@pytest.mark.parametrize("query, expected", [
    ("logs=1&stdout=1", b"out\n"), ("logs=1&stderr=1", b"err\n"), ("logs=1&stdout=1&stderr=1", b"out\nerr\n"), ("logs=1", b""), ("", b"")])
def test_logs_of_what_has_ended(api, query, expected):
    cid = api.run("ws", ["sh", "-c", "echo out; sleep 0.2; echo err >&2"])
    api.post("/containers/%s/wait" % cid)
    ws = attach(api, cid, query)
    got = b""
    while True:
        opcode, data = ws.receive()
        if opcode == ws.CLOSE:
            break
        got += data
    assert got == expected
    ws.close()


def test_terminal_and_detach_keys(api):
    cid = api.run("ws", ["sh"], OpenStdin=True, Tty=True)
    first, second = attach(api, cid, ALL + "&detachKeys=ctrl-x,x"), attach(api, cid)
    first.send(b"stty -echo; echo 'rea''dy'\n")
    for ws in (first, second):
        ws.read_until(b"ready\r\n")
    assert api.post("/containers/ws/resize?h=31&w=97").status == 200
    second.send(b"stty size\n")
    assert b"31 97" in first.read_until(b"97\r\n")
    first.send(b"\x18x")
    while (got := first.receive())[0] != first.CLOSE:
        pass
    assert got[1] == b"\x03\xe8"
    second.send(b"exit 3\n")
    assert api.post("/containers/ws/wait").json["StatusCode"] == 3


@pytest.mark.parametrize("path, status, text", [
    ("/containers/nosuch/attach/ws?stream=1", 404, "No such container: nosuch"),
    ("/containers/ws/attach/ws?detachKeys=ctrl-", 400, "Invalid detach keys (ctrl-) provided")])
def test_errors_are_json(api, path, status, text):
    api.create("ws")
    reply = api.get(path, headers={"Upgrade": "websocket", "Sec-WebSocket-Key": "x"})
    assert (reply.status, reply.message) == (status, text)


def test_no_websocket_is_refused(api):
    api.create("ws")
    reply = api.get("/containers/ws/attach/ws?stream=1")
    assert reply.status == 400 and "websocket" in reply.message
