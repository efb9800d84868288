"""ping, version, info, events, plugins, versions of the API, paths, methods."""
import json

import pytest


def message(reply):
    return json.loads(reply.body)["message"]


def test_ping(worker):
    for uri in ("/_ping", "/v1.43/_ping", "/v1.47/_ping", "/v1.24/_ping"):
        r = worker.get(uri)
        assert (r.status, r.reason, r.body) == (200, "OK", b"OK")
        assert r.headers["api-version"] == "1.47"
        assert r.headers["docker-experimental"] == "false"
        assert r.headers["ostype"] == "linux"
        assert r.headers["server"].startswith("sockerless/")
        assert r.headers["swarm"] == "inactive"
        assert r.headers["cache-control"] == "no-cache, no-store, must-revalidate"
        assert r.headers["pragma"] == "no-cache"
        assert r.headers["content-type"] == "text/plain; charset=utf-8"
        assert "builder-version" in r.headers


def test_ping_head(worker):
    r = worker.request("HEAD", "/_ping")
    assert (r.status, r.body, r.headers["content-length"]) == (200, b"", "0")


def test_version(worker):
    v = json.loads(worker.get("/version").body)
    assert (v["ApiVersion"], v["MinAPIVersion"], v["Os"], v["Arch"]) == ("1.47", "1.24", "linux", "amd64")
    assert v["Components"][0]["Name"] == "Engine" and v["Components"][0]["Details"]["ApiVersion"] == "1.47"
    assert worker.get("/version").body.endswith(b"}\n")


def test_info(worker):
    worker.container("a")
    worker.container("b", "exited")
    worker.container("c", "created")
    worker.container("d", "creating")
    worker.container("e", tenant="other")
    worker.db.execute("INSERT INTO image (tenant, id, config, manifest_digest, size, pulled_at) VALUES ('local','sha256:1','{}','sha256:2',5,0)")
    i = json.loads(worker.get("/v1.43/info").body)
    assert (i["Containers"], i["ContainersRunning"], i["ContainersPaused"], i["ContainersStopped"], i["Images"]) == (3, 1, 0, 2, 1)
    assert (i["Driver"], i["OperatingSystem"], i["NCPU"], i["MemTotal"]) == ("lambda", "AWS Lambda", 2, 4294967296)
    for key in ("MemoryLimit", "SwapLimit", "CpuCfsPeriod", "CpuCfsQuota", "CPUShares", "CPUSet", "PidsLimit", "IPv4Forwarding",
                "BridgeNfIptables", "BridgeNfIp6tables", "OomKillDisable"):
        assert i[key] is True, key
    assert i["Warnings"] is None and i["Swarm"]["LocalNodeState"] == "inactive"
    assert i["ID"] == json.loads(worker.get("/info").body)["ID"]
    assert json.loads(worker.get("/info", tenant="other").body)["Containers"] == 1


def test_plugins(worker):
    r = worker.get("/v1.43/plugins")
    assert (r.status, r.body) == (200, b"[]\n")
    r = worker.get("/plugins/some%2Fplugin:latest/json")
    assert (r.status, message(r)) == (404, 'plugin "some/plugin:latest" not found')


@pytest.mark.parametrize("method,uri", [
    ("GET", "/nosuch"), ("GET", "/v1.43/nosuch"), ("DELETE", "/v1.43/version"), ("POST", "/_ping"), ("GET", "/vfoo/version"),
    ("GET", "/v1.41x/containers/json"), ("GET", "/v1.43/containers/json/"), ("GET", "/"), ("GET", ""), ("GET", "*"),
    ("GET", "/v1.43"), ("HEAD", "/containers/json"), ("GET", "/containers/a/attach"), ("GET", "/containers/%00/json"),
    ("GET", "/containers/%2e%2e/json"), ("GET", "/containers/%zz/json"), ("GET", "/containers/a%/json"),
    ("GET", "/containers/a\rb/json"), ("GET", "/.agent/connect?run=" + "0" * 32), ("GET", "/v1.43/.agent/connect"),
    ("GET", "/.gateway/agent/x"), ("GET", "/" + "a/" * 500 + "b"), ("get", "/version"), ("", "/version"),
])
def test_page_not_found(worker, method, uri):
    r = worker.request(method, uri)
    assert r.status == 404
    assert r.headers["content-type"] == "application/json"
    assert method == "HEAD" or message(r) == "page not found"


