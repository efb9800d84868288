"""docker push, save, load, search and import by URL with the real clients; skopeo reads what we save and push, we load what it wrote."""
import importlib.util
import io
import json
import pathlib
import subprocess
import tarfile

import docker as docker_py
import pytest

spec = importlib.util.spec_from_file_location("registry_tests", pathlib.Path(__file__).resolve().parents[1] / "registry" / "test_registry.py")
registry = importlib.util.module_from_spec(spec)
spec.loader.exec_module(registry)


@pytest.fixture(scope="module")
def anyone():
    r = registry.Registry()
    yield r
    r.close()


@pytest.fixture
def image(docker):
    """An image of two names and a layer of a megabyte, gone after the test."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in (("bin/busybox", pathlib.Path("/bin/busybox").read_bytes()), ("data", bytes(range(256)) * 4096)):
            info = tarfile.TarInfo(name)
            info.mode, info.size = 0o755, len(data)
            tar.addfile(info, io.BytesIO(data))
    id = docker.ok("import", "-c", 'CMD ["/bin/busybox","echo","it runs"]', "-", "archived:1", input=out.getvalue(), text=False, timeout=60).decode()
    docker.ok("tag", "archived:1", "archived:2")
    yield id
    docker.docker("rmi", "-f", id)


def skopeo(*args):
    return subprocess.run(["skopeo", *args], check=True, stdout=subprocess.PIPE, text=True, timeout=60).stdout


def test_push(docker, image, anyone):
    name = anyone.address + "/team/pushed"
    for tag in "1", "2":
        docker.ok("tag", "archived:1", "%s:%s" % (name, tag))
    out = docker.ok("push", name + ":1", timeout=60)
    assert "The push refers to repository [%s]" % name in out and ": Pushed" in out
    digest = json.loads(skopeo("inspect", "--tls-verify=false", "docker://%s:1" % name))["Digest"]
    assert out.splitlines()[-1].startswith("1: digest: %s size: " % digest)
    assert ": Layer already exists" in docker.ok("push", "-a", name, timeout=60)
    docker.ok("tag", "archived:1", anyone.address + "/other:1")
    assert ": Mounted from team/pushed" in docker.ok("push", anyone.address + "/other:1")
    assert docker.ok("push", "-q", name + ":1") == name + ":1"
    p = docker.docker("push", name + ":nosuch")
    assert p.returncode == 1 and "An image does not exist locally with the tag: " + name in p.stderr
    # What was pushed is pulled as the same image.
    docker.ok("rmi", "-f", image)
    docker.ok("pull", name + ":2", timeout=60)
    assert docker.ok("images", "-q", "--no-trunc", name) == image and docker.ok("run", "--rm", name + ":2", timeout=60) == "it runs"


def test_save_and_load(docker, image, tmp_path):
    place = tmp_path / "saved.tar"
    docker.ok("save", "-o", str(place), "archived", timeout=60)
    assert json.loads(skopeo("inspect", "--config", "oci-archive:%s:1" % place))["config"]["Cmd"][-1] == "it runs"
    for form, source in (("docker-archive", "docker-archive:%s:archived:2" % place), ("oci-archive", "oci-archive:%s:1" % place)):
        skopeo("copy", "-q", source, "%s:%s:by-skopeo/%s:x" % (form, tmp_path / form, form))
    docker.ok("rmi", "-f", image)
    assert docker.ok("load", "-i", str(place), timeout=60).splitlines()[-2:] == ["Loaded image: archived:1", "Loaded image: archived:2"]
    assert docker.ok("images", "-q", "--no-trunc", "archived:2") == image
    for form in "docker-archive", "oci-archive":
        assert docker.ok("load", "-q", "-i", str(tmp_path / form), timeout=60) == "Loaded image: by-skopeo/%s:x" % form
        assert docker.ok("run", "--rm", "by-skopeo/%s:x" % form, timeout=60) == "it runs"
        docker.ok("rmi", "by-skopeo/%s:x" % form)
    p = docker.docker("load", input="rubbish")
    assert p.returncode == 1 and "unexpected EOF" in p.stderr
    p = docker.docker("save", "nosuch", "-o", str(tmp_path / "n"))
    assert p.returncode == 1 and "No such image: nosuch" in p.stderr


def test_docker_py(docker, image, anyone):
    c = docker_py.DockerClient(base_url="unix://%s" % docker.socket, timeout=60)
    found = c.images.get("archived:1")
    data = b"".join(found.save(named=True))
    assert [i.id for i in c.images.load(data)] == [image]
    assert found.tag(anyone.address + "/by-py", "1")
    lines = [json.loads(line) for line in c.images.push(anyone.address + "/by-py", tag="1").splitlines() if line]
    assert lines[-1]["aux"]["Tag"] == "1" and not [line for line in lines if "error" in line]
    assert found.history()[0]["Id"] == image and [i.id for i in c.images.list(name="archived")] == [image]
    c.images.remove("archived:2")
    assert sorted(c.images.get("archived:1").tags) == sorted(["archived:1", anyone.address + "/by-py:1"])
    c.close()


def test_refusals(docker, anyone):
    p = docker.docker("search", anyone.address + "/x")
    assert p.returncode == 1 and "not supported" in p.stderr
    p = docker.docker("import", "http://127.0.0.1:1/x.tar")
    assert p.returncode == 1 and "private network" in p.stderr
