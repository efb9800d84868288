"""Images: one row per situation, in the order of a client's day: find, tag, push, pull, save, load, build, commit, remove.

The rows play on one stage: a registry at {at}, the quickstart's busybox, and
what earlier rows made. A name of {...} stands for what `play` or an earlier row learned.
"""
import functools
import io
import json
import tarfile
import urllib.parse

import pytest

from fields import check
from support.registry import Registry, make_tar
from test_answers import REASONS, by

TAR = {"Content-Type": "application/x-tar"}
ANONYMOUS = {"X-Registry-Auth": "e30="}
LOWER = "invalid reference format: repository name (library/%s) must be lowercase"
OTHER = "image with reference %s was found but does not match the specified platform: wanted linux/arm64, actual: linux/amd64"
ARM, AMD = ("platform=" + urllib.parse.quote(json.dumps({"os": "linux", "architecture": a})) for a in ("arm64", "amd64"))
PUSHED = [{"status": "1: digest: {manifest} size: {size}"}, {"progressDetail": {}, "aux": {"Tag": "1", "Digest": "{manifest}", "Size": "{size}"}}]


def context(dockerfile, name="Dockerfile"):
    return make_tar({name: dockerfile.encode(), "hi": b"hi\n"})


def failed(text):
    return {"errorDetail": {"message": text}, "error": text}


@pytest.fixture(scope="module")
def play(stage, system):
    registry = Registry()
    shown = stage.get("/images/busybox/json").json
    stage.ids = {"at": registry.address, "busybox": shown["Id"], "layer": shown["RootFS"]["Layers"][0][7:19]}
    before = {name for i in stage.get("/images/json").json for name in i["RepoTags"]}
    stage.ids["worker"] = stage.run("worker", ["sh", "-c", "echo a >/tmp/a.txt; mkdir /tmp/d; echo b >/tmp/d/b.sh"])
    stage.post("/containers/worker/wait")
    yield stage
    registry.close()
    for c in stage.get("/containers/json?all=1").json:
        stage.delete("/containers/%s?force=1" % c["Id"])
    for i in stage.get("/images/json").json:
        for name in set(i["RepoTags"]) - before or ([] if i["RepoTags"] else [i["Id"]]):
            stage.delete("/images/%s?force=1" % name)


