"""Clients from npm: dockerode (dockerode.js), testcontainers (testcontainers.js), gitlab-ci-local."""
import os
import pathlib
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent


@pytest.fixture(scope="module")
def modules(system):
    """The packages of package-lock.json, installed outside of the source tree."""
    place = system.root / "node"
    place.mkdir()
    for source in (*HERE.glob("*.json"), *HERE.glob("*.js")):
        shutil.copy(source, place)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=place, check=True, timeout=300)
    return place


def node(docker, modules, *args, cwd=None, **env):
    p = subprocess.run(["node", *map(str, args)], cwd=cwd or modules, env=dict(docker.docker_env, **env),
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    assert p.returncode == 0, p.stdout
    return p.stdout


@pytest.mark.parametrize("step", ["run", "exec", "attachWaitLogs", "events", "build"])
def test_dockerode(docker, modules, step):
    node(docker, modules, modules / "dockerode.js", docker.socket, step)


def test_testcontainers(docker, modules):
    node(docker, modules, modules / "testcontainers.js", TESTCONTAINERS_RYUK_DISABLED="true")


def test_testcontainers_from_a_dockerfile(docker, modules, tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM busybox\nARG WORD\nRUN echo $WORD >/word\nCOPY a ignored* /\nCMD [\"sh\", \"-c\", \"ls /ignored || echo started; sleep 60\"]\n")
    (tmp_path / ".dockerignore").write_text("ignored\n")
    (tmp_path / "a").write_text("aaa\n")
    (tmp_path / "ignored").write_text("")
    node(docker, modules, modules / "testcontainers.js", tmp_path, TESTCONTAINERS_RYUK_DISABLED="true")
    docker.ok("rmi", "testcontainers-built:1")
