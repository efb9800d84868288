"""PUT archive: bodies of any size on their way to the agent."""
import json
import socket
import threading

from fake_agent import END, OPEN, SIGNAL, STDIN


class Upload:
    def __init__(self, gw, cid, head="Transfer-Encoding: chunked\r\n"):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(gw.sock)
        self.send(("PUT /.gateway/http/task/%s?api=1.43&task=put&path=/tmp HTTP/1.1\r\nHost: docker\r\n%s\r\n" % (cid, head)).encode())

    def send(self, data):
        self.sock.sendall(data)

    def chunk(self, data):
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def reply(self):
        got = b""
        while True:
            more = self.sock.recv(65536)
            if not more:
                head, _, body = got.partition(b"\r\n\r\n")
                return int(head.split()[1]), head, body
            got += more


def opened(agent):
    m = agent.expect(OPEN)
    assert json.loads(m[3])["stdin"] is True and json.loads(m[3])["task"] == "put"
    return m[2]


def head(agent, stream, **fields):
    agent.exec_output(stream, json.dumps(fields).encode() + b"\n")
    agent.exit(0, stream=stream)


def test_a_chunked_body_comes_as_it_is_sent(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    client = Upload(gw, cid)
    stream = opened(agent)
    agent.window(stream=stream)
    client.chunk(b"hello")
    assert agent.stdin(5, stream) == b"hello"
    client.chunk(b" world")
    client.send(b"0\r\n\r\n")
    assert agent.stdin(6, stream) == b" world"
    agent.expect(END, stream, STDIN)
    head(agent, stream, status=200)
    status, text, body = client.reply()
    assert (status, body) == (200, b"") and b"Content-Length: 0" in text


def test_a_body_with_a_length_and_none_at_all(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    client = Upload(gw, cid, "Content-Length: 5\r\n")
    stream = opened(agent)
    agent.window(stream=stream)
    client.send(b"hel")
    client.send(b"lo")
    assert agent.stdin(5, stream) == b"hello"
    agent.expect(END, stream, STDIN)
    head(agent, stream, status=200)
    assert client.reply()[0] == 200
    client = Upload(gw, cid, "Content-Length: 0\r\n")
    stream = opened(agent)
    agent.expect(END, stream, STDIN)
    head(agent, stream, status=500, message="unexpected EOF")
    assert client.reply()[::2] == (500, b'{"message":"unexpected EOF"}\n')


def test_an_early_error_is_told_at_the_end_of_the_body(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    client = Upload(gw, cid)
    stream = opened(agent)
    head(agent, stream, status=404, message="Could not find the file /tmp")
    for _ in range(200):
        client.chunk(b"x" * 65536)
    client.send(b"0\r\n\r\n")
    assert client.reply()[0] == 404


def test_without_credit_the_client_is_paused(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    client = Upload(gw, cid)
    stream = opened(agent)
    total = 64 << 20
    sent = []

    def write():
        for _ in range(total >> 16):
            client.chunk(b"x" * 65536)
            sent.append(1)
        client.send(b"0\r\n\r\n")

    client.sock.settimeout(60)
    writer = threading.Thread(target=write)
    writer.start()
    client_before = -1
    while len(sent) != client_before or not sent:
        client_before = len(sent)
        writer.join(0.3)
    assert len(sent) << 16 < 4 << 20
    got = 0
    while got < total:
        agent.window(65536 * 4, stream=stream)
        got += len(agent.stdin(min(65536 * 4, total - got), stream))
    agent.expect(END, stream, STDIN)
    writer.join()
    head(agent, stream, status=200)
    assert client.reply()[0] == 200


def test_a_client_that_leaves(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    client = Upload(gw, cid)
    stream = opened(agent)
    agent.window(stream=stream)
    client.chunk(b"hello")
    agent.stdin(5, stream)
    client.sock.close()
    assert json.loads(agent.expect(SIGNAL, stream)[3]) == {"signal": 9}
    agent.exit(137, stream=stream)
    assert gw.alive()


def test_a_body_that_is_none(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    client = Upload(gw, cid)
    stream = opened(agent)
    client.send(b"what is this\r\n")
    assert json.loads(agent.expect(SIGNAL, stream)[3]) == {"signal": 9}
    assert client.sock.recv(1) == b""


def test_the_end_of_the_run_in_the_middle(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    client = Upload(gw, cid)
    opened(agent)
    agent.exit(0)
    client.chunk(b"x")
    client.send(b"0\r\n\r\n")
    assert client.reply()[0] == 502


def test_a_container_that_does_not_run(gw):
    client = Upload(gw, gw.container())
    for _ in range(200):
        client.chunk(b"x" * 65536)
    client.send(b"0\r\n\r\n")
    status, _, body = client.reply()
    assert status == 409 and b"is not running" in body


def test_refused_by_the_worker(gw):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10)
    s.connect(gw.sock)
    s.sendall(b"PUT /.gateway/http/fail/0?api=1.43&status=404&message=gone HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    s.sendall(b"5\r\nhello\r\n0\r\n\r\n")
    got = b""
    while True:
        more = s.recv(65536)
        if not more:
            break
        got += more
    assert got.startswith(b"HTTP/1.1 404 ") and got.endswith(b'{"message":"gone"}\n')
