"""exec create, start, resize, inspect."""
import json

import pytest

from test_containers import message, target


def create(worker, container, **body):
    body.setdefault("Cmd", ["sh", "-c", "echo o; exit 3"])
    r = worker.post("/containers/%s/exec" % container, body)
    assert r.status == 201, r.raw
    out = json.loads(r.body)
    assert list(out) == ["Id"] and len(out["Id"]) == 64
    return out["Id"]


def test_create(worker):
    id = worker.container("gold1", run_id="ab" * 16, config={"Labels": {"l": "v"}})
    exec_id = create(worker, "gold1", AttachStdout=True, Env=["A=1"], DetachKeys="ctrl-a")
    (row,) = worker.rows("SELECT tenant, container_id, run_id, config, detach_keys, state, pid, exit_code FROM exec WHERE id=?", exec_id)
    assert row[:3] == ("local", id, "ab" * 16) and row[4:] == ("ctrl-a", "created", 0, None)
    assert json.loads(row[3]) == {"AttachStdout": True, "Env": ["A=1"], "DetachKeys": "ctrl-a", "Cmd": ["sh", "-c", "echo o; exit 3"]}
    (action, actor, attributes), = worker.rows("SELECT action, actor_id, attributes FROM event")
    assert (action, actor) == ("exec_create: sh -c echo o; exit 3", id)
    assert json.loads(attributes) == {"execID": exec_id, "image": "busybox:latest", "name": "gold1", "l": "v"}
    create(worker, "gold1", Cmd=["cat"])
    assert worker.rows("SELECT action FROM event ORDER BY seq DESC LIMIT 1") == [("exec_create: cat ",)]


@pytest.mark.parametrize("body,status,text", [
    ({"AttachStdout": True}, 400, "No exec command specified"), ({"Cmd": []}, 400, "No exec command specified"),
    ({"Cmd": None}, 400, "No exec command specified"), (b"{", 400, "invalid JSON: unexpected EOF"),
    (b"{\"Cmd\":[\"a\"]} {}", 400, "unexpected content after JSON"),
    ({"Cmd": "ls"}, 400, "invalid JSON: json: cannot unmarshal string into Go struct field ExecConfig.Cmd of type []string"),
    ({"Cmd": ["a", 5]}, 400, "invalid JSON: json: cannot unmarshal number into Go struct field ExecConfig.Cmd of type string"),
    ({"Cmd": ["a\0b"]}, 400, "invalid JSON: a text holds the character NUL, which is not supported"),
    ({"Cmd": ["a"], "Tty": "yes"}, 400, "invalid JSON: json: cannot unmarshal string into Go struct field ExecConfig.Tty of type bool"),
    ({"Cmd": ["a"], "Privileged": True}, 400, "privileged exec is not supported: a Lambda function has no privileges to give"),
    ({"Cmd": ["x" * 600000]}, 413, "the exec's configuration is larger than 524288 bytes"),
    ({"Cmd": ["x" * 5000000]}, 413, "request body is larger than 4194304 bytes"),
])
def test_create_errors(worker, body, status, text):
    worker.container("a")
    r = worker.post("/containers/a/exec", body, headers={"Content-Type": "application/json"})
    assert (r.status, message(r)) == (status, text)
    assert worker.rows("SELECT * FROM exec") == [] and worker.rows("SELECT * FROM event") == []


def test_create_content_type(worker):
    worker.container("a")
    r = worker.post("/containers/a/exec", b"{}", headers={"Content-Type": "text/plain"})
    assert (r.status, message(r)) == (400, "unsupported Content-Type header (text/plain): must be 'application/json'")
    r = worker.post("/containers/a/exec", b"{\"Cmd\":[\"a\"]}", headers={"Content-Type": "application/json; charset=utf-8"})
    assert r.status == 201


@pytest.mark.parametrize("state", ["created", "exited", "starting"])
def test_create_not_running(worker, state):
    id = worker.container("a", state)
    r = worker.post("/containers/a/exec", {"Cmd": ["true"]})
    assert (r.status, message(r)) == (409, "container %s is not running" % id)