@pytest.mark.parametrize("uri,location", [
    ("/v1.43//containers/json", "/v1.43/containers/json"), ("/v1.43/containers//json?all=1", "/v1.43/containers/json?all=1"),
    ("//evil.example/json", "/evil.example/json"), ("/v1.43/../version", "/version"), ("/../../etc/passwd", "/etc/passwd"),
    ("/./version", "/version"), ("///", "/"),
])
def test_double_slash_moves(worker, uri, location):
    r = worker.get(uri)
    assert (r.status, r.headers["location"], r.body) == (301, location, b"")


@pytest.mark.parametrize("version,text", [
    ("1.99", "client version 1.99 is too new. Maximum supported API version is 1.47"),
    ("2.0", "client version 2.0 is too new. Maximum supported API version is 1.47"),
    ("1.48", "client version 1.48 is too new. Maximum supported API version is 1.47"),
    ("99999999999999999999", "client version 999999999999999 is too new. Maximum supported API version is 1.47"),
])
def test_too_new(worker, version, text):
    r = worker.get("/v%s/version" % version)
    assert (r.status, message(r)) == (400, text)


@pytest.mark.parametrize("version", ["1.11", "1.23", "1", "0.9"])
def test_too_old(worker, version):
    r = worker.get("/v%s/containers/json" % version)
    assert r.status == 400
    assert r.headers["content-type"] == "text/plain; charset=utf-8"
    assert r.body.decode() == ("client version %s is too old. Minimum supported API version is 1.24, "
                               "please upgrade your client to a newer version\n" % version)


def test_absolute_form(worker):
    assert worker.get("http://docker/v1.43/_ping").status == 200


def test_options(worker):
    r = worker.request("OPTIONS", "/containers/json")
    assert (r.status, r.body) == (200, b"")


@pytest.mark.parametrize("uri,status,text", [
    ("/v1.43/swarm", 503, "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again."),
])
def test_missing_routes(worker, uri, status, text):
    r = worker.get(uri)
    assert r.status == status
    assert message(r) == text if text else "not supported" in message(r)


def test_no_tenant_no_answer(worker):
    for tenant in (None, ""):
        assert worker.get("/containers/json", tenant=tenant).status == 403


def test_broken_query(worker):
    assert worker.get("/containers/json?all=%zz").status == 400
    assert worker.get("/containers/json?" + "&".join("a%d=1" % i for i in range(600))).status == 400


def test_events(worker):
    r = worker.get("/v1.43/events?since=1795446950&until=1795447022.5&filters=%7B%22type%22%3A%5B%22image%22%5D%7D")
    target = r.headers["x-accel-redirect"]
    assert target == ("/.gateway/http/events/0?api=1.43&tenant=local&since=1795446950000000000&until=1795447022500000000"
                      "&filters=%7B%22type%22%3A%5B%22image%22%5D%7D")
    r = worker.get("/events?filters={\"label\":{\"a=b\":true}}", tenant="other")
    assert r.headers["x-accel-redirect"] == \
        "/.gateway/http/events/0?api=1.47&tenant=other&since=0&until=0&filters=%7B%22label%22%3A%5B%22a%3Db%22%5D%7D"


@pytest.mark.parametrize("query,status,text", [
    ("since=abc&until=1", 500, 'strconv.ParseInt: parsing "abc": invalid syntax'),
    ("since=20&until=10", 400, "`since` time (20) cannot be after `until` time (10)"),
    ("filters=x", 400, "invalid filter"), ("filters=[]", 400, "invalid filter"), ("filters={%22a%22:3}", 400, "invalid filter"),
])
def test_events_errors(worker, query, status, text):
    r = worker.get("/v1.43/events?" + query)
    assert (r.status, message(r)) == (status, text)
