"""A real docker-registry on a free port of loopback, and images made by hand to push to it."""
import gzip
import hashlib
import http.client
import io
import json
import os
import socket
import subprocess
import tarfile
import time

BUSYBOX = "/bin/busybox"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
CONFIG = """version: 0.1
log: {accesslog: {disabled: true}, level: error}
storage: {filesystem: {rootdirectory: %s}}
http: {addr: "127.0.0.1:%d"}
"""


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def tar(entries, form=tarfile.GNU_FORMAT):
    """entries: (name, {type, mode, linkname, data, uid, ...})"""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as t:
        for name, attributes in entries:
            info = tarfile.TarInfo(name)
            data = attributes.pop("data", b"")
            info.mode = 0o755
            for key, value in attributes.items():
                setattr(info, key, value)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def directory(mode=0o755):
    return {"type": tarfile.DIRTYPE, "mode": mode}


def busybox_layer():
    with open(BUSYBOX, "rb") as f:
        binary = f.read()
    applets = ["sh", "ls", "cat", "id", "df", "touch", "echo", "sleep", "nc", "wget", "mkdir", "dd", "ps", "unshare",
               "stat", "env", "hostname", "setsid", "grep", "true"]
    entries = [("bin", directory()), ("bin/busybox", {"data": binary}), ("etc", directory()),
               ("etc/passwd", {"data": b"root:x:0:0::/:/bin/sh\n", "mode": 0o644}),
               ("secret", {"data": b"root's\n", "mode": 0o600}), ("work", directory())]
    entries += [("bin/" + a, {"type": tarfile.SYMTYPE, "linkname": "busybox"}) for a in applets]
    return tar(entries)


class Registry:
    def __init__(self, directory_):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        config = os.path.join(directory_, "registry.yml")
        with open(config, "w") as f:
            f.write(CONFIG % (os.path.join(directory_, "registry"), self.port))
        self.process = subprocess.Popen(["docker-registry", "serve", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while True:
            try:
                if self.call("GET", "/v2/")[0] == 200:
                    break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def call(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status, answer.headers

    def blob(self, repo, data):
        status, headers = self.call("POST", "/v2/%s/blobs/uploads/" % repo, b"")
        assert status == 202, status
        location = headers["Location"].split("://", 1)[1].split("/", 1)[1]
        separator = "&" if "?" in location else "?"
        status, _ = self.call("PUT", "/%s%sdigest=%s" % (location, separator, sha256(data)), data,
                              {"Content-Type": "application/octet-stream"})
        assert status == 201, status
        return sha256(data)

    def manifest(self, repo, manifest, media_type=MANIFEST, tag=None):
        body = json.dumps(manifest).encode()
        status, _ = self.call("PUT", "/v2/%s/manifests/%s" % (repo, tag or sha256(body)), body, {"Content-Type": media_type})
        assert status == 201, status
        return "127.0.0.1:%d/%s@%s" % (self.port, repo, sha256(body))

    def image(self, repo, layers, architecture="amd64", diff_ids=None, history=None, layer_type=LAYER, compress=gzip.compress, tag=None):
        config = json.dumps({
            "architecture": architecture, "os": "linux", "config": {"Cmd": ["sh"]},
            "rootfs": {"type": "layers", "diff_ids": diff_ids or [sha256(layer) for layer in layers]},
            "history": history if history is not None else [{"created_by": "test"}] * len(layers),
        }).encode()
        packed = [compress(layer) for layer in layers]
        for blob in packed + [config]:
            self.blob(repo, blob)
        return self.manifest(repo, {
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(config), "digest": sha256(config)},
            "layers": [{"mediaType": layer_type, "size": len(b), "digest": sha256(b)} for b in packed],
        }, tag=tag)
