"""Health checks: states, log, events, as docker shows them."""
import json
import time

from conftest import wait_until


def health(docker, name):
    return docker.inspect(name)["State"]["Health"]


def test_states_log_and_events(docker):
    since = str(int(time.time()))
    docker.ok("run", "-d", "--name", "checked", "--health-cmd", "echo probe; test -f /tmp/ok", "--health-interval=300ms", "--health-retries=2",
              "busybox", "sleep", "300")
    assert health(docker, "checked")["Status"] == "starting"
    wait_until(lambda: health(docker, "checked")["Status"] == "unhealthy", 20, "two failures")
    assert docker.ok("ps", "-q", "-f", "health=unhealthy", "--no-trunc") == docker.inspect("checked")["Id"]
    docker.ok("exec", "checked", "touch", "/tmp/ok")
    wait_until(lambda: health(docker, "checked")["Status"] == "healthy", 20, "success")
    assert "(healthy)" in docker.ok("ps", "--format", "{{.Status}}")
    wait_until(lambda: len(health(docker, "checked")["Log"]) == 5, 20, "a full log")
    entry = health(docker, "checked")["Log"][-1]
    assert (entry["ExitCode"], entry["Output"]) == (0, "probe\n") and entry["Start"] < entry["End"]
    docker.ok("stop", "-t", "0", "checked")
    assert health(docker, "checked")["Status"] == "unhealthy"
    out = docker.ok("events", "--since", since, "--until", str(int(time.time()) + 1), "--format", "{{json .}}", "-f", "container=checked")
    actions = [json.loads(line)["Action"] for line in out.splitlines()]
    probe = ["exec_create: /bin/sh -c echo probe; test -f /tmp/ok", "exec_start: /bin/sh -c echo probe; test -f /tmp/ok", "exec_die"]
    first = actions.index(probe[0])
    assert actions[first:first + 7] == probe + probe + ["health_status: unhealthy"]
    assert "health_status: healthy" in actions


def test_what_a_probe_can_meet(docker):
    docker.ok("run", "-d", "--name", "slow", "--health-cmd", "sleep 100", "--health-timeout=500ms", "--health-interval=200ms", "--health-retries=1",
              "busybox", "sleep", "300")
    docker.ok("run", "-d", "--name", "loud", "--health-cmd", "yes | head -c 5000", "--health-interval=200ms", "busybox", "sleep", "300")
    wait_until(lambda: health(docker, "slow")["Status"] == "unhealthy", 20, "the timeout")
    entry = health(docker, "slow")["Log"][0]
    assert (entry["ExitCode"], entry["Output"]) == (-1, "Health check exceeded timeout (500ms)")
    wait_until(lambda: health(docker, "loud")["Log"], 20, "a probe")
    assert health(docker, "loud")["Log"][0]["Output"] == "y\n" * 2048 + "..."
    docker.ok("run", "-d", "--name", "unchecked", "--no-healthcheck", "busybox", "sleep", "300")
    assert "Health" not in docker.inspect("unchecked")["State"]
    assert docker.ok("ps", "-q", "-f", "health=none", "--no-trunc") == docker.inspect("unchecked")["Id"]