# (method, path, body, status, what the body is: a shape of fields.py, the lines of a stream, a value, an error's text, None: empty)
ROWS = [
    # list
    ("GET", "/images/json", None, 200, "[image]"), ("GET", "/images/json?manifests=1", None, 200, "[image]"), ("GET", "/images/json?" + by(reference=["busybox*"]), None, 200, "[image]"),
    ("GET", "/images/json?" + by(dangling=["true"]), None, 200, []), ("GET", "/images/json?" + by(label=["x"]), None, 200, []),
    ("GET", "/images/json?" + by(nosuch=["x"]), None, 400, "invalid filter 'nosuch'"),
    # inspect, history
    ("GET", "/images/busybox/json", None, 200, "image inspected"), ("GET", "/images/busybox:latest/json", None, 200, "image inspected"),
    ("GET", "/images/busybox:latest/history", None, 200, "[step]"), ("GET", "/images/absent/history", None, 404, "No such image: absent:latest"),
    ("GET", "/images/absent/json", None, 404, "No such image: absent:latest"), ("GET", "/images/UPPER:x/json", None, 400, LOWER % "UPPER"),
    # tag
    ("POST", "/images/busybox:latest/tag?repo={at}/gold&tag=1", None, 201, None), ("POST", "/images/busybox:latest/tag?repo=gold&tag=tag", None, 201, None),
    ("POST", "/images/absent/tag?repo=a&tag=b", None, 404, "No such image: absent:latest"),
    ("POST", "/images/busybox:latest/tag?repo=a&tag=!!", None, 400, "invalid tag format"),
    # push
    ("POST", "/images/{at}/gold/push?tag=1", None, 200, "first push"),
    ("POST", "/images/{at}/gold/push?tag=1", None, 200, [{"status": "The push refers to repository [{at}/gold]"},
     {"status": "Preparing", "progressDetail": {}, "id": "{layer}"}, {"status": "Layer already exists", "progressDetail": {}, "id": "{layer}"}, *PUSHED]),
    ("POST", "/images/absent/push?tag=1", None, 200, [{"status": "The push refers to repository [docker.io/library/absent]"},
                                                     failed("An image does not exist locally with the tag: absent")]),
    ("POST", "/images/127.0.0.1:1/x/push", None, 200, [{"status": "The push refers to repository [127.0.0.1:1/x]"},
                                                      failed("An image does not exist locally with the tag: 127.0.0.1:1/x")]),
    # of another platform
    ("POST", "/images/{at}/gold/push?tag=1&" + ARM, None, 200, [{"status": "The push refers to repository [{at}/gold]"}, failed(OTHER % "{at}/gold:1")]),
    ("POST", "/images/{at}/gold/push?tag=1&platform=x", None, 400, "failed to parse platform: it is no JSON object with os and architecture"),
    ("POST", "/images/{at}/gold/push?tag=1&platform=%7B%22os%22:%22linux%22%7D", None, 400, "both OS and Architecture must be provided"),
    ("GET", "/images/busybox:latest/get?" + ARM, None, 404, OTHER % "{busybox}"), ("GET", "/images/busybox:latest/get?" + AMD, None, 200, "tar"),
    ("GET", "/images/get?names=busybox:latest&" + ARM, None, 404, OTHER % "{busybox}"),
    ("POST", "/images/load?" + ARM, "saved", 200, [failed(OTHER % "{busybox}")]),
    ("POST", "/images/load?quiet=1&" + AMD, "saved", 200, [{"stream": "Loaded image: {first}\n"}]),
    # untag
    ("DELETE", "/images/gold:tag", None, 200, [{"Untagged": "gold:tag"}]),
    ("DELETE", "/images/{at}/gold:1", None, 200, [{"Untagged": "{at}/gold:1"}, {"Untagged": "{at}/gold@{manifest}"}]),
    ("DELETE", "/images/absent", None, 404, "No such image: absent:latest"),
    # pull
    ("POST", "/images/create?fromImage={at}/gold&tag=1", None, 200, [{"status": "Pulling from gold", "id": "1"}, {"status": "Digest: {manifest}"},
                                                                     {"status": "Status: Image is up to date for {at}/gold:1"}]),
    ("POST", "/images/create?fromImage={at}/gold&tag=absent", None, 404, "manifest for {at}/gold:absent not found: manifest unknown: manifest unknown"),
    ("POST", "/images/create?fromImage={at}/absent&tag=1", None, 404, "manifest for {at}/absent:1 not found: manifest unknown: manifest unknown"),
    ("POST", "/images/create?fromImage=127.0.0.1:1/x&tag=1", None, 500,
     'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused'),
    ("POST", "/images/create?fromImage=BAD", None, 400, LOWER % "BAD"), ("POST", "/images/create", None, 500, 'Get "http:": http: no Host in request URL'),
    ("GET", "/distribution/{at}/gold:1/json", None, 200, {
        "Descriptor": {"mediaType": "application/vnd.docker.distribution.manifest.v2+json", "digest": "{manifest}", "size": "{size}"},
        "Platforms": [{"architecture": "amd64", "os": "linux"}]}),
    ("GET", "/distribution/{at}/gold:absent/json", None, 404, "manifest unknown: manifest unknown"),
    # search; what an index finds: tests/create/test_sources.py
    ("GET", "/images/search?term=x&limit=1000", None, 400, "limit 1000 is outside the range of [1, 100]"),
    ("GET", "/images/search?term={at}/gold", None, 501, "searching {at} is not supported: this registry has no search (/v1/search)"),
    ("GET", "/images/search?term=x&" + by(absent=["x"]), None, 400, "invalid filter 'absent'"),
    # save, load, import
    ("GET", "/images/busybox:latest/get", None, 200, "tar"), ("GET", "/images/get?names=busybox:latest&names={at}/gold:1", None, 200, "tar"),
    ("GET", "/images/absent/get", None, 404, "No such image: absent"),
    ("POST", "/images/load?quiet=1", "saved", 200, [{"stream": "Loaded image: {first}\n"}, {"stream": "Loaded image: {second}\n"}]),
    ("POST", "/images/load", b"notatar", 200, [failed("unexpected EOF")]),
    ("POST", "/images/create?fromSrc=-&repo=goldimp&tag=1&message=hi", make_tar({"a": b"b"}), 200, "imported goldimp"),
    # prune
    ("POST", "/images/prune?" + by(dangling=["true"], label=["absent"]), None, 200, {"ImagesDeleted": None, "SpaceReclaimed": 0}),
    ("POST", "/images/prune?" + by(absent=["x"]), None, 400, "invalid filter 'absent'"),
    ("POST", "/build/prune?" + by(until=["100000h"]), None, 200, {"CachesDeleted": None, "SpaceReclaimed": 0}),
    # build
    ("POST", "/build?t=goldbuild:1", context("FROM busybox:latest\nENV A=b\nLABEL x=y\nCOPY hi /hi\nCMD [\"cat\", \"/hi\"]\n"), 200, "built"),
    ("POST", "/build?t=goldbuild:2", context("FROM busybox:latest\nBOGUS\n"), 400, "dockerfile parse error on line 2: unknown instruction: BOGUS"),
    ("POST", "/build?t=goldbuild:3", context("FROM busybox:latest\nRUN exit 3\n"), 200, "build failed"),
    ("POST", "/build", context("x", "Other"), 500, "Cannot locate specified Dockerfile: Dockerfile"),
    ("GET", "/images/goldbuild:1/json", None, 200, "image inspected"),
    # export, commit
    ("GET", "/containers/worker/export", None, 200, "tar"),
    ("GET", "/containers/worker/changes", None, 200, [{"Path": "/tmp", "Kind": 0}, {"Path": "/tmp/a.txt", "Kind": 1}, {"Path": "/tmp/d", "Kind": 1},
                                                      {"Path": "/tmp/d/b.sh", "Kind": 1}]),
    ("POST", "/commit?container=absent", None, 404, "No such container: absent"),
    ("POST", "/commit?container=worker&repo=goldcommit&tag=1&author=a&comment=c&changes=CMD%20[%22x%22]", None, 201, "committed"),
    ("GET", "/images/goldcommit:1/json", None, 200, "image inspected"),
    # what a container uses
    ("POST", "/containers/create?name=goldpull", {"Image": "goldbuild:1"}, 201, "created"),
    ("POST", "/containers/goldpull/start", None, 204, None), ("POST", "/containers/goldpull/wait", None, 200, {"StatusCode": 0}),
    ("DELETE", "/images/goldbuild:1", None, 409,
     'conflict: unable to remove repository reference "goldbuild:1" (must force) - container {goldpull:.12} is using its referenced image {built:.12}'),
    ("DELETE", "/images/sha256:{built}", None, 409,
     "conflict: unable to delete {built:.12} (must be forced) - image is being used by stopped container {goldpull:.12}"),
    # several names
    ("POST", "/images/goldbuild:1/tag?repo=goldbuild&tag=other", None, 201, None),
    ("DELETE", "/images/sha256:{built}", None, 409, "conflict: unable to delete {built:.12} (must be forced) - image is referenced in multiple repositories"),
    ("DELETE", "/images/{built:.12}?noprune=1", None, 409, "conflict: unable to delete {built:.12} (must be forced) - image is referenced in multiple repositories"),
    ("DELETE", "/images/goldbuild:other?noprune=1", None, 200, [{"Untagged": "goldbuild:other"}]),
    ("DELETE", "/images/goldbuild:1?force=1", None, 200, "untagged and deleted"),
    # running, paused: not even by force
    ("POST", "/containers/create?name=goldrun", {"Image": "goldcommit:1", "Cmd": ["sleep", "300"]}, 201, "created"),
    ("POST", "/containers/goldrun/start", None, 204, None),
    ("DELETE", "/images/sha256:{committed}?force=1", None, 409,
     "conflict: unable to delete {committed:.12} (cannot be forced) - image is being used by running container {goldrun:.12}"),
    ("POST", "/containers/goldrun/pause", None, 204, None),
    ("DELETE", "/images/sha256:{committed}?force=1", None, 409,
     "conflict: unable to delete {committed:.12} (cannot be forced) - image is being used by running container {goldrun:.12}"),
    ("DELETE", "/images/goldcommit:1?force=1", None, 200, [{"Untagged": "goldcommit:1"}]),
    ("POST", "/images/sha256:{committed}/tag?repo=goldcommit&tag=1", None, 201, None),
    ("DELETE", "/containers/goldrun?force=1", None, 204, None),
    ("DELETE", "/images/goldcommit:1", None, 200, "untagged and deleted"),
    # all names at once, by force
    ("POST", "/images/create?fromSrc=-&repo=goldmany&tag=1", make_tar({"a": b"many"}), 200, "imported many"),
    ("POST", "/images/goldmany:1/tag?repo=goldmore&tag=1", None, 201, None),
    ("DELETE", "/images/{many}", None, 409, "conflict: unable to delete {many_short} (must be forced) - image is referenced in multiple repositories"),
    ("DELETE", "/images/{many}?force=1", None, 200, ["goldmany:1", "goldmore:1", "many"]),
    # prune: only what no container uses, no label keeps and is old enough; nothing that has a tag, unless it is asked for
    ("POST", "/images/create?fromSrc=-&changes=LABEL%20keep=1", make_tar({"a": b"labelled"}), 200, "imported labelled"),
    ("POST", "/images/create?fromSrc=-&changes=LABEL%20drop=1", make_tar({"a": b"nameless"}), 200, "imported nameless"),
    ("POST", "/images/create?fromSrc=-&repo=goldkept&tag=1&changes=LABEL%20drop=1", make_tar({"a": b"tagged"}), 200, "imported tagged"),
    ("GET", "/images/json?" + by(dangling=["true"]), None, 200, "dangling"),
    *[("POST", "/images/prune?" + by(**f), None, 200, {"ImagesDeleted": None, "SpaceReclaimed": 0}) for f in (
        {"until": ["1h"]}, {"until": ["2020-01-01"]}, {"label": ["absent"]}, {"label": ["keep=2"]}, {"label": ["keep", "drop"]})],
    ("POST", "/images/prune?" + by(**{"label!": ["keep"], "label": ["drop=1"]}), None, 200, ["nameless"]),
    ("POST", "/images/prune?" + by(until=["0s"], label=["keep"]), None, 200, ["labelled"]),
    ("POST", "/images/prune?" + by(label=["drop"]), None, 200, {"ImagesDeleted": None, "SpaceReclaimed": 0}),
    ("POST", "/images/prune?" + by(label=["drop"], dangling=["false"]), None, 200, ["goldkept:1", "tagged"]),
    ("POST", "/images/prune?" + by(until=["1h", "2h"]), None, 400, "more than one until filter specified"),
    ("POST", "/images/prune?" + by(until=["soon"]), None, 400, "until=soon is not supported: give a duration (24h), a date or seconds since 1970"),
    ("POST", "/images/prune?" + by(dangling=["perhaps"]), None, 400, "invalid filter 'dangling=[perhaps]'"),
]


