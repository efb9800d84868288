"""inspect, logs, wait, attach, resize, rename, and the verbs that become intents."""
import json
import urllib.parse

import pytest


def message(reply):
    return json.loads(reply.body)["message"]


def target(reply):
    """(path, arguments) of a hand-over."""
    assert reply.status == 200 and reply.body == b"", reply.raw
    path, _, query = reply.headers["x-accel-redirect"].partition("?")
    return path, dict(urllib.parse.parse_qsl(query, keep_blank_values=True))


def test_inspect_created(worker):
    id = worker.container("gold1", "created")
    r = worker.get("/v1.43/containers/gold1/json")
    assert (r.status, r.headers["content-type"]) == (200, "application/json")
    i = json.loads(r.body)
    assert list(i) == ["Id", "Created", "Path", "Args", "State", "Image", "ResolvConfPath", "HostnamePath", "HostsPath", "LogPath",
                       "Name", "RestartCount", "Driver", "Platform", "MountLabel", "ProcessLabel", "AppArmorProfile", "ExecIDs",
                       "HostConfig", "GraphDriver", "Mounts", "Config", "NetworkSettings"]
    assert (i["Id"], i["Name"], i["Path"], i["Args"], i["ExecIDs"]) == (id, "/gold1", "sleep", ["300"], None)
    assert i["State"] == {"Status": "created", "Running": False, "Paused": False, "Restarting": False, "OOMKilled": False,
                          "Dead": False, "Pid": 0, "ExitCode": 0, "Error": "", "StartedAt": "0001-01-01T00:00:00Z",
                          "FinishedAt": "0001-01-01T00:00:00Z"}
    assert i["Image"] == "sha256:" + "1" * 64
    assert i["Config"]["Cmd"] == ["sleep", "300"] and i["HostConfig"]["NetworkMode"] == "default"
    assert i["NetworkSettings"]["Ports"] == {} and i["NetworkSettings"]["IPAddress"] == ""
    assert list(i["NetworkSettings"]["Networks"]["bridge"]) == [
        "IPAMConfig", "Links", "Aliases", "NetworkID", "EndpointID", "Gateway", "IPAddress", "IPPrefixLen", "IPv6Gateway",
        "GlobalIPv6Address", "GlobalIPv6PrefixLen", "MacAddress", "DriverOpts"]
    newest = json.loads(worker.get("/containers/gold1/json").body)
    assert "DNSNames" in newest["NetworkSettings"]["Networks"]["bridge"]


def test_inspect_states(worker):
    worker.container("up", pid=77, started_at=1795446958383751250, config={"ExposedPorts": {"80/tcp": {}}})
    worker.container("down", "exited", exit_code=7, oom_killed=1, error="what", started_at=1795446959000000000, finished_at=1795446961013305413)
    worker.container("again", "starting", exit_code=3, started_at=5, finished_at=6)
    up = json.loads(worker.get("/containers/up/json").body)
    assert up["State"]["Running"] and (up["State"]["Status"], up["State"]["Pid"]) == ("running", 77)
    assert up["State"]["StartedAt"] == "2026-11-23T15:15:58.38375125Z"
    assert up["NetworkSettings"]["Ports"] == {"80/tcp": None}
    down = json.loads(worker.get("/containers/down/json").body)["State"]
    assert (down["Status"], down["Running"], down["ExitCode"], down["OOMKilled"], down["Error"]) == ("exited", False, 7, True, "what")
    assert down["FinishedAt"] == "2026-11-23T15:16:01.013305413Z"
    assert json.loads(worker.get("/containers/again/json").body)["State"]["Status"] == "exited"


def test_inspect_size_and_execs(worker):
    id = worker.container("a")
    worker.db.execute("INSERT INTO image (tenant, id, config, manifest_digest, size, pulled_at) VALUES ('local', ?, '{}', 'sha256:2', 1985936, 0)", ("sha256:" + "1" * 64,))
    for state in ("created", "running", "exited"):
        worker.db.execute("INSERT INTO exec (id, tenant, container_id, run_id, config, state, created_at) VALUES (?,'local',?,'','{}',?,0)",
                          (state[0] * 64, id, state))
    i = json.loads(worker.get("/containers/a/json?size=1").body)
    assert (i["SizeRw"], i["SizeRootFs"], i["ExecIDs"]) == (0, 1985936, ["r" * 64])


