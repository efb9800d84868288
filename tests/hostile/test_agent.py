"""A second agent at the callback listener: with proofs that are wrong, old or another run's, and one that holds the
run and speaks nonsense. Connections are made as a function makes them, through nginx, a worker and the gateway."""
import base64
import hashlib
import hmac
import json
import os
import pathlib
import secrets
import signal
import socket
import sqlite3
import struct

import pytest

from conftest import load, wait_until
from raw import Raw, request

fake_agent = load("fake_agent", pathlib.Path(__file__).resolve().parents[1] / "gateway" / "fake_agent.py")


def authorization(token, nonce, session):
    proof = hmac.new(token.encode(), ("%s:%s" % (nonce, session)).encode(), hashlib.sha256).hexdigest()
    return "Sockerless session=%s, proof=%s" % (session, proof)


def of(system, cid):
    """run, nonce and token of a container's newest run."""
    return system.sql("SELECT run.id, nonce, token FROM run JOIN container ON container.id = container_id WHERE container_id = '%s' ORDER BY number DESC LIMIT 1" % cid).split("|")


def upgrade(run, given, key=b"dGhlIHNhbXBsZSBub25jZQ=="):
    return request("GET", "/.agent/connect?run=" + run, headers={"Authorization": given, "Connection": "Upgrade", "Upgrade": "websocket",
                                                               "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13"})


def connect(system, run, given):
    with Raw(system, "agent") as c:
        c.send(upgrade(run, given))
        return int(c.until(b"\r\n").split()[1])


def test_proofs(hostile):
    cid, other = (hostile.ok("run", "-d", "busybox", "sleep", "1000") for _ in range(2))
    run, nonce, token = of(hostile, cid)
    other_run, other_nonce, other_token = of(hostile, other)
    session = secrets.token_hex(32)
    good = authorization(token, nonce, session)
    for given, status in ((None, 401), ("", 401), ("Bearer x", 401), (good + "0", 401), (good.replace("session=", "session=z"), 401), (good.upper(), 401),
                          (good + "\tx", 401), ("Sockerless session=%s, proof=%s" % (session, "0" * 64), 403), ("Sockerless " + "x" * 60000, 401),
                          (authorization(other_token, nonce, session), 403), (authorization(token, other_nonce, session), 403),
                          (authorization(other_token, other_nonce, session), 403), (authorization("", nonce, session), 403),
                          (authorization(token, "", session), 403), (good, 409)):
        assert connect(hostile, run, given if given is not None else "") == status, given
    for bad in ("", "x", "0" * 32, run[:31], run + "0", run.upper() if run.upper() != run else "z", "..%2f" + run, "%s&run=%s" % ("0" * 32, run), "'%20OR%201=1--"):
        assert connect(hostile, bad, good) == 404, bad
    assert connect(hostile, run + "%00", good) == 400
    assert connect(hostile, other_run, good) == 403
    # The rightful agents haven't noticed.
    assert hostile.ok("exec", cid, "echo", "here") == hostile.ok("exec", other, "echo", "here") == "here"
    hostile.ok("kill", cid)
    wait_until(lambda: hostile.sql("SELECT phase FROM run WHERE id = '%s'" % run) == "ended", 20, "the run's end")
    assert connect(hostile, run, good) == 410
    hostile.ok("rm", cid)
    # The row goes with the function.
    assert connect(hostile, run, good) in (404, 410)
    assert hostile.ok("exec", other, "echo", "here") == "here"


def freeze(mark):
    """Stops the real agent, so that its invocation stays: it would end it once it is refused."""
    for p in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            command = (p / "cmdline").read_bytes()
            if command.startswith(b"/.sockerless/agent\0") and mark.encode() in command:
                os.kill(int(p.name), signal.SIGSTOP)
                return
        except OSError:
            pass
    pytest.fail("no agent's process")


