#!/usr/bin/python3
"""From an image that was never seen to the first line of its output, step by step:
pull, create, start, and from the start's answer to the line (negative: it came before).

usage: first_run.py [ROUNDS] [MIB]     (against DOCKER_HOST, a unix socket; MIB: random bytes in each image beside busybox)
"""
import gzip
import json
import os
import pathlib
import statistics
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "load")]
from docker_calls import Call  # noqa: E402
from support.registry import DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST, Registry, digest_of, make_tar  # noqa: E402

STEPS = ("pull", "create", "start", "line")


def put_image(registry, tag, mib):
    layers, diff_ids = [], []
    for files in ({"bin/busybox": pathlib.Path("/bin/busybox").read_bytes()}, {"data/" + tag: os.urandom(mib << 20)}):
        tar = make_tar(files)
        diff_ids.append(digest_of(tar))
        layers.append({"mediaType": DOCKER_LAYER, **registry.put_blob("first", gzip.compress(tar, 1, mtime=0))})
    config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    put = registry.put_blob("first", json.dumps(config).encode())
    registry.put_manifest("first", tag, {"schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "config": {"mediaType": DOCKER_CONFIG, **put}, "layers": layers})


def run(image):
    times = [time.perf_counter()]
    pull = Call("POST", "/images/create?fromImage=%s&tag=%s" % tuple(image.rsplit(":", 1))).head()
    while data := pull.sock.recv(65536):
        pull.buf += data
    assert b"Downloaded newer image" in pull.buf, pull.buf[-500:]
    pull.sock.close()
    times.append(time.perf_counter())
    made = Call("POST", "/containers/create", {"Image": image, "Cmd": ["/bin/busybox", "echo", "first"]}).end()["Id"]
    times.append(time.perf_counter())
    logs = Call("POST", "/containers/%s/attach?stream=1&stdout=1" % made, upgrade=True).head()
    Call("POST", "/containers/%s/start" % made).end()
    times.append(time.perf_counter())
    while b"first" not in logs.buf:
        data = logs.sock.recv(4096)
        assert data, logs.buf
        logs.buf += data
    times.append(time.perf_counter())
    logs.sock.close()
    Call("DELETE", "/containers/%s?force=1" % made).end()
    Call("DELETE", "/images/%s" % image).head().sock.close()
    return [b - a for a, b in zip(times, times[1:])]


def main():
    rounds, mib = (int(a) for a in (sys.argv[1:] + ["5", "20"][len(sys.argv) - 1:]))
    registry = Registry()
    rows = []
    try:
        for n in range(rounds):
            tag = "%d-%d" % (os.getpid(), n)
            put_image(registry, tag, mib)
            rows.append(run("%s/first:%s" % (registry.address, tag)))
    finally:
        registry.close()
    for name, times in zip((*STEPS, "all"), (*zip(*rows), [sum(r) for r in rows])):
        print("%-7s %6.0f ms" % (name, statistics.median(times) * 1000))


if __name__ == "__main__":
    main()
