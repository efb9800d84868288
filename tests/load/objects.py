#!/usr/bin/python3
"""What a client waits for with few and with many containers: list of 1, 100,
1000, inspect, create and rm, events to 100 listeners; with an image that has a
shell also `cp` of 64 MiB in and out and logs of 1,000,000 lines. The same
against any daemon, so that two can be compared.

usage: objects.py [COUNT] [--run]     (against DOCKER_HOST, a unix socket; --run: the image busybox is there and runs)
"""
import io
import json
import os
import statistics
import sys
import tarfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from docker_calls import Call  # noqa: E402

LISTENERS = 100


def tar_of(name, data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        t.addfile(member, io.BytesIO(data))
    return out.getvalue()


class Daemon:
    """Requests on one connection that is kept."""

    def __init__(self):
        import http.client
        import socket
        self.http = http.client.HTTPConnection("docker")
        self.http.sock = socket.socket(socket.AF_UNIX)
        self.http.sock.connect(os.environ["DOCKER_HOST"].removeprefix("unix://"))

    def __call__(self, method, path, body=None, kind="application/json"):
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        self.http.request(method, "/v1.41" + path, data, {"Content-Type": kind} if data else {})
        reply = self.http.getresponse()
        data = reply.read()
        assert reply.status < 400, (method, path, reply.status, data[:300])
        return data


def timed(name, times, call):
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        size = len(call() or b"")
        took.append(time.perf_counter() - begun)
    middle = statistics.median(took)
    print("  %-36s median %9.3f ms %9.0f/s %9d bytes" % (name, middle * 1000, 1 / middle, size), flush=True)
    return middle


def create(daemon, name):
    return json.loads(daemon("POST", "/containers/create?name=" + name, {"Image": "load:tiny", "Cmd": ["/none"]}))["Id"]


def create_and_remove(daemon):
    daemon("DELETE", "/containers/" + create(daemon, "load-one"))


def fan_out(daemon):
    """From a rename to the last of the listeners that heard of it."""
    create(daemon, "load-events")
    calls = [Call("GET", "/events").head() for _ in range(LISTENERS)]
    took = []
    for i in range(10):
        heard = []

        def listen(call):
            while ("load-events-%d" % i).encode() not in call.buf:
                call.buf += call.sock.recv(65536)
            heard.append(time.perf_counter())
        threads = [threading.Thread(target=listen, args=(c,)) for c in calls]
        for t in threads:
            t.start()
        begun = time.perf_counter()
        daemon("POST", "/containers/%s/rename?name=load-events-%d" % ("load-events" if i == 0 else "load-events-%d" % (i - 1), i))
        for t in threads:
            t.join()
        took.append(max(heard) - begun)
    print("  %-36s median %9.3f ms" % ("an event at %d listeners" % LISTENERS, statistics.median(took) * 1000))
    for c in calls:
        c.sock.close()
    daemon("DELETE", "/containers/load-events-9")


def run(daemon):
    cid = json.loads(daemon("POST", "/containers/create", {"Image": "busybox", "Cmd": ["sleep", "600"]}))["Id"]
    daemon("POST", "/containers/%s/start" % cid)
    data = tar_of("load", os.urandom(64 << 20))
    timed("64 MiB in", 3, lambda: daemon("PUT", "/containers/%s/archive?path=/tmp" % cid, data, "application/x-tar"))
    timed("64 MiB out", 3, lambda: daemon("GET", "/containers/%s/archive?path=/tmp/load" % cid))
    daemon("DELETE", "/containers/%s?force=1" % cid)
    cid = json.loads(daemon("POST", "/containers/create", {"Image": "busybox", "Cmd": ["seq", "1000000"]}))["Id"]
    begun = time.perf_counter()
    daemon("POST", "/containers/%s/start" % cid)
    daemon("POST", "/containers/%s/wait" % cid)
    print("  %-36s %16.3f s" % ("run of 1,000,000 lines", time.perf_counter() - begun))
    timed("logs of them", 3, lambda: daemon("GET", "/containers/%s/logs?stdout=1" % cid))
    timed("the last 100 of them", 10, lambda: daemon("GET", "/containers/%s/logs?stdout=1&tail=100" % cid))
    daemon("DELETE", "/containers/" + cid)


def main():
    words = [a for a in sys.argv[1:] if a != "--run"]
    most = int(words[0]) if words else 1000
    daemon = Daemon()
    daemon("POST", "/images/create?fromSrc=-&repo=load&tag=tiny", tar_of("none", b"x"), "application/x-tar")
    names = []
    print(json.loads(daemon("GET", "/version"))["Version"])
    try:
        for count in [n for n in (1, 100, 1000, 10000) if n <= most]:
            while len(names) < count:
                create(daemon, "load-%d" % len(names))
                names.append("load-%d" % len(names))
            timed("list of %d" % count, 20, lambda: daemon("GET", "/containers/json?all=1"))
            timed("inspect, 1 of %d" % count, 100, lambda: daemon("GET", "/containers/load-0/json"))
            timed("create and rm beside %d" % count, 10, lambda: create_and_remove(daemon))
        fan_out(daemon)
        if "--run" in sys.argv:
            run(daemon)
    finally:
        for name in names:
            daemon("DELETE", "/containers/" + name)
        daemon("DELETE", "/images/load:tiny")


main()
