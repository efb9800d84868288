"""Attempts to reach the gateway, or another listener's paths, past the workers."""
import itertools

from conftest import message
from raw import Raw, request

INNER = ["/.gateway/http/events/x", "/.gateway/agent/" + "a" * 32, "/.gateway/tunnel/attach/" + "a" * 64, "/.gateway/http/intent/" + "a" * 64,
         "/.pool/api-whole", "/.error/502", "/.agent/connect"]
ROUNDABOUT = ["%s", "/v1.43%s", "/x/..%s", "/%%2e%s", "http://docker%s", "//%s", "/v1.43/../..%s", "%s?a=b", "%s%%20", "/containers%%2f..%s"]


def test_inner_paths(hostile, way):
    for inner, form, method in itertools.product(INNER, ROUNDABOUT, ("GET", "POST", "PUT")):
        target = form % (inner if form != "/%%2e%s" else inner[2:])
        with Raw(hostile, way) as c:
            reply = c.ask(request(method, target))
        assert reply.status in (301, 400, 404, 405), (method, target, reply.status, reply.body)
        if reply.status != 301:
            assert message(reply)


HEADERS = {"X-Accel-Redirect": "/.gateway/http/events/x", "X-Accel-Buffering": "no", "X-Accel-Limit-Rate": "1", "X-Sendfile": "/etc/passwd",
           "X-Original-URL": "/.agent/connect", "X-Rewrite-URL": "/.agent/connect", "Sockerless-Tenant": "other", "SOCKERLESS_TENANT": "other",
           "Sockerless-Listener": "agent", "SOCKERLESS_LISTENER": "agent", "Request-Uri": "/.agent/connect", "Script-Name": "/x",
           "Proxy": "http://127.0.0.1:1", "X-HTTP-Method-Override": "DELETE"}


def test_headers_of_ours_from_a_client(hostile, way):
    for name, value in HEADERS.items():
        with Raw(hostile, way) as c:
            reply = c.ask(request("GET", "/_ping", headers={name: value}))
            assert (reply.status, reply.body) == (200, b"OK"), name
            assert c.ask(request("GET", "/containers/json", headers={name: value})).json() == []
    with Raw(hostile, way) as c:
        assert c.ask(request("GET", "/.agent/connect?run=" + "a" * 32, headers=HEADERS)).status == 404


BREAKS = ["%0d%0aX-Injected:%201", "%0a", "%00", "%20HTTP/1.1%0d%0a%0d%0aGET%20/.gateway/agent/x", "%23", "%3f", "%26seq%3d1", "%25", "%ff", "%5c", "%22", "%2e%2e%2f"]


def test_arguments_that_are_handed_over(hostile, way):
    """Whatever stands in the query, the gateway gets one request with one query."""
    name = hostile.ok("run", "-d", "busybox", "sh", "-c", "echo there; exec sleep 100")
    for text in BREAKS:
        for target in ("logs?stdout=1&follow=0&tail=%s", "logs?stdout=1&since=%s", "logs?stdout=1&x=%s", "logs?stdout=1&%s=1"):
            with Raw(hostile, way) as c:
                reply = c.ask(request("GET", "/containers/%s/%s" % (name, target % text)))
                assert "x-injected" not in reply.headers
                # dockerd's own answer to a time that is none is 500.
                assert reply.status in (200, 400) or reply.status == 500 and b"strconv" in reply.body, (target, text, reply.status, reply.body)
                assert reply.status == 200 and (not reply.body or b"there" in reply.body) or message(reply)
        for verb in ("attach?stream=1&stdout=1&detachKeys=%s", "resize?h=%s&w=1", "wait?condition=%s", "kill?signal=%s", "stop?t=%s&signal=%s"):
            target = verb.replace("%s", text)
            with Raw(hostile, way, timeout=20) as c:
                c.send(request("POST", "/containers/%s/%s" % (name, target), headers={"Connection": "Upgrade", "Upgrade": "tcp"} if "attach" in verb else {}))
                reply = Raw.until(c, b"\r\n\r\n")
            status = int(reply.split()[1])
            assert b"njected" not in reply
            assert status in (101, 400) or verb.startswith("stop") and status == 500, (target, reply)
    assert hostile.inspect(name)["State"]["Running"]


def test_bodies_on_handed_over_requests(hostile, way):
    """A body where none belongs isn't the next request."""
    name = hostile.ok("run", "-d", "busybox", "sh", "-c", "echo there; exec sleep 100")
    smuggled = b"GET /containers/json HTTP/1.1\r\nHost: docker\r\n\r\n"
    for method, target in (("GET", "logs?stdout=1"), ("POST", "kill?signal=WINCH"), ("GET", "json"), ("POST", "resize?h=1&w=1")):
        for framing in (b"Content-Length: %d\r\n\r\n%s" % (len(smuggled), smuggled),
                        b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(smuggled), smuggled)):
            with Raw(hostile, way) as c:
                c.send(b"%s /containers/%s/%s HTTP/1.1\r\nHost: docker\r\n" % (method.encode(), name.encode(), target.encode()) + framing)
                reply = c.reply()
                assert reply.status in (200, 204, 400, 409), (target, reply.status, reply.body)
                if reply.headers.get("connection") != "close":
                    assert c.ask(request("GET", "/_ping")).body == b"OK"


def test_exec_and_start_with_odd_bodies(hostile, way):
    name = hostile.ok("run", "-d", "busybox", "sleep", "100")
    for body in (b"[" * 10000, b"{", b"null", b"7", b'{"Detach":"yes"}', b'{"Tty":{}}', b'{"ConsoleSize":[1,2,3]}', b'{"ConsoleSize":["a","b"]}',
                 b'{"ConsoleSize":[-1,99999999999999999999]}', b"\xff\xfe"):
        with Raw(hostile, way) as c:
            made = c.ask(request("POST", "/containers/%s/exec" % name, b'{"Cmd":["true"],"AttachStdout":true}', {"Content-Type": "application/json"}))
            assert made.status == 201
            c.send(request("POST", "/exec/%s/start" % made.json()["Id"], body, {"Content-Type": "application/json"}))
            status = int(c.until(b"\r\n\r\n").split()[1])
        assert status in (200, 400), (body, status)
        with Raw(hostile, way) as c:
            reply = c.ask(request("POST", "/containers/%s/start" % name, body, {"Content-Type": "application/json"}))
            assert reply.status in (204, 304, 400), (body, reply.status, reply.body)
    assert hostile.inspect(name)["State"]["Running"]


AGENTS = ["/", "/_ping", "/containers/json", "/.gateway/agent/" + "a" * 32, "/x/../.gateway/agent/x", "/v1.43/containers/json",
                                    "/.agent/connect/../../containers/json", "/.agent/%2e%2e/containers/json", "/.pool/api-whole"]


def test_agents_listener(hostile):
    for target, method in itertools.product(AGENTS, ("GET", "POST", "DELETE")):
        with Raw(hostile, "agent") as c:
            reply = c.ask(request(method, target))
        assert reply.status in (400, 401, 404) and message(reply), (method, target, reply.status)
