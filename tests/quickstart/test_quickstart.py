"""deploy/quickstart itself: from the source tree, twice, and down without a trace."""
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "clients"))
from conftest import System  # noqa: E402


def test_up_twice_status_shell_down():
    s = System()
    os.environ.pop("BUILD_DIR", None)
    try:
        up = s.quickstart("up", "--no-cli")
        assert up.returncode == 0, up.stdout
        assert "hello from lambda" in up.stdout
        pids = {name: s.service_pid(name) for name in ("nginx", "gateway", "lambda", "registry", "api")}
        images = s.ok("images", "--no-trunc", "-q")

        again = s.quickstart("up")
        assert again.returncode == 0, again.stdout
        assert {name: s.service_pid(name) for name in pids} == pids
        assert s.ok("images", "--no-trunc", "-q") == images

        assert s.quickstart("status").returncode == 0
        assert "sockerless" in s.quickstart("logs").stdout
        shell = s.quickstart("shell").stdout
        out = subprocess.run(["bash", "-c", shell + "\ndocker version --format '{{json .}}'"], env=dict(s.docker_env, DOCKER_HOST=""),
                             stdout=subprocess.PIPE, text=True, check=True).stdout
        assert json.loads(out)["Server"]["ApiVersion"] == "1.47"

        # What dies comes back.
        os.kill(pids["gateway"], 9)
        assert s.ok("run", "--rm", "busybox", "echo", "again") == "again"
    finally:
        down = s.quickstart("down")
    assert down.returncode == 0, down.stdout
    assert s.remnants() == []
    assert s.quickstart("status").returncode == 3
    subprocess.run(["rm", "-rf", str(s.root)], check=True)
