"""
Reads an image back from a registry and holds it against Lambda's rules: one
architecture, gzip layers that are what their digests say, a history entry for
each, at most 10 GB, an entrypoint that is an absolute path and no link, a
working directory that exists. Whiteouts are followed by hand, apart from the
code under test.
"""
import gzip
import io
import json
import stat
import tarfile
from collections import namedtuple

from support.registry import DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST, digest_of

OCI = {"application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip"}
KINDS = {tarfile.REGTYPE: stat.S_IFREG, tarfile.AREGTYPE: stat.S_IFREG, tarfile.DIRTYPE: stat.S_IFDIR, tarfile.SYMTYPE: stat.S_IFLNK,
         tarfile.CHRTYPE: stat.S_IFCHR, tarfile.BLKTYPE: stat.S_IFBLK, tarfile.FIFOTYPE: stat.S_IFIFO}
Entry = namedtuple("Entry", "mode uid gid target data layer")


class LambdaImage:
    def __init__(self, registry, repository, reference):
        headers, body = registry.call("GET", "/v2/%s/manifests/%s" % (repository, reference), headers={"Accept": ", ".join(OCI | {DOCKER_MANIFEST})})
        assert len(body) <= 4 << 20
        assert reference == digest_of(body), "the image is named by something else than its digest"
        self.manifest = json.loads(body)
        kind = self.manifest.get("mediaType") or headers["Content-Type"]
        assert kind in OCI | {DOCKER_MANIFEST} and "manifests" not in self.manifest, "an index, or no manifest: " + kind
        described = self.manifest["config"]
        raw = registry.blob(repository, described["digest"])
        assert digest_of(raw) == described["digest"] and len(raw) == described["size"] and described["mediaType"] in OCI | {DOCKER_CONFIG}
        self.config = json.loads(raw)
        assert self.config["os"] == "linux" and self.config["architecture"] in ("amd64", "arm64")
        assert 1 <= len(self.manifest["layers"]) <= 127
        assert len([h for h in self.config["history"] if not h.get("empty_layer")]) == len(self.manifest["layers"])
        assert len(self.config["rootfs"]["diff_ids"]) == len(self.manifest["layers"])
        self.files = {"": Entry(stat.S_IFDIR | 0o755, 0, 0, None, None, -1)}
        self.tars, size = [], 0
        for n, (layer, diff_id) in enumerate(zip(self.manifest["layers"], self.config["rootfs"]["diff_ids"])):
            blob = registry.blob(repository, layer["digest"])
            assert layer["mediaType"] in OCI | {DOCKER_LAYER} and blob[:2] == b"\x1f\x8b" and len(blob) == layer["size"] and digest_of(blob) == layer["digest"]
            tar = gzip.decompress(blob)
            assert digest_of(tar) == diff_id
            size += len(tar)
            self.tars.append(tar)
            self.put_layer(n, tar)
        assert size <= 10 << 30
        self.check_start()

    def hide(self, path, itself):
        for name in [f for f in self.files if f.startswith(path + "/" if path else "") and f or itself and f == path]:
            del self.files[name]

    def put_layer(self, n, data):
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            members = tar.getmembers()
            for m in members:
                directory, _, base = m.name.removeprefix("./").rstrip("/").rpartition("/")
                if base == ".wh..wh..opq":
                    self.hide(directory, False)
                elif base.startswith(".wh."):
                    self.hide((directory + "/" if directory else "") + base[4:], True)
            for m in members:
                name = m.name.rstrip("/")
                name = name[2:] if name.startswith("./") else "" if name == "." else name
                base = name.rpartition("/")[2]
                if base.startswith(".wh."):
                    continue
                parts = name.split("/")
                for i in range(1, len(parts)):
                    above = "/".join(parts[:i])
                    if above not in self.files or not stat.S_ISDIR(self.files[above].mode):
                        self.files[above] = Entry(stat.S_IFDIR | 0o755, 0, 0, None, None, n)
                if m.islnk():
                    self.files[name] = self.files[m.linkname.removeprefix("./")]._replace(layer=n)
                    continue
                if name and not m.isdir():
                    self.hide(name, False)
                content = tar.extractfile(m).read() if m.isreg() else None
                self.files[name] = Entry(KINDS[m.type] | m.mode, m.uid, m.gid, m.linkname if m.issym() else None, content, n)

    def check_start(self):
        config = self.config["config"]
        entry = self.files[config["Entrypoint"][0].removeprefix("/")]
        assert config["Entrypoint"][0].startswith("/") and stat.S_ISREG(entry.mode) and entry.mode & 0o555 == 0o555, "no entrypoint that Lambda can start"
        parts = config["Entrypoint"][0].split("/")[1:-1]
        for i in range(len(parts)):
            above = self.files["/".join(parts[:i + 1])]
            assert stat.S_ISDIR(above.mode) and above.mode & 0o555 == 0o555, "the entrypoint lies behind a link or a locked directory"
        assert stat.S_ISDIR(self.files[config.get("WorkingDir", "/").strip("/")].mode)
        # What overlays a directory of the image must not lock it.
        for name in self.files:
            if name.startswith(".sockerless") and not self.files[name].target:
                above = self.files[name.rpartition("/")[0]]
                assert stat.S_ISDIR(above.mode)

    def unreadable(self):
        """Paths that the function's user, who is nobody's owner, can't read (or enter)."""
        return sorted(n for n, f in self.files.items() if n and not stat.S_ISLNK(f.mode) and (
            f.mode & 0o400 and not f.mode & 4 or f.mode & 0o100 and not f.mode & 1))

    def links(self):
        """Directories that lead to /tmp: path -> target."""
        return {"/" + n: f.target for n, f in self.files.items() if f.target and f.target.startswith("/tmp/.sockerless/")}

    def writable(self):
        return self.files[".sockerless/writable"].data.decode().splitlines()

    def seed(self):
        """Path -> content (None: a directory, str: a link's target)."""
        top = ".sockerless/seed/"
        return {n.removeprefix(top): f.target or f.data for n, f in self.files.items() if n.startswith(top)}
