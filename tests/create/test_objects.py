"""Volumes and networks of a created container; login, distribution, history and tag with a real registry."""
import base64
import http.server
import json
import re
import threading
import urllib.request

import pytest

opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@pytest.fixture(scope="module")
def s(service):
    service.pull("busybox")
    return service


def create(s, body, name=""):
    return s.call("POST", "/containers/create" + ("?name=" + name if name else ""), dict({"Image": "busybox", "Cmd": ["x"]}, **body))


def inspect(s, reply):
    assert reply.status == 201, reply.body
    return s.call("GET", "/containers/%s/json" % reply.json["Id"]).json


def test_volumes(s):
    reply = create(s, {"Volumes": {"/anon": {}}, "HostConfig": {
        "Binds": ["goldvol1:/data:ro"],
        "Mounts": [{"Type": "volume", "Source": "goldvol2", "Target": "/m", "VolumeOptions": {"Labels": {"a": "b"}}}]}})
    assert len(reply.json["Warnings"]) == 3
    assert reply.json["Warnings"][0] == ("/data: volumes are not kept yet: what is written there is the container's own, and no other container "
                                         "sees it")
    i = inspect(s, reply)
    anonymous = i["Mounts"][2]["Name"]
    assert re.match("[0-9a-f]{64}$", anonymous)
    path = "/var/lib/docker/volumes/%s/_data"
    assert i["Mounts"] == [
        {"Type": "volume", "Name": "goldvol1", "Source": path % "goldvol1", "Destination": "/data", "Driver": "local", "Mode": "ro", "RW": False, "Propagation": ""},
        {"Type": "volume", "Name": "goldvol2", "Source": path % "goldvol2", "Destination": "/m", "Driver": "local", "Mode": "z", "RW": True, "Propagation": ""},
        {"Type": "volume", "Name": anonymous, "Source": path % anonymous, "Destination": "/anon", "Driver": "local", "Mode": "", "RW": True, "Propagation": ""}]
    assert i["HostConfig"]["Binds"] == ["goldvol1:/data:ro"] and i["Config"]["Volumes"] == {"/anon": {}}
    volumes = {v["Name"]: v["Labels"] for v in s.call("GET", "/volumes").json["Volumes"]}
    assert volumes == {"goldvol1": None, "goldvol2": {"a": "b"}, anonymous: {"com.docker.volume.anonymous": ""}}
    reply = s.call("DELETE", "/volumes/goldvol1")
    assert (reply.status, reply.json["message"]) == (409, "remove goldvol1: volume is in use - [%s]" % i["Id"])
    assert {e[:2] for e in s.events("volume")} == {("create", name) for name in volumes}


def test_volume_errors(s):
    reply = create(s, {"HostConfig": {"Binds": ["/etc:/x"]}})
    assert reply.status == 400 and "bind mounts are not supported" in reply.json["message"]
    assert create(s, {"HostConfig": {"VolumesFrom": ["x"]}}).status == 400


def test_failed_create_leaves_no_anonymous_volume(s):
    before = {v["Name"] for v in s.call("GET", "/volumes").json["Volumes"]}
    s.aws.fail["CreateFunction"] = (400, "InvalidParameterValueException", "no")
    reply = create(s, {"Volumes": {"/anon": {}}})
    s.aws.fail.clear()
    assert reply.status >= 400
    assert {v["Name"] for v in s.call("GET", "/volumes").json["Volumes"]} == before


def test_networks(s):
    made = s.call("POST", "/networks/create", {"Name": "goldnet1"}).json["Id"]
    reply = create(s, {"HostConfig": {"NetworkMode": "goldnet1"}, "NetworkingConfig": {"EndpointsConfig": {"goldnet1": {"Aliases": ["al1"]}}}})
    assert reply.json["Warnings"] == ["containers on a network can't reach each other yet: Lambda functions accept no connections"]
    i = inspect(s, reply)
    shown = i["NetworkSettings"]["Networks"]
    assert list(shown) == ["goldnet1"] and shown["goldnet1"]["NetworkID"] == made
    assert shown["goldnet1"]["Aliases"] == ["al1", i["Id"][:12]]
    by_id = inspect(s, create(s, {"HostConfig": {"NetworkMode": made}}))
    assert list(by_id["NetworkSettings"]["Networks"]) == ["goldnet1"]
    bridge = s.call("GET", "/networks/bridge").json["Id"]
    assert inspect(s, create(s, {}))["NetworkSettings"]["Networks"]["bridge"]["NetworkID"] == bridge


def test_unknown_network_is_told_at_start(s):
    reply = create(s, {"HostConfig": {"NetworkMode": "nosuchnet"}}, "gold4")
    assert reply.status == 201
    reply = s.call("POST", "/containers/gold4/start")
    assert (reply.status, reply.json["message"]) == (404, "network nosuchnet not found")


