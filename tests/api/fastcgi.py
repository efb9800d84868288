"""A FastCGI client: sends one request to a worker's socket as nginx would, byte for byte, and reads the reply."""
import socket
import struct

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR = 1, 2, 3, 4, 5, 6, 7


def record(kind, data=b""):
    return struct.pack("!BBHHBx", 1, kind, 1, len(data), 0) + data


def pair(key, value):
    out = b""
    for text in (key, value):
        n = len(text)
        out += bytes([n]) if n < 128 else struct.pack("!I", n | 0x80000000)
    return out + key + value


def parameters(values):
    data = b"".join(pair(k.encode(), v if isinstance(v, bytes) else v.encode("utf-8", "surrogateescape")) for k, v in values.items())
    return b"".join(record(PARAMS, data[i:i + 60000]) for i in range(0, len(data), 60000)) + record(PARAMS)


class Reply:
    def __init__(self, raw):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        self.raw = raw
        self.lines = head.decode("latin-1").split("\r\n")
        self.headers = {}
        for line in self.lines:
            key, _, value = line.partition(": ")
            self.headers[key.lower()] = value
        status = self.headers.pop("status", "0 none")
        self.status, self.reason = int(status.split(" ", 1)[0]), status.split(" ", 1)[1]


class Connection:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(path)

    def begin(self, params):
        self.socket.sendall(record(BEGIN, struct.pack("!HB5x", 1, 0)) + parameters(params))

    def send_body(self, data):
        for i in range(0, len(data), 60000):
            self.socket.sendall(record(STDIN, data[i:i + 60000]))

    def end_body(self):
        self.socket.sendall(record(STDIN))

    def _exact(self, n):
        data = b""
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def read_record(self):
        """(type, data); EOFError when the worker closed."""
        _, kind, _, length, padding = struct.unpack("!BBHHBx", self._exact(8))
        data = self._exact(length)
        self._exact(padding)
        return kind, data

    def reply(self):
        out = b""
        while True:
            kind, data = self.read_record()
            if kind == STDOUT:
                out += data
            elif kind == END:
                return Reply(out)

    def close(self):
        self.socket.close()


def request(path, method, uri, body=b"", tenant="local", headers=None, params=None):
    values = {"REQUEST_METHOD": method, "REQUEST_URI": uri, "CONTENT_LENGTH": str(len(body)) if body else ""}
    if tenant is not None:
        values["SOCKERLESS_TENANT"] = tenant
    for key, value in (headers or {}).items():
        if key.lower() == "content-type":
            values["CONTENT_TYPE"] = value
        else:
            values["HTTP_" + key.upper().replace("-", "_")] = value
    values.update(params or {})
    connection = Connection(path)
    try:
        connection.begin(values)
        try:
            connection.send_body(body)
            connection.end_body()
        except BrokenPipeError:
            pass  # the worker may refuse a body without reading it
        return connection.reply()
    finally:
        connection.close()
