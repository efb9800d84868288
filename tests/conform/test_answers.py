"""One row per situation: the request, then status, reason and what the body is. The rows play on one stage, in order."""
import base64
import http
import io
import json
import pathlib
import re
import sys
import tarfile
import time
import urllib.parse

import pytest

from fields import check
from support.places import TOP
from support.waiting import receive_until

REASONS = {s.value: s.phrase for s in http.HTTPStatus}
USUAL = {"api-version": "1.47", "docker-experimental": "false", "ostype": "linux"}
NO_SWARM = 'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.'
ABSENT = "No such container: absent"


def by(**filters):
    return "filters=" + urllib.parse.quote(json.dumps({k.replace("_", "-"): v for k, v in filters.items()}))


@pytest.fixture(scope="module")
def play(stage):
    """Containers up, new, done (exit 7) and held (paused); a network net1 with new and up on it; a volume vol1 that up uses."""
    stage.ids = {}
    assert stage.post("/volumes/create", {"Name": "vol1", "Labels": {"v": "1"}}).status == 201
    made = stage.post("/networks/create", {"Name": "net1", "Labels": {"n": "1"}, "IPAM": {"Config": [{"Subnet": "10.77.0.0/24", "Gateway": "10.77.0.1"}]}})
    stage.ids["net1"] = made.json["Id"]
    stage.ids["up"] = stage.run("up", Labels={"tier": "front", "empty": ""}, ExposedPorts={"80/tcp": {}},
                                HostConfig={"Binds": ["vol1:/tmp/data"], "NetworkMode": "net1"})
    stage.ids["new"] = stage.create("new")
    stage.ids["done"] = stage.run("done", ["sh", "-c", "echo said; exit 7"])
    stage.post("/containers/done/wait")
    stage.ids["held"] = stage.run("held")
    assert stage.post("/containers/held/pause").status == 204
    stage.ids["exec"] = stage.post("/containers/up/exec", {"Cmd": ["true"]}).json["Id"]
    return stage


