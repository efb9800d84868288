"""GET /containers/json: what it shows, filters in both shapes, limits."""
import json
import time
import urllib.parse

import pytest

S = 1000000000


def names(worker, query="", filters=None, **more):
    if filters is not None:
        query += "&filters=" + urllib.parse.quote(filters if isinstance(filters, str) else json.dumps(filters))
    r = worker.get("/v1.43/containers/json?" + query, **more)
    assert r.status == 200, r.raw
    return [c["Names"][0][1:] for c in json.loads(r.body)]


@pytest.fixture
def three(worker):
    """c (newest, exited 7), b (created), a (running, labelled)."""
    now = time.time_ns()
    worker.ids = {
        "a": worker.container("a", created_at=now - 30 * S, started_at=now - 20 * S, id="aa" * 32,
                              config={"Labels": {"l1": "v1", "l2": ""}, "ExposedPorts": {"80/tcp": {}, "53/udp": {}}, "Cmd": ["sh", "-c", "echo x"]}),
        "b": worker.container("b", "created", created_at=now - 20 * S, id="bb" * 32, image_id="sha256:" + "2" * 64),
        "c": worker.container("c", "exited", created_at=now - 10 * S, exit_code=7, finished_at=now - 7500 * S, id="cc" * 32),
    }
    worker.container("gone", None or "removing", tenant="local")
    worker.container("theirs", tenant="other")
    return worker


def test_empty(worker):
    assert worker.get("/v1.24/containers/json").body == b"[]\n"


def test_shape(three):
    (c,) = json.loads(three.get("/v1.43/containers/json").body)
    assert list(c) == ["Id", "Names", "Image", "ImageID", "Command", "Created", "Ports", "Labels", "State", "Status", "HostConfig",
                       "NetworkSettings", "Mounts"]
    assert (c["Id"], c["Names"], c["Image"], c["ImageID"]) == ("aa" * 32, ["/a"], "busybox:latest", "sha256:" + "1" * 64)
    assert (c["Command"], c["State"], c["Status"], c["Mounts"]) == ("sh -c 'echo x'", "running", "Up 20 seconds", [])
    assert c["Labels"] == {"l1": "v1", "l2": ""} and isinstance(c["Created"], int)
    assert c["Ports"] == [{"PrivatePort": 80, "Type": "tcp"}, {"PrivatePort": 53, "Type": "udp"}]
    assert c["HostConfig"] == {"NetworkMode": "default"} and list(c["NetworkSettings"]["Networks"]) == ["bridge"]
    all = {c["Names"][0]: c for c in json.loads(three.get("/containers/json?all=1").body)}
    assert (all["/b"]["State"], all["/b"]["Status"], all["/b"]["Ports"], all["/b"]["Labels"]) == ("created", "Created", [], {})
    assert (all["/c"]["State"], all["/c"]["Status"]) == ("exited", "Exited (7) 2 hours ago")
    three.db.execute("INSERT INTO image VALUES ('local', ?, '{}', 'x', 1985936, 0)", (c["ImageID"],))
    assert "SizeRootFs" not in c and json.loads(three.get("/containers/json?size=1").body)[0]["SizeRootFs"] == 1985936


def test_all_and_limit(three):
    assert names(three) == ["a"]
    for yes in ("1", "true", "True", "yes"):
        assert names(three, "all=" + yes) == ["c", "b", "a"]
    for no in ("0", "false", "False", "no", "none", ""):
        assert names(three, "all=" + no) == ["a"]
    assert names(three, "limit=1") == ["c"]
    assert names(three, "limit=2") == ["c", "b"]
    assert names(three, "limit=-1") == ["a"]
    assert names(three, "limit=0&all=1&size=0&trunc_cmd=0") == ["c", "b", "a"]
    r = three.get("/containers/json?limit=x")
    assert (r.status, json.loads(r.body)["message"]) == (500, 'strconv.Atoi: parsing "x": invalid syntax')
    assert names(three, tenant="other") == ["theirs"]


