"""Cuts, redials, refusals, stalled acknowledgements, TLS and hostile peers."""
import os
import random
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

import pytest

import gateway as gw
from conftest import Output, STATIC
from support.waiting import wait_until
from test_streams import Execs, exec_open


def test_cut_in_the_middle_loses_nothing(agent):
    conn = agent.start(["sh", "-c", "i=0; while [ $i -lt 60000 ]; do echo line $i; i=$((i+1)); done; exit 8"])
    session = gw.check_authorization(conn.head, agent.token, agent.nonce)
    rng = random.Random(2)
    out, cuts = Output(conn), 0
    while not out.exit:
        message = out.conn.get()
        if message is not None and rng.random() > (0.02 if cuts < 8 else 0):
            out.take(message)
            continue
        out.conn.cut()
        cuts += 1
        # Some of what came last is lost with the gateway: the spool may stand anywhere from the acknowledged offset on.
        out.conn = agent.connect(len(out.data[1]), len(out.data[2]))
        out.ends.clear()
        assert gw.check_authorization(out.conn.head, agent.token, agent.nonce) == session
        assert out.conn.hello["state"] in ("running", "exited")
    assert cuts >= 8 and out.exit["code"] == 8
    assert bytes(out.data[1]) == b"".join(b"line %d\n" % i for i in range(60000))


def test_resume_from_what_was_acknowledged(agent):
    conn = agent.start(["sh", "-c", "echo first; read x; echo second; read x"], open_stdin=True)
    out = Output(conn, acknowledge=False).until(lambda o: o.data[1] == b"first\n")
    conn.ack(1, 3)
    conn.send(gw.DATA, 1, b"\n")
    out.until(lambda o: o.data[1] == b"first\nsecond\n")
    times = out.times
    conn.cut()
    conn = agent.connect(3, 0)
    assert conn.hello["stdin"] == 1 and conn.hello["stdout"] == 13 and conn.hello["pid"] > 0
    # Credit is granted anew; the bytes come with their old times.
    assert struct.unpack(">I", conn.expect(gw.WINDOW, 1).payload)[0] == gw.CREDIT
    m = conn.expect(gw.DATA, 1)
    assert struct.unpack(">QQ", m.payload[:16]) == (3, times[0]) and m.payload[16:] == b"st\n"
    m = conn.expect(gw.DATA, 1)
    assert struct.unpack(">QQ", m.payload[:16]) == (6, times[1]) and m.payload[16:] == b"second\n"
    # stdin stayed open.
    conn.send(gw.DATA, 1, b"\n")
    conn.expect(gw.EXIT, 1)


def test_exit_is_repeated_until_acknowledged(agent):
    conn = agent.start(["sh", "-c", "echo x; exit 3"])
    for _ in range(3):
        conn.expect(gw.EXIT, 1)
        conn.cut()
        conn = agent.connect(2, 0)
        assert conn.hello["state"] == "exited" and conn.hello["stdout"] == 2
    assert conn.expect(gw.EXIT, 1).json()["code"] == 3
    assert agent.api.answers.empty()
    conn.send(gw.ACK, 1, bytes(8), 3)
    assert agent.answer()["acknowledged"] is True


def test_exec_over_a_cut(agent):
    conn = agent.start(["sleep", "1000"])
    exec_open(conn, 2, ["sh", "-c", "head -c 1000000 /dev/zero; touch %s/wrote; while [ ! -e %s/go ]; do sleep 0.02; done; exit 4"
                        % (agent.tmp, agent.tmp)], window=100)
    exec_open(conn, 3, ["sleep", "1000"])
    conn.expect(gw.DATA, 2)
    agent.gateway.refuse = 503
    conn.cut()
    # Nobody reads, and still it isn't held up.
    wait_until(lambda: os.path.exists(agent.tmp + "/wrote"))
    agent.gateway.refuse = None
    conn = agent.connect()
    assert sorted(conn.hello["streams"]) == [2, 3]
    open(agent.tmp + "/go", "w").close()
    execs = Execs(conn).until(2)
    assert execs.exits[2][1]["code"] == 4 and 2 not in execs.out