def test_lookup(worker):
    a = worker.container("one", id="aa" * 32)
    worker.container("two", id="ab" * 32)
    worker.container("ab", id="cd" * 32)
    for name in (a, "one", "%2Fone", "aaa", a[:12]):
        r = worker.get("/containers/%s/json" % name)
        assert r.status == 200 and json.loads(r.body)["Id"] == a, name
    assert json.loads(worker.get("/containers/ab/json").body)["Id"] == "cd" * 32  # a name wins over a prefix
    r = worker.get("/containers/a/json")
    assert (r.status, message(r)) == (400, "multiple IDs found with provided prefix: a")
    for name in ("nosuch", "AA", "one%27%20OR%201=1", "a" * 65, "%f0%9f%90%b3", "%0a"):
        r = worker.get("/containers/%s/json" % name)
        assert (r.status, message(r)) == (404, "No such container: " + urllib.parse.unquote(name))


def test_hidden_states(worker):
    for state in ("creating", "removing"):
        id = worker.container(None if state == "removing" else "n", state)
        assert worker.get("/containers/%s/json" % id).status == 404
        assert worker.get("/containers/%s/json" % id[:12]).status == 404
        assert worker.post("/containers/%s/start" % id).status == 404
    assert worker.get("/containers/n/json").status == 404
    assert json.loads(worker.get("/containers/json?all=1").body) == []


VERBS = [("GET", "/containers/%s/json", None), ("GET", "/containers/%s/logs?stdout=1", None), ("POST", "/containers/%s/start", None),
         ("POST", "/containers/%s/stop", None), ("POST", "/containers/%s/restart", None), ("POST", "/containers/%s/kill", None),
         ("POST", "/containers/%s/rename?name=new", None), ("POST", "/containers/%s/attach?stream=1", None),
         ("POST", "/containers/%s/wait", None), ("POST", "/containers/%s/resize?h=1&w=1", None), ("DELETE", "/containers/%s", None),
         ("POST", "/containers/%s/exec", {"Cmd": ["true"]})]


@pytest.mark.parametrize("method,uri,body", VERBS)
def test_other_tenants_are_not_there(worker, method, uri, body):
    id = worker.container("theirs", tenant="other")
    for name in (id, id[:12], "theirs", "nosuch"):
        r = worker.request(method, uri % name, body)
        assert r.status == 404
        text = r.body.decode().strip() if "attach" in uri else message(r)
        prefix = "Cannot kill container: %s: " % name if "kill" in uri else ""
        assert text == prefix + "No such container: " + name
    assert worker.rows("SELECT * FROM intent") == [] and worker.rows("SELECT * FROM event") == []
    assert worker.rows("SELECT name FROM container") == [("theirs",)]


def test_attach_error_is_raw(worker):
    r = worker.post("/v1.43/containers/nosuch/attach?stream=1&stdout=1")
    assert (r.status, r.headers["content-type"], r.body) == (404, "application/vnd.docker.raw-stream", b"No such container: nosuch\r\n")


def test_attach(worker):
    id = worker.container("a", open_stdin=1, tty=1)
    r = worker.post("/v1.43/containers/a/attach?stream=1&stdin=1&stdout=1&stderr=1&detachKeys=ctrl-x,x")
    assert target(r) == ("/.gateway/tunnel/attach/" + id, {
        "api": "1.43", "stream": "1", "logs": "0", "stdin": "1", "stdout": "1", "stderr": "1", "tty": "1", "detach_keys": "1878"})
    assert b"\r\nx" not in r.raw  # no header of the client's making
    worker.container("b")
    assert target(worker.post("/containers/b/attach?stdin=1"))[1]["stdin"] == "0"


