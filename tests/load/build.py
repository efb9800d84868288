#!/usr/bin/python3
"""POST /build of a five-step Dockerfile over a bare socket beside `buildah bud`
of the same one alone: as the user that runs this (root, say), in no sandbox of ours,
with chroot isolation and a storage of its own. In turns; each time without the
cache and then from it.

usage: build.py [ROUNDS] [MIB]     (against DOCKER_HOST, a unix socket, with busybox there; MIB: random bytes in the context)
"""
import io
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from docker_calls import Call  # noqa: E402

DOCKERFILE = b'FROM busybox\nCOPY a /a\nRUN wc -c /a >/b\nENV X=1\nCMD ["cat", "/b"]\n'


def prepare(place, mib):
    """The context as a directory and as a tar; busybox for buildah."""
    os.mkdir(place + "/context")
    for name, content in (("Dockerfile", DOCKERFILE), ("a", os.urandom(mib << 20))):
        with open("%s/context/%s" % (place, name), "wb") as f:
            f.write(content)
    subprocess.run(["docker", "save", "-o", place + "/busybox.tar", "busybox"], check=True)
    buildah(place, "pull", "-q", "docker-archive:%s/busybox.tar" % place)
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as t:
        t.add(place + "/context", ".")
    return tar.getvalue()


def buildah(place, *args):
    subprocess.run(["buildah", "--root", place + "/root", "--runroot", place + "/run", "--storage-driver", "overlay", *args],
                   check=True, stdout=subprocess.DEVNULL)


def alone(place, *args):
    begun = time.perf_counter()
    buildah(place, "bud", "-q", "--layers", "--pull-never", "--format=docker", "--isolation=chroot", "-t", "load-build", *args, place + "/context")
    return time.perf_counter() - begun


def ours(tar, query):
    begun = time.perf_counter()
    call = Call("POST", "/build?t=load-build:1" + query, tar, content_type="application/x-tar")
    call.head()
    while data := call.sock.recv(65536):
        call.buf += data
    call.sock.close()
    assert b"Successfully tagged" in call.buf, call.buf[-500:]
    return time.perf_counter() - begun


def main():
    rounds, mib = (int(a) for a in (sys.argv[1:] + ["7", "1"][len(sys.argv) - 1:]))
    turns = {"without the cache": ("--no-cache", "&nocache=1"), "from the cache": ("", "")}
    times = {name: ([], []) for name in turns}
    with tempfile.TemporaryDirectory() as place:
        tar = prepare(place, mib)
        for _ in range(rounds):
            for name, (option, query) in turns.items():
                times[name][0].append(alone(place, *filter(None, [option])))
                times[name][1].append(ours(tar, query))
        buildah(place, "rmi", "--all", "--force")
    subprocess.run(["docker", "rmi", "-f", "load-build:1"], check=True, stdout=subprocess.DEVNULL)
    for name, both in times.items():
        buildahs, mine = (statistics.median(t) * 1000 for t in both)
        print("%-18s buildah alone %6.0f ms   docker build %6.0f ms   %.2f times as long" % (name, buildahs, mine, mine / buildahs))


if __name__ == "__main__":
    main()
