"""The configuration: pools, hand-over, errors, what is reachable from where."""
import signal
import base64
import json
import os
import re
import socket

import pytest

from harness import TOP
from support.waiting import wait_until

MIB = 1 << 20
ROUTE = re.compile(r'^(ROUTE|MISSING)\((\w+),\s*"([^"]+)",\s*(\w+),\s*(.*)\)\s*$')


def routes():
    found = []
    for line in (TOP / "lib/routes.def").read_text().splitlines():
        m = ROUTE.match(line)
        if not m:
            assert not line.startswith(("ROUTE", "MISSING")), line
            continue
        kind, method, path, pool, rest = m.groups()
        if path.startswith("/.agent"):
            continue
        if kind == "ROUTE":
            body = rest.split(",")[0].strip()
        else:
            pool, body = "api", "stream" if method in ("POST", "PUT") else "whole"
        if body == "upload":
            continue  # their bodies pass the worker by: below
        found.append(pytest.param(method, path, pool, body, id=f"{method} {path}"))
    assert len(found) > 80
    return found


@pytest.fixture(scope="module")
def shared(certificates):
    import harness
    s = harness.Site(certificates)
    try:
        yield s.start()
    finally:
        s.stop()


def ask_with_body(site, method, uri, body):
    """A stream route's worker runs before the body has ended, and so without knowing its length."""
    client = site.unix()
    client.request(method, uri, None, Transfer_Encoding="chunked", **({"X_Test_Body": "none"} if body == "stream" else {}))
    client.send(b"5\r\nhello\r\n")
    if body == "whole":
        client.send(b"0\r\n\r\n")
    reply = client.read_reply()
    client.close()
    assert reply.env["CONTENT_LENGTH"] == ("5" if body == "whole" else "")
    return reply


@pytest.mark.parametrize("method,path,pool,body", routes())
def test_route_reaches_its_pool(shared, method, path, pool, body):
    client = shared.unix()
    for ref in ("ab12", "r.example:5000/a/b", "r.example:5000%2Fa%2Fb:1"):
        for prefix in ("", "/v1.24", "/v1.47"):
            uri = prefix + re.sub(r"\{\w+\}", "ab12", re.sub(r"\{\w+\.\.\.\}", ref, path)) + "?a=%2F&b=/x"
            if method == "HEAD":
                assert client.request(method, uri).read_head().status == 200
                continue
            if method in ("POST", "PUT"):
                reply = ask_with_body(shared, method, uri, body)
            else:
                reply = client.ask(method, uri)
            assert reply.status == 200
            assert reply.env["WORKER"] == f"{pool}.sock"
            assert reply.env["REQUEST_URI"] == uri
            assert reply.env["REQUEST_METHOD"] == method
            assert reply.env["REQUEST_URI"].endswith("?a=%2F&b=/x")


@pytest.mark.parametrize("uri", ["/", "/nosuch", "//containers/json", "/v1.47//info", "/containers/json/",
                                 "/images//json", "/v9x/info", "/%2e%2e%2fx", "/a%00b?x", "/images/a%0d%0ab/json"])
def test_unknown_paths_are_the_workers_business(shared, uri):
    reply = shared.unix().ask("GET", uri)
    if "%00" in uri or "%2e%2e" in uri:
        assert reply.status == 400 and json.loads(reply.body)["message"]
        return
    assert reply.env["REQUEST_URI"] == uri
    assert reply.env["WORKER"] == "api.sock"


@pytest.mark.parametrize("host", ["docker", "api.moby.localhost", "%2Fvar%2Frun%2Fdocker.sock", "127.0.0.1:2376", "[::1]"])
def test_any_host_passes(shared, host):
    assert shared.unix().ask("GET", "/_ping", Host=host).env["HTTP_HOST"] == host