# (method, path, body, status, what the body is: a shape of fields.py, a text of an error, a list of container names, or None: empty)
ROWS = [
    # system
    ("GET", "/version", None, 200, "version"),
    ("GET", "/info", None, 200, "info"),
    ("GET", "/swarm", None, 503, NO_SWARM), ("GET", "/nodes", None, 503, NO_SWARM), ("GET", "/services", None, 503, NO_SWARM),
    ("GET", "/tasks", None, 503, NO_SWARM), ("GET", "/secrets", None, 503, NO_SWARM), ("GET", "/configs", None, 503, NO_SWARM),
    ("GET", "/plugins", None, 200, "[o]"),
    ("GET", "/absent", None, 404, "page not found"), ("DELETE", "/version", None, 404, "page not found"),
    ("GET", "/containers/json/", None, 404, "page not found"), ("POST", "/_ping", None, 404, "page not found"),
    ("POST", "/auth", "{", 500, "unexpected EOF"),
    ("GET", "/system/df", None, 200, "df"), ("GET", "/system/df?type=volume", None, 200, "df"),
    ("GET", "/system/df?type=x", None, 400, "unknown object type: x"),
    ("POST", "/build/prune", None, 200, "o"),
    ("GET", "/events?since=abc&until=1", None, 500, 'strconv.ParseInt: parsing "abc": invalid syntax'),
    ("GET", "/events?since=20&until=10", None, 400, "`since` time (20) cannot be after `until` time (10)"),
    # create
    ("POST", "/containers/create?name=a%20b", {"Image": "busybox"}, 400,
     "Invalid container name (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"),
    ("POST", "/containers/create?name=x", {"Image": "busybox"}, 400,
     "Invalid container name (x), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"),
    ("POST", "/containers/create", {"Image": "absent:1", "Cmd": ["a"]}, 404, "No such image: absent:1"),
    ("POST", "/containers/create", {"Cmd": ["a"]}, 400, "a container without an image is not supported: a Lambda function needs one"),
    ("POST", "/containers/create", {"Image": 5}, 400, "invalid JSON: json: cannot unmarshal number into Go struct field ContainerConfigWrapper.Image of type string"),
    ("POST", "/containers/create?name=up", {"Image": "busybox", "Cmd": ["a"]}, 409,
     'Conflict. The container name "/up" is already in use by container "{up}". You have to remove (or rename) that container to be able to reuse that name.'),
    ("POST", "/containers/create", {"Image": "busybox", "Cmd": ["a"], "HostConfig": {"Memory": 1000}}, 400, "Minimum memory limit allowed is 6MB"),
    ("POST", "/containers/create", {"Image": "busybox", "Cmd": ["a"], "HostConfig": {"PortBindings": {"x/tcp": []}}}, 400, 'invalid port specification: "x"'),
    ("POST", "/containers/create", {"Image": "busybox", "Cmd": ["a"], "HostConfig": {"RestartPolicy": {"Name": "sometimes"}}}, 400,
     "invalid restart policy 'sometimes'"),
    ("POST", "/containers/create", {"Image": "busybox", "Cmd": ["a"], "HostConfig": {"Mounts": [{"Type": "what", "Target": "/x"}]}}, 400,
     'invalid mount config for type "what": mount type unknown'),
    ("POST", "/containers/create", {"Image": "busybox", "Cmd": ["a"], "StopSignal": "NOPE"}, 400, "invalid signal: NOPE"),
    ("POST", "/containers/create?platform=linux/arm64", {"Image": "busybox", "Cmd": ["a"]}, 404,
     "image with reference busybox was found but does not match the specified platform: wanted linux/arm64, actual: linux/amd64"),
    # one container
    ("GET", "/containers/up/json", None, 200, "container"), ("GET", "/containers/new/json", None, 200, "container"),
    ("GET", "/containers/done/json?size=1", None, 200, "container"), ("GET", "/containers/held/json", None, 200, "container"),
    ("GET", "/containers/{up:.12}/json", None, 200, "container"), ("GET", "/containers/absent/json", None, 404, ABSENT),
    ("POST", "/containers/up/start", None, 304, None), ("POST", "/containers/done/stop", None, 304, None),
    ("POST", "/containers/absent/start", None, 404, ABSENT), ("POST", "/containers/absent/stop", None, 404, ABSENT),
    ("POST", "/containers/absent/wait", None, 404, ABSENT), ("POST", "/containers/absent/restart", None, 404, ABSENT),
    ("POST", "/containers/absent/kill", None, 404, "Cannot kill container: absent: " + ABSENT),
    ("POST", "/containers/up/kill?signal=FOO", None, 400, "Cannot kill container: up: invalid signal: FOO"),
    ("POST", "/containers/done/kill", None, 409, "Cannot kill container: done: Container {done} is not running"),
    ("POST", "/containers/up/wait?condition=bogus", None, 400, 'invalid condition: "bogus"'),
    ("POST", "/containers/done/wait", None, 200, "waited"),
    ("POST", "/containers/held/pause", None, 409, "Container {held} is already paused"),
    ("POST", "/containers/up/unpause", None, 500, "Container {up} is not paused"),
    ("POST", "/containers/done/pause", None, 409, "container {done} is not running"),
    ("POST", "/containers/up/rename", None, 400, "Neither old nor new names may be empty"),
    ("POST", "/containers/up/rename?name=up", None, 400, "Renaming a container with the same name as its current name"),
    ("POST", "/containers/new/rename?name=up", None, 409,
     'Error when allocating new name: Conflict. The container name "/up" is already in use by container "{up}". You have to remove (or rename) that container to be able to reuse that name.'),
    ("POST", "/containers/new/rename?name=a%20b", None, 400,
     "Error when allocating new name: Invalid container name (/a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"),
    ("DELETE", "/containers/absent", None, 404, ABSENT),
    ("DELETE", "/containers/up", None, 409,
     "You cannot remove a running container {up}. Stop the container before attempting removal or force remove"),
    ("POST", "/containers/up/resize?h=10&w=20", None, 200, None),
    ("POST", "/containers/up/resize?h=x&w=20", None, 400, 'strconv.Atoi: parsing "x": invalid syntax'),
    ("POST", "/containers/up/resize?h=1", None, 400, 'strconv.Atoi: parsing "": invalid syntax'),
    ("POST", "/containers/new/start?checkpoint=c", None, 400, "checkpoint is only supported in experimental mode"),
    ("GET", "/containers/up/stats?one-shot=1", None, 400, "cannot have stream=true and one-shot=true"),
    ("GET", "/containers/up/logs?stdout=1&until=zz", None, 500, 'strconv.ParseInt: parsing "zz": invalid syntax'),
    ("GET", "/containers/json?filters=x", None, 400, "invalid filter"), ("POST", "/containers/prune?filters=x", None, 400, "invalid filter"),
    ("POST", "/containers/done/resize?h=10&w=20", None, 409, "container {done} is not running"),
    ("GET", "/containers/up/attach", None, 404, "page not found"),
    ("GET", "/containers/up/top", None, 200, "top"), ("GET", "/containers/up/top?ps_args=aux", None, 200, "top"),
    ("GET", "/containers/done/top", None, 409, "container {done} is not running"),
    ("GET", "/containers/up/stats?stream=0&one-shot=1", None, 200, "stats"),
    ("GET", "/containers/done/logs", None, 400, "Bad parameters: you must choose at least one stream"),
    ("GET", "/containers/done/logs?stdout=1&since=abc", None, 500, 'strconv.ParseInt: parsing "abc": invalid syntax'),
    ("GET", "/containers/absent/logs?stdout=1", None, 404, ABSENT),
    ("GET", "/containers/up/archive", None, 400, "bad parameter: pathcannot be empty"),
    # exec
    ("POST", "/containers/up/exec", {"Cmd": ["true"]}, 201, "exec created"), ("GET", "/exec/{exec}/json", None, 200, "exec"),
    ("POST", "/containers/up/exec", {"AttachStdout": True}, 400, "No exec command specified"),
    ("POST", "/containers/up/exec", "{", 400, "invalid JSON: unexpected EOF"),
    ("POST", "/containers/absent/exec", {"Cmd": ["a"]}, 404, ABSENT),
    ("POST", "/containers/held/exec", {"Cmd": ["a"]}, 409, "Container held is paused, unpause the container before exec"),
    ("POST", "/containers/done/exec", {"Cmd": ["a"]}, 409, "container {done} is not running"),
    ("GET", "/exec/absent/json", None, 404, "No such exec instance: absent"),
    ("POST", "/exec/absent/start", {"Detach": False}, 404, "No such exec instance: absent"),
    # list: held, done, new, up are its order
    ("GET", "/containers/json", None, 200, ["held", "up"]), ("GET", "/containers/json?all=true", None, 200, ["held", "done", "new", "up"]),
    ("GET", "/containers/json?limit=2", None, 200, ["held", "done"]), ("GET", "/containers/json?all=1&size=1", None, 200, ["held", "done", "new", "up"]),
    ("GET", "/containers/json?limit=x", None, 500, 'strconv.Atoi: parsing "x": invalid syntax'),
    *[("GET", "/containers/json?all=1&" + by(**f), None, 200, names) for f, names in [
        ({"status": ["running"]}, ["up"]), ({"status": ["paused"]}, ["held"]), ({"status": ["created", "exited"]}, ["done", "new"]),
        ({"name": ["^/u"]}, ["up"]), ({"label": ["tier=front"]}, ["up"]), ({"label": ["empty"]}, ["up"]), ({"label": ["tier=back"]}, []),
        ({"ancestor": ["busybox"]}, ["held", "done", "new", "up"]), ({"ancestor": ["absent"]}, []), ({"network": ["net1"]}, ["up"]),
        ({"network": ["bridge"]}, ["held", "done", "new"]), ({"volume": ["vol1"]}, ["up"]), ({"volume": ["/tmp/data"]}, ["up"]),
        ({"health": ["none"]}, ["held", "done", "new", "up"]), ({"exited": ["7"]}, ["done"]), ({"exited": ["0"]}, []), ({"expose": ["80"]}, ["up"]),
        ({"publish": ["80"]}, []), ({"before": ["new"]}, ["up"]), ({"since": ["new"]}, ["held", "done"]), ({"is_task": ["true"]}, []),
        ({"is_task": ["false"]}, ["held", "done", "new", "up"]), ({"isolation": ["default"]}, ["held", "done", "new", "up"])]],
    ("GET", "/containers/json?" + by(absent=["x"]), None, 400, "invalid filter 'absent'"),
    ("GET", "/containers/json?" + by(status=["bogus"]), None, 400, "invalid filter 'status=bogus'"),
    ("GET", "/containers/json?" + by(since=["absent"]), None, 404, ABSENT),
    ("POST", "/containers/prune?" + by(absent=["x"]), None, 400, "invalid filter 'absent'"),
    ("POST", "/containers/prune?" + by(label=["nowhere"]), None, 200, "containers pruned"),
    # networks
    ("GET", "/networks", None, 200, "[network]"), ("GET", "/networks/net1", None, 200, "network"),
    ("GET", "/networks/{net1:.12}", None, 200, "network"), ("GET", "/networks/bridge", None, 200, "network"),
    ("GET", "/networks/host", None, 200, "network"), ("GET", "/networks/none", None, 200, "network"),
    ("GET", "/networks/absent", None, 404, "network absent not found"),
    ("GET", "/networks?" + by(label=["n=1"]), None, 200, "[network]"), ("GET", "/networks?" + by(type=["custom"]), None, 200, "[network]"),
    ("POST", "/networks/create", {"Name": "net1", "CheckDuplicate": True}, 409, "network with name net1 already exists"),
    ("POST", "/networks/create", {"Name": "net2", "IPAM": {"Config": [{"Subnet": "10.77.0.0/16"}]}}, 403,
     "Pool overlaps with other one on this address space"),
    ("POST", "/networks/create", {"Name": "bridge"}, 403, "operation is not permitted on predefined bridge network "),
    ("POST", "/networks/create", {"Name": "net2", "Driver": "absent"}, 404, 'plugin "absent" not found'),
    ("POST", "/networks/create", {"Name": "net2"}, 201, "network created"),
    ("POST", "/networks/net2/connect", {"Container": "up", "EndpointConfig": {"Aliases": ["other"]}}, 200, None),
    ("POST", "/networks/net2/connect", {"Container": "up"}, 403, "endpoint with name up already exists in network net2"),
    ("POST", "/networks/absent/connect", {"Container": "up"}, 404, "network absent not found"),
    ("DELETE", "/networks/absent", None, 404, "network absent not found"),
    ("DELETE", "/networks/net1", None, 403, "error while removing network: network net1 id {net1} has active endpoints"),
    ("DELETE", "/networks/bridge", None, 403, "bridge is a pre-defined network and cannot be removed"),
    ("POST", "/networks/net2/disconnect", {"Container": "up"}, 200, None),
    ("POST", "/networks/net2/disconnect", {"Container": "up"}, 500, "container {up} is not connected to network net2"),
    ("DELETE", "/networks/net2", None, 204, None), ("POST", "/networks/prune", None, 200, "networks pruned"),
    # volumes
    ("GET", "/volumes", None, 200, "volumes"), ("GET", "/volumes/vol1", None, 200, "volume"), ("GET", "/volumes/absent", None, 404, "get absent: no such volume"),
    ("POST", "/volumes/create", {"Name": "vol1"}, 201, "volume"), ("POST", "/volumes/create", {"Name": "vol2", "Labels": {"a": "b"}}, 201, "volume"),
    ("POST", "/volumes/create", {"Name": "a b"}, 400,
     'create a b: "a b" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path'),
    ("GET", "/volumes?" + by(absent=["x"]), None, 400, "invalid filter 'absent'"), ("GET", "/volumes?" + by(dangling=["true"]), None, 200, "volumes"),
    ("DELETE", "/volumes/vol1", None, 409, "remove vol1: volume is in use - [{up}]"), ("DELETE", "/volumes/vol2", None, 204, None),
    ("DELETE", "/volumes/vol2", None, 404, "get vol2: no such volume"), ("DELETE", "/volumes/vol2?force=1", None, 204, None),
    ("POST", "/volumes/prune?" + by(all=["true"]), None, 200, "volumes pruned"),
]