def test_logs(worker):
    id = worker.container("a")
    r = worker.get("/v1.43/containers/a/logs?stdout=1&follow=True&since=1795446950.500000000&tail=20&timestamps=1")
    assert target(r) == ("/.gateway/http/logs/" + id, {
        "api": "1.43", "follow": "1", "stdout": "1", "stderr": "0", "since": "1795446950500000000", "until": "0", "tail": "20",
        "timestamps": "1", "details": "0", "tty": "0"})
    for tail, want in (("all", "-1"), ("abc", "-1"), ("-1", "-1"), ("0", "0"), ("", "-1"), ("9" * 30, "-1")):
        assert target(worker.get("/containers/a/logs?stderr=1&tail=" + tail))[1]["tail"] == want
    r = worker.get("/containers/a/logs")
    assert (r.status, message(r)) == (400, "Bad parameters: you must choose at least one stream")
    r = worker.get("/containers/a/logs?stdout=1&since=abc")
    assert (r.status, message(r)) == (500, 'strconv.ParseInt: parsing "abc": invalid syntax')


def test_wait(worker):
    id = worker.container("a", "created")
    assert target(worker.post("/v1.43/containers/a/wait")) == ("/.gateway/http/wait/" + id, {"api": "1.43", "condition": "not-running"})
    for condition in ("next-exit", "removed"):
        assert target(worker.post("/containers/a/wait?condition=" + condition))[1]["condition"] == condition
    r = worker.post("/containers/a/wait?condition=bogus")
    assert (r.status, message(r)) == (400, 'invalid condition: "bogus"')


def test_resize(worker):
    id = worker.container("a")
    assert target(worker.post("/containers/a/resize?h=10&w=20")) == ("/.gateway/http/resize/" + id, {"api": "1.47", "h": "10", "w": "20"})
    stopped = worker.container("b", "exited")
    r = worker.post("/containers/b/resize?h=10&w=20")
    assert (r.status, message(r)) == (409, "container %s is not running" % stopped)
    r = worker.post("/containers/a/resize?h=x&w=20")
    assert (r.status, message(r)) == (400, 'strconv.Atoi: parsing "x": invalid syntax')


def intent(worker, reply, id):
    """The one intent, checked against the hand-over; (verb, args)."""
    (seq, tenant, container, verb, args, done), = worker.rows("SELECT seq, tenant, container_id, verb, args, done_at FROM intent")
    assert (tenant, container, done) == ("local", id, None)
    assert target(reply) == ("/.gateway/http/intent/" + id, {"api": "1.47", "seq": str(seq)})
    assert worker.hint_came()
    worker.db.execute("DELETE FROM intent")
    return verb, json.loads(args)


def test_start(worker):
    id = worker.container("a", "created")
    assert intent(worker, worker.post("/containers/a/start"), id) == ("start", {})
    worker.container("b")
    r = worker.post("/containers/b/start")
    assert (r.status, r.body, "content-length" in r.headers) == (304, b"", False)
    assert worker.rows("SELECT * FROM intent") == []
    r = worker.post("/containers/a/start", {"Binds": ["/a:/b"]})
    assert r.status == 400
    assert intent(worker, worker.post("/containers/a/start", b"{}"), id) == ("start", {})


def test_stop(worker):
    id = worker.container("a")
    assert intent(worker, worker.post("/containers/a/stop"), id) == ("stop", {"signal": None, "timeout": 10})
    assert intent(worker, worker.post("/containers/a/stop?t=0&signal=sigusr1"), id) == ("stop", {"signal": "USR1", "timeout": 0})
    assert intent(worker, worker.post("/containers/a/stop?t=-1"), id)[1]["timeout"] == -1
    b = worker.container("b", config={"StopTimeout": 3})
    assert intent(worker, worker.post("/containers/b/stop"), b)[1]["timeout"] == 3
    assert intent(worker, worker.post("/containers/b/restart?t=7"), b) == ("restart", {"signal": None, "timeout": 7, "name": "b"})
    c = worker.container("c", "starting")
    assert intent(worker, worker.post("/containers/c/stop"), c)[0] == "stop"
    for state in ("created", "exited"):
        worker.container("s" + state, state)
        assert worker.post("/containers/s%s/stop" % state).status == 304
    r = worker.post("/containers/a/stop?t=x")
    assert (r.status, message(r)) == (500, 'strconv.Atoi: parsing "x": invalid syntax')
    r = worker.post("/containers/a/stop?signal=FOO")
    assert (r.status, message(r)) == (500, "cannot stop container: a: invalid signal: FOO")
    r = worker.post("/containers/b/restart?signal=FOO")
    assert (r.status, message(r)) == (500, "Cannot restart container b: invalid signal: FOO")
    assert worker.post("/containers/sexited/stop?signal=FOO").status == 304


