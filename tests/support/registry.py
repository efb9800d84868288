"""A real docker-registry on a free port of loopback, and images that are made by hand and pushed to it."""
import gzip
import hashlib
import io
import json
import shutil
import ssl
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from support.waiting import free_port, wait_until

SECRET_BY_BCRYPT = "$2b$04$XdzCJ3LIEVoRkCFo77Xk7.uUPpk1LBiMh.7D6IxsvqWenQY54QnGK"  # htpasswd's "secret"

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"

opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def make_tar(files):
    """files: name -> bytes; all of mode 0755."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o755
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def pack(tar):
    """The same blob for the same tar: gzip.compress() alone keeps the time."""
    return gzip.compress(tar, mtime=0)


class Registry:
    def __init__(self, auth="", tls=None, size=None):
        """auth: the auth section of docker-registry's configuration; tls: files of certificate and key; size: of a disk of its own, "2m" (as root)."""
        self.directory = Path(tempfile.mkdtemp(prefix="sockerless-registry-"))
        self.port = free_port()
        self.address = "127.0.0.1:%d" % self.port
        self.url = ("https://" if tls else "http://") + self.address
        config = self.directory / "config.yml"
        config.write_text("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
                          "storage: {filesystem: {rootdirectory: %s/data}, delete: {enabled: true}}\n"
                          "http: {addr: '%s'%s}\n%s" % (self.directory, self.address, ", tls: {certificate: %s, key: %s}" % tls if tls else "", auth))
        command = ["docker-registry", "serve", str(config)]
        if size:
            (self.directory / "data").mkdir()
            command = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=%s none "$0" && exec "$@"' % size, self.directory / "data", *command]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self.is_up, what="docker-registry's first answer")

    def is_up(self):
        assert self.process.poll() is None, "docker-registry doesn't start"
        try:
            self.call("GET", "/v2/")
        except urllib.error.HTTPError as e:
            return e.code == 401
        except urllib.error.URLError as e:
            return isinstance(e.reason, ssl.SSLError)
        except OSError:
            return False
        return True

    def close(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory)

    def call(self, method, path, data=None, headers=None):
        """The reply's headers and body; an HTTPError for anything but success. path: or a whole URL."""
        url = path if path.startswith("http") else self.url + path
        with opener.open(urllib.request.Request(url, data=data, headers=headers or {}, method=method), timeout=20) as reply:
            return reply.headers, reply.read()

    def put_blob(self, repository, data, headers=None):
        url = self.call("POST", "/v2/%s/blobs/uploads/" % repository, b"", headers)[0]["Location"]
        self.call("PUT", "%s%sdigest=%s" % (url, "&" if "?" in url else "?", digest_of(data)), data,
                  {"Content-Type": "application/octet-stream"} | (headers or {}))
        return {"digest": digest_of(data), "size": len(data)}

    def put_manifest(self, repository, reference, manifest, media_type=DOCKER_MANIFEST, headers=None):
        """reference: a tag; None: by digest alone."""
        body = json.dumps(manifest).encode()
        self.call("PUT", "/v2/%s/manifests/%s" % (repository, reference or digest_of(body)), body, {"Content-Type": media_type} | (headers or {}))
        return {"mediaType": media_type, "digest": digest_of(body), "size": len(body)}

    def put_image(self, repository, reference, layers, architecture="amd64", config=None, headers=None, diff_ids=None,
                  layer_type=DOCKER_LAYER, compress=pack, media_types=(DOCKER_MANIFEST, DOCKER_CONFIG), **extra):
        """layers: tars. Returns the manifest's descriptor with "id", the config's digest."""
        document = {"architecture": architecture, "os": "linux", "config": config or {},
                    "rootfs": {"type": "layers", "diff_ids": diff_ids or [digest_of(t) for t in layers]}, **extra}
        described = self.put_blob(repository, json.dumps(document).encode(), headers)
        packed = {t: compress(t) for t in layers}
        put = {t: self.put_blob(repository, blob, headers) for t, blob in packed.items()}
        blobs = [put[t] for t in layers]
        manifest = {"schemaVersion": 2, "mediaType": media_types[0], "config": {"mediaType": media_types[1], **described},
                    "layers": [{"mediaType": layer_type, **b} for b in blobs]}
        return self.put_manifest(repository, reference, manifest, media_types[0], headers) | {"id": described["digest"]}

    def manifest(self, repository, reference):
        return json.loads(self.call("GET", "/v2/%s/manifests/%s" % (repository, reference), headers={"Accept": DOCKER_MANIFEST})[1])

    def blob(self, repository, digest):
        return self.call("GET", "/v2/%s/blobs/%s" % (repository, digest))[1]
