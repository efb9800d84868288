"""docker-compose 1.29 with a project of two services that don't need each other's network."""
import json
import os
import subprocess

import pytest

from conftest import wait_until

PROJECT = """
version: "3.8"
services:
  web:
    image: busybox
    command: ["sh", "-c", "echo web is up; trap 'exit 0' TERM; while :; do sleep 0.1; done"]
    environment: {COLOR: green}
    labels: {tier: front}
    volumes: ["data:/data"]
    networks: [default, back]
  job:
    image: busybox
    command: ["sh", "-c", "echo job is up; trap 'exit 3' TERM; while :; do sleep 0.1; done"]
    depends_on: [web]
networks:
  back:
    ipam: {config: [{subnet: 10.77.0.0/24}]}
volumes:
  data:
    labels: {keep: "no"}
"""


@pytest.fixture
def compose(docker, tmp_path):
    (tmp_path / "docker-compose.yml").write_text(PROJECT)

    def run(*args, check=0, timeout=120):
        p = subprocess.run(["docker-compose", "-p", "shop", *args], cwd=tmp_path, env=dict(docker.docker_env, COMPOSE_HTTP_TIMEOUT="100"),
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout)
        assert p.returncode == check, "%s: %s\n%s\n%s" % (args, p.returncode, p.stdout, p.stderr)
        return p.stdout

    run.docker = docker
    yield run
    subprocess.run(["docker-compose", "-p", "shop", "down", "-v", "-t", "1"], cwd=tmp_path, env=docker.docker_env,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)


def labels(docker, kind):
    return docker.ok(kind, "ls", "-q", "--filter", "label=com.docker.compose.project=shop").split()


def test_up_ps_logs_exec_down(compose):
    docker = compose.docker
    compose("up", "-d")
    assert "Up" in compose("ps", "web") and "Up" in compose("ps", "job")
    ids = compose("ps", "-q").split()
    assert len(ids) == 2 and sorted(ids) == sorted(docker.ok("ps", "-q", "--no-trunc").split())
    wait_until(lambda: "web is up" in compose("logs", "--no-color"), 20, "the output of web")
    logs = compose("logs", "--no-color")
    assert "web_1" in logs and "job is up" in logs
    assert compose("exec", "-T", "web", "sh", "-c", "echo $COLOR") == "green\n"
    web = docker.inspect(docker.ok("ps", "-q", "--filter", "label=com.docker.compose.service=web"))
    assert sorted(web["NetworkSettings"]["Networks"]) == ["shop_back", "shop_default"]
    assert "web" in web["NetworkSettings"]["Networks"]["shop_back"]["Aliases"]
    assert [(m["Name"], m["Destination"]) for m in web["Mounts"]] == [("shop_data", "/data")]
    network = json.loads(docker.ok("network", "inspect", "shop_default"))[0]
    assert sorted(network["Containers"]) == sorted(ids)
    assert len(labels(docker, "network")) == 2 and labels(docker, "volume") == ["shop_data"]


def test_up_again_changes_nothing_and_stop_start_work(compose):
    compose("up", "-d")
    ids = compose("ps", "-q").split()
    compose("up", "-d")
    assert compose("ps", "-q").split() == ids
    compose("stop", "-t", "5")
    assert "Exit 0" in compose("ps", "web") and "Exit 3" in compose("ps", "job")
    compose("start")
    assert "Up" in compose("ps", "web")


def test_down_takes_everything_away(compose):
    docker = compose.docker
    compose("up", "-d")
    compose("down", "-t", "5")
    assert docker.ok("ps", "-aq") == "" and labels(docker, "network") == []
    assert labels(docker, "volume") == ["shop_data"]
    compose("down", "-v")
    assert labels(docker, "volume") == []