def test_kill(worker):
    id = worker.container("a")
    for given, want in (("", "KILL"), ("?signal=SIGUSR1", "USR1"), ("?signal=9", "KILL"), ("?signal=WINCH", "WINCH"),
                        ("?signal=RTMIN%2B3", "37"), ("?signal=37", "37")):
        assert intent(worker, worker.post("/containers/a/kill" + given), id) == ("kill", {"signal": want, "name": "a"})
    for signal in ("FOO", "0", "-9", "65", "SIG", "9x"):
        r = worker.post("/containers/a/kill?signal=" + signal)
        assert (r.status, message(r)) == (400, "Cannot kill container: a: invalid signal: " + signal)
    stopped = worker.container("b", "exited")
    r = worker.post("/containers/b/kill")
    assert (r.status, message(r)) == (409, "Cannot kill container: b: Container %s is not running" % stopped)


def test_remove(worker):
    id = worker.container("a")
    r = worker.request("DELETE", "/containers/a")
    assert (r.status, message(r)) == (409, "You cannot remove a running container %s. Stop the container before attempting removal or force remove" % id)
    assert intent(worker, worker.request("DELETE", "/containers/a?force=1&v=true"), id) == ("remove", {"force": True, "volumes": True})
    b = worker.container("b", "exited")
    assert intent(worker, worker.request("DELETE", "/containers/b?v=0"), b) == ("remove", {"force": False, "volumes": False})


def test_rename(worker):
    id = worker.container("old", config={"Labels": {"l1": "v1", "name": "mine"}})
    taken = worker.container("taken", "creating")
    worker.container("theirs", tenant="other")
    r = worker.post("/containers/old/rename?name=new")
    assert (r.status, r.body) == (204, b"")
    assert worker.rows("SELECT name FROM container WHERE id=?", id) == [("new",)]
    (type, action, actor, attributes), = worker.rows("SELECT type, action, actor_id, attributes FROM event")
    assert (type, action, actor) == ("container", "rename", id)
    assert json.loads(attributes) == {"image": "busybox:latest", "l1": "v1", "name": "new", "oldName": "/old"}
    for query, status, text in (
            ("?name=taken", 409, 'Error when allocating new name: Conflict. The container name "/taken" is already in use by container "%s". '
                                 'You have to remove (or rename) that container to be able to reuse that name.' % taken),
            ("", 400, "Neither old nor new names may be empty"),
            ("?name=new", 400, "Renaming a container with the same name as its current name"),
            ("?name=a%20b", 400, "Error when allocating new name: Invalid container name (/a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"),
            ("?name=x", 400, "Error when allocating new name: Invalid container name (/x), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed")):
        r = worker.post("/containers/new/rename" + query)
        assert (r.status, message(r)) == (status, text)
    assert worker.post("/containers/new/rename?name=/theirs").status == 204
    assert worker.rows("SELECT count(*) FROM event") == [(2,)]


def test_busy_store_is_503(worker):
    worker.container("a", "created")
    worker.db.execute("BEGIN IMMEDIATE")
    try:
        assert worker.get("/containers/a/json").status == 200
        r = worker.post("/containers/a/start")
        assert (r.status, message(r)) == (503, "the database is busy, try again")
    finally:
        worker.db.execute("ROLLBACK")