def filled(value, ids):
    """The value with the stage's names in it; "{size}" alone is a number."""
    if isinstance(value, str):
        return ids["size"] if value == "{size}" else value.format(**ids)
    if isinstance(value, list):
        return [filled(v, ids) for v in value]
    return {k: filled(v, ids) for k, v in value.items()} if isinstance(value, dict) else value


def pushed(play, reply):
    lines = reply.events()
    assert lines[:2] == [{"status": "The push refers to repository [%s/gold]" % play.ids["at"]}, {"status": "Preparing", "progressDetail": {}, "id": play.ids["layer"]}]
    play.ids.update(manifest=lines[-1]["aux"]["Digest"], size=lines[-1]["aux"]["Size"])
    assert lines[-2:] == filled(PUSHED, play.ids)


def is_tar(play, reply):
    with tarfile.open(fileobj=io.BytesIO(reply.body)) as tar:
        names = tar.getnames()
        if "manifest.json" in names:
            tags = [t for i in json.load(tar.extractfile("manifest.json")) for t in i["RepoTags"]]
            play.ids.update(first=tags[0], second=tags[-1])
            play.saved = reply.body
    assert "manifest.json" in names or "bin/busybox" in names


def imported(name, play, reply):
    line, = reply.events()
    check(line, "imported")
    play.ids.update({name: line["status"], name + "_short": line["status"][7:19]})


