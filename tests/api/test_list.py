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
        "c": worker.container("c", "exited", created_at=now - 10 * S, exit_code=7, finished_at=now - 7500 * S, id="cc" * 32,
                              config={"ExposedPorts": {"80/tcp": {}}}),
    }
    for id in ("1", "2"):
        worker.db.execute("INSERT INTO image (tenant, id, config, manifest_digest, size, pulled_at) VALUES ('local', ?, '{}', 'x', 1985936, 0)", ("sha256:" + id * 64,))
    worker.db.execute("INSERT INTO image_reference (tenant, reference, image_id) VALUES ('local', 'docker.io/library/busybox:latest', ?)", ("sha256:" + "1" * 64,))
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
    ({"id": ["bb"]}, "b"), ({"id": ["b" * 64]}, "b"), ({"id": ["^c"]}, ""), ({"id": ["zz"]}, ""), ({"id": ["bbcc"]}, ""),
    ({"id": ["aa", "cc"]}, "ca"), ({"id": ["aa"], "name": ["b"]}, ""), ({"isolation": ["default"]}, "cba"),
    ({"label": ["l1=v1"]}, "a"), ({"label": {"l1=v1": True}}, "a"), ({"label": ["l1", "l2"]}, "a"), ({"label": ["l1=v2"]}, ""),
    ({"label": ["l2="]}, "a"), ({"label": ["l"]}, ""),
    ({"before": ["b"]}, "a"), ({"before": ["c"]}, "ba"), ({"since": ["a"]}, "cb"), ({"since": ["b"], "status": ["exited"]}, "c"),
    ({"is-task": ["false"]}, "cba"), ({"is-task": ["true"]}, ""), ({"health": ["none"]}, "cba"), ({"health": ["healthy"]}, ""),
    ({"network": ["bridge"]}, "ca"), ({"network": ["nosuch"]}, ""), ({"network": ["net"]}, "b"), ({"network": ["fefe"]}, "b"), ({"network": ["ne"]}, ""), ({"network": ["net", "bridge"]}, "cba"), ({"volume": ["v"]}, ""), ({"publish": ["80"]}, ""),
    ({"publish": ["80"], "expose": ["80"]}, "a"), ({"publish": ["80-90/udp"]}, ""), ({"expose": ["81", "80"]}, "a"), ({"expose": ["1-65535/tcp"]}, "a"),
    ({"expose": ["80"]}, "a"), ({"expose": ["80/udp"]}, ""), ({"expose": ["50-60/udp"]}, "a"),
    ({"ancestor": ["busybox"]}, "ca"), ({"ancestor": ["busybox:latest"]}, "ca"), ({"ancestor": ["docker.io/library/busybox:latest"]}, "ca"),
    ({"ancestor": ["nosuch"]}, ""), ({"ancestor": ["sha256:2222"]}, "b"), ({"ancestor": ["222222222222"]}, "b"),
    ({}, "cba"), ("", "cba"), ("null", "cba"), ({"status": []}, "cba"),
])
def test_filters(three, filters, want):
    three.container("theirs2", tenant="other", id="bbcc" * 16)
    three.db.execute("UPDATE container SET networking = ? WHERE name = 'b'", (json.dumps({"net": {"NetworkID": "fe" * 32}}),))
    assert names(three, "all=1", filters) == list(want)


def test_id_that_several_have(three):
    """dockerd takes a beginning of an id that isn't one container's alone as nobody's."""
    three.container("d", id="ab" + "0" * 62)
    three.container("e", id="ab" + "1" * 62)
    assert names(three, "", {"id": ["ab"]}) == []
    assert sorted(names(three, "", {"id": ["ab0", "aa"]})) == ["a", "d"]
    assert names(three, "", {"id": ["ab0", "aa"], "name": ["a"]}) == ["a"]


def test_image_that_has_another_name_now(three):
    """The reference is shown as long as it stands for the container's image; then the image's id is."""
    image = lambda: json.loads(three.get("/containers/json").body)[0]["Image"]
    assert image() == "busybox:latest"
    three.db.execute("UPDATE image_reference SET image_id = ?", ("sha256:" + "2" * 64,))
    assert image() == "sha256:" + "1" * 64
    three.db.execute("DELETE FROM image_reference")
    assert image() == "sha256:" + "1" * 64
    # One that was named by its id is shown so.
    three.db.execute("UPDATE container SET image_reference = '111111' WHERE name = 'a'")
    assert image() == "111111"