def test_start(worker):
    worker.container("a")
    x = create(worker, "a", Tty=True, ConsoleSize=[24, 80], DetachKeys="ctrl-p")
    r = worker.post("/v1.43/exec/%s/start" % x, {"Detach": False, "Tty": True})
    assert target(r) == ("/.gateway/tunnel/exec/" + x, {"api": "1.43", "tty": "1", "detach_keys": "10", "h": "24", "w": "80"})
    r = worker.post("/exec/%s/start" % x, {"Tty": True, "ConsoleSize": [5, 6]})
    assert (target(r)[1]["h"], target(r)[1]["w"]) == ("5", "6")
    r = worker.post("/exec/%s/start" % x, {"Detach": True})
    assert target(r) == ("/.gateway/http/exec-detached/" + x, {"api": "1.47"})
    assert target(worker.post("/exec/%s/start" % x))[1]["tty"] == "0"
    assert worker.rows("SELECT state FROM exec") == [("created",)]  # the gateway's to change


def test_start_refused(worker):
    id = worker.container("a")
    x = create(worker, "a")

    def refused(status, text, body=None):
        r = worker.post("/exec/%s/start" % x, body or {"Detach": False})
        assert (r.status, message(r)) == (status, text)

    refused(400, "console size is only supported when TTY is enabled", {"ConsoleSize": [1, 2]})
    worker.db.execute("UPDATE exec SET state='running'")
    refused(409, "Error: Exec command %s is already running" % x)
    worker.db.execute("UPDATE exec SET state='exited'")
    refused(409, "Error: Exec command %s has already run" % x)
    worker.db.execute("UPDATE exec SET state='created'")
    worker.db.execute("UPDATE container SET run_id='newer'")
    refused(409, "container %s was restarted since exec %s was created" % (id, x))
    worker.db.execute("UPDATE container SET state='exited'")
    refused(409, "container %s is not running" % id)
    worker.db.execute("UPDATE container SET state='removing', name=NULL")
    refused(404, "No such exec instance: " + x)


def test_missing_and_foreign(worker):
    worker.container("a")
    x = create(worker, "a")
    for name, tenant in (("nosuch", "local"), (x[:12], "local"), (x, "other"), ("%0a", "local")):
        shown = "\n" if name == "%0a" else name
        for r in (worker.get("/exec/%s/json" % name, tenant=tenant), worker.post("/exec/%s/start" % name, {}, tenant=tenant),
                  worker.post("/exec/%s/resize?h=1&w=1" % name, tenant=tenant)):
            assert (r.status, message(r)) == (404, "No such exec instance: " + shown)


def test_inspect(worker):
    id = worker.container("a")
    x = create(worker, "a", AttachStdout=True, AttachStderr=True)
    want = {"ID": x, "Running": False, "ExitCode": None,
            "ProcessConfig": {"tty": False, "entrypoint": "sh", "arguments": ["-c", "echo o; exit 3"], "privileged": False},
            "OpenStdin": False, "OpenStderr": True, "OpenStdout": True, "CanRemove": False, "ContainerID": id, "DetachKeys": "", "Pid": 0}
    got = json.loads(worker.get("/v1.43/exec/%s/json" % x).body)
    assert got == want and list(got) == list(want)
    worker.db.execute("UPDATE exec SET state='running', pid=12029")
    got = json.loads(worker.get("/exec/%s/json" % x).body)
    assert (got["Running"], got["ExitCode"], got["Pid"]) == (True, None, 12029)
    worker.db.execute("UPDATE exec SET state='exited', exit_code=3")
    worker.db.execute("UPDATE container SET state='exited'")
    got = json.loads(worker.get("/exec/%s/json" % x).body)
    assert (got["Running"], got["ExitCode"]) == (False, 3)


def test_resize(worker):
    worker.container("a")
    x = create(worker, "a", Tty=True)
    assert target(worker.post("/exec/%s/resize?h=33&w=77" % x)) == ("/.gateway/http/exec-resize/" + x, {"api": "1.47", "h": "33", "w": "77"})
