"""push, save, load, and what becomes of the registry's content, at the byte level; skopeo reads and writes the same."""
import gzip
import io
import json
import subprocess
import tarfile
import urllib.error

import pytest

from registry import DOCKER_MANIFEST, Registry, make_tar
from support.registry import digest_of


@pytest.fixture(scope="module")
def target():
    """Another registry than ours."""
    r = Registry()
    yield r
    r.close()


def archive(members, links=()):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for name, to in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, to
            tar.addfile(info)
    return out.getvalue()


def config_of(*layers, architecture="amd64", **more):
    return json.dumps({"architecture": architecture, "os": "linux", "config": {"Cmd": ["sh"]}, "rootfs": {"type": "layers", "diff_ids": [digest_of(t) for t in layers]}, **more}).encode()


def docker_archive(layers, names, config=None, diff=None):
    """As Docker wrote it before 25: a directory for each layer."""
    config = config or config_of(*layers)
    members = {"%d/layer.tar" % i: t for i, t in enumerate(layers)}
    members[digest_of(config)[7:] + ".json"] = config
    members["manifest.json"] = json.dumps([{"Config": digest_of(config)[7:] + ".json", "RepoTags": names, "Layers": ["%d/layer.tar" % i for i in range(len(layers))]}]).encode()
    return members, digest_of(config)


def load(s, body, quiet=1, tenant="local"):
    reply = s.call("POST", "/images/load?quiet=%d" % quiet, body, tenant=tenant, headers={"Content-Type": "application/x-tar"})
    assert reply.status == 200, reply.body
    return s.lines(reply)


def members(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}


def push(s, name, query="", tenant="local"):
    reply = s.call("POST", "/images/%s/push%s" % (name, query), tenant=tenant, headers={"X-Registry-Auth": "e30="})
    assert reply.status == 200, reply.body
    return s.lines(reply)


def test_push(service, target):
    s = service
    s.pull("busybox")
    name, manifest = target.address + "/team/gold", s.registry.manifest("sockerless/local", s.manifest)
    size = len(s.registry.call("GET", "/v2/sockerless/local/manifests/" + s.manifest, headers={"Accept": DOCKER_MANIFEST})[1])
    for tag in "1", "2":
        assert s.call("POST", "/images/busybox/tag?repo=%s&tag=%s" % (name, tag)).status == 201
    layer = s.call("GET", "/images/busybox/json").json["RootFS"]["Layers"][0][7:19]
    end = [{"status": "1: digest: %s size: %d" % (s.manifest, size)}, {"progressDetail": {}, "aux": {"Tag": "1", "Digest": s.manifest, "Size": size}}]
    lines = push(s, name, "?tag=1")
    assert lines[:2] == [{"status": "The push refers to repository [%s]" % name}, {"status": "Preparing", "progressDetail": {}, "id": layer}]
    assert {"status": "Pushed", "progressDetail": {}, "id": layer} in lines and lines[-2:] == end
    assert s.events("image")[-1] == ("push", name + ":1", {"name": name})
    assert push(s, name, "?tag=1")[2:] == [{"status": "Layer already exists", "progressDetail": {}, "id": layer}] + end
    # Without a tag: all of them.
    assert [line["aux"]["Tag"] for line in push(s, name) if "aux" in line] == ["1", "2"]
    assert target.manifest("team/gold", "2") == manifest
    assert target.blob("team/gold", manifest["layers"][0]["digest"]) == s.registry.blob("sockerless/local", manifest["layers"][0]["digest"])
    # The digest is a name of the image from now on, and goes with the last tag.
    assert name + "@" + s.manifest in s.call("GET", "/images/busybox/json").json["RepoDigests"]
    # Another repository of the same registry has the layer already.
    other = target.address + "/other"
    assert s.call("POST", "/images/busybox/tag?repo=" + other).status == 201
    assert {"status": "Mounted from team/gold", "progressDetail": {}, "id": layer} in push(s, other, "?tag=latest")
    assert s.call("DELETE", "/images/%s:1" % name).json == [{"Untagged": name + ":1"}]
    assert s.call("DELETE", "/images/%s:2" % name).json == [{"Untagged": name + ":2"}, {"Untagged": name + "@" + s.manifest}]


