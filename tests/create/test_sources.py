"""docker import from a URL, and docker search: servers of our own on loopback stand for the network."""
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from registry import make_tar
from support.registry import digest_of

TAR = make_tar({"imported": b"x" * 200000})
FOUND = [{"name": "one", "description": "d", "star_count": 7, "is_official": True, "is_automated": False, "more": 1},
         {"name": "two", "star_count": 3, "is_official": False}, {"name": 5, "star_count": "x"}]


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        self.server.asked.append(self.path)
        if url.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "/image.tar")
            self.end_headers()
            return
        body = {"/image.tar": TAR, "/text": b"no tar", "/short": TAR, "/v1/search": json.dumps({"results": FOUND}).encode()}.get(url.path)
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write((body or b"")[:1000 if url.path == "/short" else None])


@pytest.fixture(scope="module")
def web(service):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.host = "127.0.0.1:%d" % server.server_port
    service.restart(SOCKERLESS_IMPORT_HOSTS="example.invalid, " + server.host, SOCKERLESS_DOCKER_IO_INDEX="http://" + server.host)
    yield server
    server.shutdown()
    server.server_close()


def create(s, **query):
    return s.call("POST", "/images/create?" + urllib.parse.urlencode(query))


def test_import_from_a_url(service, web):
    s, url = service, "http://%s/image.tar" % web.host
    lines = s.lines(create(s, fromSrc=url, repo="fetched", tag="1", changes="CMD [\"x\"]"))
    assert lines[0] == {"status": "Downloading from " + url} and lines[-1]["status"].startswith("sha256:"), lines
    shown = s.call("GET", "/images/fetched:1/json").json
    assert shown["Id"] == lines[-1]["status"] and shown["RootFS"]["Layers"] == [digest_of(TAR)]
    assert shown["Comment"] == "Imported from " + url and shown["Config"]["Cmd"] == ["x"]
    assert [e[0] for e in s.events("image")][-2:] == ["tag", "import"]
    lines = s.lines(create(s, fromSrc="%s/image.tar" % web.host, repo="fetched", tag="2", message="mine"))
    assert lines[0]["status"] == "Downloading from " + url and s.call("GET", "/images/fetched:2/json").json["Comment"] == "mine"


@pytest.mark.parametrize("url, told", [("http://WEB/nothing", "got HTTP status code >= 400: 404"), ("http://WEB/text", "Error processing tar file"), ("http://WEB/short", "Get "),
                                       ("http://WEB/redirect", "unexpected HTTP status 302"), ("ftp://WEB/x", "no URL of http"), ("file:///etc/passwd", "no URL of http"),
                                       ("http://localhost:1/x", "private network"), ("http://169.254.169.254/latest/meta-data", "private network"),
                                       ("http://[::1]:80/x", "private network"), ("http://10.0.0.1/x", "private network")])
def test_import_that_fails(service, web, url, told):
    lines = service.lines(create(service, fromSrc=url.replace("WEB", web.host), repo="bad"))
    assert told in lines[-1]["error"], lines
    assert service.call("GET", "/images/bad/json").status == 404


def test_import_platform(service, web):
    assert "not supported" in create(service, fromSrc="http://%s/image.tar" % web.host, platform="linux/arm64").json["message"]


def search(s, **query):
    return s.call("GET", "/images/search?" + urllib.parse.urlencode(query))


def test_search(service, web):
    del web.asked[:]
    found = search(service, term="a b", limit=5)
    assert found.status == 200 and web.asked == ["/v1/search?q=a%20b&n=5"]
    assert found.json == [{"star_count": 7, "is_official": True, "name": "one", "is_automated": False, "description": "d"},
                          {"star_count": 3, "is_official": False, "name": "two", "is_automated": False, "description": ""},
                          {"star_count": 0, "is_official": False, "name": "", "is_automated": False, "description": ""}]
    assert [o["name"] for o in search(service, term="x", filters='{"stars":["4"]}').json] == ["one"]
    assert [o["name"] for o in search(service, term="x", filters='{"is-official":["false"],"stars":["1"]}').json] == ["two"]
    assert len(search(service, term=web.host + "/x", limit=1).json) == 1 and web.asked[-1] == "/v1/search?q=x&n=1"


def test_search_refused(service, web):
    reply = search(service, term=service.registry.address + "/x")
    assert reply.status == 501 and "not supported" in reply.json["message"]
    for query, told in (({"limit": "101"}, "limit 101 is outside the range of [1, 100]"), ({"limit": "x"}, "invalid syntax"),
                        ({"filters": '{"nosuch":["x"]}'}, "nosuch"), ({"filters": '{"stars":["x"]}'}, "stars"), ({"term": "http://x"}, "scheme")):
        reply = search(service, **{"term": "x", **query})
        assert reply.status == 400 and told in reply.json["message"], (query, reply.json)