def test_annotations_since_46(three):
    three.db.execute("UPDATE container SET host_config = json_set(host_config, '$.Annotations', json('{\"k\":\"v\"}')) WHERE name = 'a'")
    assert json.loads(three.get("/v1.46/containers/json").body)[0]["HostConfig"] == {"NetworkMode": "default", "Annotations": {"k": "v"}}
    assert json.loads(three.get("/v1.45/containers/json").body)[0]["HostConfig"] == {"NetworkMode": "default"}


def test_before_counts_what_is_not_shown(three):
    assert names(three, "", {"before": ["b"]}) == ["a"]
    assert names(three, "", {"since": ["b"]}) == []


def test_status_shows_what_does_not_run(three):
    assert names(three, "", {"status": ["exited"]}) == ["c"]
    assert names(three, "", {"exited": ["7"]}) == []


@pytest.mark.parametrize("filters,status,text", [
    ({"nosuch": ["x"]}, 400, "invalid filter 'nosuch'"), ({"status": ["bogus"]}, 400, "invalid filter 'status=bogus'"),
    ({"health": ["x"]}, 400, "Unrecognised filter value for health: x"), ({"is-task": ["x"]}, 400, "invalid filter 'is-task=[x]'"),
    ({"publish": ["80:80"]}, 500, "filter for 'publish' should not contain ':': 80:80"),
    ({"expose": ["x"]}, 500, 'error while looking up for expose x: strconv.ParseUint: parsing "x": invalid syntax'),
    ({"expose": ["80-x/udp"]}, 500, 'error while looking up for expose 80-x/udp: strconv.ParseUint: parsing "x": invalid syntax'),
    ({"expose": ["70000"]}, 500, 'error while looking up for expose 70000: strconv.ParseUint: parsing "70000": value out of range'),
    ({"expose": ["90-80"]}, 500, "error while looking up for expose 90-80: invalid range specified for port: 90-80"),
    ({"publish": [""]}, 500, "error while looking up for publish : empty string specified for ports"),
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


@pytest.mark.parametrize("state,columns,shown,text", [
    ("created", {}, "created", "Created"),
    ("starting", {}, "created", "Created"),
    ("starting", {"finished_at": -90, "exit_code": 3}, "exited", "Exited (3) About a minute ago"),
    ("starting", {"restart_at": 1, "finished_at": -1, "exit_code": 3}, "restarting", "Restarting (3) 1 second ago"),
    ("restarting", {"finished_at": -50, "exit_code": 0}, "restarting", "Restarting (0) 50 seconds ago"),
    ("running", {"started_at": 0}, "running", "Up Less than a second"),
    ("running", {"started_at": -1}, "running", "Up 1 second"),
    ("running", {"started_at": -200}, "running", "Up 3 minutes"),
    ("running", {"started_at": -200, "health": '{"Status":"healthy"}'}, "running", "Up 3 minutes (healthy)"),
    ("running", {"started_at": -2, "health": '{"Status":"starting"}'}, "running", "Up 2 seconds (health: starting)"),
    ("running", {"started_at": -3700, "health": '{"Status":"unhealthy"}'}, "running", "Up About an hour (unhealthy)"),
    ("paused", {"started_at": -2}, "paused", "Up 2 seconds (Paused)"),
    ("paused", {"started_at": -2, "health": '{"Status":"healthy"}'}, "paused", "Up 2 seconds (Paused)"),
    ("exited", {"finished_at": -7500, "exit_code": 7}, "exited", "Exited (7) 2 hours ago"),
    ("exited", {"finished_at": -3 * 86400, "exit_code": 0}, "exited", "Exited (0) 3 days ago"),
    ("exited", {"finished_at": -15 * 86400, "exit_code": 137}, "exited", "Exited (137) 2 weeks ago"),
])
def test_status_texts(worker, state, columns, shown, text):
    now = time.time_ns()
    worker.container("one", state, **{k: now + v * S if k in ("started_at", "finished_at") else v for k, v in columns.items()})
    (c,) = json.loads(worker.get("/containers/json?all=1").body)
    assert (c["State"], c["Status"]) == (shown, text)