@pytest.mark.parametrize("method, path, body, status, expected", ROWS, ids=lambda x: str(x)[:60])
def test_answer(play, method, path, body, status, expected):
    if isinstance(body, str):
        reply = play(method, path.format(**play.ids), body.encode(), headers={"Content-Type": "application/json"})
    else:
        reply = play(method, path.format(**play.ids), body)
    assert (reply.status, reply.reason) == (status, REASONS[status]), reply.raw
    for key, value in USUAL.items():
        assert reply.headers.get(key) == value or expected == "page not found", (key, reply.headers)
    if expected is None:
        assert reply.body == b"" and "content-type" not in reply.headers, reply.raw
        return
    assert reply.headers["content-type"] == "application/json" and reply.body.endswith(b"\n"), reply.raw
    if status >= 400:
        assert reply.json == {"message": expected.format(**play.ids)}
    elif isinstance(expected, list):
        check(reply.json, "[summary]")
        assert [c["Names"][0][1:] for c in reply.json] == expected
    else:
        check(reply.json, expected)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("version", ["", "1.24", "1.47"])
def test_ping(play, method, version):
    reply = play(method, "/_ping", version=version)
    assert reply.line == "HTTP/1.1 200 OK" and reply.body == (b"OK" if method == "GET" else b"")
    assert USUAL.items() <= reply.headers.items()
    assert {"builder-version": "1", "swarm": "inactive", "cache-control": "no-cache, no-store, must-revalidate", "pragma": "no-cache",
            "content-type": "text/plain; charset=utf-8", "content-length": "2" if method == "GET" else "0"}.items() <= reply.headers.items()
    assert reply.headers["server"].startswith("sockerless/") and reply.headers["server"].endswith("(linux)")


