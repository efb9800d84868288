"""How GitLab Runner works: attach, start, script, half-close, read to the end, wait; and again with the same container."""
import json
import socket

import pytest

from raw_api import Api, demultiplex, read_head


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
        s = waiting[condition] = api.send("POST", "/containers/%s/wait?condition=%s" % (container, condition))
        assert read_head(s).startswith(b"HTTP/1.1 200 OK\r\n")
    assert api.call("POST", "/containers/%s/start" % container)[0] == 204
    for s in waiting.values():
        body = b""
        while not body.endswith(b"0\r\n\r\n"):
            body += s.recv(4096)
        assert b'{"StatusCode":3}' in body
        s.close()
