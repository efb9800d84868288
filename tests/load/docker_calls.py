"""Requests of the Docker API over bare sockets: what a client's own work costs isn't measured."""
import json
import os
import socket

SOCKET = os.environ["DOCKER_HOST"].removeprefix("unix://")


class Call:
    """One request on a connection of its own."""

    def __init__(self, method, path, body=None, upgrade=False, content_type="application/json"):
        """body: bytes, or what becomes JSON."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(SOCKET)
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        head = "%s /v1.41%s HTTP/1.1\r\nHost: docker\r\nContent-Length: %d\r\n" % (method, path, len(data))
        if data:
            head += "Content-Type: %s\r\n" % content_type
        head += "Connection: Upgrade\r\nUpgrade: tcp\r\n" if upgrade else "Connection: close\r\n"
        self.sock.sendall(head.encode() + b"\r\n" + data)
        self.buf = b""

    def head(self):
        while b"\r\n\r\n" not in self.buf:
            data = self.sock.recv(65536)
            assert data, self.buf
            self.buf += data
        status = int(self.buf.split()[1])
        assert status < 300, self.buf
        return self

    def rest(self):
        """What came behind the head."""
        return self.buf.split(b"\r\n\r\n", 1)[1]

    def end(self):
        """Everything up to the end of the connection; the body as JSON if it is."""
        self.head()
        while data := self.sock.recv(262144):
            self.buf += data
        self.sock.close()
        body = self.buf.split(b"\r\n\r\n", 1)[1]
        at = body.find(b"{")
        return json.loads(body[at:body.rfind(b"}") + 1]) if at >= 0 else body
