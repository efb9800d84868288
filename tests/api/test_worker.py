"""The process: how it ends, what it survives."""
import os
import signal
import socket
import struct
import subprocess
import tempfile
import threading

import pytest

import fastcgi
from conftest import BUILD, Worker
from support.waiting import wait_until


@pytest.fixture
def own_worker():
    with tempfile.TemporaryDirectory() as directory:
        w = Worker(directory)
        yield w
        if w.process.poll() is None:
            w.process.kill()
            w.process.wait()


def test_sigterm_while_waiting(own_worker):
    assert own_worker.get("/_ping").status == 200
    assert own_worker.stop() == 0


def test_sigterm_before_the_first_request(own_worker):
    assert own_worker.stop() == 0


def test_sigterm_finishes_the_request(own_worker):
    own_worker.container("a")
    body = b'{"Cmd":["' + b"x" * 450000 + b'"]}'
    c = fastcgi.Connection(own_worker.socket)
    c.begin({"REQUEST_METHOD": "POST", "REQUEST_URI": "/containers/a/exec", "SOCKERLESS_TENANT": "local", "CONTENT_TYPE": "application/json",
             "CONTENT_LENGTH": str(len(body))})
    # More than a socket's buffer holds: when it is sent, the worker is at work on it.
    c.send_body(body[:400000])
    own_worker.process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        own_worker.process.wait(timeout=0.5)
    c.send_body(body[400000:])
    c.end_body()
    assert c.reply().status == 201
    assert own_worker.process.wait(timeout=20) == 0


def test_client_leaves_in_the_middle(own_worker):
    own_worker.container("a")
    for cut in (b"", b"\1", fastcgi.record(fastcgi.BEGIN, struct.pack("!HB5x", 1, 0)), b"\xff" * 64,
                fastcgi.record(fastcgi.BEGIN, struct.pack("!HB5x", 1, 0)) + fastcgi.parameters(
                    {"REQUEST_METHOD": "POST", "REQUEST_URI": "/containers/a/exec", "SOCKERLESS_TENANT": "local", "CONTENT_LENGTH": "99",
                     "CONTENT_TYPE": "application/json"}) + fastcgi.record(fastcgi.STDIN, b'{"Cmd":["a"]}')):
        s = socket.socket(socket.AF_UNIX)
        s.connect(own_worker.socket)
        s.sendall(cut)
        s.close()
    assert own_worker.get("/_ping").status == 200
    assert own_worker.rows("SELECT * FROM exec") == []
    assert own_worker.stop() == 0


def test_body_shorter_than_announced(own_worker):
    own_worker.container("a")
    r = own_worker.post("/containers/a/exec", {"Cmd": ["a"]}, params={"CONTENT_LENGTH": "99"})
    assert r.status == 400
    assert own_worker.rows("SELECT * FROM exec") == []


def awaits_sigterm(process):
    blocked = [l for l in open("/proc/%d/status" % process.pid) if l.startswith("SigBlk")][0]
    return int(blocked.split()[1], 16) >> (signal.SIGTERM - 1) & 1


def test_inherited_socket(own_worker):
    """As spawn-fcgi and multiwatch start it: the socket is descriptor 0, several processes share it."""
    path = os.path.join(own_worker.directory, "shared.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(128)
    workers = [subprocess.Popen([os.path.join(BUILD, "sockerless-worker")], stdin=listener.fileno(), env=own_worker.environment,
                                stderr=own_worker.log) for _ in range(3)]
    try:
        results = []
        threads = [threading.Thread(target=lambda: results.append(fastcgi.request(path, "GET", "/_ping").status)) for _ in range(60)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert results == [200] * 60
        for w in workers:
            wait_until(lambda: awaits_sigterm(w), what="all workers to be up")
            w.send_signal(signal.SIGTERM)
        assert [w.wait(timeout=20) for w in workers] == [0, 0, 0]
    finally:
        for w in workers:
            if w.poll() is None:
                w.kill()
                w.wait()
        listener.close()


def test_without_a_store(own_worker):
    with tempfile.TemporaryDirectory() as empty:
        r = subprocess.run([os.path.join(BUILD, "sockerless-worker"), "--socket", os.path.join(empty, "s")],
                           env=dict(own_worker.environment, SOCKERLESS_STATE_DIR=empty), stderr=subprocess.PIPE, text=True, timeout=30)
        assert r.returncode == 1 and "migrate" in r.stderr


def test_help(own_worker):
    r = subprocess.run([os.path.join(BUILD, "sockerless-worker"), "--help"], stdout=subprocess.PIPE, text=True, timeout=30)
    assert r.returncode == 0 and "SOCKERLESS_STATE_DIR" in r.stdout


def test_memory_stays(own_worker):
    """A worker lives for long: thousands of requests leave nothing behind."""
    own_worker.stop()
    # Freed memory isn't to be held back by a sanitizer.
    own_worker.environment["ASAN_OPTIONS"] = "quarantine_size_mb=1:thread_local_quarantine_size_kb=64"
    own_worker.start()
    for i in range(20):
        own_worker.container("n%d" % i)

    def resident():
        return int(open("/proc/%d/statm" % own_worker.process.pid).read().split()[1]) * 4096

    def work(times):
        for _ in range(times):
            assert own_worker.get("/containers/n7/json?a=b").status == 200
            assert own_worker.get("/containers/json?filters={\"name\":[\"n1\"]}").status == 200
            assert own_worker.get("/containers/nosuch/json").status == 404
            assert own_worker.post("/containers/n7/exec", b"{").status == 400

    work(500)
    before = resident()
    work(2000)
    assert resident() - before < 8 << 20
