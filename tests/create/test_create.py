import json
import time

import pytest

from registry import make_tar


@pytest.fixture(scope="module")
def s(service):
    service.pull("busybox")
    return service


def create(s, body, name="", tenant="local"):
    return s.call("POST", "/containers/create" + ("?name=" + name if name else ""), body, tenant)


def row(s, container):
    columns = "id, name, state, function_name, config, host_config, networking, spec, timeout, image_uri, token"
    return dict(zip(columns.split(", "), s.db.execute("SELECT %s FROM container WHERE id = ?" % columns, (container,)).fetchone()))


def test_minimal(s):
    reply = create(s, {"Image": "busybox:latest", "Cmd": ["sleep", "300"]}, "gold1")
    assert reply.status == 201 and list(reply.json) == ["Id", "Warnings"] and reply.json["Warnings"] == []
    r = row(s, reply.json["Id"])
    assert (r["name"], r["state"], r["function_name"], r["timeout"]) == ("gold1", "created", "skls-" + r["id"][:12], 900)
    f = s.aws.functions[r["function_name"]]
    assert f["Code"] == {"ImageUri": r["image_uri"]} and r["image_uri"].startswith(s.registry.address + "/sockerless/local@sha256:")
    assert f["ImageConfig"] == {"EntryPoint": ["/.sockerless/agent"], "Command": ["sleep", "300"], "WorkingDirectory": "/"}
    assert f["Description"] == "sockerless testing " + r["id"] and f["PackageType"] == "Image"
    assert (f["MemorySize"], f["Timeout"], f["EphemeralStorage"]) == (1024, 900, {"Size": 512})
    assert f["Environment"]["Variables"]["SOCKERLESS_AGENT_TOKEN"] == r["token"]
    assert f["Tags"]["sockerless-container"] == r["id"]
    derived = s.registry.manifest("sockerless/local", r["image_uri"].split("@")[1])
    assert len(derived["layers"]) == 3
    assert s.events("container")[-1] == ("create", r["id"], {"image": "busybox:latest", "name": "gold1"})
    inspect = s.call("GET", "/containers/gold1/json").json
    assert inspect["Path"] == "sleep" and inspect["Args"] == ["300"] and inspect["HostConfig"]["IpcMode"] == "private"
    assert inspect["Config"]["Hostname"] == r["id"][:12] and inspect["Config"]["Labels"] == {}
    assert list(inspect["NetworkSettings"]["Networks"]) == ["bridge"]


def test_derived_once(s):
    before = len([c for c in s.aws.calls if c == "GetAuthorizationToken"])
    assert create(s, {"Image": s.busybox[7:19], "Cmd": ["x"]}).status == 201
    assert len([c for c in s.aws.calls if c == "GetAuthorizationToken"]) == before


def test_names(s):
    first = s.call("GET", "/containers/gold1/json").json["Id"]
    reply = create(s, {"Image": "busybox"}, "gold1")
    assert reply.status == 409
    assert reply.json["message"] == ('Conflict. The container name "/gold1" is already in use by container "%s". You have to remove (or rename) '
                                     "that container to be able to reuse that name." % first)
    assert create(s, {"Image": "busybox"}, "/gold2").status == 201
    reply = create(s, {"Image": "busybox"}, "bad%20name%21")
    assert (reply.status, reply.json["message"]) == (400, "Invalid container name (bad name!), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed")
    assert create(s, {"Image": "busybox"}, "x").json["message"] == "Invalid container name (x), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"


def test_refusals(s):
    post = lambda body, kind="application/json", q="": s.call("POST", "/containers/create" + q, body, headers={"Content-Type": kind})
    told = lambda reply: (reply.status, reply.json["message"])
    assert told(post(b'{"Image":')) == (400, "invalid JSON: unexpected EOF")
    assert told(post(b'{"Image":5}'))[1].endswith("cannot unmarshal number into Go struct field ContainerConfigWrapper.Image of type string")
    assert told(post(b'{"Image":"busybox"}', "text/plain")) == (400, "unsupported Content-Type header (text/plain): must be 'application/json'")
    assert told(post(b'{"Image":"busybox"} {"x":1}')) == (400, "unexpected content after JSON")
    assert told(post(b'{"Image":"nosuch"}')) == (404, "No such image: nosuch:latest")
    assert told(post(b'{"Image":"busybox"}', q="?platform=linux/arm64")) == (
        404, "image with reference busybox was found but does not match the specified platform: wanted linux/arm64, actual: linux/amd64")
    assert post(b'{"Image":"busybox"}', q="?platform=linux/amd64").status == 201
    status, text = told(post(b'{"Cmd":["x"]}'))
    assert status == 400 and "not supported" in text
    status, text = told(post(b'{"Image":"busybox","HostConfig":{"Binds":["/a:b:c:d"]}}'))
    assert (status, text) == (500, "invalid volume specification: '/a:b:c:d'")
    assert create(s, {"Image": "busybox"}, tenant="other").status == 404
    s.call("POST", "/images/create?fromSrc=-&repo=goldimp&tag=1", make_tar({"a": b"b"}))
    assert told(post(b'{"Image": "goldimp:1"}')) == (400, "No command specified")
    assert s.db.execute("SELECT count(*) FROM container WHERE state = 'creating'").fetchone() == (0,)


