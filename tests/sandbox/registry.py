"""A registry, and images of busybox with layers made by hand."""
import gzip
import io
import tarfile

import support.registry
from support.registry import DOCKER_LAYER, DOCKER_MANIFEST

BUSYBOX = "/bin/busybox"


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


class Registry(support.registry.Registry):
    def push_manifest(self, repo, manifest, media_type=DOCKER_MANIFEST, tag=None):
        return "%s/%s@%s" % (self.address, repo, self.put_manifest(repo, tag, manifest, media_type)["digest"])

    def image(self, repo, layers, architecture="amd64", diff_ids=None, history=None, layer_type=DOCKER_LAYER, compress=gzip.compress, tag=None):
        put = self.put_image(repo, tag, layers, architecture, {"Cmd": ["sh"]}, diff_ids=diff_ids, layer_type=layer_type, compress=compress,
                             history=history if history is not None else [{"created_by": "test"}] * len(layers))
        return "%s/%s@%s" % (self.address, repo, put["digest"])
