import hashlib
import os
import threading

from harness import frames, until


def test_stdin_and_its_end_before_the_start(gw):
    cid = gw.container(stdin=True, stdin_once=True)
    attach = gw.attach(cid, "stream=1&stdin=1&stdout=1&stderr=1")
    attach.sock.sendall(b"hello from a pipe\n")
    attach.half_close()
    agent = gw.begin(cid)
    assert agent.stdin(18) == b"hello from a pipe\n"
    agent.expect(9, 1, 0)
    agent.output(b"echo: hello\n", 0)
    agent.exit(0, 12)
    assert frames(attach.rest())[1] == b"echo: hello\n"


def test_much_stdin_before_the_start_waits_for_room(gw):
    data = os.urandom(3 << 20)
    cid = gw.container(stdin=True, stdin_once=True)
    attach = gw.attach(cid, "stream=1&stdin=1&stdout=1")

    def write():
        attach.sock.sendall(data)
        attach.half_close()

    t = threading.Thread(target=write)
    t.start()
    agent = gw.begin(cid)
    got = b""
    while len(got) < len(data):
        part = agent.expect(6, 1, 0)[3]
        got += part
        agent.window(len(part))
    t.join()
    assert hashlib.sha1(got).digest() == hashlib.sha1(data).digest()
    agent.expect(9, 1, 0)
    agent.exit(0)
    assert attach.rest() == b""


def test_output_goes_on_after_the_clients_half_close(gw):
    data = os.urandom(1 << 20)
    cid = gw.container()
    attach = gw.attach(cid)
    attach.half_close()
    agent = gw.begin(cid)

    def write():
        at = 0
        while at < len(data):
            agent.output(data[at:at + 65536], at)
            at += 65536
            agent.acked(at)
        agent.exit(0, at)

    t = threading.Thread(target=write)
    t.start()
    assert frames(attach.rest())[1] == data
    t.join()


def test_without_stdin_once_stdin_stays_open(gw):
    cid = gw.container(stdin=True)
    agent = gw.begin(cid)
    attach = gw.attach(cid, "stream=1&stdin=1&stdout=1")
    attach.sock.sendall(b"one")
    assert agent.stdin(3) == b"one"
    attach.close()
    attach = gw.attach(cid, "stream=1&stdin=1&stdout=1")
    attach.sock.sendall(b"two")
    assert agent.stdin(3) == b"two"
    assert not [m for m in agent.pending if m[0] == 9]
    agent.exit(0)


def test_stdin_ends_with_the_client_if_it_is_used_once(gw):
    cid = gw.container(stdin=True, stdin_once=True)
    agent = gw.begin(cid)
    attach = gw.attach(cid, "stream=1&stdin=1&stdout=1")
    attach.sock.sendall(b"one")
    attach.close()
    assert agent.stdin(3) == b"one"
    agent.expect(9, 1, 0)
    agent.exit(0)


def test_detach_keys(gw):
    cid = gw.container(tty=True, stdin=True, stdin_once=True)
    agent = gw.begin(cid)
    attach = gw.attach(cid, "stream=1&stdin=1&stdout=1")
    assert attach.headers["Content-Type"] == "application/vnd.docker.raw-stream"
    attach.sock.sendall(b"ab\x10c\x10")
    assert agent.stdin(4) == b"ab\x10c"
    agent.output(b"shown", 0)
    assert attach.read(5) == b"shown"
    attach.sock.sendall(b"\x11")
    assert attach.rest() == b""
    assert gw.state(cid) == "running"
    agent.output(b"more", 5)
    agent.exit(0, 9)
    assert "detach" in gw.events(cid)


def test_a_stalled_reader_holds_up_nobody_and_costs_no_memory(gw):
    def rss():
        for line in open("/proc/%d/status" % gw.process.pid):
            if line.startswith("VmRSS"):
                return int(line.split()[1])

    cid = gw.container()
    stalled, quick = gw.attach(cid), gw.attach(cid)
    agent = gw.begin(cid)
    got = []
    t = threading.Thread(target=lambda: got.append(frames(quick.rest())[1]))
    t.start()
    before = rss()
    block = os.urandom(65536)
    n = 48 << 20
    at = 0
    while at < n:
        agent.output(block, at)
        at += len(block)
        agent.acked(at)
    assert rss() - before < 24 * 1024
    agent.exit(0, at)
    t.join()
    assert got[0] == block * (n // len(block))
    assert frames(stalled.rest())[1] == got[0]


def test_logs_then_stream(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    agent.output(b"first", 0)
    agent.acked(5)
    late = gw.attach(cid)
    both = gw.attach(cid, "stream=1&stdout=1&logs=1")
    assert both.frame() == (1, b"first")
    only = gw.attach(cid, "stdout=1&logs=1", upgrade=False)
    assert only.headers["Content-Type"] == "application/vnd.docker.raw-stream"
    assert frames(only.rest())[1] == b"first"
    agent.output(b"second", 5)
    agent.exit(0, 11)
    assert frames(both.rest())[1] == b"second"
    assert frames(late.rest())[1] == b"second"


def test_all_of_the_clients_bytes_at_once(gw):
    from harness import Client
    import socket
    cid = gw.container(stdin=True, stdin_once=True)
    agent = gw.begin(cid)
    s = socket.socket(socket.AF_UNIX)
    s.connect(gw.sock)
    s.sendall(("GET /.gateway/tunnel/attach/%s?api=1.43&stream=1&stdin=1&stdout=1 HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}all of it" % cid).encode())
    s.shutdown(socket.SHUT_WR)
    assert agent.stdin(9) == b"all of it"
    agent.expect(9, 1, 0)
    agent.output(b"done", 0)
    agent.exit(0, 4)
    data = b""
    while True:
        more = s.recv(65536)
        if not more:
            break
        data += more
    assert data.endswith(b"done")
