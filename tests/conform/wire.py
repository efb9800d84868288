"""Requests to the Docker API byte by byte, and replies as they came: status, reason, headers, body."""
import base64
import hashlib
import json
import os
import socket
import struct

JSON = "application/json"


class Reply:
    def __init__(self, raw):
        head, _, body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.raw, self.line = raw, lines[0]
        parts = lines[0].split(" ", 2)
        self.status, self.reason = int(parts[1]), parts[2]
        self.headers = dict((k.lower(), v) for k, _, v in (line.partition(": ") for line in lines[1:]))
        self.body = unchunk(body) if self.headers.get("transfer-encoding") == "chunked" else body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def message(self):
        return self.json["message"]

    def events(self):
        """A stream of JSON objects."""
        return [json.loads(line) for line in self.body.split(b"\n") if line]


def unchunk(body):
    out = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        n = int(size, 16)
        out, body = out + body[:n], body[n + 2:]
        if n == 0:
            break
    return out


class Api:
    def __init__(self, path):
        self.path = str(path)

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(20)
        s.connect(self.path)
        return s

    def raw(self, data):
        """Everything that comes until the server closes."""
        with self.connect() as s:
            s.sendall(data)
            out = b""
            while piece := s.recv(65536):
                out += piece
        return out

    def __call__(self, method, path, body=None, version="1.43", headers=None):
        if isinstance(body, (dict, list)):
            headers = {"Content-Type": JSON, **(headers or {})}
            body = json.dumps(body).encode()
        lines = ["%s %s%s HTTP/1.1" % (method, "/v" + version if version else "", path), "Host: d", "Connection: close"]
        lines += ["%s: %s" % pair for pair in (headers or {}).items()]
        if body is not None or method in ("POST", "PUT"):
            lines.append("Content-Length: %d" % len(body or b""))
        return Reply(self.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")))

    def get(self, path, **more):
        return self("GET", path, **more)

    def post(self, path, body=None, **more):
        return self("POST", path, body, **more)

    def delete(self, path, **more):
        return self("DELETE", path, **more)

    def create(self, name, cmd=("sleep", "300"), **more):
        reply = self.post("/containers/create?name=" + name, {"Image": "busybox", "Cmd": list(cmd), **more})
        assert reply.status == 201, reply.raw
        return reply.json["Id"]

    def run(self, name, cmd=("sleep", "300"), **more):
        cid = self.create(name, cmd, **more)
        assert self.post("/containers/%s/start" % cid).status == 204
        return cid


class WebSocket:
    """The client's end (RFC 6455)."""
    TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10

    def __init__(self, api, path, version="1.43"):
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket = api.connect()
        self.socket.sendall(("GET /v%s%s HTTP/1.1\r\nHost: d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n" % (version, path, key)).encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        self.reply = Reply(head + b"\r\n\r\n")
        digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        self.accepted = self.reply.headers.get("sec-websocket-accept") == base64.b64encode(digest).decode()

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        self.buffer += data

    def send(self, data, opcode=BINARY, last=True):
        mask = os.urandom(4)
        length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack("!H", len(data)) if len(data) < 65536 \
            else b"\xff" + struct.pack("!Q", len(data))
        self.socket.sendall(bytes([0x80 * last | opcode]) + length + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def take(self, n):
        while len(self.buffer) < n:
            self.more()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def receive(self):
        """(opcode, data) of the next frame."""
        first, n = self.take(2)
        assert first & 0x80 and n < 128, "servers send whole, unmasked messages"
        n = struct.unpack("!H", self.take(2))[0] if n == 126 else struct.unpack("!Q", self.take(8))[0] if n == 127 else n
        return first & 15, self.take(n)

    def read_until(self, text):
        data = b""
        while text not in data:
            opcode, piece = self.receive()
            assert opcode in (self.TEXT, self.BINARY), (opcode, piece, data)
            data += piece
        return data

    def close(self):
        self.socket.close()
