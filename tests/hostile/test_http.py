"""Requests that are none, or that lie about where they end."""
import itertools
import json
import os
import socket

from conftest import message
from raw import Raw, post_json, request

PING = b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n"


def refused(way, system, data, *statuses):
    """The error that the bytes are answered with; one of the statuses, in Docker's form."""
    with Raw(system, way) as c:
        reply = c.ask(data)
    assert reply.status in statuses, (reply.status, reply.body[:300])
    if not data.startswith(b"HEAD"):
        assert message(reply)
    return reply


# 500 is dockerd's own status for a number that is none.
TARGETS = [
    (b"//", (301,)),
    (b"/%2e%2e/%2e%2e/etc/passwd", (400, 404)),
    (b"/v1.43/%2e%2e/.agent/connect", (400, 404)),
    (b"/../../etc/passwd", (400, 404)),
    (b"/containers/%2e%2e/json", (404,)),
    (b"/containers/..%2f..%2fetc/json", (400, 404)),
    (b"/containers/%00/json", (400, 404)),
    (b"/containers/a%00b/json", (400, 404)),
    (b"/containers/a%0d%0aX-Accel-Redirect:%20/x/json", (400, 404)),
    (b"/containers/a%zz/json", (400, 404)),
    (b"/containers/%/json", (400, 404)),
    (b"/containers/" + b"a" * 10000 + b"/json", (404,)),
    (b"/containers/" + b"0" * 10000 + b"/json", (404,)),
    (b"/containers/%ff%fe/json", (400, 404)),
    (b"/images/" + b"a/" * 5000 + b"x/json", (400, 404)),
    (b"/images/%ff/json", (400, 404)),
    (b"/images/..%2f..%2fx/json", (400, 404)),
    (b"/v1.43/v1.43/containers/json", (404,)),
    (b"/v9999999999999999999.1/containers/json", (400, 404)),
    (b"/v1.99999999999999999999/containers/json", (400, 404)),
    (b"/exec/" + b"f" * 10000 + b"/json", (404,)),
    (b"/containers/json?limit=99999999999999999999999", (500,)),
    (b"/containers/json?limit=x", (500,)),
    (b"/containers/json?filters=" + b"%7b" * 9000, (400,)),
    (b"/containers/json?filters=%00", (400,)),
    (b"/containers/json?filters=%7b%22name%22:[%22%5cu0000%22]%7d", (200, 400)),
    (b"/containers/json?" + b"a=1&" * 10000, (400,)),
    (b"/containers/json?a=%gg", (400,)),
    (b"/events?since=x", (500,)),
    (b"/events?until=1e400", (500,)),
    (b"/events?since=-99999999999999999999&until=1", (500,)),
]


def test_targets(hostile, way):
    wrong = []
    for target, statuses in TARGETS:
        with Raw(hostile, way) as c:
            reply = c.ask(b"GET " + target + b" HTTP/1.1\r\nHost: docker\r\n\r\n")
        text = message(reply) if reply.status not in (200, 301) else ""
        if reply.status not in statuses or any(ord(ch) < 0x20 and ch not in "\n\t" for ch in text):
            wrong.append((target[:80], reply.status, reply.body[:200]))
    assert not wrong


def test_double_slashes_move_to_the_clean_path(hostile, way):
    with Raw(hostile, way) as c:
        reply = c.ask(b"GET //containers//json HTTP/1.1\r\nHost: docker\r\n\r\n")
    assert reply.status == 301 and reply.headers["location"] == "/containers/json"


def test_absolute_form_is_the_same_request(hostile, way):
    with Raw(hostile, way) as c:
        assert c.ask(b"GET http://docker/_ping HTTP/1.1\r\nHost: docker\r\n\r\n").body == b"OK"
        # The other host isn't asked, and an inner path stays closed.
        reply = c.ask(b"GET http://127.0.0.1:1/.gateway/http/events/x HTTP/1.1\r\nHost: docker\r\n\r\n")
    assert reply.status == 404


NO_REQUESTS = [
    b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"\0" * 100 + b"\r\n\r\n", b"GET\r\n\r\n", b"GET /_ping HTTP/9.9\r\n\r\n",
    b"GET /_ping HTTP/1.1\r\n\r\n", b"GET /_ping HTTP/1.1\r\nHost: a b\r\n\r\n", b"get /_ping HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /_ping HTTP/1.1\r\nHost: docker\r\nHost: other\r\n\r\n",
    b"GET /_ping\x00 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /_ping HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n"]