class Guarded(http.server.BaseHTTPRequestHandler):
    """Wants u:p by Basic; below /token it gives Bearer tokens for the same."""
    bearer = False
    upstream = None

    def do_HEAD(self):
        self.do_GET()

    def pass_on(self):
        request = urllib.request.Request("http://%s%s" % (self.upstream, self.path), method=self.command,
                                         headers={"Accept": self.headers.get("Accept", "*/*")})
        with opener.open(request) as reply:
            self.send_response(reply.status)
            for name in ("Content-Type", "Content-Length", "Docker-Content-Digest"):
                if reply.headers[name]:
                    self.send_header(name, reply.headers[name])
            self.end_headers()
            self.wfile.write(reply.read())

    def do_GET(self):
        basic = "Basic " + base64.b64encode(b"u:p").decode()
        given = self.headers.get("Authorization", "")
        if self.path.startswith("/token"):
            self.answer(200 if given == basic else 401, {"token": "the-token"})
        elif given == ("Bearer the-token" if self.bearer else basic):
            self.pass_on() if self.upstream and self.path != "/v2/" else self.answer(200, {})
        else:
            self.answer(401, {}, 'Bearer realm="http://%s:%d/token",service="here"' % self.server.server_address if self.bearer else 'Basic realm="here"')

    def answer(self, status, body, challenge=None):
        data = json.dumps(body).encode()
        self.send_response(status)
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


@pytest.fixture(params=[False, True], ids=["basic", "bearer"])
def guarded(request, s):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Guarded,), {"bearer": request.param, "upstream": s.registry.address}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield "127.0.0.1:%d" % server.server_address[1], request.param
    server.shutdown()
    thread.join()
    server.server_close()


def login(s, address, password="p"):
    return s.call("POST", "/auth", {"username": "u", "password": password, "serveraddress": address})


def test_login(s, guarded):
    address, bearer = guarded
    reply = login(s, address)
    assert (reply.status, reply.json) == (200, {"IdentityToken": "", "Status": "Login Succeeded"})
    reply = login(s, address, "wrong")
    if bearer:
        assert (reply.status, reply.json["message"]) == (401, 'Get "http://%s/v2/": unauthorized: incorrect username or password' % address)
    else:
        assert (reply.status, reply.json["message"]) == (500, "login attempt to http://%s/v2/ failed with status: 401 Unauthorized" % address)


def test_pull_with_an_account(s, guarded):
    name = guarded[0] + "/library/busybox"
    account = lambda password: {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(
        {"username": "u", "password": password, "serveraddress": guarded[0]}).encode()).decode()}
    pull = lambda headers: s.call("POST", "/images/create?fromImage=%s&tag=1.35" % name, headers=headers)
    reply = pull(account("p"))
    assert reply.status == 200 and "Status: " in s.lines(reply)[-1]["status"], reply.body
    assert s.call("GET", "/distribution/%s:1.35/json" % name, headers=account("p")).json["Descriptor"]["digest"] == s.manifest
    for headers in (account("wrong"), {}):
        reply = pull(headers)
        assert reply.status in (401, 404, 500) and "u:p" not in reply.json["message"], reply.body
        assert s.call("GET", "/distribution/%s:1.35/json" % name, headers=headers).status in (401, 403, 404, 500)
    assert s.call("DELETE", "/images/%s:1.35?force=1" % name).status == 200


def test_login_elsewhere(s):
    assert login(s, "http://" + s.registry.address).json["Status"] == "Login Succeeded"
    assert login(s, "https://index.docker.io/v1/").status == 200
    reply = login(s, "https://127.0.0.1:1")
    assert (reply.status, reply.json["message"]) == (500, 'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused')
    reply = s.call("POST", "/auth", b"{", headers={"Content-Type": "application/json"})
    assert (reply.status, reply.json["message"]) == (500, "unexpected EOF")


def test_distribution(s):
    name = s.registry.address + "/library/busybox"
    reply = s.call("GET", "/distribution/%s:1.35/json" % name)
    assert reply.status == 200, reply.body
    d = reply.json["Descriptor"]
    assert list(d) == ["mediaType", "digest", "size"] and d["digest"] == s.manifest
    assert d["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json" and d["size"] > 0
    assert reply.json["Platforms"] == [{"architecture": "amd64", "os": "linux"}]
    reply = s.call("GET", "/distribution/busybox/json")
    assert reply.json["Descriptor"]["digest"] == s.index
    assert sorted(p["architecture"] for p in reply.json["Platforms"]) == ["amd64", "arm64"]
    reply = s.call("GET", "/distribution/%s:nosuch/json" % name)
    assert (reply.status, reply.json) == (404, {"message": "manifest unknown: manifest unknown"})


def test_history_and_tag(s):
    assert s.call("POST", "/images/busybox/tag?repo=127.0.0.1:5000/gold&tag=1").status == 201
    history = s.call("GET", "/images/127.0.0.1:5000/gold:1/history").json
    assert [(h["Id"], h["Comment"]) for h in history] == [(s.busybox, "made")]
    assert "127.0.0.1:5000/gold:1" in history[0]["Tags"] and history[0]["Size"] > 0
    assert s.call("DELETE", "/images/127.0.0.1:5000/gold:1").json == [{"Untagged": "127.0.0.1:5000/gold:1"}]