@pytest.mark.parametrize("version, status, kind, body", [
    ("1.99", 400, "application/json", b'{"message":"client version 1.99 is too new. Maximum supported API version is 1.47"}\n'),
    ("2.0", 400, "application/json", b'{"message":"client version 2.0 is too new. Maximum supported API version is 1.47"}\n'),
    ("1.11", 400, "text/plain; charset=utf-8", b"client version 1.11 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version\n"),
    ("foo", 404, "application/json", b'{"message":"page not found"}\n'), ("1.41x", 404, "application/json", b'{"message":"page not found"}\n')])
def test_version_of_the_path(play, version, status, kind, body):
    for path in ("/version", "/containers/json"):
        reply = play.get(path, version=version)
        assert (reply.status, reply.headers["content-type"], reply.body) == (status, kind, body)


def test_unknown_without_a_version(play):
    reply = play.get("/absent", version="")
    assert (reply.status, reply.json) == (404, {"message": "page not found"})


@pytest.mark.parametrize("path, location", [("//containers/json", "/v1.43/containers/json"), ("/containers//json", "/v1.43/containers/json")])
def test_double_slash(play, path, location):
    reply = play.get(path)
    assert (reply.status, reply.reason, reply.headers["location"]) == (301, "Moved Permanently", location)


def test_keeps_the_connection(play):
    raw = play.raw(b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\nGET /version HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
    assert raw.count(b"HTTP/1.1 200 OK") == 2 and b'"ApiVersion":"1.47"' in raw
    assert play.raw(b"GET /_ping HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 OK")
    assert b" 400 Bad Request" in play.raw(b"GARBAGE\r\n\r\n")


def test_hijacked_heads(play):
    upgrade = "Connection: Upgrade\r\nUpgrade: tcp\r\n"
    rest = "Content-Length: 0\r\n\r\n"
    head = play.raw(("POST /v1.43/containers/done/attach?logs=1&stdout=1 HTTP/1.1\r\nHost: d\r\n" + upgrade + rest).encode())
    assert head == (b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
                    b"\x01\0\0\0\0\0\0\x05said\n")
    head = play.raw(("POST /v1.41/containers/done/attach?logs=1&stdout=1 HTTP/1.1\r\nHost: d\r\n" + rest).encode())
    assert head == b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n\x01\0\0\0\0\0\0\x05said\n"
    head = play.raw(("POST /v1.43/containers/absent/attach?stdout=1 HTTP/1.1\r\nHost: d\r\nConnection: close\r\n" + rest).encode())
    assert head.startswith(b"HTTP/1.1 404 Not Found\r\n") and head.endswith(b"\r\n\r\nNo such container: absent\r\n")
    eid = play.post("/containers/up/exec", {"Cmd": ["echo", "hi"], "AttachStdout": True}).json["Id"]
    body = '{"Detach":false}'
    head = play.raw(("POST /v1.43/exec/%s/start HTTP/1.1\r\nHost: d\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                     % (eid, upgrade, len(body), body)).encode()).decode()
    assert head.startswith("HTTP/1.1 101 UPGRADED\r\n") and "Api-Version: 1.47\r\n" in head and head.endswith("\r\n\r\n\x01\0\0\0\0\0\0\x03hi\n")


@pytest.mark.parametrize("query, expected", [
    ("logs=1&stdout=1&stderr=1", b"\x01\0\0\0\0\0\0\x02o\n\x02\0\0\0\0\0\0\x02e\n"), ("logs=1&stdout=1", b"\x01\0\0\0\0\0\0\x02o\n"),
    ("logs=1&stderr=1", b"\x02\0\0\0\0\0\0\x02e\n"), ("logs=1", b""), ("stdout=1&stderr=1", b""), ("", b""), ("logs=1&stdin=1", b"")])
def test_what_attach_shows_of_an_ended_container(play, query, expected):
    if "both" not in play.ids:
        play.ids["both"] = play.run("both", ["sh", "-c", "echo o; sleep 0.2; echo e >&2"])
        play.post("/containers/both/wait")
    raw = play.raw(("POST /v1.43/containers/both/attach?%s HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n" % query).encode())
    assert raw.partition(b"\r\n\r\n")[2] == expected


def test_login_at_the_registry(play, system):
    reply = play.post("/auth", {"serveraddress": "127.0.0.1:%d" % (system.port + 2)})
    assert (reply.status, reply.json) == (200, {"IdentityToken": "", "Status": "Login Succeeded"}), reply.raw
    reply = play.post("/auth", {"serveraddress": "127.0.0.1:1"})
    assert reply.status == 500 and "connection refused" in reply.message, reply.raw


def test_path_stat(play):
    reply = play("HEAD", "/containers/up/archive?path=/bin/busybox")
    stat = json.loads(base64.b64decode(reply.headers["x-docker-container-path-stat"]))
    assert reply.status == 200 and reply.body == b"" and set(stat) == {"name", "size", "mode", "mtime", "linkTarget"} and stat["name"] == "busybox"
    assert play("HEAD", "/containers/up/archive?path=/absent").status == 404


def test_upload_of_a_length_that_is_told(play):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        member = tarfile.TarInfo("large")
        member.size = 20 << 20
        t.addfile(member, io.BytesIO(bytes(member.size)))
    reply = play("PUT", "/containers/up/archive?path=/tmp", out.getvalue(), headers={"Content-Type": "application/x-tar"})
    assert (reply.status, reply.body) == (200, b""), reply.raw


def test_event_comes_at_once(play):
    """What a worker writes is told without waiting for the gateway's next look, of which there is one a second."""
    with play.connect() as s:
        s.sendall(b"GET /v1.43/events HTTP/1.1\r\nHost: d\r\n\r\n")
        assert s.recv(65536).startswith(b"HTTP/1.1 200 OK")
        begun, took = time.monotonic(), []
        for i in range(8):
            play.post("/volumes/create", {"Name": "told%d" % i})
            receive_until(s, b"told%d" % i)
            took.append(time.monotonic() - begun)
            begun = time.monotonic()
    # Each is made right after the last one came: the next look is a second away.
    assert sorted(took[1:])[1] < 0.5, took


def test_events(play):
    replies = play.get("/events?since=1&until=%d&" % (time.time() + 1) + by(type=["container", "network", "volume"])).events()
    check(replies, "[event]")
    seen = [(e["Type"], e["Action"]) for e in replies if e["Actor"]["ID"] in (play.ids["done"], play.ids["net1"])]
    # Which containers were on the network then is other tests' matter.
    seen = [s for s in seen if s[1] not in ("connect", "disconnect")]
    assert seen[:4] == [("network", "create"), ("container", "create"), ("container", "start"), ("container", "die")]


@pytest.mark.parametrize("minor", [24, 41, 43, 44, 47])
def test_fields_of_versions(play, minor):
    """lib/docker/versions.def: what each version shows."""
    version = "1.%d" % minor
    shown = {"endpoint": play.get("/containers/up/json", version=version).json["NetworkSettings"]["Networks"]["net1"],
             "image": play.get("/images/busybox/json", version=version).json, "info": play.get("/info", version=version).json,
             "listed": play.get("/images/json?manifests=1", version=version).json[0],
             "network": play.get("/networks/net1", version=version).json}
    rows = re.findall(r'^FIELD\(\w+, +"(\w+)", +"(\w+)", +(\d+), (\w+)\)', (TOP / "lib/docker/versions.def").read_text(), re.M)
    assert len(rows) >= 6
    for object, field, first, last in rows:
        assert (field in shown[object]) == (int(first) <= minor and (last == "NEWEST" or minor <= int(last))), (object, field, minor)
    for shape, path in (("info", "/info"), ("version", "/version"), ("[summary]", "/containers/json?all=1"), ("container", "/containers/up/json"), ("df", "/system/df")):
        check(play.get(path, version=version).json, shape)


def test_compatibility_page_is_current():
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    import differences
    assert (TOP / "doc/COMPATIBILITY.md").read_text() == differences.page()


def test_every_route_has_its_tests():
    sources = "\n".join(p.read_text() for p in pathlib.Path(__file__).parent.glob("test_*.py"))
    routes = re.findall(r'^ROUTE\((\w+), +"(/[^."][^"]*)"', (TOP / "lib/routes.def").read_text(), re.M)
    assert len(routes) > 60
    assert [r for r in routes if not re.search(re.sub(r"\\\{[^}]*\\\}", r"[^?\"\\s]+", re.escape(r[1])) + r"[?\" ]", sources)] == []
