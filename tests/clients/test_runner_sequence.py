"""How GitLab Runner works: attach, start, script, half-close, read to the end, wait; and again with the same container."""
import json
import socket

import pytest


class Api:
    def __init__(self, system):
        self.path = str(system.socket)

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(60)
        s.connect(self.path)
        return s

    def call(self, method, path, body=None):
        data = b"" if body is None else json.dumps(body).encode()
        s = self.connect()
        s.sendall(b"%s /v1.47%s HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                  % (method.encode(), path.encode(), len(data), data))
        reply = b""
        while chunk := s.recv(65536):
            reply += chunk
        s.close()
        head, _, rest = reply.partition(b"\r\n\r\n")
        if b"Transfer-Encoding: chunked" in head:
            out = b""
            while rest:
                size, _, rest = rest.partition(b"\r\n")
                out, rest = out + rest[:int(size, 16)], rest[int(size, 16) + 2:]
            rest = out
        return int(head.split()[1]), rest

    def attach(self, container):
        s = self.connect()
        s.sendall(b"POST /v1.47/containers/%s/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: docker\r\n"
                  b"Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n" % container.encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += s.recv(1)
        assert head.startswith(b"HTTP/1.1 101 UPGRADED\r\n"), head
        return s


def demultiplex(s):
    data, out = b"", {1: b"", 2: b""}
    while chunk := s.recv(65536):
        data += chunk
    while data:
        size = int.from_bytes(data[4:8], "big")
        out[data[0]] += data[8:8 + size]
        data = data[8 + size:]
    return out[1], out[2]


@pytest.mark.parametrize("order", ["attach first", "start first"])
def test_script_after_script(docker, order):
    api = Api(docker)
    status, body = api.call("POST", "/containers/create", {
        "Image": "busybox", "Cmd": ["sh"], "OpenStdin": True, "StdinOnce": True, "AttachStdin": True, "AttachStdout": True, "AttachStderr": True})
    assert status == 201, body
    container = json.loads(body)["Id"]
    for n in (3, 0, 7):
        if order == "attach first":
            stream = api.attach(container)
            assert api.call("POST", "/containers/%s/start" % container)[0] == 204
        else:
            assert api.call("POST", "/containers/%s/start" % container)[0] == 204
            stream = api.attach(container)
        script = "echo step %d\n" % n + "echo warn >&2\n" + ": %s\n" % ("x" * 200000) + "exit %d\n" % n
        stream.sendall(script.encode())
        stream.shutdown(socket.SHUT_WR)
        assert demultiplex(stream) == (b"step %d\n" % n, b"warn\n")
        stream.close()
        status, body = api.call("POST", "/containers/%s/wait?condition=not-running" % container)
        assert (status, json.loads(body)["StatusCode"]) == (200, n)


def test_head_of_wait_comes_before_start(docker):
    api = Api(docker)
    _, body = api.call("POST", "/containers/create", {"Image": "busybox", "Cmd": ["sh", "-c", "exit 3"], "HostConfig": {"AutoRemove": True}})
    container = json.loads(body)["Id"]
    waiting = {}
    for condition in ("removed", "next-exit"):
        s = waiting[condition] = api.connect()
        s.sendall(b"POST /v1.47/containers/%s/wait?condition=%s HTTP/1.1\r\nHost: docker\r\n\r\n" % (container.encode(), condition.encode()))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += s.recv(1)
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert api.call("POST", "/containers/%s/start" % container)[0] == 204
    for s in waiting.values():
        body = b""
        while not body.endswith(b"0\r\n\r\n"):
            body += s.recv(4096)
        assert b'{"StatusCode":3}' in body
        s.close()
