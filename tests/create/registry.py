"""A docker-registry that is both the registry of images and ECR's data plane, and images to push."""
import gzip
import hashlib
import io
import json
import socket
import subprocess
import tarfile
import time
import urllib.request

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def make_tar(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o755
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


class Registry:
    def __init__(self, directory):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.address = "127.0.0.1:%d" % s.getsockname()[1]
        config = directory + "/registry.yml"
        with open(config, "w") as f:
            f.write("""version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: %s/registry}, delete: {enabled: true}}
http: {addr: %s}
""" % (directory, self.address))
        self.process = subprocess.Popen(["docker-registry", "serve", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while True:
            try:
                opener.open("http://%s/v2/" % self.address).close()
                return
            except OSError:
                assert time.monotonic() < end and self.process.poll() is None, "docker-registry doesn't start"
                time.sleep(0.01)

    def close(self):
        self.process.terminate()
        self.process.wait(20)

    def call(self, method, path, data=None, kind=None):
        request = urllib.request.Request(path if path.startswith("http") else "http://%s%s" % (self.address, path), data=data, method=method)
        if kind:
            request.add_header("Content-Type", kind)
        return opener.open(request)

    def blob(self, repository, data):
        location = self.call("POST", "/v2/%s/blobs/uploads/" % repository, b"").headers["Location"]
        glue = "&" if "?" in location else "?"
        self.call("PUT", location + glue + "digest=" + digest_of(data), data, "application/octet-stream").close()
        return {"digest": digest_of(data), "size": len(data)}

    def push(self, repository, tag, files, config=None, architecture="amd64", **more):
        """Returns (image id, digest of the manifest)."""
        tar = make_tar(files)
        layer = self.blob(repository, gzip.compress(tar, mtime=0))
        document = {"architecture": architecture, "os": "linux", "created": "2026-01-02T03:04:05Z", "config": config or {},
                    "rootfs": {"type": "layers", "diff_ids": [digest_of(tar)]}, "history": [{"created": "2026-01-02T03:04:05Z", "comment": "made"}], **more}
        described = self.blob(repository, json.dumps(document).encode())
        manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST,
                               "config": dict(described, mediaType="application/vnd.docker.container.image.v1+json"),
                               "layers": [dict(layer, mediaType="application/vnd.docker.image.rootfs.diff.tar.gzip")]}).encode()
        self.call("PUT", "/v2/%s/manifests/%s" % (repository, tag or digest_of(manifest)), manifest, MANIFEST).close()
        return described["digest"], digest_of(manifest), len(manifest)

    def push_index(self, repository, tag, members):
        """members: architecture -> (digest, size)."""
        index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
            {"mediaType": MANIFEST, "digest": d, "size": n, "platform": {"os": "linux", "architecture": a}} for a, (d, n) in members.items()]}).encode()
        self.call("PUT", "/v2/%s/manifests/%s" % (repository, tag), index, INDEX).close()
        return digest_of(index)

    def manifest(self, repository, reference):
        request = urllib.request.Request("http://%s/v2/%s/manifests/%s" % (self.address, repository, reference), headers={"Accept": MANIFEST})
        return json.load(opener.open(request))

    def get_blob(self, repository, digest):
        return self.call("GET", "/v2/%s/blobs/%s" % (repository, digest)).read()
