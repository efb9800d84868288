"""What a container's way from create to its removal answers, and how inspect, list and events tell it."""
import json
import re
import time

import pytest

from fields import check
from support.waiting import receive_until, wait_until
from test_answers import by
from test_attach import feed

NEVER = "0001-01-01T00:00:00Z"
NO_SUCH_PROGRAM = ('failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: '
                   'unable to start container process: exec: "%s": stat %s: no such file or directory: unknown')


def look(api, cid, **state):
    """The container, whose State holds at least this."""
    c = api.get("/containers/%s/json" % cid).json
    check(c, "container")
    assert {k: c["State"][k] for k in state} == state
    return c


def verb(api, cid, path, status, message=None):
    reply = api.post("/containers/%s/%s" % (cid, path))
    assert reply.status == status, reply.raw
    if message is None:
        assert reply.body == b"" and "content-type" not in reply.headers
    else:
        assert reply.json == {"message": message}


def waited(api, cid, condition=""):
    reply = api.post("/containers/%s/wait%s" % (cid, "?condition=" + condition if condition else ""))
    check(reply.json, "waited")
    assert (reply.status, reply.headers["content-type"], reply.headers["transfer-encoding"]) == (200, "application/json", "chunked")
    return reply.json["StatusCode"]


def waiting(api, cid):
    """A connection that waits for the removal, after its head."""
    s = api.connect()
    s.sendall(b"POST /v1.43/containers/%s/wait?condition=removed HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % cid.encode())
    head = receive_until(s, b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n") and head.endswith(b"\r\n\r\n")
    return s


def test_from_create_to_exit(api):
    cid = api.create("life", ["sh", "-c", "read x; exit 7"], OpenStdin=True)
    look(api, cid, Status="created", Running=False, Pid=0, ExitCode=0, StartedAt=NEVER, FinishedAt=NEVER)
    verb(api, cid, "start", 204)
    running = look(api, cid, Status="running", Running=True, ExitCode=0, FinishedAt=NEVER)["State"]
    assert running["Pid"] > 0 and running["StartedAt"] > "2020"
    verb(api, cid, "start", 304)
    with feed(api, "life"):
        assert waited(api, cid) == 7
    ended = look(api, cid, Status="exited", Running=False, Pid=0, ExitCode=7, Error="", OOMKilled=False, StartedAt=running["StartedAt"])
    assert ended["State"]["FinishedAt"] > running["StartedAt"] and ended["ExecIDs"] is None and ended["RestartCount"] == 0
    assert [waited(api, cid, c) for c in ("", "not-running")] == [7, 7]
    row = api.get("/containers/json?all=1&" + by(exited=["7"], name=["life"])).json[0]
    assert (row["State"], row["Command"]) == ("exited", "sh -c 'read x; exit 7'") and row["Status"].startswith("Exited (7) ")
    assert api.delete("/containers/life").status == 204
    for path in ("json", "start", "stop", "wait"):
        assert api("GET" if path == "json" else "POST", "/containers/life/" + path).json == {"message": "No such container: life"}
    assert api.delete("/containers/life").status == 404


def test_wait_tells_its_head_at_once(api):
    cid = api.run("waited")
    with waiting(api, cid) as s:
        assert api.delete("/containers/%s?force=1" % cid).status == 204
        receive_until(s, b'{"StatusCode":137}\n')


@pytest.mark.parametrize("body, status", [("", 204), ("{}", 204), ("null\n", 204), ('{"Dns":["1.1.1.1"]}', 400)])
def test_body_of_start(api, body, status):
    cid = api.create("body", ["true"])
    reply = api.post("/containers/%s/start" % cid, body.encode(), headers={"Content-Type": "application/json"})
    assert reply.status == status, reply.raw
    if status == 400:
        assert reply.message == "starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24"


@pytest.mark.parametrize("remove", [False, True])
def test_program_that_is_not_there(api, remove):
    cid = api.create("lost", ["/nosuchprogram"], HostConfig={"AutoRemove": remove})
    message = NO_SUCH_PROGRAM % ("/nosuchprogram", "/nosuchprogram")
    verb(api, cid, "start", 400, message)
    if remove:
        wait_until(lambda: api.get("/containers/lost/json").status == 404, 10, "the container is removed")
        return
    look(api, cid, Status="created", Running=False, ExitCode=127, Error=message, StartedAt=NEVER, FinishedAt=NEVER, Pid=0)
    verb(api, cid, "restart", 500, "Cannot restart container %s: %s" % (cid, message))


def test_autoremove(api):
    cid = api.create("gone", ["sh", "-c", "exit 3"], HostConfig={"AutoRemove": True})
    with waiting(api, cid) as s:
        verb(api, cid, "start", 204)
        receive_until(s, b'{"StatusCode":3}\n')
    assert api.get("/containers/gone/json").json == {"message": "No such container: gone"}


def actions(api, cid, since):
    """(action, signal or exit code) of a container's events."""
    events = api.get("/events?since=%d&until=%.9f&%s" % (since, time.time(), by(container=[cid], type=["container"]))).events()
    check(events, "[event]")
    return [(e["Action"], e["Actor"]["Attributes"].get("signal", e["Actor"]["Attributes"].get("exitCode"))) for e in events]


# (what is asked, then the state, exit code and events that come of it)
@pytest.mark.parametrize("path, status, code, told", [
    ("kill", "exited", 137, [("kill", "9"), ("die", "137")]), ("kill?signal=SIGKILL", "exited", 137, [("kill", "9"), ("die", "137")]),
    ("kill?signal=usr1", "exited", 5, [("kill", "10"), ("die", "5")]), ("kill?signal=28", "running", 0, [("kill", "28")]),
    ("stop?t=1", "exited", 137, [("kill", "15"), ("kill", "9"), ("die", "137"), ("stop", None)]),
    ("stop?signal=USR1", "exited", 5, [("kill", "10"), ("die", "5"), ("stop", None)]),
    ("restart?t=0", "running", 0, [("kill", "15"), ("kill", "9"), ("die", "137"), ("stop", None), ("start", None), ("restart", None)]),
    ("restart?signal=USR1", "running", 0, [("kill", "10"), ("die", "5"), ("stop", None), ("start", None), ("restart", None)])])
def test_ends(api, path, status, code, told):
    since = int(time.time())
    cid = api.run("ends", ["sh", "-c", "trap '' TERM; trap 'exit 5' USR1; touch /tmp/ready; while :; do sleep 0.05; done"])
    wait_until(lambda: api("HEAD", "/containers/%s/archive?path=/tmp/ready" % cid).status == 200, 10, "the traps are set")
    first = look(api, cid)["State"]["StartedAt"]
    verb(api, cid, path, 204)
    wait_until(lambda: api.get("/containers/%s/json" % cid).json["State"]["Status"] == status, 10, status)
    c = look(api, cid, ExitCode=code, Running=status == "running", Error="")
    assert (c["State"]["StartedAt"] > first) == path.startswith("restart")
    assert actions(api, cid, since)[2:] == told


@pytest.mark.parametrize("path, status, message", [
    ("stop?signal=FOO", 500, "cannot stop container: up: invalid signal: FOO"), ("stop?t=x", 500, 'strconv.Atoi: parsing "x": invalid syntax'),
    ("restart?signal=FOO", 500, "Cannot restart container up: invalid signal: FOO"),
    ("kill?signal=0", 400, "Cannot kill container: up: invalid signal: 0"), ("kill?signal=65", 400, "Cannot kill container: up: invalid signal: 65"),
    ("kill?signal=SIGRTMIN%2B16", 400, "Cannot kill container: up: invalid signal: SIGRTMIN+16")])
def test_wrong_arguments(api, path, status, message):
    cid = api.run("up")
    verb(api, "up", path, status, message)
    look(api, cid, Running=True)


def test_of_the_ended(api):
    cid = api.run("ended", ["true"])
    assert waited(api, cid) == 0
    for path in ("stop", "stop?signal=FOO", "stop?t=0"):
        verb(api, cid, path, 304)
    verb(api, "ended", "kill", 409, "Cannot kill container: ended: Container %s is not running" % cid)
    verb(api, "ended", "unpause", 500, "Container %s is not paused" % cid)
    assert api.get("/containers/ended/stats?stream=0").json["read"] == NEVER
    verb(api, cid, "start", 204)
    assert waited(api, cid) == 0
    verb(api, cid, "restart", 204)
    assert waited(api, cid) == 0


def test_stop_signals_are_of_newer_versions(api):
    api.run("old", ["sh", "-c", "trap 'exit 4' TERM; touch /tmp/ready; while :; do sleep 0.05; done"])
    wait_until(lambda: api("HEAD", "/containers/old/archive?path=/tmp/ready").status == 200, 10, "the trap is set")
    assert api.post("/containers/old/stop?signal=FOO", version="1.41").status == 204
    look(api, "old", ExitCode=4)


def test_pause(api):
    cid = api.run("paused")
    verb(api, cid, "pause", 204)
    look(api, cid, Status="paused", Running=True, Paused=True, ExitCode=0)
    assert "(Paused)" in api.get("/containers/json?" + by(status=["paused"])).json[0]["Status"]
    verb(api, cid, "pause", 409, "Container %s is already paused" % cid)
    verb(api, cid, "start", 409, "cannot start a paused container, try unpause instead")
    reply = api.delete("/containers/paused")
    assert (reply.status, reply.message) == (
        409, "You cannot remove a paused container %s. Unpause and then stop the container before attempting removal or force remove" % cid)
    verb(api, cid, "unpause", 204)
    look(api, cid, Status="running", Paused=False)
    verb(api, cid, "pause", 204)
    verb(api, cid, "stop?t=0", 204)
    look(api, cid, Status="exited", Paused=False, ExitCode=137)


def test_rename(api):
    since = int(time.time())
    cid = api.create("before")
    verb(api, "before", "rename?name=after", 204)
    assert api.get("/containers/before/json").status == 404 and look(api, "after")["Name"] == "/after"
    verb(api, "after", "rename?name=/again", 204)
    events = api.get("/events?since=%d&until=%.9f&%s" % (since, time.time(), by(container=[cid], event=["rename"]))).events()
    assert [(e["Actor"]["Attributes"]["oldName"], e["Actor"]["Attributes"]["name"]) for e in events] == [("/before", "after"), ("/after", "again")]
    verb(api, "absent", "rename?name=x1", 404, "No such container: absent")


def test_remove(api):
    cid = api.create("kept", HostConfig={"Binds": ["named:/tmp/n"]}, Volumes={"/tmp/v": {}})
    anonymous = [m["Name"] for m in look(api, cid)["Mounts"] if m["Name"] != "named"]
    verb(api, cid, "start", 204)
    assert api.delete("/containers/kept").status == 409
    reply = api.delete("/containers/kept?force=1&v=1")
    assert (reply.status, reply.body) == (204, b"")
    assert api.get("/volumes/" + anonymous[0]).status == 404 and api.delete("/volumes/named").status == 204
    cid = api.create("kept", Volumes={"/tmp/v": {}})
    anonymous = look(api, cid)["Mounts"][0]["Name"]
    assert api.delete("/containers/kept").status == 204 and api.delete("/volumes/" + anonymous).status == 204


def test_prune(api):
    ended, running = api.run("over", ["true"], Labels={"prune": "me"}), api.run("on", Labels={"prune": "me"})
    other = api.create("other", Labels={"prune": "not"})
    assert waited(api, ended) == 0
    def prune(**filters):
        reply = api.post("/containers/prune?" + by(**filters))
        check(reply.json, "containers pruned")
        return reply.json["ContainersDeleted"]
    assert prune(label=["prune=me"]) == [ended] and prune(label=["prune=me"]) is None
    assert prune(until=["2000-01-01T00:00:00Z"]) is None
    assert prune(**{"label!": ["prune=not"]}) is None and prune(label=["prune"]) == [other]
    look(api, running, Running=True)


# (what update is asked, of a running container; the error, or what HostConfig then holds)
@pytest.mark.parametrize("body, status, expected", [
    ({"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2}}, 200, {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2}}),
    ({"RestartPolicy": {"Name": "no"}, "PidsLimit": 50}, 200, {"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}, "PidsLimit": 50}),
    ({"Memory": 1}, 400, "Minimum memory limit allowed is 6MB"), ({"RestartPolicy": {"Name": "often"}}, 400, "invalid restart policy 'often'"),
    ("{", 400, "invalid JSON: unexpected EOF")])
def test_update(stage, body, status, expected):
    if stage.get("/containers/updated/json").status == 404:
        stage.run("updated")
    body = body if isinstance(body, dict) else body.encode()
    reply = stage.post("/containers/updated/update", body, headers={"Content-Type": "application/json"})
    assert reply.status == status, reply.raw
    if status >= 400:
        assert reply.json == {"message": expected}
    else:
        check(reply.json, "updated")
        held = look(stage, "updated")["HostConfig"]
        assert {k: held[k] for k in expected} == expected
    assert stage.post("/containers/absent/update", {"Memory": 1 << 25}).json == {"message": "No such container: absent"}


def test_update_of_memory(api):
    cid = api.run("grows", ["sleep", "300"])
    reply = api.post("/containers/grows/update", {"Memory": 33554432, "MemorySwap": 33554432})
    assert reply.status == 501 and "not supported" in reply.message
    verb(api, cid, "kill", 204)
    reply = api.post("/containers/grows/update", {"Memory": 33554432, "MemorySwap": 33554432})
    assert (reply.status, reply.json) == (200, {"Warnings": None})
    assert look(api, cid)["HostConfig"]["Memory"] == 33554432


def test_top_and_stats(api):
    since = int(time.time())
    cid = api.run("busy", ["sleep", "300"])
    top = api.get("/containers/busy/top").json
    check(top, "top")
    assert top["Titles"] == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"] and [p[-1] for p in top["Processes"]] == ["sleep 300"]
    top = api.get("/containers/busy/top?ps_args=aux").json
    assert top["Titles"] == ["USER", "PID", "%CPU", "%MEM", "VSZ", "RSS", "TTY", "STAT", "START", "TIME", "COMMAND"]
    assert actions(api, cid, since)[2:] == [("top", None)] * 2
    once = api.get("/containers/busy/stats?stream=0").json
    assert once["preread"] > "2020" and once["id"] == cid and once["name"] == "/busy"
    assert api.get("/containers/busy/stats?stream=0&one-shot=1").json["preread"] == NEVER
    with api.connect() as s:
        s.sendall(b"GET /v1.43/containers/busy/stats HTTP/1.1\r\nHost: d\r\n\r\n")
        data = receive_until(s, b'"read"', times=2)
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"Content-Type" not in head and b"chunked" in head
    whole = re.sub(rb"\r\n[0-9a-f]+\r\n", b"", b"\r\n" + body)
    lines = [json.loads(line) for line in whole.split(b"\n")[:-1] if line.startswith(b"{")]
    check(lines, "[stats]")
    assert lines[0]["preread"] == NEVER


def test_endpoint_is_there_while_it_runs(api):
    api.post("/networks/create", {"Name": "ends"})
    cid = api.create("joined", HostConfig={"NetworkMode": "bridge"})
    assert api.post("/networks/ends/connect", {"Container": cid}).status == 200
    def ids():
        settings = look(api, cid)["NetworkSettings"]
        return [settings["EndpointID"]] + [settings["Networks"][n]["EndpointID"] for n in ("bridge", "ends")]
    assert ids() == ["", "", ""]
    verb(api, cid, "start", 204)
    shown = ids()
    assert shown[0] == shown[1] != shown[2] and all(len(i) == 64 for i in shown) and ids() == shown
    assert [api.get("/networks/" + n).json["Containers"][cid]["EndpointID"] for n in ("bridge", "ends")] == shown[1:]
    verb(api, cid, "kill", 204)
    assert ids() == ["", "", ""]
    assert api.delete("/containers/joined").status == 204 and api.delete("/networks/ends").status == 204


def test_health(api):
    cid = api.create("sound", Healthcheck={"Test": ["CMD-SHELL", "echo fine; test ! -e /tmp/ill"], "Interval": 200000000, "Retries": 1})
    assert "Health" not in look(api, cid)["State"]
    verb(api, cid, "start", 204)
    def listed(health):
        return [c["Status"] for c in api.get("/containers/json?" + by(health=[health], name=["sound"])).json]
    for health, change in (("healthy", ["touch", "/tmp/ill"]), ("unhealthy", ["true"])):
        wait_until(lambda: look(api, cid)["State"]["Health"]["Status"] == health, 20, health)
        assert len(listed(health)) == 1 and listed(health)[0].endswith("(%s)" % health) and listed("none") == []
        eid = api.post("/containers/sound/exec", {"Cmd": change, "AttachStdout": True}).json["Id"]
        assert api.post("/exec/%s/start" % eid, {"Detach": False}).status == 200
    state = look(api, cid)["State"]["Health"]
    assert state["FailingStreak"] >= 1 and (state["Log"][-1]["ExitCode"], state["Log"][-1]["Output"]) == (1, "fine\n")
