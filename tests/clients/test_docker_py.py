"""python3-docker: its documented calls."""
import json

import docker as docker_py
import pytest

from support.registry import Registry, make_tar


@pytest.fixture
def client(docker):
    c = docker_py.DockerClient(base_url="unix://%s" % docker.socket, timeout=60)
    yield c
    c.close()


def test_run(client):
    assert client.containers.run("busybox", ["echo", "hello"], remove=True) == b"hello\n"


def test_run_that_fails(client):
    with pytest.raises(docker_py.errors.ContainerError) as e:
        client.containers.run("busybox", ["sh", "-c", "echo bad >&2; exit 3"], remove=True)
    assert e.value.exit_status == 3 and b"bad" in e.value.stderr


def test_detached_with_exec_and_logs(client):
    c = client.containers.run("busybox", ["sh", "-c", "echo begun; sleep 1000"], detach=True, environment={"A": "1"}, labels={"l": "v"})
    lines = c.logs(stream=True, follow=True)
    assert next(lines) == b"begun\n"
    code, output = c.exec_run(["sh", "-c", "echo $A; exit 4"])
    assert (code, output) == (4, b"1\n")
    code, (out, err) = c.exec_run(["sh", "-c", "echo o; echo e >&2"], demux=True)
    assert (code, out, err) == (0, b"o\n", b"e\n")
    c.reload()
    assert c.status == "running" and c.labels == {"l": "v"}
    c.stop(timeout=1)
    assert c.wait()["StatusCode"] == 137
    assert c.logs() == b"begun\n"
    c.remove()


def test_attach(client):
    c = client.containers.create("busybox", ["sh", "-c", "echo one; echo two"])
    stream = c.attach(stream=True, logs=False)
    c.start()
    assert b"".join(stream) == b"one\ntwo\n"
    assert c.wait()["StatusCode"] == 0
    c.remove()


def test_events_of_a_life(client):
    events = client.events(decode=True, filters={"type": "container"})
    client.containers.run("busybox", ["true"], name="life", remove=True)
    seen = []
    for e in events:
        if e["Actor"]["Attributes"].get("name") == "life":
            seen.append(e["Action"])
        if e["Action"] == "destroy":
            break
    events.close()
    assert [a for a in seen if a != "attach"] == ["create", "start", "die", "destroy"]


def test_errors(client):
    with pytest.raises(docker_py.errors.NotFound):
        client.containers.get("nosuch")
    with pytest.raises(docker_py.errors.ImageNotFound):
        client.containers.create("nosuch", "true")
    assert client.ping() and client.version()["ApiVersion"] == "1.47"
    assert any("busybox:latest" in i.tags for i in client.images.list())


@pytest.fixture
def registry():
    r = Registry()
    yield r
    r.close()


def test_images(client, registry):
    repository = registry.address + "/dockerpy"
    image = client.images.get("busybox")
    assert image.tag(repository, tag="1") and repository + ":1" in client.images.get(image.id).tags
    assert [i.id for i in client.images.list(name=repository)] == [image.id]
    assert image.id not in [i.id for i in client.images.list(filters={"dangling": True})]
    assert image.history()[0]["Id"] == image.id
    *_, last = client.images.push(repository, tag="1", stream=True, decode=True)
    digest = last["aux"]["Digest"]
    assert client.images.get_registry_data(repository + ":1").id == digest
    assert repository + "@" + digest in client.images.get(image.id).attrs["RepoDigests"]
    saved = b"".join(client.images.get(repository + ":1").save(named=repository + ":1"))
    client.images.remove(repository + ":1")
    with pytest.raises(docker_py.errors.ImageNotFound):
        client.images.get(repository + ":1")
    loaded, = client.images.load(saved)
    assert loaded.id == image.id and repository + ":1" in loaded.tags
    client.images.remove(repository + ":1")
    assert client.images.pull(repository, tag="1").id == image.id
    assert client.images.pull(repository, tag="1", platform="linux/amd64").id == image.id
    assert [i.id for i in client.images.pull(repository, all_tags=True)] == [image.id]
    client.images.remove(repository + ":1", noprune=True)
    with pytest.raises(docker_py.errors.NotFound):
        client.images.pull(repository, tag="absent")


def test_images_prune(client):
    """By id with two names only by force; without a name only by id or prune."""
    said = json.loads(client.api.import_image_from_data(make_tar({"a": b"docker-py"}), repository="dockerpy", tag="1"))
    client.images.get("dockerpy:1").tag("dockerpy", tag="2")
    with pytest.raises(docker_py.errors.APIError, match="image is referenced in multiple repositories"):
        client.images.remove(said["status"])
    client.images.remove(said["status"], force=True)
    said = json.loads(client.api.import_image_from_data(make_tar({"a": b"nameless"})))
    assert client.images.get(said["status"]).tags == []
    pruned = client.images.prune(filters={"dangling": True})
    assert {"Deleted": said["status"]} in pruned["ImagesDeleted"] and pruned["SpaceReclaimed"] > 0


def test_no_exec_loses_its_output(client):
    """docker-py loses what comes with the head of the reply."""
    c = client.containers.run("busybox", ["sleep", "1000"], detach=True)
    assert {tuple(c.exec_run(["sh", "-c", "echo out; exit 4"])) for _ in range(100)} == {(4, b"out\n")}
    c.remove(force=True)
