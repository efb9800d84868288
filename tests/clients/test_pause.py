"""pause and unpause: texts and statuses as a user of Docker knows them."""
import re

from conftest import wait_until


def lines(docker, name):
    return len(docker.ok("logs", name).split("\n"))


def test_pause_holds_every_process(docker):
    docker.ok("run", "-d", "--name", "box", "busybox", "sh", "-c", "while :; do echo tick; sleep 0.1; done")
    wait_until(lambda: lines(docker, "box") > 2, 20, "output")
    assert docker.ok("pause", "box") == "box"
    state = docker.inspect("box")["State"]
    assert (state["Status"], state["Running"], state["Paused"]) == ("paused", True, True)
    assert re.match(r"Up .* \(Paused\)$", docker.ok("ps", "--format", "{{.Status}}"))
    assert docker.ok("ps", "-q", "--filter", "status=paused")
    assert docker.ok("info", "--format", "{{.ContainersPaused}} {{.ContainersRunning}}") == "1 0"
    before = lines(docker, "box")
    # Its own clock: several ticks would have come while these run.
    for _ in range(5):
        docker.docker("version")
    assert lines(docker, "box") == before
    p = docker.docker("exec", "box", "true")
    assert (p.returncode, p.stderr.strip()) == (1, "Error response from daemon: Container box is paused, unpause the container before exec")
    p = docker.docker("pause", "box")
    assert p.returncode == 1 and p.stderr.strip().endswith("is already paused")
    p = docker.docker("rm", "box")
    assert "You cannot remove a paused container" in p.stderr
    p = docker.docker("attach", "box")
    assert p.returncode == 1 and "paused" in p.stderr
    assert docker.ok("unpause", "box") == "box"
    wait_until(lambda: lines(docker, "box") > before, 20, "output after the pause")
    p = docker.docker("unpause", "box")
    assert p.returncode == 1 and p.stderr.strip().endswith("is not paused")


def test_stop_of_a_paused_container(docker):
    docker.ok("run", "-d", "--name", "box", "busybox", "sh", "-c", "trap 'exit 4' TERM; echo ready; while :; do sleep 0.1; done")
    wait_until(lambda: docker.ok("logs", "box") == "ready", 20, "the trap")
    docker.ok("pause", "box")
    docker.ok("stop", "box")
    assert docker.inspect("box")["State"]["ExitCode"] == 4
    p = docker.docker("pause", "box")
    assert p.returncode == 1 and "is not running" in p.stderr


def test_kill_of_a_paused_container(docker):
    docker.ok("run", "-d", "--name", "box", "busybox", "sleep", "100")
    docker.ok("pause", "box")
    docker.ok("kill", "box")
    assert docker.inspect("box")["State"]["ExitCode"] == 137
