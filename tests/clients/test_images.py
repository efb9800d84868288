"""docker pull, run, images, inspect and rmi with registries of our own: an open one, and one that hands anonymous tokens out."""
import base64
import importlib.util
import io
import json
import pathlib
import tarfile

import pytest

spec = importlib.util.spec_from_file_location("registry_tests", pathlib.Path(__file__).resolve().parents[1] / "registry" / "test_registry.py")
registry = importlib.util.module_from_spec(spec)
spec.loader.exec_module(registry)

INDEX_OCI = "application/vnd.oci.image.index.v1+json"
CONFIG = {"Cmd": ["greet"], "Env": ["PATH=/bin", "GREETING=hello from the registry"], "Labels": {"who": "test"}, "WorkingDir": "/srv"}


def layer(*members):
    """A tar: (name, data or target, mode, type)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data, mode, kind in members:
            info = tarfile.TarInfo(name)
            info.mode, info.type = mode, kind
            if kind == tarfile.SYMTYPE:
                info.linkname = data
                tar.addfile(info)
            else:
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def layers(name):
    """Other ones for each name, so that each pull has something to fetch."""
    busybox = pathlib.Path("/bin/busybox").read_bytes()
    script = b'#!/bin/sh\necho "$GREETING"\n'
    return [layer(("bin/busybox", busybox, 0o755, tarfile.REGTYPE), ("bin/sh", "busybox", 0o777, tarfile.SYMTYPE), ("name", name.encode(), 0o644, tarfile.REGTYPE)),
            layer(("bin/greet", script, 0o755, tarfile.REGTYPE), ("srv/", b"", 0o755, tarfile.DIRTYPE))]


def push(r, name, headers=None):
    """A manifest list with an image that can be run and one for another machine."""
    amd64 = r.put_image(name, "amd64", layers(name), headers=headers, config=CONFIG)
    arm64 = r.put_image(name, "arm64", [layer(("x", b"1", 0o644, tarfile.REGTYPE))], architecture="arm64", headers=headers)
    index = {"schemaVersion": 2, "mediaType": registry.DOCKER_INDEX,
             "manifests": [{**arm64, "platform": {"os": "linux", "architecture": "arm64"}}, {**amd64, "platform": {"os": "linux", "architecture": "amd64"}}]}
    return r.put_manifest(name, "1", index, registry.DOCKER_INDEX, headers=headers), amd64


@pytest.fixture(scope="module")
def anyone():
    """A registry that needs no account."""
    r = registry.Registry()
    yield r
    r.close()


@pytest.fixture(scope="module")
def tokens():
    """One that answers 401 and names a server that gives tokens to everybody, for `public` alone."""
    registry.Token.setUpClass()
    yield registry.Token
    registry.Token.tearDownClass()


def use(docker, host, name, index):
    """The life of an image under a client's hands."""
    image = "%s/%s:1" % (host, name)
    out = docker.ok("pull", image, timeout=120)
    assert "1: Pulling from %s" % name in out and "Pull complete" in out
    assert "Digest: %s" % index["digest"] in out and "Status: Downloaded newer image for %s" % image in out
    assert "Status: Image is up to date for %s" % image in docker.ok("pull", image, timeout=120)
    assert docker.ok("images", "--format", "{{.Repository}}:{{.Tag}}", "%s/%s" % (host, name)) == image
    shown = docker.inspect(image)
    assert (shown["Architecture"], shown["Os"]) == ("amd64", "linux")
    assert shown["RepoTags"] == [image] and shown["RepoDigests"] == ["%s/%s@%s" % (host, name, index["digest"])]
    assert shown["Config"]["Env"] == CONFIG["Env"] and shown["Config"]["Labels"] == {"who": "test"}
    assert len(shown["RootFS"]["Layers"]) == 2
    assert docker.ok("run", "--rm", image, timeout=120) == "hello from the registry"
    assert docker.ok("run", "--rm", "-e", "GREETING=mine", image, timeout=60) == "mine"
    assert docker.ok("run", "--rm", image, "sh", "-c", "pwd") == "/srv"
    # A container holds its image.
    docker.ok("create", "--name", "holder", image)
    refused = docker.docker("rmi", image)
    assert refused.returncode == 1 and "conflict" in refused.stderr
    docker.ok("rm", "holder")
    gone = docker.ok("rmi", image)
    assert "Untagged: %s" % image in gone and "Deleted: %s" % shown["Id"] in gone
    assert docker.ok("images", "-q", "%s/%s" % (host, name)) == ""
    missing = docker.docker("rmi", image)
    assert missing.returncode == 1 and "No such image: %s" % image in missing.stderr
    assert docker.docker("inspect", image).returncode == 1