def test_exec_that_ended_while_cut(agent):
    conn = agent.start(["sleep", "1000"])
    exec_open(conn, 2, ["sh", "-c", "echo on; sleep 0.3; exit 6"])
    conn.expect(gw.DATA, 2)
    agent.gateway.refuse = 500
    conn.cut()
    wait_until(lambda: len(agent.gateway.requests) >= 4)
    agent.gateway.refuse = None
    conn = agent.connect()
    assert Execs(conn).until(2).exits[2][1]["code"] == 6


@pytest.mark.parametrize("status", [401, 403, 404, 409, 410])
def test_refusal_kills(agent, status):
    conn = agent.start(["sleep", "1000"])
    pid = conn.started["pid"]
    agent.gateway.refuse = status
    conn.cut()
    body = agent.answer()
    assert body["acknowledged"] is False and body["code"] == 137 and "HTTP %d" % status in body["error"]
    assert not os.path.exists("/proc/%d" % pid)


def test_refusal_before_the_start(agent):
    agent.gateway.refuse = 410
    agent.invoke(["true"])
    assert agent.answer()["error"] == "the gateway refused the run: HTTP 410"


def test_callback_by_path_address_and_scheme(agent):
    port = agent.gateway.port
    for i, callback in enumerate(["ws://127.0.0.1:%d/" % port, "http://127.0.0.1:%d/below/it/" % port, "ftp://x", "nonsense"]):
        agent.invoke(["true"], callback=callback, deadline=2 if i > 1 else 60)
        if i > 1:
            body = agent.answer()
            assert body["acknowledged"] is False and body["code"] == 128
            continue
        conn = agent.connect()
        assert conn.head["host"] == "127.0.0.1:%d" % port
        assert conn.head[""].startswith(["GET /.agent/connect?", "GET /below/it/.agent/connect?"][i])
        conn.expect(gw.EXIT, 1)
        conn.send(gw.ACK, 1, bytes(8), 3)
        agent.answer()


def test_callback_by_ipv6(agent):
    try:
        agent.gateway.close()
        agent.gateway.listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    agent.gateway.closing = False
    threading.Thread(target=agent.gateway._accept, daemon=True).start()
    port = agent.gateway.listener.getsockname()[1]
    agent.invoke(["true"], callback="http://[::1]:%d" % port)
    assert agent.connect().head["host"] == "[::1]:%d" % port


def test_other_statuses_are_tried_again(agent):
    agent.gateway.refuse = 502
    agent.invoke(["true"])
    wait_until(lambda: len(agent.gateway.requests) >= 3)
    agent.gateway.refuse = None
    conn = agent.connect()
    conn.expect(gw.EXIT, 1)


def test_stalled_acknowledgements_pause_the_process(make_agent):
    agent = make_agent(STATIC)
    conn = agent.start(["sh", "-c", "head -c 50000000 /dev/zero"])
    out = Output(conn, acknowledge=False).until(lambda o: len(o.data[1]) == 256 * 1024)
    before = agent.rss()
    # A pong shows that nothing more was sent.
    conn.send(gw.PING, 0, b"x")
    assert conn.expect(gw.PING).payload == b"x"
    assert agent.rss() - before < 1 << 20 and agent.rss() < 16 << 20
    out.acknowledge = True
    conn.ack(1, len(out.data[1]))
    out.until_exit(60)
    assert out.data[1] == bytes(50000000) and agent.rss() - before < 2 << 20


def test_cut_off_process_pauses_and_goes_on(agent):
    conn = agent.start(["sh", "-c", "head -c 3000000 /dev/zero"])
    agent.gateway.refuse = 503
    conn.cut()
    wait_until(lambda: len(agent.gateway.requests) >= 4)
    agent.gateway.refuse = None
    conn = agent.connect()
    assert conn.hello["stdout"] == 256 * 1024 and conn.hello["state"] == "running"
    assert len(Output(conn).until_exit().data[1]) == 3000000


