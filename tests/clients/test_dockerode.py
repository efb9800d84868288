"""dockerode: its documented calls (dockerode.js)."""
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
    for name in ("package.json", "package-lock.json", "dockerode.js"):
        shutil.copy(HERE / name, place / name)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=place, check=True, timeout=300)
    return place


@pytest.mark.parametrize("step", ["run", "exec", "attachWaitLogs", "events"])
def test_step(docker, modules, step):
    env = {k: v for k, v in os.environ.items() if not k.startswith("DOCKER_")}
    p = subprocess.run(["node", str(modules / "dockerode.js"), str(docker.socket), step], cwd=modules, env=env,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=90)
    assert p.returncode == 0, p.stdout