class Impostor(fake_agent.Agent):
    """An agent that holds the run: its session secret is put into the row in place of the one that the real agent
    drew, which is cut off and refused from then on."""

    def __init__(self, system, cid, mark):
        run, nonce, token = of(system, cid)
        freeze(mark)
        session = secrets.token_hex(32)
        db = sqlite3.connect(str(system.state / "db" / "sockerless.db"), timeout=20)
        with db:
            db.execute("UPDATE run SET session_hash = ? WHERE id = ?", (hashlib.sha256(session.encode()).hexdigest(), run))
        db.close()
        self.run, self.given = run, authorization(token, nonce, session)
        self.system = system
        self.dial()

    def dial(self):
        self.sock = socket.create_connection(("127.0.0.1", self.system.port + 1), 20)
        self.pending, self.buf = [], b""
        self.sock.sendall(upgrade(self.run, self.given, base64.b64encode(os.urandom(16))))
        while b"\r\n\r\n" not in self.buf:
            more = self.sock.recv(65536)
            assert more, self.buf
            self.buf += more
        head, self.buf = self.buf.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 101"), head

    def dropped(self):
        """The gateway closes the connection."""
        with pytest.raises((EOFError, OSError)) as e:
            while True:
                self.message()
        assert not isinstance(e.value, TimeoutError), "the connection is still open"
        self.close()


@pytest.fixture
def impostor(hostile):
    mark = "mark-" + secrets.token_hex(8)
    cid = hostile.ok("run", "-d", "-i", "busybox", "sh", "-c", "cat", mark)
    a = Impostor(hostile, cid, mark)
    a.cid = cid
    yield a
    a.close()


def u64s(*values):
    return struct.pack(">%dQ" % len(values), *values)


def head(kind, flags=0, stream=0, reserved=0):
    return struct.pack(">BBHI", kind, flags, reserved, stream)


FRAMES = {
    "unmasked": b"\x82\x05hello",
    "a length of 2^63": b"\x82\xff" + b"\xff" * 8 + b"abcd",
    "a length of 1 GiB": b"\x82\xff" + struct.pack(">Q", 1 << 30) + b"abcd",
    "a length just over the limit": b"\x82\xff" + struct.pack(">Q", (1 << 20) + 1) + b"abcd",
    "a short length the long way": b"\x82\xfe\x00\x05abcdhello",
    "reserved bits": b"\xf2\x80abcd",
    "unknown opcode": b"\x83\x80abcd",
    "text": b"\x81\x80abcd",
    "continuation of nothing": b"\x80\x80abcd",
    "a fragmented ping": b"\x09\x80abcd",
    "a ping of 126 bytes": b"\x89\xfe\x00\x7eabcd" + b"x" * 126,
    "binary within binary": b"\x02\x81abcdx\x82\x80abcd",
    "HTTP": b"GET /.gateway/agent/x HTTP/1.1\r\nHost: x\r\n\r\n",
    "close": b"\x88\x80abcd",
}


def test_frames(hostile, impostor):
    for what, raw in FRAMES.items():
        impostor.hello("running")
        impostor.sock.sendall(raw)
        impostor.dropped()
        impostor.dial()
    # Fragments without end: nothing is taken beyond one message's size.
    impostor.hello("running")
    try:
        impostor.raw(b"x" * 1000, opcode=2, fin=False)
        for _ in range(5000):
            impostor.raw(b"x" * 1000, opcode=0, fin=False)
    except OSError:
        pass
    impostor.dropped()
    # Empty fragments cost nothing, and a half frame holds nobody up.
    impostor.dial()
    impostor.sock.sendall(b"\x02\x80abcd" + b"\x00\x80abcd" * 100000)
    impostor.sock.sendall(b"\x00\xfe")
    assert hostile.ok("ps", "-q", "--no-trunc") == impostor.cid


HELLO = {"version": 1, "state": "running", "stdin": 0, "stdout": 0, "stderr": 0, "pid": 7, "request_id": "r", "log_stream": "l", "deadline_ms": 0, "streams": []}
BEFORE_HELLO = [b"", b"\x01", head(3) + b"{}", head(6, 1, 1) + u64s(0, 0) + b"x", head(12, 0, 1) + b"{}", head(1, 0, 1) + b"{}", head(1) + b"[" * 10000, head(1) + b"[]",
                head(1) + b"null", head(1) + b'{"version":2}', head(1) + b"\xff\xfe", head(1) + json.dumps(dict(HELLO, run="0" * 32)).encode(),
                head(1) + json.dumps(dict(HELLO, stdin=-1)).encode(), head(1) + json.dumps(dict(HELLO, stdout=1 << 62)).encode()]