def test_tag_time(service):
    """When a client named it last; a pull or a load is none."""
    s = service
    load(s, archive(docker_archive([make_tar({"timed": b"1"})], ["timed:1"])[0]))
    assert s.call("GET", "/images/timed:1/json").json["Metadata"] == {"LastTagTime": "0001-01-01T00:00:00Z"}
    s.call("POST", "/images/timed:1/tag?repo=timed&tag=2")
    assert s.call("GET", "/images/timed:1/json").json["Metadata"]["LastTagTime"] > "2020"


def test_push_errors(service):
    s = service
    s.pull("busybox")
    missing = "An image does not exist locally with the tag: nosuchx"
    assert push(s, "nosuchx", "?tag=1") == [{"status": "The push refers to repository [docker.io/library/nosuchx]"}, {"errorDetail": {"message": missing}, "error": missing}]
    assert push(s, "busybox", "?tag=latest", tenant="other")[1]["error"] == "An image does not exist locally with the tag: busybox"
    assert s.call("POST", "/images/busybox/tag?repo=127.0.0.1:1/x").status == 201
    assert push(s, "127.0.0.1:1/x", "?tag=latest")[-1]["error"] == 'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused'
    assert s.call("POST", "/images/UPPER/push").status == 400
    assert s.call("POST", "/images/busybox@%s/push" % s.index).json == {"message": "cannot push a digest reference"}


def test_save(service, tmp_path):
    s = service
    s.pull("busybox")
    s.call("POST", "/images/busybox/tag?repo=second&tag=x")
    reply = s.call("GET", "/images/get?names=busybox&names=second%3Ax")
    assert reply.status == 200 and reply.headers["content-type"] == "application/x-tar"
    found = members(reply.body)
    entry, = json.loads(found["manifest.json"])
    assert entry["Config"] == "blobs/sha256/" + s.busybox[7:] and {"busybox:latest", "second:x"} <= set(entry["RepoTags"])
    assert digest_of(found[entry["Config"]]) == s.busybox
    assert [digest_of(found[name]) for name in entry["Layers"]] == s.call("GET", "/images/busybox/json").json["RootFS"]["Layers"]
    index = json.loads(found["index.json"])
    for descriptor in index["manifests"]:
        text = found["blobs/sha256/" + descriptor["digest"][7:]]
        assert digest_of(text) == descriptor["digest"] and len(text) == descriptor["size"]
        for part in [json.loads(text)["config"], *json.loads(text)["layers"]]:
            assert len(found["blobs/sha256/" + part["digest"][7:]]) == part["size"]
    assert json.loads(found["oci-layout"]) == {"imageLayoutVersion": "1.0.0"} and json.loads(found["repositories"])["second"].keys() == {"x"}
    assert s.events("image")[-1] == ("save", s.busybox, {"name": s.busybox})
    by_id = members(s.call("GET", "/images/%s/get" % s.busybox).body)
    assert json.loads(by_id["manifest.json"])[0]["RepoTags"] == [] and "repositories" not in by_id
    (tmp_path / "s.tar").write_bytes(s.call("GET", "/images/second:x/get").body)
    for form in "docker-archive", "oci-archive":
        shown = subprocess.run(["skopeo", "inspect", "--config", "%s:%s" % (form, tmp_path / "s.tar")], capture_output=True, text=True, timeout=30)
        assert shown.returncode == 0 and json.loads(shown.stdout)["config"]["Cmd"] == ["sh"], shown.stderr


def test_save_errors(service):
    for uri in "/images/nosuch/get", "/images/get?names=nosuch":
        reply = service.call("GET", uri)
        assert (reply.status, reply.json) == (404, {"message": "No such image: nosuch"})
    assert service.call("GET", "/images/busybox/get", tenant="other").status == 404
    assert service.call("GET", "/images/get").status == 400


