"""The two sides an agent talks to: Lambda's Runtime API and a gateway that speaks lib/wire.h over WebSocket."""
import base64
import hashlib
import hmac
import http.server
import json
import queue
import socket
import struct
import threading

HELLO, SPEC, STARTED, FAILED, OPEN, DATA, ACK, WINDOW, END, SIGNAL, RESIZE, EXIT, ERROR, HEALTH, STATS, PING, PAUSE = range(1, 18)
NAMES = "- hello spec started failed open data ack window end signal resize exit error health stats ping".split()
PONG = 4
CREDIT = 256 * 1024
TIMEOUT = 20


class RuntimeApi:
    """Hands out the invocations that are put into `invocations`; answers are collected in `answers`."""

    def __init__(self):
        self.invocations = queue.Queue()
        self.answers = queue.Queue()
        self.asked = threading.Semaphore(0)
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_GET(self):
                assert self.path == "/2018-06-01/runtime/invocation/next", self.path
                api.asked.release()
                item = api.invocations.get()
                if item is None:
                    return
                request_id, payload, deadline = item
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", request_id)
                if deadline:
                    self.send_header("Lambda-Runtime-Deadline-Ms", str(deadline))
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                api.answers.put((self.path, json.loads(body)))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = "127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        for _ in range(4):
            self.invocations.put(None)


class Message:
    def __init__(self, raw):
        self.type, self.flags, reserved, self.stream = struct.unpack(">BBHI", raw[:8])
        assert reserved == 0
        self.payload = raw[8:]
        self.channel = self.flags & 3

    def json(self):
        return json.loads(self.payload)

    def __repr__(self):
        return "<%s s%d c%d %r>" % (NAMES[self.type], self.stream, self.channel, self.payload[:80])


class Connection:
    """One agent's connection after the upgrade. Messages are collected by a thread; pings are answered unless told otherwise."""

    def __init__(self, sock, head):
        self.sock = sock
        self.head = head
        self.messages = queue.Queue()
        self.answer_pings = True
        self.lock = threading.Lock()
        self.stream = sock.makefile("rb")
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            while True:
                first, second = self.stream.read(2)
                assert second & 0x80, "a client masks"
                assert first & 0x70 == 0
                length = second & 0x7F
                if length == 126:
                    length, = struct.unpack(">H", self.stream.read(2))
                elif length == 127:
                    length, = struct.unpack(">Q", self.stream.read(8))
                mask = self.stream.read(4)
                data = self.stream.read(length)
                data = unmask(data, mask)
                if first & 0x0F == 2:
                    message = Message(data)
                    if message.type == PING and not message.flags & PONG and self.answer_pings:
                        self.send(PING, 0, message.payload, PONG)
                    self.messages.put(message)
        except (OSError, ValueError, struct.error):
            pass
        self.messages.put(None)

    def raw(self, data):
        with self.lock:
            self.sock.sendall(data)

    def frame(self, data, first=0x82):
        if len(data) < 126:
            head = struct.pack(">BB", first, len(data))
        elif len(data) < 65536:
            head = struct.pack(">BBH", first, 126, len(data))
        else:
            head = struct.pack(">BBQ", first, 127, len(data))
        self.raw(head + data)

    def send(self, kind, stream, payload=b"", flags=0):
        if isinstance(payload, dict):
            payload = json.dumps(payload).encode()
        self.frame(struct.pack(">BBHI", kind, flags, 0, stream) + payload)

    def get(self, timeout=TIMEOUT):
        """The next message; None once the connection has ended."""
        return self.messages.get(timeout=timeout)

    def expect(self, kind, stream=None, timeout=TIMEOUT):
        """The next message of this kind; ones of other kinds are passed over."""
        while True:
            message = self.get(timeout)
            assert message is not None, "the connection ended, %s expected" % NAMES[kind]
            if message.type == kind and (stream is None or message.stream == stream):
                return message

    def ended(self, timeout=TIMEOUT):
        """Waits for the connection's end."""
        while self.get(timeout) is not None:
            pass

    def ack(self, channel, offset):
        self.send(ACK, 1, struct.pack(">Q", offset), channel)

    def window(self, stream, count):
        self.send(WINDOW, stream, struct.pack(">I", count), 1)

    def cut(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()


def unmask(data, mask):
    if not data:
        return data
    whole = (mask * (len(data) // 4 + 1))[: len(data)]
    return (int.from_bytes(data, "big") ^ int.from_bytes(whole, "big")).to_bytes(len(data), "big")


class Gateway:
    """Accepts agents. `refuse` is a status that turns them away; `tls` an SSLContext."""

    def __init__(self, tls=None, port=0):
        self.tls = tls
        self.refuse = None
        self.reply = None  # sent as it is instead of an upgrade
        self.requests = []
        self.accepted = queue.Queue()
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.closing = False
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self):
        return "%s://localhost:%d" % ("https" if self.tls else "http", self.port)

    def _accept(self):
        while not self.closing:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._upgrade, args=(sock,), daemon=True).start()

    def _upgrade(self, sock):
        try:
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
            head = b""
            while b"\r\n\r\n" not in head:
                part = sock.recv(4096)
                if not part:
                    return
                head += part
        except OSError:
            sock.close()
            return
        lines = head.decode().split("\r\n")
        fields = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:] if ":" in line)}
        fields[""] = lines[0]
        self.requests.append(fields)
        if self.reply is not None:
            try:
                sock.sendall(self.reply)
            except OSError:
                pass
            sock.close()
            return
        if self.refuse:
            sock.sendall(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % self.refuse)
            sock.close()
            return
        digest = hashlib.sha1((fields["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
                     + base64.b64encode(digest) + b"\r\n\r\n")
        self.accepted.put(Connection(sock, fields))

    def connection(self, timeout=TIMEOUT):
        return self.accepted.get(timeout=timeout)

    def close(self):
        self.closing = True
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()


def check_authorization(fields, token, nonce):
    """Returns the session's secret."""
    value = fields["authorization"]
    assert value.startswith("Sockerless ")
    parts = dict(p.split("=", 1) for p in value[len("Sockerless "):].split(", "))
    proof = hmac.new(token.encode(), (nonce + ":" + parts["session"]).encode(), hashlib.sha256).hexdigest()
    assert parts["proof"] == proof
    assert len(parts["session"]) == 64
    return parts["session"]