def test_large_environment(s):
    env = ["BIG=" + "y" * 100000, "a.b=1", "_X=2", "OK=3"]
    reply = create(s, {"Image": "busybox", "Cmd": ["echo", "x" * 100000], "Env": env})
    assert reply.status == 201, reply.body
    r = row(s, reply.json["Id"])
    spec = json.loads(r["spec"])
    assert spec["args"] == ["echo", "x" * 100000] and set(env) <= set(spec["env"])
    variables = s.aws.functions[r["function_name"]]["Environment"]["Variables"]
    assert variables["OK"] == "3" and not {"BIG", "a.b", "_X"} & set(variables)
    assert list(variables)[:3] == ["SOCKERLESS_CONTAINER_ID", "SOCKERLESS_AGENT_TOKEN", "SOCKERLESS_AGENT_CALLBACK_URL"]


def test_lambda_refuses(s):
    s.aws.fail["CreateFunction"] = (403, "AccessDeniedException", "not allowed")
    try:
        reply = create(s, {"Image": "busybox"}, "refused")
    finally:
        s.aws.fail.clear()
    assert reply.status == 502 and "not allowed" in reply.json["message"] and "permissions" in reply.json["message"]
    assert s.call("GET", "/containers/refused/json").status == 404
    assert s.db.execute("SELECT state, name FROM container WHERE state = 'removing'").fetchall() == [("removing", None)]
    assert create(s, {"Image": "busybox"}, "refused").status == 201
    assert s.ctl("reconcile", "--once").returncode == 0
    assert s.db.execute("SELECT count(*) FROM container WHERE state = 'removing'").fetchone() == (0,)


@pytest.mark.parametrize("states, wait, status, looks", [
    ([("Pending", "")] * 3, "45", 201, 4),        # created when it is Active
    ([("Pending", "")] * 100, "1", 201, None),    # or when the wait is over: start waits on
    ([("Pending", "")], "0", 201, 0),
    ([("Pending", ""), ("Failed", "the image has no such architecture")], "45", 502, 2),
])
def test_waits_for_active(s, states, wait, status, looks):
    name = "waits-%s-%d" % (wait, status)
    s.restart(SOCKERLESS_CREATE_WAIT=wait)
    s.aws.states, before, begun = list(states), s.aws.calls.count("GetFunction"), time.monotonic()
    try:
        reply = create(s, {"Image": "busybox"}, name)
        left = len(s.aws.states)
    finally:
        s.aws.states = []
        s.restart(SOCKERLESS_CREATE_WAIT="45")
    assert reply.status == status and time.monotonic() - begun < 10
    assert looks is None and 0 < left < len(states) or s.aws.calls.count("GetFunction") - before == looks
    assert s.call("GET", "/containers/%s/json" % name).status == (200 if status == 201 else 404)
    if status == 502:
        assert reply.json["message"] == "Lambda doesn't take the container's image: " + states[-1][1]
    assert s.ctl("reconcile", "--once").returncode == 0


def test_untold_state_is_left_to_start(s):
    s.aws.fail["GetFunction"] = (403, "AccessDeniedException", "not allowed")
    try:
        assert create(s, {"Image": "busybox"}, "untold").status == 201
    finally:
        s.aws.fail.clear()


def test_update_of_an_older_row(s):
    """What create would refuse now stands in it: it is no wish of the update's."""
    container = create(s, {"Image": "busybox"}, "older").json["Id"]
    s.db.execute("UPDATE container SET host_config = json_set(host_config, '$.NanoCpus', 1000000000, '$.CpuQuota', 100000) WHERE id = ?", (container,))
    reply = s.call("POST", "/containers/older/update", {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2}})
    assert reply.status == 200 and json.loads(row(s, container)["host_config"])["RestartPolicy"]["MaximumRetryCount"] == 2, reply.body


def test_image_in_use(s):
    reply = s.call("DELETE", "/images/busybox:latest")
    assert reply.status == 409 and reply.json["message"].startswith('conflict: unable to remove repository reference "busybox:latest" (must force) - container ')
    assert reply.json["message"].endswith(" is using its referenced image " + s.busybox[7:19])
    reply = s.call("DELETE", "/images/" + s.busybox)
    assert reply.status == 409 and "(must be forced) - image is being used by stopped container" in reply.json["message"]