@pytest.mark.parametrize("filters,want", [
    ({"status": ["exited"]}, "c"), ({"status": {"running": True}}, "a"), ({"status": ["running", "created"]}, "ba"),
    ({"exited": ["7"]}, "c"), ({"exited": ["0"]}, ""), ({"exited": ["7", "0"]}, "c"),
    ({"name": ["^/a$"]}, "a"), ({"name": ["a|b"]}, "ba"), ({"name": ["^a"]}, "a"), ({"name": ["["]}, ""), ({"name": ["(a{1,255}){1,255}"]}, ""),
    ({"id": ["bb"]}, "b"), ({"id": ["b" * 64]}, "b"), ({"id": ["^c"]}, "c"), ({"id": ["zz"]}, ""),
    ({"label": ["l1=v1"]}, "a"), ({"label": {"l1=v1": True}}, "a"), ({"label": ["l1", "l2"]}, "a"), ({"label": ["l1=v2"]}, ""),
    ({"label": ["l2="]}, "a"), ({"label": ["l"]}, ""),
    ({"before": ["b"]}, "a"), ({"before": ["c"]}, "ba"), ({"since": ["a"]}, "cb"), ({"since": ["b"], "status": ["exited"]}, "c"),
    ({"is-task": ["false"]}, "cba"), ({"is-task": ["true"]}, ""), ({"health": ["none"]}, "cba"), ({"health": ["healthy"]}, ""),
    ({"network": ["bridge"]}, "cba"), ({"network": ["nosuch"]}, ""), ({"volume": ["v"]}, ""), ({"publish": ["80"]}, ""),
    ({"expose": ["80"]}, "a"), ({"expose": ["80/udp"]}, ""), ({"expose": ["50-60/udp"]}, "a"),
    ({"ancestor": ["busybox"]}, "ca"), ({"ancestor": ["busybox:latest"]}, "ca"), ({"ancestor": ["docker.io/library/busybox:latest"]}, "ca"),
    ({"ancestor": ["nosuch"]}, ""), ({"ancestor": ["sha256:2222"]}, "b"), ({"ancestor": ["222222222222"]}, "b"),
    ({}, "cba"), ("", "cba"), ("null", "cba"), ({"status": []}, "cba"),
])
def test_filters(three, filters, want):
    for id in ("1", "2"):
        three.db.execute("INSERT INTO image VALUES ('local', ?, '{}', 'x', 1, 0)", ("sha256:" + id * 64,))
    three.db.execute("INSERT INTO image_reference (tenant, reference, image_id) VALUES ('local', 'docker.io/library/busybox:latest', ?)", ("sha256:" + "1" * 64,))
    assert names(three, "all=1", filters) == list(want)


def test_before_counts_what_is_not_shown(three):
    assert names(three, "", {"before": ["b"]}) == ["a"]
    assert names(three, "", {"since": ["b"]}) == []


def test_status_shows_what_does_not_run(three):
    assert names(three, "", {"status": ["exited"]}) == ["c"]
    assert names(three, "", {"exited": ["7"]}) == []


@pytest.mark.parametrize("filters,status,text", [
    ({"nosuch": ["x"]}, 400, "invalid filter 'nosuch'"), ({"status": ["bogus"]}, 400, "invalid filter 'status=bogus'"),
    ({"health": ["x"]}, 400, "invalid filter 'health=x'"), ({"is-task": ["x"]}, 400, "invalid filter 'is-task=[x]'"),
    ({"exited": ["x"]}, 500, 'strconv.Atoi: parsing "x": invalid syntax'), ({"since": ["nosuch"]}, 404, "No such container: nosuch"),
    ({"before": ["theirs"]}, 404, "No such container: theirs"), ("[", 400, "invalid filter"), ("[1]", 400, "invalid filter"),
    ({"label": "x"}, 400, "invalid filter"), ({"label": [1]}, 400, "invalid filter"), ({"label": ["x"] * 2000}, 400, "more than 1024 filter values"),
    ("{\"a\":" * 200 + "1" + "}" * 200, 400, "invalid filter"),
])
def test_bad_filters(three, filters, status, text):
    filters = filters if isinstance(filters, str) else json.dumps(filters)
    r = three.get("/containers/json?filters=" + urllib.parse.quote(filters))
    assert (r.status, json.loads(r.body)["message"]) == (status, text)


def test_thousand(worker):
    worker.db.execute("BEGIN")
    for i in range(1000):
        worker.container("n%d" % i, created_at=i + 1)
    worker.db.execute("COMMIT")
    assert names(worker) == ["n%d" % i for i in reversed(range(1000))]
