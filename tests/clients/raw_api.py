"""The API as a client without a library sends it: byte by byte, on connections of its own."""
import io
import json
import socket
import tarfile


class Api:
    def __init__(self, system, version="1.47"):
        self.path = str(system.socket)
        self.version = version

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(60)
        s.connect(self.path)
        return s

    def send(self, method, path, body=b"", **headers):
        """A connection on which the request was sent whole."""
        s = self.connect()
        head = {"Host": "docker", "Content-Length": str(len(body)), **{k.replace("_", "-"): v for k, v in headers.items()}}
        s.sendall(("%s /v%s%s HTTP/1.1\r\n%s\r\n\r\n" % (method, self.version, path, "\r\n".join("%s: %s" % h for h in head.items()))).encode() + body)
        return s

    def call(self, method, path, body=None, content_type="application/json"):
        """Status and body; a body that is no bytes is sent as JSON."""
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        s = self.send(method, path, data, Connection="close", Content_Type=content_type)
        reply = b""
        while chunk := s.recv(65536):
            reply += chunk
        s.close()
        head, _, rest = reply.partition(b"\r\n\r\n")
        return int(head.split()[1]), unchunk(rest) if b"Transfer-Encoding: chunked" in head else rest

    def json(self, method, path, body=None, status=200):
        got, reply = self.call(method, path, body)
        assert got == status, (method, path, got, reply)
        return json.loads(reply) if reply else None

    def upgrade(self, path, body=b""):
        """A hijacked connection, after its head."""
        s = self.send("POST", path, body, Connection="Upgrade", Upgrade="tcp", Content_Type="application/json")
        head = read_head(s)
        assert head.startswith(b"HTTP/1.1 101 UPGRADED\r\n"), head
        return s

    def attach(self, container):
        return self.upgrade("/containers/%s/attach?stream=1&stdin=1&stdout=1&stderr=1" % container)

    def put(self, container, path, members):
        """PUT archive; members: {name: bytes, or None for a directory}. The status."""
        return self.call("PUT", "/containers/%s/archive?path=%s" % (container, path), make_tar(members), "application/x-tar")[0]

    def get(self, container, path):
        """GET archive: {name: bytes, or None for a directory}."""
        status, data = self.call("GET", "/containers/%s/archive?path=%s" % (container, path))
        assert status == 200, data
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            return {m.name: tar.extractfile(m).read() if m.isfile() else None for m in tar}

    def exec(self, container, cmd, **config):
        """Runs it as act and Testcontainers do: create, start with its stream, inspect. (code, stdout, stderr)"""
        made = self.json("POST", "/containers/%s/exec" % container, dict(config, Cmd=cmd, AttachStdout=True, AttachStderr=True), 201)["Id"]
        s = self.upgrade("/exec/%s/start" % made, b'{"Detach":false,"Tty":false}')
        out = demultiplex(s)
        s.close()
        state = self.json("GET", "/exec/%s/json" % made)
        assert state["Running"] is False
        return (state["ExitCode"], *out)


def make_tar(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in members.items():
            m = tarfile.TarInfo(name)
            m.type, m.mode, m.size = (tarfile.DIRTYPE, 0o777, 0) if data is None else (tarfile.REGTYPE, 0o755, len(data))
            tar.addfile(m, io.BytesIO(data or b""))
    return out.getvalue()


def unchunk(rest):
    out = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        out, rest = out + rest[:int(size, 16)], rest[int(size, 16) + 2:]
    return out


def read_head(s):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = s.recv(1)
        assert byte, head
        head += byte
    return head


def demultiplex(s):
    """(stdout, stderr) of a multiplexed stream, to its end."""
    data, out = b"", {1: b"", 2: b""}
    while chunk := s.recv(65536):
        data += chunk
    while data:
        size = int.from_bytes(data[4:8], "big")
        out[data[0]] += data[8:8 + size]
        data = data[8 + size:]
    return out[1], out[2]