def test_open_registry(docker, anyone):
    index, _ = push(anyone, "team/hello")
    use(docker, anyone.address, "team/hello", index)


def test_run_pulls_what_is_not_there(docker, anyone):
    push(anyone, "team/fetched")
    image = anyone.address + "/team/fetched:1"
    p = docker.docker("run", "--rm", image, timeout=120, check=0)
    assert p.stdout == "hello from the registry\n" and "Unable to find image '%s' locally" % image in p.stderr
    docker.ok("rmi", image)


def test_pull_by_digest(docker, anyone):
    index, amd64 = push(anyone, "team/exact")
    for digest in index["digest"], amd64["digest"]:
        image = "%s/team/exact@%s" % (anyone.address, digest)
        assert "Digest: " + digest in docker.ok("pull", image, timeout=120)
        assert docker.ok("run", "--rm", image, timeout=60) == "hello from the registry"
        docker.ok("rmi", image)


def test_platforms(docker, anyone):
    push(anyone, "team/both")
    image = anyone.address + "/team/both:1"
    assert "Downloaded" in docker.ok("pull", "--platform", "linux/amd64", image, timeout=120)
    docker.ok("rmi", image)
    p = docker.docker("pull", "--platform", "linux/arm64", image)
    assert p.returncode == 1 and "linux/arm64 is not supported" in p.stderr
    p = docker.docker("pull", anyone.address + "/team/both:arm64")
    assert p.returncode == 1 and "does not match" in p.stderr


def test_oci_index(docker, anyone):
    _, amd64 = push(anyone, "team/oci")
    index = {"schemaVersion": 2, "mediaType": INDEX_OCI, "manifests": [{**amd64, "platform": {"os": "linux", "architecture": "amd64"}}]}
    top = anyone.put_manifest("team/oci", "oci", index, INDEX_OCI)
    image = anyone.address + "/team/oci:oci"
    assert top["digest"] in docker.ok("pull", image, timeout=120)
    assert docker.ok("run", "--rm", image, timeout=60) == "hello from the registry"
    docker.ok("rmi", image)


def test_what_is_not_there(docker, anyone):
    push(anyone, "team/hello")
    for name in "team/hello:nosuch", "team/nosuch:1":
        p = docker.docker("pull", "%s/%s" % (anyone.address, name))
        assert p.returncode == 1 and "manifest for %s/%s not found: manifest unknown" % (anyone.address, name) in p.stderr
        p = docker.docker("run", "--rm", "%s/%s" % (anyone.address, name))
        assert p.returncode == 125 and "not found" in p.stderr
    assert docker.ok("images", "-q", anyone.address + "/team/hello") == ""


def test_anonymous_tokens(docker, tokens):
    headers = {"Authorization": "Bearer " + tokens.sign([{"type": "repository", "name": "public", "actions": ["pull", "push"]}])}
    index, _ = push(tokens.r, "public", headers)
    del tokens.asked[:]
    use(docker, tokens.r.address, "public", index)
    query, given = tokens.asked[0]
    assert query["scope"] == ["repository:public:pull"] and query["service"] == ["svc"] and given is None


def test_login_by_identity_token(docker, tokens, tmp_path):
    """The client keeps the identity token that the server of tokens gave, not the password, and pulls by it."""
    env = {"DOCKER_CONFIG": str(tmp_path)}
    private = tokens.r.address + "/private:1"
    refused = docker.docker("login", "-u", "user", "--password-stdin", tokens.r.address, input="wrong", env=env)
    assert refused.returncode == 1 and "unauthorized: incorrect username or password" in refused.stderr
    docker.docker("login", "-u", "user", "--password-stdin", tokens.r.address, input="secret", env=env, check=0)
    kept = json.loads((tmp_path / "config.json").read_text())["auths"][tokens.r.address]
    assert kept["identitytoken"] == tokens.IDENTITY and base64.b64decode(kept.get("auth", "")) in (b"", b"user:", b"00000000-0000-0000-0000-000000000000:")
    assert docker.docker("pull", private).returncode == 1
    docker.docker("pull", private, env=env, check=0)
    docker.ok("rmi", private)


def test_tokens_that_do_not_cover_it(docker, tokens):
    p = docker.docker("pull", tokens.r.address + "/private:1")
    assert p.returncode == 1
    assert "pull access denied for %s/private, repository does not exist or may require 'docker login'" % tokens.r.address in p.stderr
    assert docker.ok("images", "-q", tokens.r.address + "/private") == ""