def test_load(service):
    s = service
    lower, upper = make_tar({"a": b"1" * 3000}), make_tar({"b": b"2"})
    body, id = docker_archive([lower, upper], ["loaded:1", "loaded:2"])
    assert load(s, archive(body)) == [{"stream": "Loaded image: loaded:1\n"}, {"stream": "Loaded image: loaded:2\n"}]
    assert s.events("image")[-1] == ("load", id, {"name": id})
    shown = s.call("GET", "/images/loaded:2/json").json
    assert shown["Id"] == id and shown["RootFS"]["Layers"] == [digest_of(lower), digest_of(upper)]
    assert s.call("GET", "/images/loaded:1/json", tenant="other").status == 404
    # What is saved is loaded again as the same image.
    saved = s.call("GET", "/images/get?names=loaded").body
    s.call("DELETE", "/images/%s?force=1" % id)
    assert s.call("GET", "/images/loaded:1/json").status == 404
    lines = load(s, saved, quiet=0)
    assert [line["id"] for line in lines if line.get("status") == "Loading layer"] == [digest_of(lower)[7:19], digest_of(upper)[7:19]]
    assert lines[-1] == {"stream": "Loaded image: loaded:2\n"} and s.call("GET", "/images/loaded:1/json").json["Id"] == id
    # Another image takes the name.
    other, other_id = docker_archive([upper], ["loaded:1"])
    assert load(s, gzip.compress(archive(other))) == [
        {"stream": "The image loaded:1 already exists, renaming the old one with ID %s to empty string\n" % id}, {"stream": "Loaded image: loaded:1\n"}]
    nameless, nameless_id = docker_archive([lower], None)
    assert load(s, archive(nameless)) == [{"stream": "Loaded image ID: %s\n" % nameless_id}]


def test_load_links_and_packed_layers(service):
    """Docker before 25 and skopeo write a layer once and link to it; others pack layers."""
    layer = make_tar({"linked": b"x"})
    config = config_of(layer, layer)
    body = {"top.tar": gzip.compress(layer), "c.json": config, "manifest.json": json.dumps(
        [{"Config": "c.json", "RepoTags": ["linked:1"], "Layers": ["one/layer.tar", "./two/../two/layer.tar"]}]).encode()}
    assert load(service, archive(body, [("one/layer.tar", "../top.tar"), ("two/layer.tar", "../one/layer.tar")])) == [{"stream": "Loaded image: linked:1\n"}]
    assert service.call("GET", "/images/linked:1/json").json["Id"] == digest_of(config)


@pytest.mark.parametrize("form, name, told", [("docker-archive", "skopeo/d:1", "Loaded image: skopeo/d:1\n"), ("oci-archive", "skopeo/o:1", "Loaded image: skopeo/o:1\n"),
                                              ("oci-archive", "", "Loaded image ID: ")])
def test_load_what_skopeo_wrote(service, tmp_path, form, name, told):
    place = tmp_path / "a.tar"
    subprocess.run(["skopeo", "copy", "-q", "--src-tls-verify=false", "docker://%s/library/busybox:1.35" % service.registry.address,
                    "%s:%s%s" % (form, place, name and ":" + name)], check=True, timeout=30)
    assert load(service, place.read_bytes())[0]["stream"].startswith(told)


LAYER = make_tar({"x": b"y" * 600})
BAD = [
    (b"notatar", "unexpected EOF"),
    (b"", "unexpected EOF"),
    (archive({"x": b"y"}), "does not contain a manifest.json"),
    (archive({"manifest.json": b"{"}), "manifest.json"),
    (archive({"manifest.json": b'{"a":1}'}), "no list of images"),
    (archive({"manifest.json": b'[{"Config":"c.json","Layers":[7]}]'}), "cannot unmarshal"),
    (archive({"manifest.json": b'[{"Config":"c.json","Layers":[]}]'}), "open c.json: no such file"),
    (archive({"index.json": b'{"manifests":[{"digest":"sha256:xyz"}]}'}), "no sha256 digest"),
    (archive({"../manifest.json": b"[]"}), "outside"),
    (archive({}, [("l", "../../etc/passwd")]), "outside"),
    (archive({}, [("manifest.json", "a"), ("a", "manifest.json")]), "does not contain"),
    (archive(docker_archive([LAYER], ["UPPER:1"])[0]), "invalid tag"),
    (archive(docker_archive([LAYER], ["a:1"], config=config_of(make_tar({"z": b""})))[0]), "invalid diffID for layer 0"),
    (archive(docker_archive([LAYER], ["a:1"], config=config_of(LAYER, LAYER))[0]), "different numbers of layers"),
    (archive(docker_archive([LAYER], ["a:1"], config=config_of(LAYER, architecture="arm64"))[0]), "not supported"),
    (archive(docker_archive([make_tar({"../x": b""})], ["a:1"])[0]), "outside of the image"),
    (archive(docker_archive([LAYER], ["a:1"])[0])[:1500], "unexpected EOF"),
]


@pytest.mark.parametrize("body, told", BAD)
def test_load_errors(service, body, told):
    lines = load(service, body)
    assert told in lines[-1]["error"] and lines[-1]["error"] == lines[-1]["errorDetail"]["message"], lines
    assert service.call("GET", "/images/a:1/json").status == 404


