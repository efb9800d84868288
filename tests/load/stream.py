#!/usr/bin/python3
"""Bytes through `exec -i cat` both ways, in alone and out alone, and through
attach, beside the same bytes through the same programs on this machine, with
one unix socket between them and this one.

usage: stream.py [MIB]     (against DOCKER_HOST, a unix socket)
"""
import os
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from docker_calls import Call  # noqa: E402

CHUNK = b"\0" * (256 * 1024)


def feed(sock, size):
    sent = 0
    while sent < size:
        sock.sendall(CHUNK[:size - sent])
        sent += min(len(CHUNK), size - sent)
    sock.shutdown(socket.SHUT_WR)


def count(sock, rest=b""):
    """Payload bytes until the end; rest: what came already. Frames are counted off by their heads alone."""
    total, skip, buf = 0, 0, rest
    while True:
        while True:
            if skip:
                n = min(skip, len(buf))
                skip -= n
                buf = buf[n:]
            if skip or len(buf) < 8:
                break
            skip = struct.unpack(">I", buf[4:8])[0]
            total += skip
            buf = buf[8:]
        data = sock.recv(1 << 18)
        if not data:
            return total
        buf = buf + data if buf else data


def count_raw(sock):
    total = 0
    while data := sock.recv(1 << 18):
        total += len(data)
    return total


def timed(work):
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def both(sock, size, counter, expect):
    feeder = threading.Thread(target=feed, args=(sock, size)) if size else None
    if feeder:
        feeder.start()
    got = counter(sock)
    if feeder:
        feeder.join()
    assert got == expect, (got, expect)


def here(command, size, expect):
    ours, theirs = socket.socketpair()
    p = subprocess.Popen(command, stdin=theirs, stdout=theirs)
    theirs.close()
    t = timed(lambda: both(ours, size, count_raw, expect))
    p.wait()
    return t


def exec_stream(cid, command, size, expect):
    eid = Call("POST", "/containers/%s/exec" % cid, {"Cmd": command, "AttachStdin": bool(size), "AttachStdout": True}).end()["Id"]

    def work():
        c = Call("POST", "/exec/%s/start" % eid, {"Detach": False, "Tty": False}, upgrade=True).head()
        both(c.sock, size, lambda s: count(s, c.rest()), expect)
    return timed(work)


def attach_stream(command, size, expect):
    cid = Call("POST", "/containers/create", {"Image": "busybox", "Cmd": command, "OpenStdin": bool(size), "StdinOnce": bool(size),
                                              "AttachStdin": bool(size), "AttachStdout": True}).end()["Id"]
    c = Call("POST", "/containers/%s/attach?stream=1&stdout=1%s" % (cid, "&stdin=1" if size else ""), upgrade=True).head()
    Call("POST", "/containers/%s/start" % cid).end()
    t = timed(lambda: both(c.sock, size, lambda s: count(s, c.rest()), expect))
    Call("DELETE", "/containers/%s?force=1" % cid).end()
    return t


def main():
    mib = int(sys.argv[1]) if len(sys.argv) > 1 else 256
    size = mib << 20
    cid = Call("POST", "/containers/create", {"Image": "busybox", "Cmd": ["sleep", "800"]}).end()["Id"]
    Call("POST", "/containers/%s/start" % cid).end()
    shapes = [("in and out", ["busybox", "cat"], size, size), ("in", ["busybox", "sh", "-c", "cat >/dev/null"], size, 0),
              ("out", ["busybox", "head", "-c", str(size), "/dev/zero"], 0, size)]
    print("MiB a second, of %d MiB; in brackets the part of what this machine does without Docker" % mib)
    for name, command, given, expect in shapes:
        base = mib / here(command, given, expect)
        e = mib / exec_stream(cid, command, given, expect)
        a = mib / attach_stream(command, given, expect)
        print("%-12s here %6.0f   exec %6.0f (%4.1f%%)   attach %6.0f (%4.1f%%)" % (name, base, e, 100 * e / base, a, 100 * a / base), flush=True)
    Call("DELETE", "/containers/%s?force=1" % cid).end()


main()
