"""docker pull from servers that answer nonsense, without end, or never. Each ends in time with a clear error, or when
the client leaves, and leaves no image behind."""
import hashlib
import json
import pathlib
import socket
import threading
import time

import pytest

from conftest import load, wait_until
from raw import Raw, request

tests = load("registry_tests", pathlib.Path(__file__).resolve().parents[1] / "registry" / "test_registry.py")
MANIFEST, INDEX, sha = tests.DOCKER_MANIFEST, tests.DOCKER_INDEX, tests.digest_of


class Bytes:
    """A server that reads a head and then does what the test says with the connection."""

    def __init__(self, behave):
        self.behave = behave
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.host = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.open = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                c, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        self.open += 1
        try:
            c.settimeout(60)
            self.behave(c, c.recv(65536))
        except OSError:
            pass
        finally:
            self.open -= 1
            c.close()

    def close(self):
        self.listener.close()


@pytest.fixture
def serve(request):
    def start(behave, kind=Bytes):
        server = kind(behave)
        request.addfinalizer(server.close)
        return server
    return start


def pull(system, host, name="x:1", seconds=40):
    """What the client reads of a pull that has to fail."""
    begun = time.monotonic()
    p = system.docker("pull", "%s/%s" % (host, name), timeout=seconds)
    assert p.returncode == 1 and p.stderr.strip(), (p.stdout, p.stderr)
    assert system.ok("images", "-q", host + "/" + name.split(":")[0]) == ""
    assert time.monotonic() - begun < seconds
    return p.stderr


def endless(start, piece):
    def behave(c, _):
        c.sendall(start)
        while True:
            c.sendall(piece)
    return behave


NONSENSE = [b"SSH-2.0-OpenSSH_9.2\r\n", b"", b"\0" * 1000, b"HTTP/1.1 999 What\r\n\r\n", b"HTTP/1.1 200\r\nContent-Length: -5\r\n\r\n", b"HTTP/9.9 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 14\r\nConnection: close\r\n\r\n<html></html>\r\n",
            b"HTTP/1.1 500 Oops\r\nContent-Length: 2\r\nConnection: close\r\n\r\n\xff\xfe", b"HTTP/1.1 401 No\r\nWWW-Authenticate: \xff\xfe\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer realm=\"file:///etc/passwd\"\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer realm=\"http://127.0.0.1:1/\xff\"\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 302 Found\r\nLocation: gopher://x/\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 302 Found\r\nLocation: /v2/\r\nContent-Length: 0\r\n\r\n"]


def test_nonsense(hostile, serve):
    for raw in NONSENSE:
        server = serve(lambda c, _, raw=raw: c.sendall(raw))
        pull(hostile, server.host)


def test_endless(hostile, serve):
    ok = b"HTTP/1.1 200 OK\r\n"
    for behave in (endless(b"", b"x" * 65536), endless(ok, b"X-More: " + b"y" * 1000 + b"\r\n"), endless(ok + b"X: ", b"y" * 65536), endless(ok + b"\r\n", b"[" * 65536),
                   endless(ok + b"Transfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"{" * 4096 + b"\r\n"), endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)):
        pull(hostile, serve(behave).host)


def docs(layer, size=None, **more):
    """A registry with one image of one layer, whose parts `more` replaces."""
    config = more.get("config", json.dumps({"architecture": "amd64", "os": "linux", "config": more.get("inner", {"Cmd": ["x"]}),
                                            "rootfs": {"type": "layers", "diff_ids": [sha(b"x")]}}).encode())
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST,
                           "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(config), "digest": sha(config)},
                           "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": size if size is not None else len(layer), "digest": sha(layer)}]}).encode()

    def handle(r):
        if "/manifests/" in r.path:
            return 200, {"Content-Type": MANIFEST}, more.get("manifest", manifest)
        if sha(config) in r.path:
            return 200, {}, config
        if "/blobs/" in r.path:
            return more["blob"](r) if "blob" in more else (200, {}, layer)
        return 200, {}, b"{}"
    return handle


