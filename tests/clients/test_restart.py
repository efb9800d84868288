"""Restart policies, and what ends them."""
import os
import signal

from conftest import wait_until


def state(docker, name):
    return docker.inspect(name)["State"]


def gateway_again(docker):
    before = docker.service_pid("gateway")
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: docker.service_pid("gateway") not in (None, before), 20, "the gateway")


def test_on_failure_counts(docker):
    docker.ok("run", "-d", "--name", "failing", "--restart=on-failure:2", "busybox", "sh", "-c", "echo run; exit 3")
    wait_until(lambda: state(docker, "failing")["Status"] == "exited", 20, "the last end")
    about = docker.inspect("failing")
    assert (about["RestartCount"], about["State"]["ExitCode"]) == (2, 3)
    assert docker.ok("logs", "failing").split() == ["run"] * 3
    docker.ok("run", "-d", "--name", "fine", "--restart=on-failure", "busybox", "true")
    assert docker.ok("wait", "fine") == "0"
    assert (state(docker, "fine")["Status"], docker.inspect("fine")["RestartCount"]) == ("exited", 0)


def test_restarting_is_shown_and_ended(docker):
    docker.ok("run", "-d", "--name", "again", "--restart=always", "busybox", "sh", "-c", "exit 3")
    # From the sixth pause on (3.2 s) there is time to look.
    wait_until(lambda: docker.inspect("again")["RestartCount"] >= 5 and state(docker, "again")["Status"] == "restarting", 30, "a longer pause")
    s = state(docker, "again")
    assert (s["Running"], s["Restarting"], s["Pid"], s["ExitCode"]) == (True, True, 0, 3)
    assert docker.ok("ps", "--format", "{{.Status}}", "-f", "status=restarting").startswith("Restarting (3) ")
    for args, text in ((("exec", "again", "true"), "is restarting, wait until the container is running"),
                       (("pause", "again"), "is restarting, wait until the container is running"),
                       (("attach", "again"), "You cannot attach to a restarting container"),
                       (("rm", "again"), "You cannot remove a restarting container")):
        p = docker.docker(*args)
        assert p.returncode and text in p.stderr, (args, p.stderr)
    docker.ok("stop", "again")
    assert state(docker, "again")["Status"] == "exited"
    docker.ok("start", "again")
    assert docker.inspect("again")["RestartCount"] < 5
    docker.ok("rm", "-f", "again")


def test_always_and_unless_stopped_with_everything(docker):
    for policy in ("always", "unless-stopped"):
        docker.ok("run", "-d", "--name", policy, "--restart", policy, "busybox", "sh", "-c", "trap 'exit 0' TERM; echo up; while :; do sleep 0.1; done")
        wait_until(lambda: docker.ok("logs", policy) == "up", 20, "its start")
        docker.ok("stop", policy)
    docker.ok("run", "-d", "--name", "crashing", "--restart=unless-stopped", "busybox", "false")
    wait_until(lambda: docker.inspect("crashing")["RestartCount"] >= 3, 20, "some restarts")
    gateway_again(docker)
    wait_until(lambda: state(docker, "always")["Status"] == "running", 30, "the start of what was stopped by hand")
    count = docker.inspect("crashing")["RestartCount"]
    assert count >= 3
    wait_until(lambda: docker.inspect("crashing")["RestartCount"] > count, 30, "the next restart")
    assert state(docker, "unless-stopped")["Status"] == "exited"


def test_kill_ends_the_policy_and_restart_does_not(docker):
    docker.ok("run", "-d", "--name", "killed", "--restart=always", "busybox", "sleep", "100")
    docker.ok("restart", "-t", "0", "killed")
    assert (state(docker, "killed")["Status"], docker.inspect("killed")["RestartCount"]) == ("running", 0)
    docker.ok("kill", "killed")
    assert state(docker, "killed")["Status"] == "exited"


def test_update(docker):
    docker.ok("create", "--name", "updated", "busybox", "sleep", "100")
    p = docker.docker("update", "-m", "2g", "updated")
    assert p.returncode and "update the memoryswap at the same time" in p.stderr
    docker.ok("update", "-m", "2g", "--memory-swap", "4g", "updated")
    assert docker.inspect("updated")["HostConfig"]["Memory"] == 2 << 30
    docker.ok("start", "updated")
    assert docker.memory_sizes() == [2048]
    p = docker.docker("update", "--cpus", "2", "updated")
    assert p.returncode and "not supported" in p.stderr
    p = docker.docker("update", "--restart", "on-failure:3", "--cpu-shares", "5", "updated")
    assert p.returncode == 0 and "CpuShares have no effect" in p.stdout + p.stderr
    host = docker.inspect("updated")["HostConfig"]
    assert (host["RestartPolicy"], host["CpuShares"], host["Memory"]) == ({"Name": "on-failure", "MaximumRetryCount": 3}, 5, 2 << 30)
    docker.ok("stop", "-t", "0", "updated")
    docker.ok("update", "--cpus", "2", "updated")
    assert docker.memory_sizes() == [3538]
    assert "Minimum memory limit allowed is 6MB" in docker.docker("update", "-m", "1", "updated").stderr
    assert "No such container: nosuch" in docker.docker("update", "-m", "64m", "nosuch").stderr
    docker.ok("run", "-d", "--rm", "--name", "going", "busybox", "sleep", "100")
    p = docker.docker("update", "--restart=always", "going")
    assert p.returncode and "AutoRemove is enabled" in p.stderr
