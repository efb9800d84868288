"""GET /containers/{id}/logs: what is kept and how it is shown."""
import time

import pytest


def run(api, config, log, name=""):
    """A container that has ended."""
    reply = api.post("/containers/create?name=" + name, dict(config, Image="busybox", HostConfig={"LogConfig": log}))
    assert reply.status == 201 and reply.json["Warnings"] == [], reply.body
    cid = reply.json["Id"]
    assert api.post("/containers/%s/start" % cid).status == 204
    assert api.post("/containers/%s/wait" % cid).json["StatusCode"] == 0
    return cid


# What a line takes in a file of dockerd's, which counts that; here it takes 32 bytes for what came in one piece, and its text.
LINE = len('{"log":"0000000000000000000\\n","stream":"stdout","time":"2026-01-01T00:00:00.123456789Z"}\n')


@pytest.mark.parametrize("size, files, least, most", [
    ("10k", 1, 0, 10500), ("10k", 3, 2 * 10240 // LINE * 20, 30500), ("1m", 1, 60000, 60000)])
def test_rotation(api, size, files, least, most):
    """Lines of 20 bytes: no less is kept than dockerd keeps. The oldest files go as wholes, so that what is there begins with a whole line."""
    cid = run(api, {"Tty": True, "Cmd": ["sh", "-c", "stty -opost; i=0; while [ $i -lt 3000 ]; do printf '%019d\\n' $i; i=$((i+1)); done"]},
              {"Type": "json-file", "Config": {"max-size": size, "max-file": str(files)}})
    text = api.get("/containers/%s/logs?stdout=1" % cid).body
    lines = text.decode().splitlines()
    assert least <= len(text) <= most and [int(line) for line in lines] == list(range(3000 - len(lines), 3000))
    assert api.delete("/containers/%s" % cid).status == 204


@pytest.mark.parametrize("options, shown", [
    ({}, ""), ({"labels": "none", "env": "NONE"}, ""), ({"labels": "b,a", "env": "C D,A"}, "A=1,C+D=2,a=x+%2C%25%2F,b="),
    ({"labels-regex": "^[ab]$", "env-regex": "^C|X"}, "C+D=2,X=3,a=x+%2C%25%2F,b="), ({"labels-regex": "^z", "env-regex": "B"}, ""),
    ({"labels": "c", "labels-regex": "(?i)^B", "tag": "is{{.Name}}/{{ .ImageName }} {{.DaemonName}}"}, "b=,c=not+named,tag=istagged%2Fbusybox+docker")])
def test_details(api, options, shown):
    cid = run(api, {"Cmd": ["echo", "said"], "Labels": {"a": "x ,%/", "b": "", "c": "not named"}, "Env": ["A=1", "C D=2", "X=3"]},
              {"Type": "json-file", "Config": options}, "tagged")
    line = (shown + " said\n").encode()
    assert api.get("/containers/%s/logs?stdout=1&details=1" % cid).body == b"\1\0\0\0\0\0\0" + bytes([len(line)]) + line
    stamped = api.get("/containers/%s/logs?stdout=1&details=1&timestamps=1" % cid).body[8:].decode().split(" ", 1)
    assert stamped[0].endswith("Z") and stamped[1].encode() == line
    assert api.get("/containers/%s/logs?stdout=1" % cid).body[8:] == b"said\n"
    assert api.delete("/containers/%s" % cid).status == 204


def test_expression_that_takes_too_long(api):
    cid = run(api, {"Cmd": ["true"], "Labels": {"a" * 60: ""}}, {"Type": "json-file", "Config": {"labels-regex": "^(a+)+[bc]"}})
    reply = api.get("/containers/%s/logs?stdout=1&details=1" % cid)
    assert (reply.status, reply.message) == (501, "labels-regex that takes so much to match is not supported")
    assert api.delete("/containers/%s" % cid).status == 204


def test_names_that_take_too_long_together(api):
    """None of them alone does."""
    labels = {"a" * 12 + str(n): "" for n in range(20000)}
    cid = run(api, {"Cmd": ["true"], "Labels": labels}, {"Type": "json-file", "Config": {"labels-regex": "^(a+)+[bc]"}})
    began = time.monotonic()
    reply = api.get("/containers/%s/logs?stdout=1&details=1" % cid)
    assert (reply.status, reply.message) == (501, "labels-regex that takes so much to match is not supported")
    assert time.monotonic() - began < 10
    assert api.delete("/containers/%s" % cid).status == 204


def test_too_many_details(api):
    cid = run(api, {"Cmd": ["true"], "Labels": {"a": "%" * 3000}}, {"Type": "json-file", "Config": {"labels": "a"}})
    reply = api.get("/containers/%s/logs?stdout=1&details=1" % cid)
    assert (reply.status, reply.message) == (501, "log details of more than 8192 bytes are not supported")
    assert api.delete("/containers/%s" % cid).status == 204


def frames(*texts):
    return b"".join(b"%c\0\0\0\0\0\0%c%s" % (channel, len(text), text) for channel, text in texts)


OUT, ERR = [(1, b"out%d\n" % i) for i in (1, 2)], [(2, b"err%d\n" % i) for i in (1, 2)]
LAST = (1, b"last\n")
BOTH = [OUT[0], ERR[0], OUT[1], ERR[1], LAST]


@pytest.fixture(scope="module")
def said(stage):
    return run(stage, {"Cmd": ["sh", "-c", "for i in 1 2; do echo out$i; sleep 0.1; echo err$i >&2; sleep 0.1; done; echo last"]}, {})


@pytest.mark.parametrize("query, shown", [
    ("stdout=1&stderr=1&follow=1", BOTH), ("stdout=1", OUT + [LAST]), ("stderr=1", ERR), ("stdout=1&stderr=1&tail=2", BOTH[-2:]),
    ("stdout=1&tail=0", []), ("stdout=1&tail=all", OUT + [LAST]), ("stdout=1&tail=abc", OUT + [LAST]), ("stdout=1&since=1", OUT + [LAST]),
    ("stdout=1&until=1", []), ("stdout=1&since=1700000000.500000000", OUT + [LAST]), ("stdout=1&details=1", [(c, b" " + t) for c, t in OUT + [LAST]])])
def test_what_is_shown(stage, said, query, shown):
    reply = stage.get("/containers/%s/logs?%s" % (said, query))
    assert (reply.status, reply.headers["content-type"]) == (200, "application/vnd.docker.multiplexed-stream")
    assert reply.headers["transfer-encoding"] == "chunked" and reply.body == frames(*shown)


def test_terminal(api):
    cid = run(api, {"Tty": True, "OpenStdin": True, "Cmd": ["echo", "tty"]}, {})
    reply = api.get("/containers/%s/logs?stdout=1" % cid)
    assert (reply.status, reply.headers["content-type"], reply.body) == (200, "application/vnd.docker.raw-stream", b"tty\r\n")
    assert api.delete("/containers/%s" % cid).status == 204