@pytest.mark.parametrize("host", ["", "npipe:////./pipe/docker_engine"])
def test_hosts_that_nginx_would_refuse(site, host):
    def ask():
        assert site.unix().ask("GET", "/_ping", Host=host).env["HTTP_HOST"] == "docker"
        assert site.tls().ask("GET", "/_ping", Host=host).env["HTTP_HOST"] == "docker"

    ask()
    old = site.nginx_workers()
    site.nginx.send_signal(signal.SIGHUP)
    wait_until(lambda: len(site.nginx_workers()) == 2 and not site.nginx_workers() & old, what="new workers")
    ask()
    is_error(site.callback().ask("GET", "/_ping", Host=host), 400)


def test_identity_comes_from_nginx(shared):
    forged = {"SOCKERLESS_TENANT": "evil", "SOCKERLESS-TENANT": "evil", "Sockerless-Listener": "agent"}
    for conn, listener in ((shared.unix(), "unix"), (shared.tls(), "tls")):
        env = conn.ask("GET", "/info?SOCKERLESS_TENANT=evil", **forged).env
        assert env["SOCKERLESS_TENANT"] == "local"
        assert env["SOCKERLESS_LISTENER"] == listener
        assert env.get("SOCKERLESS_SUBJECT") == ("CN=client" if listener == "tls" else None)


@pytest.mark.parametrize("listener", ["unix", "tls"])
@pytest.mark.parametrize("uri", [
    "/.agent/connect", "/v1.47/.agent/connect", "//.agent/connect", "/%2eagent/connect", "/x/../.agent/connect",
    "/v1.47/v1.47/.agent/connect", "/v1.47//.agent/connect", "/.agent", "/v1.47%2F.agent/connect",
    "/.gateway/tunnel/x", "/.gateway/http/x", "/.gateway/agent/x", "/%2egateway/http/x", "/.gateway/",
    "/x/../.gateway/http/x", "/.pool/api-whole", "/.pool/x", "/.error/502"])
def test_inner_paths_are_closed(shared, listener, uri):
    reply = shared.connect(listener).ask("GET", uri)
    assert reply.status == 404
    assert json.loads(reply.body) == {"message": "page not found"}


@pytest.mark.parametrize("uri", ["/", "/_ping", "/v1.47/info", "/containers/json", "/.agent/", "/.agent/other",
                                 "/.gateway/agent/x", "/.gateway/http/x", "/.gateway/tunnel/x", "/.pool/api-whole",
                                 "/.agent/connect/", "/.agent/connect/../../info"])
def test_callback_serves_agents_only(shared, uri):
    reply = shared.callback().ask("GET", uri)
    assert reply.status == 404
    assert reply.headers["content-type"] == "application/json"


def test_agent_reaches_a_worker_and_then_the_gateway(shared):
    env = shared.callback().ask("GET", "/.agent/connect?x=1").env
    assert env["SOCKERLESS_LISTENER"] == "agent" and env["REQUEST_URI"] == "/.agent/connect?x=1"
    client = shared.callback()
    client.request("GET", "/.agent/connect", Connection="Upgrade", Upgrade="websocket", Sec_WebSocket_Key="a2V5",
                   Sec_WebSocket_Version="13", X_Test_Accel="/.gateway/agent/ab?run=7")
    gateway = shared.gateway_accept()
    head = gateway.read_head()
    assert head.first == "GET /.gateway/agent/ab?run=7 HTTP/1.1"
    assert head.headers["upgrade"] == "websocket" and head.headers["connection"] == "upgrade"
    assert head.headers["sec-websocket-key"] == "a2V5" and head.headers["sec-websocket-version"] == "13"
    gateway.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 b"Sec-WebSocket-Accept: x\r\n\r\n")
    assert client.read_head().status == 101
    client.send(b"frame")
    assert gateway.read_exactly(5) == b"frame"
    gateway.send(b"answer")
    assert client.read_exactly(6) == b"answer"


def test_agents_gateway_path_is_closed_to_the_api(shared):
    assert shared.unix().ask("GET", "/info", X_Test_Accel="/.gateway/agent/ab").status == 404


