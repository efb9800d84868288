#!/usr/bin/python3
"""A pull by one worker beside `skopeo copy` of the same image, from one
docker-registry to another on loopback: rates, the worker's processor time and
its peak memory. Half of each layer's bytes can be packed.

usage: pull.py [LAYERS] [MIB_EACH] [ROUNDS]     (BUILD_DIR as for the tests; as root or not)
"""
import gzip
import json
import os
import pathlib
import subprocess
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "create"), str(TESTS / "api")]
import conftest  # noqa: E402
import fastcgi  # noqa: E402
from support.registry import DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST, Registry, digest_of, make_tar  # noqa: E402


def put_image(source, count, mib):
    """One layer at a time in memory. Returns the sum of the blobs' bytes."""
    layers, diff_ids = [], []
    for n in range(count):
        tar = make_tar({"f%d" % n: b"".join(os.urandom(1 << 19) + bytes(1 << 19) for _ in range(mib))})
        diff_ids.append(digest_of(tar))
        layers.append({"mediaType": DOCKER_LAYER, **source.put_blob("big", gzip.compress(tar, 1, mtime=0))})
    config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    put = source.put_blob("big", json.dumps(config).encode())
    source.put_manifest("big", "1", {"schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "config": {"mediaType": DOCKER_CONFIG, **put}, "layers": layers})
    return sum(layer["size"] for layer in layers)


def skopeo(source):
    to = Registry()
    try:
        start = time.monotonic()
        subprocess.run(["skopeo", "--insecure-policy", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false",
                        "docker://%s/big:1" % source.address, "docker://%s/big:1" % to.address], check=True)
        return time.monotonic() - start
    finally:
        to.close()


def pull(service, source, tenant):
    service.db.execute("INSERT INTO tenant VALUES (?, 0)", (tenant,))
    c = fastcgi.Connection(service.socket)
    c.socket.settimeout(600)
    start = time.monotonic()
    c.begin({"REQUEST_METHOD": "POST", "REQUEST_URI": "/v1.43/images/create?fromImage=%s/big&tag=1" % source.address, "CONTENT_LENGTH": "",
             "SOCKERLESS_TENANT": tenant})
    c.end_body()
    body = c.reply().body
    taken = time.monotonic() - start
    c.close()
    assert b"Downloaded newer image" in body.splitlines()[-1], body[-500:]
    return taken


def of_process(service):
    """(processor seconds, peak resident KiB)"""
    fields = open("/proc/%d/stat" % service.process.pid).read().rsplit(")", 1)[1].split()
    peak = next(line for line in open("/proc/%d/status" % service.process.pid) if line.startswith("VmHWM"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(peak.split()[1])


def main():
    count, mib, rounds = (int(a) for a in (sys.argv[1:] + ["4", "100", "3"][len(sys.argv) - 1:]))
    service, source = conftest.Service(), Registry()
    try:
        total = put_image(source, count, mib) / 1e6
        print("%d layers, %.0f MB packed" % (count, total))
        for n in range(rounds):
            other = skopeo(source)
            before, _ = of_process(service)
            ours = pull(service, source, "t%d" % n)
            cpu, peak = of_process(service)
            print("skopeo %.1f s (%.0f MB/s)   pull %.1f s (%.0f MB/s), %.1f s of processor, peak %.0f MB"
                  % (other, total / other, ours, total / ours, cpu - before, peak / 1024))
    finally:
        source.close()
        service.close()


if __name__ == "__main__":
    main()