def has(s, digest):
    try:
        s.registry.call("GET", "/v2/sockerless/local/manifests/" + digest, headers={"Accept": DOCKER_MANIFEST})
        return True
    except urllib.error.HTTPError as e:
        assert e.code == 404
        return False


def manifest_of(s, name):
    return s.db.execute("SELECT manifest_digest FROM image JOIN image_reference ON image_id = id WHERE reference = ?", ("docker.io/library/%s" % name,)).fetchone()[0]


def reconcile(s, **settings):
    result = s.ctl("reconcile", "--once", **settings)
    assert result.returncode == 0, result.stderr


def test_registry_is_freed(service):
    """Manifests go when neither an image nor a container needs them, not before."""
    s = service
    body, _ = docker_archive([make_tar({"freed": b"1"})], ["freed:1"])
    load(s, archive(body))
    base = manifest_of(s, "freed:1")
    container = s.call("POST", "/containers/create?name=holder", {"Image": "freed:1"}).json["Id"]
    derived = s.db.execute("SELECT image_uri FROM container WHERE id = ?", (container,)).fetchone()[0].partition("@")[2]
    now = {"SOCKERLESS_REGISTRY_KEEP": "0", "SOCKERLESS_DERIVED_KEEP": "0"}
    reconcile(s, **now)
    assert has(s, base) and has(s, derived), "both are in use"
    assert s.call("DELETE", "/images/freed:1?force=1").status == 200
    reconcile(s)
    assert has(s, base), "an hour hasn't passed"
    reconcile(s, **now)
    assert has(s, derived), "a container is still of it"
    s.db.execute("UPDATE container SET state = 'removing', name = NULL WHERE id = ?", (container,))
    reconcile(s, **now)
    reconcile(s, **now)
    assert not has(s, base) and not has(s, derived)
    # It comes back whole.
    load(s, archive(body))
    assert has(s, manifest_of(s, "freed:1"))


def test_an_image_that_comes_back_is_no_garbage(service):
    s = service
    body, _ = docker_archive([make_tar({"back": b"1"})], ["back:1"])
    load(s, archive(body))
    s.call("DELETE", "/images/back:1")
    load(s, archive(body))
    reconcile(s, SOCKERLESS_REGISTRY_KEEP="0")
    assert has(s, manifest_of(s, "back:1"))


def test_a_vanished_derived_image_is_made_again(service):
    s = service
    s.pull("busybox")
    s.call("POST", "/containers/create", {"Image": "busybox"})
    uri = s.db.execute("SELECT uri FROM derived_image WHERE image_id = ?", (s.busybox,)).fetchone()[0]
    s.registry.call("DELETE", "/v2/sockerless/local/manifests/" + uri.partition("@")[2])
    s.aws.fail_once["CreateFunction"] = (400, "InvalidParameterValueException", "Source image %s does not exist. Provide a valid source image." % uri)
    assert s.call("POST", "/containers/create", {"Image": "busybox"}).status == 201
    assert has(s, uri.partition("@")[2])


def test_space(service):
    """Shared layers count once; prune tells what no other image has."""
    s = service
    s.call("POST", "/images/prune?filters=" + '{"dangling":["false"]}')
    shared, own = make_tar({"shared": bytes(range(256)) * 40}), make_tar({"own": bytes(range(256)) * 20})
    for layers, name in (([shared], "space:1"), ([shared, own], "space:2")):
        load(s, archive(docker_archive(layers, [name])[0]))
    sizes = [json.loads(json.dumps(h))["Size"] for h in s.call("GET", "/images/space:2/history").json]
    df = s.call("GET", "/system/df").json
    both = [i for i in df["Images"] if i["RepoTags"][0].startswith("space:")]
    assert sum(sizes) >= 1 and {i["SharedSize"] for i in both} == {sum(l["size"] for l in s.registry.manifest("sockerless/local", manifest_of(s, "space:1"))["layers"])}
    listed = s.call("GET", "/images/json?shared-size=1").json
    assert [i["SharedSize"] for i in listed if i["RepoTags"][0] == "space:1"] == [both[0]["SharedSize"]]
    mine = s.registry.manifest("sockerless/local", manifest_of(s, "space:2"))["layers"][1]["size"]
    before = df["LayersSize"]
    s.call("DELETE", "/images/space:2")
    assert s.call("GET", "/system/df").json["LayersSize"] == before - mine