def dangling(play, reply):
    assert {i["Id"] for i in reply.json} == {play.ids["labelled"], play.ids["nameless"]} and all(not i["RepoTags"] for i in reply.json)


def deleted(names, play, answer):
    """Names are told as they were, images by the names they have here, and last their layer."""
    records = [list(r.items())[0] for r in answer]
    want = [("Untagged", n) if ":" in n else ("Deleted", play.ids[n]) for n in names]
    assert records[:len(want)] == want and [r[0] for r in records[len(want):]] == ["Deleted"], records


def built(play, reply):
    lines = reply.events()
    text = "".join(line.get("stream", "") for line in lines)
    assert text.startswith("Step 1/5 : FROM busybox:latest\n ---> %s\nStep 2/5 : ENV A=b\n" % play.ids["busybox"][7:19]), text
    play.ids["built"] = play.get("/images/goldbuild:1/json").json["Id"][7:]
    assert lines[-3:] == [{"aux": {"ID": "sha256:" + play.ids["built"]}}, {"stream": "Successfully built %.12s\n" % play.ids["built"]},
                          {"stream": "Successfully tagged goldbuild:1\n"}]


def build_failed(play, reply):
    text = "The command '/bin/sh -c exit 3' returned a non-zero code: 3"
    lines = reply.events()
    assert lines[0]["stream"].startswith("Step 1/2 : FROM busybox:latest")
    assert lines[-1] == {"errorDetail": {"code": 3, "message": text}, "error": text}