def test_signal_and_exit_ack_before_the_spec(agent):
    conn = agent.start(["sh", "-c", "trap 'exit 9' USR1; echo up; while :; do sleep 0.05; done"])
    Output(conn).until(lambda o: o.data[1])
    conn.cut()
    conn = agent.gateway.connection()
    assert conn.expect(gw.HELLO).json()["state"] == "running"
    conn.ack(1, 3)
    conn.send(gw.SIGNAL, 1, {"signal": 10})
    wait_until(lambda: not os.path.exists("/proc/%d/task/%d/children" % (agent.process.pid, agent.process.pid))
             or not open("/proc/%d/task/%d/children" % (agent.process.pid, agent.process.pid)).read())
    conn.cut()
    conn = agent.gateway.connection()
    assert conn.expect(gw.HELLO).json()["state"] == "exited"
    conn.send(gw.ACK, 1, bytes(8), 3)
    body = agent.answer()
    assert body["acknowledged"] is True and body["code"] == 9


def test_exec_stdin_ends_with_the_connection(agent):
    conn = agent.start(["sleep", "1000"])
    exec_open(conn, 2, ["cat"], stdin=True)
    conn.expect(gw.STARTED, 2)
    conn.cut()
    assert Execs(agent.connect()).until(2).exits[2][1]["code"] == 0


def test_silent_connection_is_dropped(agent):
    """The one slow test: an agent waits half a minute for a sign of life, and pings meanwhile."""
    conn = agent.start(["sleep", "1000"])
    conn.answer_pings = False
    begin = time.monotonic()
    conn.expect(gw.PING, timeout=20)
    conn.ended(40)
    assert 29 < time.monotonic() - begin < 41
    assert agent.connect().hello["state"] == "running"


def hostile(kind):
    head = struct.pack(">BBHI", gw.SPEC, 0, 0, 0)
    return {
        "rsv": b"\xc2\x00", "masked": b"\x82\x80\x00\x00\x00\x00", "huge": b"\x82\x7f" + b"\x7f" * 8, "text": b"\x81\x01a",
        "continuation": b"\x80\x01a", "short": b"\x82\x03abc", "type": b"\x82\x08\xff" + bytes(7), "no json": b"\x82\x0a" + head + b"{x",
        "data before spec": b"\x82\x09" + struct.pack(">BBHI", gw.DATA, 0, 0, 1) + b"x", "garbage": bytes(range(256)) * 20,
        "close": b"\x88\x00", "too much said": b"\x82\x0c" + head + b"{} x",
    }[kind]


@pytest.mark.parametrize("kind", ["rsv", "masked", "huge", "text", "continuation", "short", "type", "no json", "data before spec",
                                  "garbage", "close", "too much said"])
def test_hostile_frames_cost_the_connection_only(agent, kind):
    agent.invoke(["sh", "-c", "exit 5"])
    conn = agent.gateway.connection()
    conn.expect(gw.HELLO)
    conn.raw(hostile(kind))
    conn.ended()
    assert Output(agent.connect()).until_exit().exit["code"] == 5


@pytest.mark.parametrize("reply", [
    b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 101 x\r\n\r\n", b"HTTP/1.1 101 x\r\n" + b"A: " + b"b" * 40000,
    b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    b"HTTP/1.1 101 x\r\n" + b"A: " + b"b" * 20000 + b"\r\n\r\n", bytes(range(256)) * 100])
def test_replies_that_are_no_upgrade(agent, reply):
    agent.gateway.reply = reply
    agent.invoke(["true"])
    wait_until(lambda: len(agent.gateway.requests) >= 3)
    agent.gateway.reply = None
    agent.connect().expect(gw.EXIT, 1)


def broken(conn, kind):
    {
        "ack of nothing": lambda: conn.ack(1, 1 << 40),
        "ack of stdin": lambda: conn.ack(0, 0),
        "second spec": lambda: conn.send(gw.SPEC, 0, {"stdout": 0, "stderr": 0}),
        "exit ack too early": lambda: conn.ack(3, 0),
        "beyond the credit": lambda: [conn.send(gw.DATA, 1, bytes(65536)) for _ in range(12)],
        "open of main": lambda: exec_open(conn, 1, ["true"], 0),
        "hello": lambda: conn.send(gw.HELLO, 0, {}),
    }[kind]()