def test_what_is_no_request(hostile):
    for data in NO_REQUESTS:
        refused("unix", hostile, data, 400, 405, 505)


def test_http_0_9_and_1_0(hostile):
    with Raw(hostile) as c:
        c.send(b"GET /_ping\r\n")
        assert c.rest().endswith(b"OK")
    with Raw(hostile) as c:
        c.send(b"GET /containers/json HTTP/1.0\r\n\r\n")
        assert c.rest().endswith(b"[]\n")


def test_thousand_headers(hostile, way):
    with Raw(hostile, way) as c:
        reply = c.ask(request("GET", "/_ping", headers={"X-Header-%d" % i: "v" * 50 for i in range(1000)}))
    assert reply.status in (200, 400, 431)
    with Raw(hostile, way) as c:
        reply = c.ask(request("GET", "/_ping", headers={"X-Header-%d" % i: "v" * 900 for i in range(1000)}))
    assert reply.status in (400, 431) and message(reply)


def test_headers_of_70_kb(hostile, way):
    refused(way, hostile, request("GET", "/_ping", headers={"X-Long": "x" * 70000}), 431, 400)
    refused(way, hostile, request("GET", "/" + "x" * 70000), 414)
    refused(way, hostile, request("POST", "/images/create?fromImage=x", headers={"X-Registry-Auth": "A" * 70000}), 431, 400)
    # What fits line by line, and not together.
    reply = refused(way, hostile, request("GET", "/_ping", headers={"X-%d" % i: "x" * 30000 for i in range(5)}), 431, 500)
    assert "64 KiB" in message(reply)


def test_odd_values_in_headers_we_read(hostile):
    names = "X-Registry-Auth", "X-Registry-Config", "Content-Type", "User-Agent", "Upgrade", "Cookie", "Authorization"
    for name, value in itertools.product(names, (b"\xff\xfe\x80", b"A" * 60000, b"{}", b"=====", b"\t\x01\x02", b'"')):
        with Raw(hostile) as c:
            reply = c.ask(request("POST", "/images/create?fromImage=nosuch.invalid/x&tag=1", headers={name: value, "Content-Length": "0"}))
        assert 400 <= reply.status < 600 and message(reply)