def test_gateways_reply_comes_as_it_is_sent(shared):
    client = shared.unix()
    client.request("POST", "/containers/ab/wait", b"{}", Connection="Upgrade", Upgrade="h2c", X_Big="x" * 60000,
                   X_Test_Accel="/.gateway/http/wait/ab?condition=next-exit")
    gateway = shared.gateway_accept()
    head = gateway.read_head()
    assert head.first == "GET /.gateway/http/wait/ab?condition=next-exit HTTP/1.1"
    assert "upgrade" not in head.headers and "connection" not in head.headers
    assert len(head.raw) < 500
    assert gateway.read_exactly(2) == b"{}"
    gateway.send(b"HTTP/1.1 200 OK\r\nApi-Version: 1.47\r\nServer: Docker/x (linux)\r\n"
                 b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    head = client.read_head()
    assert head.headers["server"] == "Docker/x (linux)"
    assert head.headers["api-version"] == "1.47"
    assert head.headers["transfer-encoding"] == "chunked"
    for text in (b'{"a":1}\n', b'{"StatusCode":0}\n'):
        gateway.send(b"%x\r\n%s\r\n" % (len(text), text))
        assert client.read_chunk() == text
    gateway.send(b"0\r\n\r\n")
    assert client.read_chunk() == b""
    assert client.ask("GET", "/_ping").status == 200


def test_gateways_errors_pass(shared):
    client = shared.unix()
    client.request("GET", "/events", X_Test_Accel="/.gateway/http/events/ab")
    body = b'{"message":"mine"}\n'
    shared.gateway_accept().send(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    reply = client.read_reply()
    assert reply.status == 502 and reply.body == body


def test_client_leaving_ends_the_gateways_reply(shared):
    client = shared.unix()
    client.request("GET", "/events", X_Test_Accel="/.gateway/http/events/ab")
    gateway = shared.gateway_accept()
    gateway.read_head()
    client.close()
    assert gateway.read_all() == b""


@pytest.mark.parametrize("status", ["404 Not Found", "409 Conflict", "500 Internal Server Error", "502 Bad Gateway"])
def test_workers_errors_pass(shared, status):
    reply = shared.unix().ask("GET", "/info", X_Test_Status=status)
    assert reply.first == f"HTTP/1.1 {status}"
    assert reply.headers["server"] == "Docker/test (linux)"
    assert reply.env["WORKER"] == "api.sock"


def is_error(reply, status, *words):
    assert reply.status == status
    assert reply.headers["content-type"] == "application/json"
    message = json.loads(reply.body)["message"]
    assert reply.body.endswith(b"}\n")
    for word in words:
        assert word in message


def test_errors_of_nginx(shared):
    is_error(shared.unix().ask("GET", "/" + "x" * 70000), 414, "URL")
    is_error(shared.unix().ask("GET", "/_ping", X_Long="x" * 70000), 431, "X-Registry-Auth")
    is_error(shared.unix().ask("GET", "/_ping", Host="a b"), 400)
    is_error(shared.tls(certificate=False).ask("GET", "/_ping"), 400, "DOCKER_CERT_PATH")
    is_error(shared.tls_plain_socket().ask("GET", "/_ping"), 400, "DOCKER_TLS_VERIFY")
    is_error(shared.unix().ask("POST", "/info", None, Transfer_Encoding="odd"), 501, "Content-Length")
    client = shared.unix()
    client.send(b"nonsense\r\n\r\n")
    is_error(client.read_reply(), 400)
    client = shared.unix()
    client.request("POST", "/containers/create", None, Content_Length=str(17 * MIB))
    is_error(client.read_reply(), 413, "16 MiB")


def test_long_headers_pass(shared):
    auth = base64.urlsafe_b64encode(os.urandom(40000)).decode()
    assert shared.unix().ask("POST", "/images/create?fromImage=x", b"", X_Registry_Auth=auth).env["HTTP_X_REGISTRY_AUTH"] == auth


def test_worker_and_gateway_down(site):
    site.worker_stop("api")
    is_error(site.unix().ask("GET", "/info"), 502, "sockerless-worker")
    is_error(site.unix().ask("POST", "/exec/ab/start", b"{}"), 502, "sockerless-worker")
    site.worker_start("api")
    site.gateway_close()
    client = site.unix()
    is_error(client.ask("GET", "/events", X_Test_Accel="/.gateway/http/events/a"), 502, "sockerless-gateway")
    assert client.ask("GET", "/info").status == 200


def test_one_connection_takes_many_requests(shared):
    for client in (shared.unix(), shared.tls()):
        for _ in range(200):
            assert client.ask("POST", "/containers/ab/kill", b"").status == 200
        assert client.ask("GET", "/.gateway/http/x").status == 404
        assert client.ask("GET", "/_ping").status == 200


def test_large_body_to_a_worker_that_reads(shared):
    client = shared.unix()
    size = 40 * MIB
    client.request("POST", "/images/create?fromSrc=-", None, Content_Length=str(size))
    for _ in range(size // MIB):
        client.send(b"t" * MIB)
    assert client.read_reply().env["BODY_LENGTH"] == str(size)


def test_answer_before_the_body_is_sent(shared):
    client = shared.unix()
    client.request("POST", "/build", None, Content_Length=str(1 << 30), X_Test_Body="none",
                   X_Test_Status="501 Not Implemented")
    assert client.read_reply().status == 501


def test_answer_to_a_large_body_that_nobody_reads(shared):
    client = shared.unix()
    client.request("POST", "/images/load", None, Content_Length=str(40 * MIB), X_Test_Body="none",
                   X_Test_Status="501 Not Implemented")
    try:
        for _ in range(40):
            client.send(b"t" * MIB)
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert client.read_reply().status == 501


def test_idle_connection_outlives_a_request_elsewhere(shared):
    idle = shared.unix()
    assert idle.ask("GET", "/_ping").status == 200
    for _ in range(50):
        other = shared.unix()
        assert other.ask("GET", "/_ping", Connection="close").status == 200
        wait_until(lambda: other.recv() == b"", what="nginx closes when asked to")
    assert idle.ask("POST", "/containers/ab/kill", b"").status == 200


def test_half_close_during_the_workers_turn_is_no_leaving(shared):
    client = shared.unix()
    client.request("POST", "/containers/ab/attach", b"", X_Test_Accel="/.gateway/tunnel/attach/ab")
    client.sock.shutdown(socket.SHUT_WR)
    gateway = shared.gateway_accept()
    gateway.read_head()
    gateway.send(b"HTTP/1.1 200 OK\r\n\r\noutput")
    gateway.close()
    assert client.read_all().endswith(b"output")


UPLOAD = "/v1.43/containers/ab12/archive?path=/tmp"
TARGET = "/.gateway/http/task/ab12?api=1.43&path=%2Ftmp"


def upload(site, **headers):
    client = site.unix()
    client.request("PUT", UPLOAD, None, Transfer_Encoding="chunked", X_Test_Target=TARGET, X_Secret="s", **headers)
    client.send(b"5\r\nhello\r\n")
    gateway = site.gateway_accept()
    return client, gateway, gateway.read_until(b"\r\n\r\n").decode()


def test_upload_reaches_the_gateway_as_it_comes(shared):
    client, gateway, head = upload(shared)
    assert head.startswith("PUT %s HTTP/1.1\r\n" % TARGET)
    assert "transfer-encoding: chunked" in head.lower() and "secret" not in head.lower()
    assert gateway.read_until(b"hello\r\n").endswith(b"5\r\nhello\r\n")
    client.send(b"6\r\n world\r\n0\r\n\r\n")
    gateway.read_until(b"0\r\n\r\n")
    gateway.send(b"HTTP/1.1 404 Not Found\r\nApi-Version: 1.43\r\nServer: Docker/x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
    gateway.close()
    reply = client.read_reply()
    assert reply.status == 404 and reply.body == b"no"
    client.close()


def test_upload_of_a_client_that_leaves(shared):
    client, gateway, _ = upload(shared)
    client.close()
    gateway.sock.settimeout(20)
    while gateway.recv_raw():
        pass


def test_upload_location_is_closed_to_clients(shared):
    for path in ("/.pool/ask", "/.pool/api-upload"):
        client = shared.unix()
        assert client.ask("GET", path).status == 404
        client.close()
