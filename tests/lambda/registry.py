"""docker-registry as ECR's data plane, and images small enough to push from a test."""
import gzip
import hashlib
import io
import json
import os
import socket
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from pathlib import Path

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
BUSYBOX = "/bin/busybox"
RUNTIME = Path(__file__).with_name("runtime.sh")

opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def runtime_layer():
    """busybox, its names, and the shell runtime."""
    out = io.BytesIO()
    names = subprocess.run([BUSYBOX, "--list"], check=True, capture_output=True, text=True).stdout.split()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        def add(name, kind=tarfile.DIRTYPE, mode=0o755, data=b"", link=""):
            member = tarfile.TarInfo(name)
            member.type, member.mode, member.size, member.linkname = kind, mode, len(data), link
            tar.addfile(member, io.BytesIO(data))
        for directory in ("bin", "etc", "tmp", "dev", "proc", "sys", "work"):
            add(directory)
        add("bin/busybox", tarfile.REGTYPE, data=Path(BUSYBOX).read_bytes())
        for name in names:
            if name != "busybox":
                add("bin/" + name, tarfile.SYMTYPE, link="busybox")
        add("runtime", tarfile.REGTYPE, data=RUNTIME.read_bytes())
        add("link", tarfile.SYMTYPE, link="runtime")
    return out.getvalue()


class Registry:
    repositories = ("test/runtime",)

    def __init__(self, directory):
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        config = Path(directory) / "config.yml"
        config.write_text(f"""version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {directory}/data}}, delete: {{enabled: true}}}}
http: {{addr: {self.address}}}
""")
        self.process = subprocess.Popen(["docker-registry", "serve", str(config)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while True:
            try:
                with opener.open(f"http://{self.address}/v2/"):
                    break
            except OSError:
                assert time.monotonic() < end and self.process.poll() is None, "docker-registry doesn't start"
                time.sleep(0.01)
        self.layer = runtime_layer()
        self.image = self.push("test/runtime")
        self.index = self.push_index("test/runtime")
        self.foreign = self.push("test/runtime", architecture="arm64")

    def stop(self):
        self.process.terminate()
        self.process.wait(30)

    def request(self, method, url, data=None, headers=None):
        if not url.startswith("http"):
            url = f"http://{self.address}{url}"
        with opener.open(urllib.request.Request(url, data=data, headers=headers or {}, method=method)) as reply:
            return reply.headers, reply.read()

    def put_blob(self, repository, data):
        headers, _ = self.request("POST", f"/v2/{repository}/blobs/uploads/", b"")
        url = headers["Location"]
        digest = digest_of(data)
        self.request("PUT", url + ("&" if "?" in url else "?") + "digest=" + digest, data, {"Content-Type": "application/octet-stream"})
        return {"digest": digest, "size": len(data)}

    def put_manifest(self, repository, manifest, kind):
        data = json.dumps(manifest).encode()
        digest = digest_of(data)
        self.request("PUT", f"/v2/{repository}/manifests/{digest}", data, {"Content-Type": kind})
        return digest, len(data)

    def push(self, repository, architecture="amd64", **config):
        """An image whose process is the shell runtime; `config` replaces members of the OCI config. By digest."""
        defaults = {"Entrypoint": ["/runtime"], "Cmd": ["from-image"], "WorkingDir": "/work", "Env": ["PATH=/bin", "FROM_IMAGE=yes"]}
        compressed = gzip.compress(self.layer, mtime=0)
        layer = self.put_blob(repository, compressed)
        text = json.dumps({"architecture": architecture, "os": "linux", "config": defaults | config,
                           "rootfs": {"type": "layers", "diff_ids": [digest_of(self.layer)]},
                           "history": [{"created_by": "test"}]}).encode()
        manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": {"mediaType": OCI_CONFIG} | self.put_blob(repository, text),
                    "layers": [{"mediaType": OCI_LAYER} | layer]}
        digest, _ = self.put_manifest(repository, manifest, OCI_MANIFEST)
        return f"{self.address}/{repository}@{digest}"

    def push_index(self, repository):
        one = self.push(repository).split("@")[1]
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX,
                 "manifests": [{"mediaType": OCI_MANIFEST, "digest": one, "size": self.manifest_size(repository, one),
                                "platform": {"architecture": "amd64", "os": "linux"}}]}
        digest, _ = self.put_manifest(repository, index, OCI_INDEX)
        return f"{self.address}/{repository}@{digest}"

    def manifest_size(self, repository, digest):
        _, data = self.request("GET", f"/v2/{repository}/manifests/{digest}", headers={"Accept": OCI_MANIFEST})
        return len(data)
