"""Bytes to the Docker API as they stand, by the unix socket or by TLS."""
import json
import socket
import ssl


class Reply:
    def __init__(self, status, headers, body, raw):
        self.status, self.headers, self.body, self.raw = status, headers, body, raw

    def json(self):
        return json.loads(self.body)


class Raw:
    def __init__(self, system, way="unix", timeout=20):
        if way == "unix":
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(timeout)
            self.sock.connect(str(system.socket))
        elif way == "tls":
            certs = system.state / "certs" / "client"
            context = ssl.create_default_context(cafile=str(certs / "ca.pem"))
            context.load_cert_chain(str(certs / "cert.pem"), str(certs / "key.pem"))
            self.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", system.port), timeout), server_hostname="localhost")
        else:  # the agents' listener
            self.sock = socket.create_connection(("127.0.0.1", system.port + 1), timeout)
        self.buf = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def more(self):
        try:
            data = self.sock.recv(262144)
        except (ConnectionResetError, ssl.SSLError):
            data = b""
        self.buf += data
        return data

    def until(self, mark):
        while mark not in self.buf:
            if not self.more():
                raise EOFError("closed after %r" % self.buf[:300])
        data, self.buf = self.buf.split(mark, 1)
        return data

    def exactly(self, n):
        while len(self.buf) < n:
            if not self.more():
                raise EOFError("closed after %r" % self.buf[:300])
        data, self.buf = self.buf[:n], self.buf[n:]
        return data

    def rest(self):
        while self.more():
            pass
        data, self.buf = self.buf, b""
        return data

    def chunked(self):
        body = b""
        while True:
            n = int(self.until(b"\r\n"), 16)
            body += self.exactly(n)
            self.exactly(2)
            if not n:
                return body

    def reply(self, method="GET"):
        head = self.until(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {k.lower(): v for k, v in (l.split(": ", 1) for l in lines[1:] if ": " in l)}
        status = int(lines[0].split()[1])
        if method == "HEAD" or status in (101, 204, 304):
            body = b""
        elif headers.get("transfer-encoding") == "chunked":
            body = self.chunked()
        elif "content-length" in headers:
            body = self.exactly(int(headers["content-length"]))
        else:
            body = self.rest()
        return Reply(status, headers, body, head)

    def ask(self, data):
        self.send(data)
        return self.reply(data.split(b" ", 1)[0].decode("latin-1"))


def request(method, target, body=b"", headers=(), host="docker"):
    """The bytes of a request; all parts may hold any bytes."""
    def b(x):
        return x if isinstance(x, bytes) else x.encode()
    head = b(method) + b" " + b(target) + b" HTTP/1.1\r\nHost: " + b(host) + b"\r\n"
    for k, v in dict(headers).items():
        head += b(k) + b": " + b(v) + b"\r\n"
    if body:
        head += b"Content-Length: %d\r\n" % len(body)
    return head + b"\r\n" + body


def post_json(target, body):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return request("POST", target, data, {"Content-Type": "application/json"})