def committed(play, reply):
    check(reply.json, "committed")
    play.ids["committed"] = reply.json["Id"][7:]


def created(play, reply):
    check(reply.json, "created")
    name = play.get("/containers/%s/json" % reply.json["Id"]).json["Name"][1:]
    play.ids[name] = reply.json["Id"]


def gone(play, reply):
    records = reply.json
    assert [list(r) for r in records[:2]] == [["Untagged"], ["Deleted"]] and all(list(r) == ["Deleted"] for r in records[2:]) and len(records) > 2


JUDGES = {"first push": pushed, "tar": is_tar, "dangling": dangling, "built": built, "build failed": build_failed, "committed": committed,
          "created": created, "untagged and deleted": gone,
          **{"imported " + n: functools.partial(imported, n) for n in ("goldimp", "many", "labelled", "nameless", "tagged")}}
KINDS = {"tar": "application/x-tar"}


@pytest.mark.parametrize("method, path, body, status, expected", ROWS, ids=lambda x: str(x)[:60])
def test_image_answer(play, method, path, body, status, expected):
    headers = {**ANONYMOUS, **(TAR if isinstance(body, bytes) or body == "saved" else {})}
    reply = play(method, path.format(**play.ids), play.saved if body == "saved" else body, headers=headers)
    assert (reply.status, reply.reason) == (status, REASONS[status]), reply.raw[-2000:]
    if expected is None:
        assert reply.body == b"" and "content-type" not in reply.headers, reply.raw
        return
    kind = "application/octet-stream" if path.endswith("/export") else KINDS.get(expected if isinstance(expected, str) else "", "application/json")
    assert reply.headers["content-type"] == kind, reply.headers
    if isinstance(expected, str) and status < 400:
        JUDGES[expected](play, reply) if expected in JUDGES else check(reply.json, expected)
        return
    if isinstance(expected, list) and expected and isinstance(expected[0], str):
        deleted(expected, play, reply.json["ImagesDeleted"] if method == "POST" else reply.json)
        assert method == "DELETE" or reply.json["SpaceReclaimed"] > 0
        return
    stream = reply.headers.get("transfer-encoding") == "chunked" and method == "POST" and isinstance(expected, list)
    assert (reply.events() if stream else reply.json) == filled(expected if status < 400 else {"message": expected}, play.ids)
