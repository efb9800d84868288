"""Clients from npm: dockerode (dockerode.js), testcontainers (testcontainers.js), gitlab-ci-local."""
import os
import pathlib
import shutil
import subprocess

import pytest

from support.registry import Registry

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


def test_dockerode_images(docker, modules):
    registry = Registry()
    try:
        node(docker, modules, modules / "dockerode.js", docker.socket, "images", REGISTRY=registry.address)
    finally:
        registry.close()


def test_testcontainers(docker, modules):
    node(docker, modules, modules / "testcontainers.js", TESTCONTAINERS_RYUK_DISABLED="true")


def test_gitlab_ci_local(docker, modules, tmp_path):
    """
    It prepares volumes by chown, which a fake root has (SOCKERLESS_ROOT=fake; here by a label, as other tests use
    this system, too). The job's files don't come with the volumes: they aren't kept yet.
    """
    (tmp_path / ".gitlab-ci.yml").write_text("""
build:
  image: busybox
  script:
    - echo "job $CI_JOB_NAME runs"
    - touch made && ls
    - echo to stderr >&2
    - sh -c 'exit 0'
""")
    git = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.com", "-C", str(tmp_path)]
    for args in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "A job"], ["remote", "add", "origin", "git@example.com:group/project.git"]):
        subprocess.run([*git, *args], check=True, timeout=60)
    shim = tmp_path / "bin" / "docker"
    shim.parent.mkdir()
    shim.write_text('#!/bin/sh\n[ "$1" = create ] && shift && set -- create --label sockerless.root=fake "$@"\nexec %s "$@"\n' % shutil.which("docker"))
    shim.chmod(0o755)
    out = node(docker, modules, modules / "node_modules/.bin/gitlab-ci-local", "build", "--helper-image", "busybox:latest",
               "--pull-policy", "if-not-present", cwd=tmp_path, HOME=str(tmp_path), PATH="%s:%s" % (shim.parent, os.environ["PATH"]))
    assert "job build runs" in out and "made" in out and "to stderr" in out and "PASS" in out


def test_testcontainers_from_a_dockerfile(docker, modules, tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM busybox\nARG WORD\nRUN echo $WORD >/word\nCOPY a ignored* /\nCMD [\"sh\", \"-c\", \"ls /ignored || echo started; sleep 60\"]\n")
    (tmp_path / ".dockerignore").write_text("ignored\n")
    (tmp_path / "a").write_text("aaa\n")
    (tmp_path / "ignored").write_text("")
    node(docker, modules, modules / "testcontainers.js", tmp_path, TESTCONTAINERS_RYUK_DISABLED="true")
    docker.ok("rmi", "testcontainers-built:1")
