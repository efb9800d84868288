"""tunnel_pass: bytes both ways, half-close, back-pressure, reload."""
import hashlib
import os
import select
import signal
import socket
import subprocess
import threading

import pytest

from harness import DEADLINE, Conn
from support.waiting import wait_until

MIB = 1 << 20
BIG = 64 * MIB
both = pytest.mark.parametrize("transport", ["unix", "tls"])


def pattern(seed):
    return hashlib.sha512(seed).digest() * (MIB // 64)


def send_big(conn, seed):
    block = pattern(seed)
    for _ in range(BIG // MIB):
        conn.send(block)


def check_big(conn, seed):
    want, got, total = hashlib.sha256(), hashlib.sha256(), 0
    block = pattern(seed)
    for _ in range(BIG // MIB):
        want.update(block)
    while data := conn.recv():
        got.update(data)
        total += len(data)
    assert total == BIG
    assert got.digest() == want.digest()


def in_thread(call, *args):
    failures = []

    def body():
        try:
            call(*args)
        except BaseException as e:
            failures.append(e)

    thread = threading.Thread(target=body)
    thread.start()

    def join():
        thread.join(2 * DEADLINE)
        assert not thread.is_alive()
        if failures:
            raise failures[0]
    return join


def is_gone(conn):
    """Sends until the other end refuses."""
    def refused():
        try:
            conn.send(b"x" * 1000)
        except (BrokenPipeError, ConnectionResetError):
            return True
        return False
    return refused


@both
def test_big_both_ways_with_half_close(site, transport):
    client, gateway, _ = site.tunnel(transport)

    def answer():
        check_big(gateway, b"up")
        send_big(gateway, b"down")
        gateway.half_close()

    join = in_thread(answer)
    send_big(client, b"up")
    client.half_close()
    check_big(client, b"down")
    join()


def test_big_both_ways_at_once(site):
    client, gateway, _ = site.tunnel("unix")
    joins = [in_thread(check_big, gateway, b"up"), in_thread(check_big, client, b"down"),
             in_thread(lambda: (send_big(gateway, b"down"), gateway.half_close()))]
    send_big(client, b"up")
    client.half_close()
    for join in joins:
        join()


@both
def test_server_ends_first(site, transport):
    client, gateway, _ = site.tunnel(transport)
    gateway.send(b"last words")
    gateway.half_close()
    assert client.read_all() == b"last words"
    client.send(b"still here" * 1000)
    client.half_close()
    assert gateway.read_all() == b"still here" * 1000


@both
def test_server_closes_while_client_sends(site, transport):
    client, gateway, _ = site.tunnel(transport)

    def serve():
        gateway.read_exactly(20000)
        gateway.send(b"o" * MIB)
        gateway.close()

    join = in_thread(serve)
    client.send(b"i" * 50000)
    assert client.read_all() == b"o" * MIB
    join()


@both
def test_client_gone(site, transport):
    client, gateway, _ = site.tunnel(transport)
    client.send(b"bye")
    client.close()
    assert gateway.read_exactly(3) == b"bye"
    wait_until(is_gone(gateway), what="nginx closes the gateway's end")


def test_client_closed_gives_up_at_once(site):
    """Without a byte from the gateway: a full close of a unix socket is no half-close."""
    client, gateway, _ = site.tunnel("unix")
    client.send(b"bye")
    client.close()
    assert gateway.read_all() == b"bye"
    poll = select.poll()
    poll.register(gateway.sock, 0)
    assert poll.poll(DEADLINE * 1000), "nginx closes the gateway's end"


def test_client_reset(site):
    client, gateway, _ = site.tunnel("tls")
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    assert gateway.read_all() == b""
    wait_until(is_gone(gateway), what="nginx closes the gateway's end")


@both
def test_half_close_before_the_reply(site, transport):
    client = site.connect(transport)
    client.request("POST", "/exec/ab/start", b"{}", X_Test_Accel="/.gateway/tunnel/exec/ab")
    client.send(b"input")
    client.half_close()
    gateway = site.gateway_accept()
    assert gateway.read_head().headers["content-length"] == "2"
    assert gateway.read_all() == b"{}input"
    gateway.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\noutput")
    gateway.half_close()
    assert client.read_all().endswith(b"\r\n\r\noutput")


def fill(gateway):
    """Sends until nginx takes no more."""
    gateway.sock.setblocking(False)
    total = 0
    idle = 0
    while idle < 20:
        try:
            total += gateway.sock.send(b"z" * 65536)
            idle = 0
        except BlockingIOError:
            idle += 1
            os.sched_yield()
            threading.Event().wait(0.01)
    gateway.sock.settimeout(DEADLINE)
    return total


@both
def test_stalled_reader_costs_one_buffer(site, transport):
    tunnels = [site.tunnel(transport)[:2] for _ in range(10)]
    before = site.nginx_memory()
    sent = [fill(gateway) for _, gateway in tunnels]
    assert max(sent) < 16 * MIB
    assert site.nginx_memory() - before < 10 * 256 * 1024
    for (client, gateway), size in zip(tunnels, sent):
        gateway.half_close()
        assert len(client.read_all()) == size


@both
def test_reload_leaves_a_live_tunnel(site, transport):
    client, gateway, _ = site.tunnel(transport)
    old = site.nginx_workers()
    site.nginx.send_signal(signal.SIGHUP)
    wait_until(lambda: len(site.nginx_workers() - old) == 2 and len(site.nginx_workers() & old) == 1,
               what="new workers, and of the old ones only the tunnel's")
    client.send(b"after")
    assert gateway.read_exactly(5) == b"after"
    gateway.send(b"reload")
    assert client.read_exactly(6) == b"reload"
    gateway.half_close()
    client.half_close()
    assert client.read_all() == b"" and gateway.read_all() == b""
    client.close()
    wait_until(lambda: not site.nginx_workers() & old, what="the old worker ends with its tunnel")


def test_quit_waits_for_a_live_tunnel(site):
    client, gateway, _ = site.tunnel("unix")
    old = site.nginx_workers()
    site.nginx.send_signal(signal.SIGQUIT)
    wait_until(lambda: len(site.nginx_workers() & old) == 1, what="the idle worker ends")
    client.send(b"x")
    assert gateway.read_exactly(1) == b"x"
    gateway.close()
    assert client.read_all() == b""
    client.close()
    assert site.nginx.wait(DEADLINE) == 0


@both
@pytest.mark.parametrize("size", [0, 20, 300000])
def test_body_and_what_was_read_behind_it(site, transport, size):
    client = site.connect(transport)
    body = os.urandom(size)
    head = (f"POST /exec/ab/start HTTP/1.1\r\nHost: docker\r\nContent-Length: {size}\r\n"
            "X-Test-Accel: /.gateway/tunnel/exec/ab?Tty=1\r\n\r\n")
    client.send(head.encode() + body + b"EARLY")
    gateway = site.gateway_accept()
    seen = gateway.read_head()
    assert seen.first == "GET /.gateway/tunnel/exec/ab?Tty=1 HTTP/1.1"
    assert seen.headers["content-length"] == str(size)
    assert gateway.read_exactly(size) == body
    assert gateway.read_exactly(5) == b"EARLY"


def test_chunked_body_gets_a_length(site):
    client = site.unix()
    client.request("POST", "/exec/ab/start", None, Transfer_Encoding="chunked", X_Test_Accel="/.gateway/tunnel/exec/ab")
    client.send(b"2\r\n{}\r\n0\r\n\r\nEARLY")
    gateway = site.gateway_accept()
    head = gateway.read_head()
    assert head.headers["content-length"] == "2" and "transfer-encoding" not in head.headers
    assert gateway.read_exactly(7) == b"{}EARLY"


def test_head_that_the_gateway_gets(site):
    _, _, head = site.tunnel("unix", args="?a=b%20c&d=%2F")
    assert head.first == "GET /.gateway/tunnel/attach/ab12?a=b%20c&d=%2F HTTP/1.1"
    assert head.headers == {"host": "docker", "content-type": "application/json", "upgrade": "tcp",
                            "connection": "Upgrade", "content-length": "0"}


@pytest.mark.parametrize("verb", ["tunnel", "http"])
def test_decoded_uri_injects_nothing(site, verb):
    client = site.unix()
    client.request("POST", "/containers/ab/attach", X_Test_Accel=f"/.gateway/{verb}/a%0d%0aX-Evil:%20y%3f%25?n=%0d%0a")
    head = site.gateway_accept().read_head()
    assert head.first == f"GET /.gateway/{verb}/a%0D%0AX-Evil:%20y%3F%25?n=%0d%0a HTTP/1.1"
    assert "x-evil" not in head.headers


@both
def test_many_tunnels_leave_nothing(site, transport):
    """Every order of ends, with and without bytes on the way."""
    before = site.nginx_descriptors()
    for order in range(60):
        client, gateway, _ = site.tunnel(transport)
        ends = [client, gateway] if order & 1 else [gateway, client]
        if order & 2:
            client.send(b"i" * 100000)
        if order & 4:
            gateway.send(b"o" * 100000)
        if order & 8:
            ends[0].half_close()
        ends[0].close()
        ends[1].close()
    wait_until(lambda: site.nginx_descriptors() == before, what="all descriptors are closed")


def test_upstream_by_tcp_and_used_directly(site):
    """Without X-Accel-Redirect: method, path and headers are the client's own; a refused connect is 502."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(DEADLINE)
    conf = site.dir / "conf/docker-api.conf"
    conf.write_text(conf.read_text() + f"location /direct {{ tunnel_pass 127.0.0.1:{listener.getsockname()[1]}; }}\n")
    old = site.nginx_workers()
    site.nginx.send_signal(signal.SIGHUP)
    wait_until(lambda: len(site.nginx_workers()) == 2 and not site.nginx_workers() & old, what="new workers")
    client = site.unix().request("PUT", "/direct/a%20b?c=d", b"body")
    upstream = site.keep(Conn(listener.accept()[0]))
    assert upstream.read_head().first == "PUT /direct/a%20b?c=d HTTP/1.1"
    client.half_close()
    assert upstream.read_all() == b"body"
    upstream.send(b"HTTP/1.1 200 OK\r\n\r\nfine")
    upstream.close()
    assert client.read_all().endswith(b"fine")
    listener.close()
    assert site.unix().ask("GET", "/direct/x").status == 502


def test_http2_is_refused(site):
    conf = site.dir / "conf/nginx.conf"
    extra = site.run / "h2.sock"
    server = f"server {{ listen unix:{extra} http2; set $sockerless_listener unix; include docker-api.conf; }}"
    conf.write_text(conf.read_text().replace("# For other machines", f"{server} #"))
    site.nginx.send_signal(signal.SIGHUP)
    wait_until(extra.exists, what="the HTTP/2 listener")
    reply = subprocess.run(["curl", "-s", "--http2-prior-knowledge", "--unix-socket", extra, "-H",
                            "X-Test-Accel: /.gateway/tunnel/x", "-w", " %{http_code}", "http://docker/info"],
                           check=True, capture_output=True, text=True).stdout
    assert "HTTP/1.1" in reply and reply.endswith(" 505")


@both
def test_gateway_down(site, transport):
    site.gateway_close()
    reply = site.connect(transport).ask("POST", "/containers/ab/attach", X_Test_Accel="/.gateway/tunnel/attach/ab")
    assert reply.status == 502
    assert reply.headers["content-type"] == "application/json"
    assert b"sockerless-gateway" in reply.body


def test_gateway_closes_without_a_word(site):
    client = site.unix().request("POST", "/containers/ab/attach", X_Test_Accel="/.gateway/tunnel/attach/ab")
    site.gateway_accept().close()
    assert client.read_reply().status == 502