LENGTHS = [
    b"Content-Length: 2\r\nContent-Length: 3\r\n", b"Content-Length: 2\r\nContent-Length: 2\r\n", b"Content-Length: -1\r\n",
    b"Content-Length: 99999999999999999999999\r\n", b"Content-Length: 2x\r\n", b"Content-Length: 2, 3\r\n", b"Content-Length: +2\r\n",
    b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: identity, chunked\r\n", b"Transfer-Encoding: xchunked\r\n", b"Transfer-Encoding: chunked, gzip\r\n"]


def test_lengths_that_disagree(hostile, way):
    for length in LENGTHS:
        head = b"POST /containers/create HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n" + length + b"\r\n"
        refused(way, hostile, head + b"{}" + b"GET /smuggled HTTP/1.1\r\n\r\n", 400, 411, 413, 501)


CHUNKED = b"POST %s HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


LIES = [
    b"5\r\n{}\r\n0\r\n\r\n", b"zz\r\n{}\r\n0\r\n\r\n", b"-2\r\n{}\r\n0\r\n\r\n", b"ffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    b"7fffffffffffffff\r\n{}", b"2;" + b"x" * 100000 + b"\r\n{}\r\n0\r\n\r\n", b"0" * 100000, b"1\r\n{}\r\n0\r\n\r\n", b"2\r\n{}"]


def test_chunks_that_lie(hostile, way):
    for target in b"/containers/create", b"/images/create?fromSrc=-&repo=bad":
        for body in LIES:
            with Raw(hostile, way, timeout=1) as c:
                try:
                    c.send(CHUNKED % target + body)
                    if way == "unix":
                        c.sock.shutdown(socket.SHUT_WR)
                    reply = c.reply()
                except (EOFError, OSError):
                    continue  # cut off without a word, or the rest is waited for: nothing was taken for a request
            assert 400 <= reply.status < 500, (body[:40], reply.status, reply.body)


def test_chunks_without_end(hostile, way):
    with Raw(hostile, way) as c:
        c.send(CHUNKED % b"/containers/create")
        piece = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
        try:
            for _ in range(40):
                c.send(piece)
        except OSError:
            pass
        try:
            reply = c.reply()
        except EOFError:
            return
    assert reply.status == 413 and "16 MiB" in message(reply)


def test_body_over_the_limit(hostile, way):
    with Raw(hostile, way) as c:
        c.send(request("POST", "/containers/create", headers={"Content-Type": "application/json", "Content-Length": str(17 << 20)}))
        reply = c.reply()
    assert reply.status == 413 and "16 MiB" in message(reply)


def test_body_that_never_comes(hostile, way):
    """A client that goes before its body is whole leaves nothing behind, and holds up nobody."""
    half = [Raw(hostile, way) for _ in range(30)]
    for c in half:
        c.send(request("POST", "/containers/create", headers={"Content-Type": "application/json", "Content-Length": "100"}) + b'{"Image":"busybox"')
    with Raw(hostile, way) as c:
        assert c.ask(PING).status == 200
    for c in half:
        c.sock.close()
    assert hostile.sql("SELECT count(*) FROM container") == "0"


def test_streamed_body_that_never_comes(hostile, way):
    """More of them than the pool has workers: the other pools go on, and this one once they are gone."""
    half = [Raw(hostile, way) for _ in range(12)]
    for c in half:
        c.send(request("POST", "/images/create?fromSrc=-&repo=never", headers={"Content-Length": "100000"}) + b"x" * 100)
    with Raw(hostile, way) as c:
        assert c.ask(PING).status == 200
    hostile.ok("create", "--name", "meanwhile", "busybox", "true")
    for c in half:
        c.sock.close()
    with Raw(hostile, way, timeout=30) as c:
        assert c.ask(request("POST", "/images/create?fromSrc=-&repo=never", b"no tar")).status == 400


def test_half_a_head(hostile, way):
    """Slow clients hold a connection, and nothing else."""
    slow = [Raw(hostile, way) for _ in range(200)]
    for n, c in enumerate(slow):
        c.send(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nX-Slow: "[:10 + n % 40])
    for _ in range(5):
        for c in slow[:20]:
            c.send(b"a")
        with Raw(hostile, way) as c:
            assert c.ask(PING).status == 200
    hostile.ok("ps")
    for c in slow:
        c.sock.close()


def test_pipelined(hostile):
    """Requests in one packet are answered in turn; a hijack takes the connection for itself."""
    with Raw(hostile) as c:
        c.send(PING * 50)
        assert [c.reply().status for _ in range(50)] == [200] * 50
    name = hostile.ok("run", "-d", "-i", "busybox", "cat")
    with Raw(hostile) as c:
        c.send(request("POST", "/containers/%s/attach?stream=1&stdin=1&stdout=1" % name, headers={"Connection": "Upgrade", "Upgrade": "tcp"}) + PING)
        assert c.reply().status == 101
        assert c.exactly(8 + len(PING))[8:] == PING, "what follows the head belongs to the container"


def test_reset_in_the_middle(hostile):
    for n in range(40):
        c = Raw(hostile, "tls")
        c.send(post_json("/containers/create", {"Image": "busybox"})[:-(n % 19) - 1])
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        c.sock.close()


def test_tls_without_tls_and_without_certificate(hostile):
    with socket.create_connection(("127.0.0.1", hostile.port), 10) as s:
        s.sendall(os.urandom(5000))
        s.recv(1000)
    with socket.create_connection(("127.0.0.1", hostile.port), 10) as s:
        s.sendall(PING)
        reply = s.recv(10000)
    assert b" 400 " in reply.split(b"\r\n")[0] and "DOCKER_TLS_VERIFY" in json.loads(reply.split(b"\r\n\r\n", 1)[1])["message"]


def test_methods(hostile, way):
    for method in "PUT", "PATCH", "DELETE", "BREW", "TRACE", "CONNECT", "PROPFIND", "X" * 5000:
        with Raw(hostile, way) as c:
            c.send(request(method, "/containers/json"))
            reply = c.reply()
        assert 400 <= reply.status < 600 and message(reply)