def test_wrong_bytes(hostile, serve):
    other = hashlib.sha256(b"other").hexdigest()
    layer = b"layer" * 1000
    for name, handle, text in (
            ("x:1", docs(layer, blob=lambda r: (200, {}, b"other")), "verification failed"),
            ("x:1", docs(layer, blob=lambda r: (200, {}, layer + b"x")), "more bytes"),
            ("x:1", docs(layer, blob=lambda r: (200, {"Content-Length": "5000"}, layer[:100])), "unexpected EOF"),
            ("x:1", docs(layer, blob=lambda r: (302, {"Location": r.path}, b"")), "redirect"),
            ("x:1", docs(layer, blob=lambda r: (302, {"Location": "file:///etc/passwd"}, b"")), "protocol"),
            ("x:1", docs(layer, blob=lambda r: (404, {}, b"{}")), ""),
            ("x:1", docs(layer, size=1 << 62), "malformed"), ("x:1", docs(layer, size=-1), "malformed"),
            ("x@sha256:" + other, docs(layer), "verification failed"),
            ("x:1", docs(layer, config=b"[" * 100000), "malformed"), ("x:1", docs(layer, config=b"\xff"), "malformed"),
            ("x:1", docs(layer, manifest=b" " * (5 << 20)), "larger"), ("x:1", docs(layer, manifest=b"[" * (3 << 20)), "malformed"),
            ("x:1", docs(layer, manifest=b'{"schemaVersion":2,"mediaType":"%s","manifests":[%s]}' % (INDEX.encode(), b",".join([b'{"digest":"x","platform":{}}'] * 100000))), ""),
            ("x:1", docs(layer, manifest=b'{"a":' * 5000 + b"1" + b"}" * 5000), "malformed")):
        server = serve(handle, tests.Server)
        said = pull(hostile, server.host, name)
        assert text in said, said


def test_index_of_indexes(hostile, serve):
    """A manifest list that names itself, as far as that can be had: one level is followed, no more."""
    inner = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).encode()
    outer = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {"mediaType": INDEX, "size": len(inner), "digest": sha(inner), "platform": {"os": "linux", "architecture": "amd64"}}]}).encode()
    server = serve(lambda r: (200, {"Content-Type": INDEX}, inner if sha(inner) in r.path else outer) if "/manifests/" in r.path else (200, {}, b"{}"), tests.Server)
    assert "not supported" in pull(hostile, server.host)


CONFIGS = [{"Env": 5}, {"Env": [1, None]}, {"Cmd": "x"}, {"Cmd": {"a": 1}}, {"Entrypoint": 7}, {"Labels": []}, {"Labels": {"a": 1}}, {"WorkingDir": {}}, {"User": 1}, {"ExposedPorts": []},
           {"Volumes": "x"}, {"Healthcheck": {"Test": 1, "Interval": "x"}}, {"Healthcheck": []}, {"StopSignal": 9}, {"Shell": "x"}, {"OnBuild": {}}, {"Env": ["", "=", "\0", "A\0B=c"]},
           {"Env": ["A=" + "x" * 500000]}, {"WorkingDir": "relative"}, {"StopSignal": "NOSUCH"}, {"Labels": {"k": "v" * 400000}}, [], "x", None]


def test_config_of_wrong_types(hostile, serve):
    """An image whose config Go couldn't read: refused at pull, or shown and refused at create, but never a crash."""
    layer = tests.gzip.compress(tests.make_tar({"x": b"1"}))
    for inner in CONFIGS:
        server = serve(docs(layer, inner=inner), tests.Server)
        image = server.host + "/x:1"
        p = hostile.docker("pull", image)
        if p.returncode == 0:
            hostile.ok("images")
            hostile.inspect(image)
            p = hostile.docker("create", image)
            if p.returncode == 0:
                hostile.ok("ps", "-a")
                hostile.inspect(p.stdout.strip())
                hostile.ok("rm", p.stdout.strip())
            else:
                assert p.stderr.strip()
            hostile.ok("rmi", "-f", image)
        else:
            assert p.stderr.strip(), inner
        assert "502" not in p.stderr and "can't be reached" not in p.stderr, (str(inner)[:100], p.stderr)


def test_never_and_drop_by_drop(hostile, serve):
    """As dockerd does, 15 s are waited for the registry's first answer, and no longer."""
    def drip(c, _):
        c.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            c.sendall(b"X")
            time.sleep(0.5)
    servers = [serve(lambda c, _: time.sleep(50)), serve(drip)]
    pulls = [hostile.popen("pull", s.host + "/x:1") for s in servers]
    for p in pulls:
        _, err = p.communicate(timeout=30)
        assert p.returncode == 1 and b"Client.Timeout exceeded" in err


def test_clients_that_leave_free_their_workers(hostile, serve):
    """Three times as many pulls from a registry that never answers as there are workers; all of their clients go."""
    server = serve(lambda c, _: c.recv(1))
    waiting = [Raw(hostile) for _ in range(24)]
    for c in waiting:
        c.send(request("POST", "/images/create?fromImage=%s/x&tag=1" % server.host, headers={"Content-Length": "0"}))
    wait_until(lambda: server.open >= 4, 10, "the pulls' beginning")
    for c in waiting:
        c.sock.close()
    begun = time.monotonic()
    assert hostile.docker("rmi", "nosuch", timeout=30).returncode == 1
    assert time.monotonic() - begun < 10
    wait_until(lambda: server.open == 0, 10, "the end of the pulls")
