"""Archive, export, changes and commit: the answers for a container that runs, one that has ended and one that never ran."""
import base64
import io
import json
import stat
import tarfile

import pytest

from fields import check

TAR = {"Content-Type": "application/x-tar"}
STATES = ["running", "ended", "created"]
# Go's bits of a mode.
DIRECTORY, LINK, STICKY = 1 << 31, 1 << 27, 1 << 20


def tar(*members):
    """(name, content; None: a directory, mode)"""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        for name, content, mode in members:
            m = tarfile.TarInfo(name)
            m.mode, m.mtime = mode, 1000000000
            m.type, m.size = (tarfile.DIRTYPE, 0) if content is None else (tarfile.REGTYPE, len(content))
            t.addfile(m, io.BytesIO(content or b""))
    return out.getvalue()


SENT = tar(("a.txt", b"alpha\n", 0o644), ("d", None, 0o755), ("d/b.sh", b"#!", 0o750))


def members(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as t:
        return {m.name: (t.extractfile(m).read() if m.isreg() else None, stat.S_IMODE(m.mode), m.mtime) for m in t}


@pytest.fixture(scope="module")
def files(stage):
    """A container in each state into which SENT was copied."""
    ids = {"running": stage.run("running"), "ended": stage.run("ended", ["true"]), "created": stage.create("created")}
    assert stage.post("/containers/ended/wait").json["StatusCode"] == 0
    for name in STATES:
        assert stage.get("/containers/%s/changes" % name).json is None
        reply = stage("PUT", "/containers/%s/archive?path=/tmp" % name, SENT, headers=TAR)
        assert (reply.status, reply.body) == (200, b""), reply.raw
    stage.ids = ids
    return stage


def path_stat(reply):
    return json.loads(base64.b64decode(reply.headers["x-docker-container-path-stat"]))


# (path, its name in the answer, size, Go's mode, where a link leads)
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("path, name, size, mode, target", [
    ("/tmp/a.txt", "a.txt", 6, 0o644, ""), ("/tmp", "tmp", None, DIRECTORY | STICKY | 0o777, ""), ("/tmp/d/.", ".", None, DIRECTORY | 0o755, ""),
    ("/bin/sh", "sh", None, LINK | 0o777, "/bin/busybox"), ("tmp/d/", "d", None, DIRECTORY | 0o755, ""), ("/", "/", None, DIRECTORY | 0o755, "")])
def test_stat(files, state, path, name, size, mode, target):
    seen = path_stat(files("HEAD", "/containers/%s/archive?path=%s" % (state, path)))
    assert set(seen) == {"name", "size", "mode", "mtime", "linkTarget"} and seen["name"] == name
    assert (seen["mode"], seen["linkTarget"]) == (mode, target) and size in (None, seen["size"])
    assert path_stat(files("HEAD", "/containers/%s/archive?path=%s" % (state, path))) == seen


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("path, held", [
    ("/tmp/a.txt", {"a.txt": (b"alpha\n", 0o644, 1000000000)}),
    ("/tmp/d", {"d": (None, 0o755, 1000000000), "d/b.sh": (b"#!", 0o750, 1000000000)}),
    ("/tmp/d/.", {".": (None, 0o755, 1000000000), "./b.sh": (b"#!", 0o750, 1000000000)})])
def test_get(files, state, path, held):
    reply = files.get("/containers/%s/archive?path=%s" % (state, path))
    assert (reply.status, reply.headers["content-type"]) == (200, "application/x-tar") and members(reply.body) == held
    assert path_stat(reply) == path_stat(files("HEAD", "/containers/%s/archive?path=%s" % (state, path)))


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("method, query, body, status, message", [
    ("GET", "path=/nosuch", None, 404, "Could not find the file /nosuch in container {0}"),
    ("GET", "", None, 400, "bad parameter: pathcannot be empty"),
    ("PUT", "", SENT, 400, "bad parameter: pathcannot be empty"),
    ("PUT", "path=/tmp/a.txt", SENT, 500, "extraction point is not a directory"),
    ("PUT", "path=/nosuch", SENT, 404, "Could not find the file /nosuch in container {0}"),
    ("PUT", "path=/&noOverwriteDirNonDir=1", tar(("tmp", b"x", 0o644)), 500, 'cannot overwrite directory "/tmp" with non-directory "/"'),
    ("PUT", "path=/tmp", b"garbage", 500, "unexpected EOF")])
def test_errors(files, state, method, query, body, status, message):
    reply = files(method, "/containers/%s/archive?%s" % (state, query), body, headers=TAR if body else None)
    assert (reply.status, reply.json) == (status, {"message": message.format(state)}), reply.raw
    if method == "GET":
        reply = files("HEAD", "/containers/%s/archive?%s" % (state, query))
        assert (reply.status, reply.body, reply.headers["content-type"]) == (status, b"", "application/json")


@pytest.mark.parametrize("method, path", [("GET", "archive?path=/"), ("HEAD", "archive?path=/"), ("PUT", "archive?path=/"), ("GET", "export"), ("GET", "changes")])
def test_absent(files, method, path):
    reply = files(method, "/containers/absent/" + path, SENT if method == "PUT" else None)
    assert reply.status == 404 and (method == "HEAD" or reply.json == {"message": "No such container: absent"})


@pytest.mark.parametrize("state", STATES)
def test_changes(files, state):
    reply = files.get("/containers/%s/changes" % state)
    check(reply.json, "[change]")
    assert [(c["Path"], c["Kind"]) for c in reply.json] == [("/tmp", 0), ("/tmp/a.txt", 1), ("/tmp/d", 1), ("/tmp/d/b.sh", 1)]


@pytest.mark.parametrize("state", STATES)
def test_export(files, state):
    reply = files.get("/containers/%s/export" % state)
    assert (reply.status, reply.headers["content-type"], reply.headers["transfer-encoding"]) == (200, "application/octet-stream", "chunked")
    held = members(reply.body)
    assert held["tmp/a.txt"] == (b"alpha\n", 0o644, 1000000000) and {"bin/busybox", "tmp/d/b.sh"} <= set(held)


@pytest.mark.parametrize("state", STATES)
def test_commit(files, state):
    reply = files.post("/commit?container=%s&repo=committed&tag=%s&comment=why&author=me&changes=CMD%%20[%%22cat%%22,%%22/tmp/a.txt%%22]" % (state, state))
    check(reply.json, "committed")
    assert reply.status == 201
    image = files.get("/images/committed:%s/json" % state).json
    check(image, "image inspected")
    assert (image["Id"], image["Comment"], image["Author"], image["Container"]) == (reply.json["Id"], "why", "me", files.ids[state])
    assert (image["Config"]["Cmd"], image["RepoTags"]) == (["cat", "/tmp/a.txt"], ["committed:" + state])
    made = files.post("/containers/create", {"Image": "committed:" + state})
    cid = made.json["Id"]
    assert (made.status, made.json["Warnings"], files.post("/containers/%s/start" % cid).status) == (201, [], 204)
    assert files.post("/containers/%s/wait" % cid).json["StatusCode"] == 0
    assert files.get("/containers/%s/logs?stdout=1" % cid).body[8:] == b"alpha\n"
    reply = files.delete("/images/committed:" + state)
    assert (reply.status, reply.message) == (409, 'conflict: unable to remove repository reference "committed:%s" (must force) - container %s is using its referenced image %s'
                                             % (state, cid[:12], image["Id"][7:19]))
    assert files.delete("/containers/" + cid).status == 204
    reply = files.delete("/images/committed:" + state)
    check(reply.json, "[removed]")
    assert reply.json[:2] == [{"Untagged": "committed:" + state}, {"Deleted": image["Id"]}]


@pytest.mark.parametrize("query, status, message", [
    ("container=absent", 404, "No such container: absent"), ("container=created&repo=UPPER", 400, "invalid reference format: repository name (library/UPPER) must be lowercase"),
    ("container=created&changes=FROM%20x", 400, "FROM is not a valid change command")])
def test_errors_of_commit(files, query, status, message):
    reply = files.post("/commit?" + query)
    assert (reply.status, reply.json) == (status, {"message": message}), reply.raw
