"""docker network, volume, prune, df, login, tag and history, by the CLI and docker-py."""
import json

import docker as docker_py
import pytest

from conftest import wait_until


@pytest.fixture
def py(docker):
    client = docker_py.DockerClient(base_url="unix://%s" % docker.socket, timeout=60)
    yield client
    client.close()


def test_network(docker):
    id = docker.ok("network", "create", "--label", "k=v", "--subnet", "10.9.0.0/16", "wnet")
    assert len(id) == 64
    assert "already exists" in docker.docker("network", "create", "wnet", check=1).stderr
    c = docker.ok("run", "-d", "--name", "box", "--network", "wnet", "--network-alias", "al", "busybox", "sh", "-c", "while :; do sleep 1; done")
    n = json.loads(docker.ok("network", "inspect", "wnet"))[0]
    assert n["Id"] == id and list(n["Containers"]) == [c] and n["Containers"][c]["Name"] == "box"
    assert docker.inspect("box")["NetworkSettings"]["Networks"]["wnet"]["Aliases"] == ["al", c[:12]]
    assert "has active endpoints" in docker.docker("network", "rm", "wnet", check=1).stderr
    docker.ok("network", "create", "wnet2")
    docker.ok("network", "connect", "wnet2", "box")
    assert "already exists in network wnet2" in docker.docker("network", "connect", "wnet2", "box", check=1).stderr
    assert sorted(docker.inspect("box")["NetworkSettings"]["Networks"]) == ["wnet", "wnet2"]
    docker.ok("network", "disconnect", "wnet2", "box")
    assert "is not connected" in docker.docker("network", "disconnect", "wnet2", "box", check=1).stderr
    docker.ok("rm", "-f", "box")
    assert docker.ok("network", "ls", "-q", "--no-trunc", "--filter", "label=k=v") == id
    docker.ok("network", "rm", "wnet", "wnet2")
    # Clients before 23 have words of their own for a 404.
    assert docker.docker("network", "inspect", "nope").stderr.rstrip().endswith(("network nope not found", "No such network: nope"))


def test_run_on_an_unknown_network(docker):
    p = docker.docker("run", "--rm", "--name", "lost", "--network", "nosuchnet", "busybox", "true", check=125)
    assert "network nosuchnet not found" in p.stderr
    docker.docker("rm", "-f", "lost")


def test_volume(docker):
    assert docker.ok("volume", "create", "--label", "a=b", "wvol") == "wvol"
    p = docker.docker("run", "-d", "-v", "wvol:/data", "-v", "/anon", "busybox", "true", check=0)
    assert "volumes are not kept yet" in p.stderr
    id = p.stdout.strip()
    mounts = docker.inspect(id)["Mounts"]
    assert [m["Destination"] for m in mounts] == ["/data", "/anon"]
    anonymous = mounts[1]["Name"]
    assert "volume is in use - [%s]" % id in docker.docker("volume", "rm", "wvol", check=1).stderr
    assert sorted(docker.ok("volume", "ls", "-q").split()) == sorted(["wvol", anonymous])
    docker.ok("wait", id)
    docker.ok("rm", "-v", id)
    assert docker.ok("volume", "ls", "-q") == "wvol"
    assert json.loads(docker.ok("volume", "inspect", "wvol"))[0]["Labels"] == {"a": "b"}
    docker.ok("run", "--rm", "-v", "wvol:/data", "-v", "/anon", "busybox", "true")
    wait_until(lambda: docker.ok("volume", "ls", "-q") == "wvol", 10, "the anonymous volume's end")
    docker.ok("volume", "rm", "wvol")
    assert "no such volume" in docker.docker("volume", "inspect", "wvol", check=1).stderr.lower()


def test_what_the_warning_says_is_true(docker):
    """Where a volume should be the container can write, and nobody else sees it."""
    for _ in range(2):
        p = docker.docker("run", "--rm", "-v", "wvol:/data", "busybox", "sh", "-c", "ls /data; echo x >/data/x && cat /data/x", check=0)
        assert p.stdout == "x\n" and "what is written there is the container's own" in p.stderr
    docker.ok("volume", "rm", "wvol")


def test_system_prune_and_df(docker):
    docker.ok("network", "create", "pnet")
    ids = [docker.ok("create", "busybox", "true") for _ in range(2)]
    df = docker.ok("system", "df")
    assert [l.split()[0] for l in df.split("\n")] == ["TYPE", "Images", "Containers", "Local", "Build"]
    assert "Containers      2 " in df
    out = docker.ok("system", "prune", "-f")
    assert all(id in out for id in ids) and "pnet" in out and "Total reclaimed space: " in out
    assert docker.ok("ps", "-aq") == ""
    assert "busybox" in docker.ok("system", "df", "-v")


def test_tag_and_history(docker):
    docker.ok("tag", "busybox", "mine:1")
    assert docker.ok("images", "-q", "mine") == docker.ok("images", "-q", "busybox")
    assert docker.ok("history", "-q", "mine:1").split("\n")[0] == docker.ok("images", "-q", "mine")
    assert "Untagged: mine:1" in docker.ok("rmi", "mine:1")


def test_login_refused(docker):
    p = docker.docker("login", "-u", "u", "-p", "p", "127.0.0.1:1", check=1)
    assert "connection refused" in p.stderr


def test_events(docker):
    id = docker.ok("network", "create", "enet")
    docker.ok("volume", "create", "evol")
    docker.ok("network", "rm", "enet")
    docker.ok("volume", "rm", "evol")

    def seen():
        """--until is of whole seconds: what happens now comes with the next one."""
        out = docker.ok("events", "--since", "10m", "--until", "0s", "--filter", "type=network", "--filter", "type=volume",
                        "--format", "{{.Type}} {{.Action}} {{.Actor.ID}} {{.Actor.Attributes.name}}")
        return out.split("\n") if "volume destroy evol" in out else None

    lines = wait_until(seen, 10, "the last event")
    assert "network create %s enet" % id in lines and "network destroy %s enet" % id in lines
    assert "volume create evol <no value>" in lines


def test_docker_py(docker, py):
    network = py.networks.create("pynet", driver="bridge", labels={"a": "b"}, check_duplicate=True)
    volume = py.volumes.create("pyvol", labels={"a": "b"})
    container = py.containers.create("busybox", "true", network="pynet", volumes={"pyvol": {"bind": "/data", "mode": "rw"}})
    assert container.attrs["Mounts"][0]["Name"] == "pyvol"
    assert py.networks.list(filters={"label": "a=b"}) == [network]
    assert py.volumes.get("pyvol").attrs["Labels"] == {"a": "b"}
    assert py.df()["Volumes"][0]["UsageData"]["RefCount"] == 1
    network.disconnect(container)
    network.connect(container, aliases=["x"])
    container.remove(v=True)
    assert py.volumes.prune(filters={"all": True})["VolumesDeleted"] == ["pyvol"] and volume.name == "pyvol"
    assert py.networks.prune()["NetworksDeleted"] == ["pynet"]
    assert py.containers.prune()["ContainersDeleted"] is None
    assert py.images.prune()["SpaceReclaimed"] == 0