@pytest.mark.parametrize("kind", ["ack of nothing", "ack of stdin", "second spec", "exit ack too early", "beyond the credit",
                                  "open of main", "hello"])
def test_broken_rules_cost_the_connection_only(agent, kind):
    conn = agent.start(["sleep", "1000"], open_stdin=True)
    conn.expect(gw.WINDOW, 1)
    try:
        broken(conn, kind)
    except OSError:
        pass
    conn.ended()
    assert agent.connect().hello["state"] == "running"


def test_random_messages(agent):
    """Well framed and mostly well formed nonsense: connections end, the agent and its process don't."""
    rng = random.Random(3)
    conn = agent.start(["sleep", "1000"])
    texts = [b"{}", b"[]", b'{"signal":64}', b'{"h":-1,"w":1e9}', b'{"args":["true"],"env":[1]}', b'{"args":[[]]}', b'{"signal":"9"}']
    for _ in range(40):
        try:
            for _ in range(50):
                kind = rng.choice([gw.DATA, gw.WINDOW, gw.END, gw.RESIZE, gw.OPEN, gw.PING, gw.ACK, gw.HEALTH, gw.STATS, gw.SIGNAL])
                payload = {gw.WINDOW: rng.randbytes(4), gw.ACK: bytes(8), gw.END: b"", gw.DATA: rng.randbytes(rng.randrange(1, 300)),
                           gw.PING: rng.randbytes(8)}.get(kind, rng.choice(texts))
                stream = rng.randrange(2, 40) if kind == gw.SIGNAL else rng.randrange(0, 40)
                conn.send(kind, stream, payload, rng.randrange(3) if kind in (gw.DATA, gw.WINDOW, gw.END, gw.ACK) else 0)
        except OSError:
            pass
        conn.cut()
        conn = agent.connect()
        assert conn.hello["state"] == "running"


def make_certificates(where):
    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=where, check=True, capture_output=True)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test CA", "-days", "2")
    for name, subject in (("good", "DNS:localhost"), ("other", "DNS:elsewhere.example")):
        (where / (name + ".ext")).write_text("subjectAltName=" + subject)
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name)
        openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", name + ".pem",
                "-days", "2", "-extfile", name + ".ext")
    for entry in where.iterdir():
        entry.chmod(0o644)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    where = tmp_path_factory.mktemp("tls")
    make_certificates(where)
    return where




@pytest.fixture
def ca_file(certificates, tmp_path_factory):
    # Below /tmp/pytest-of-* others may not look: the agent runs as another user.
    with tempfile.NamedTemporaryFile(prefix="sockerless-ca-") as f:
        f.write((certificates / "ca.pem").read_bytes())
        f.flush()
        os.chmod(f.name, 0o644)
        yield f.name


@pytest.mark.parametrize("static", [False, True])
def test_tls(make_agent, certificates, ca_file, static):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "good.pem", certificates / "good.key")
    names = []
    context.sni_callback = lambda sock, server_name, ctx: names.append(server_name)
    agent = make_agent(STATIC if static else None, env={"SOCKERLESS_AGENT_CA_FILE": ca_file}, tls=context)
    conn = agent.start(["sh", "-c", "head -c 1000000 /dev/zero; exit 2"])
    out = Output(conn).until_exit()
    assert out.exit["code"] == 2 and len(out.data[1]) == 1000000 and names == ["localhost"]


def test_tls_of_another_name_or_ca_is_refused(make_agent, certificates, ca_file):
    for name, env, why in (("other", {"SOCKERLESS_AGENT_CA_FILE": ca_file}, "hostname mismatch"),
                           ("good", {}, "certificate"), ("good", {"SOCKERLESS_AGENT_CA_FILE": "/nosuch"}, "/nosuch")):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / (name + ".pem"), certificates / (name + ".key"))
        agent = make_agent(env={"SOCKERLESS_AGENT_TIMEOUT": "1", **env}, tls=context)
        agent.invoke(["true"])
        assert why in agent.answer()["error"]
        assert not agent.gateway.requests