AFTER_HELLO = [
    head(0), head(99), head(255, 255, 0xffffffff, 0xffff), head(6, 1, 1, 1) + u64s(0, 0) + b"x", head(6, 0xf0, 1) + u64s(0, 0) + b"x",
    head(1) + json.dumps(HELLO).encode(),                                    # hello twice
    head(2) + b"{}", head(5, 0, 2) + b"{}", head(7, 1, 1) + u64s(0),         # what only the gateway says
    head(10, 0, 1) + b'{"signal":9}', head(11, 0, 1) + b'{"h":1,"w":1}',
    head(6, 0, 1) + u64s(0, 0) + b"x", head(6, 3, 1) + u64s(0, 0) + b"x",    # output on stdin, or on no channel
    head(6, 1, 1) + b"short", head(6, 1, 1) + u64s(0, 0), head(6, 1, 1) + u64s(1 << 63, 0) + b"x", head(6, 1, 1) + u64s(100, 0) + b"x",
    head(6, 1, 1) + u64s((1 << 64) - 1, 0) + b"x" * 100, head(6, 1, 1) + u64s(0, 0) + b"x" * 70000,
    head(6, 1, 77) + b"x", head(6, 2, 0xffffffff) + b"x" * 60000, head(6, 1, 0) + b"x",  # streams that are not there
    head(8, 0, 1) + b"\xff\xff\xff\xff", head(8, 1, 1) + b"\0\0\0\1", head(8, 0, 1) + b"\0", head(8, 0, 77) + b"\xff\xff\xff\xff",  # credit
    head(12, 0, 1) + b"[[[[", head(12, 0, 1) + b'{"code":1,"stdout":-5}', head(12, 0, 1) + b'{"code":1,"stdout":9223372036854775807}',
    head(14, 0, 1) + b"{}", head(14, 0, 1) + b"no JSON",                     # a health check of nothing
    head(3, 0, 1) + b"no JSON", head(4, 0, 1) + b"7", head(13) + b'{"message":"bye"}', head(16, 0, 9) + b"x"]
# What is answered or ignored without harm.
HARMLESS = [head(16) + b"ping", head(16, 4) + b"pong", head(13, 0, 77) + b"\xff\x00\x1b[2J", head(3, 0, 77) + b'{"pid":1}', head(12, 0, 77) + b'{"code":1,"stdout":0,"stderr":0}',
            head(4, 0, 77) + b'{"step":"exec","errno":2}', head(9, 1, 77), head(15, 0, 1) + b"{}", head(3, 0, 1) + b'{"pid":-1}']


def test_messages(hostile, impostor):
    for message in BEFORE_HELLO:
        impostor.raw(message)
        impostor.dropped()
        impostor.dial()
    ended = []
    for message in AFTER_HELLO:
        impostor.hello("running")
        impostor.raw(message)
        impostor.raw(head(16) + b"still there?")
        try:
            while True:
                kind, flags, _, payload = impostor.any_message()
                if kind == fake_agent.PING and flags & 4:
                    ended.append(message)  # neither dropped nor harmed
                    break
        except (EOFError, OSError):
            pass
        impostor.close()
        assert hostile.sql("SELECT phase FROM run") != "ended", "the run was ended by %r" % message[:60]
        impostor.dial()
    for message in ended:
        assert message[0] in (6, 8, 12, 13, 16), "taken: %r" % message
    impostor.hello("running")
    for message in HARMLESS:
        impostor.raw(message)
    impostor.raw(head(16) + b"alive")
    while True:
        kind, flags, _, payload = impostor.any_message()
        if (kind, payload) == (fake_agent.PING, b"alive"):
            break
    assert hostile.inspect(impostor.cid)["State"]["Running"]


def test_a_flood_of_pings(hostile, impostor):
    """An agent that sends and doesn't read is dropped once its answers pile up; others are served meanwhile."""
    impostor.hello("running")
    impostor.sock.settimeout(20)
    other = hostile.ok("run", "-d", "busybox", "sleep", "1000")
    ping = head(16) + b"x" * 60000
    answers = 0
    try:
        for _ in range(1500):
            impostor.raw(ping)
        while True:
            more = impostor.sock.recv(1 << 20)
            answers += len(more)
            if not more:
                break
    except TimeoutError:
        pytest.fail("the connection stalls and isn't dropped")
    except OSError:
        pass
    assert answers < 60 << 20
    assert hostile.ok("exec", other, "echo", "served") == "served"


def test_many_connections_at_once(hostile, impostor):
    """Each takes over from the one before; the last one holds the run."""
    impostor.hello("running")
    older = []
    for _ in range(50):
        older.append(impostor.sock)
        impostor.dial()
    impostor.hello("running")
    for s in older:
        s.close()
    impostor.exit(3)
    assert hostile.ok("wait", impostor.cid) == "3"
