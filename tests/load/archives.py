#!/usr/bin/python3
"""docker load and docker save of one image beside skopeo between the same kind of
archive and a docker-registry on loopback: rates, and the peak memory of the
bulk workers meanwhile. Half of the layer's bytes can be packed.

usage: archives.py [MIB]     (a running quickstart: SOCKERLESS_RUN_DIR; as root)
"""
import http.client
import io
import json
import os
import pathlib
import socket
import subprocess
import sys
import tarfile
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.registry import Registry, digest_of, make_tar  # noqa: E402

RUN = os.environ.get("SOCKERLESS_RUN_DIR", "/run/sockerless")
TAR = {"Content-Type": "application/x-tar"}


def workers():
    """The children of the bulk pool's supervisor."""
    parent = (pathlib.Path(RUN) / "services/bulk/supervise/pid").read_text().strip()
    found = []
    for p in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (p / "stat").read_text().rsplit(")", 1)[1].split()[1] == parent:
                found.append(p)
        except OSError:
            pass
    return found


def peak():
    """Of the largest, in MB."""
    return max(int(line.split()[1]) for p in workers() for line in open(p / "status") if line.startswith("VmHWM:")) * 1024 / 1e6


def request(method, path, body=None, to=None):
    """Returns the last bytes of the reply; all of them go to the file `to`."""
    c = http.client.HTTPConnection("docker", timeout=600)
    c.sock = socket.socket(socket.AF_UNIX)
    c.sock.connect(RUN + "/docker/docker.sock")
    c.request(method, "/v1.43" + path, body, TAR if body else {})
    reply, data = c.getresponse(), b""
    while piece := reply.read(1 << 20):
        data = piece
        if to:
            to.write(piece)
    assert reply.status in (200, 201), (reply.status, data)
    c.close()
    return data


def write_archive(path, mib):
    layer = make_tar({"large": b"".join(os.urandom(1 << 19) + bytes(1 << 19) for _ in range(mib))})
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]}}).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": ["archive:1"], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(path, "w") as tar:
        for name, data in (("manifest.json", manifest), ("config.json", config), ("layer.tar", layer)):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def measure(what, mib, work):
    for p in workers():
        (p / "clear_refs").write_text("5")
    before, begun = peak(), time.monotonic()
    work()
    taken = time.monotonic() - begun
    print("%-22s %6.1f MB/s   largest bulk worker %5.1f MB, before %5.1f MB" % (what, mib * 1.048576 / taken, peak(), before))


def skopeo(*arguments):
    subprocess.run(["skopeo", "--insecure-policy", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false", *arguments], check=True)


def load(path):
    with open(path, "rb") as f:
        assert b"Loaded image: archive:1" in request("POST", "/images/load?quiet=1", f)


def save(path):
    with open(path, "wb") as f:
        request("GET", "/images/archive:1/get", to=f)


def main():
    mib = int(sys.argv[1]) if len(sys.argv) > 1 else 256
    registry = Registry()
    with tempfile.TemporaryDirectory() as place:
        given, saved = place + "/given.tar", place + "/saved.tar"
        write_archive(given, mib)
        measure("load", mib, lambda: load(given))
        measure("save", mib, lambda: save(saved))
        assert request("DELETE", "/images/archive:1")
        measure("load of what was saved", mib, lambda: load(saved))
        assert request("DELETE", "/images/archive:1")
        measure("skopeo to a registry", mib, lambda: skopeo("docker-archive:" + given, "docker://%s/archive:1" % registry.address))
        os.unlink(saved)
        measure("skopeo from it", mib, lambda: skopeo("docker://%s/archive:1" % registry.address, "docker-archive:" + saved))
    registry.close()


main()
