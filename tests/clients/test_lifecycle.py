"""stop, kill, wait, rm, names: texts and statuses as a user of Docker knows them."""
import time

from conftest import wait_until


def test_stop_runs_the_trap(docker):
    docker.ok("run", "-d", "--name", "trap", "busybox", "sh", "-c", "trap 'echo trapped; exit 3' TERM; echo ready; while :; do sleep 0.1; done")
    wait_until(lambda: docker.ok("logs", "trap") == "ready", 20, "the trap")
    docker.ok("stop", "trap")
    assert docker.inspect("trap")["State"]["ExitCode"] == 3
    assert docker.ok("logs", "trap") == "ready\ntrapped"


def test_stop_kills_after_the_grace(docker):
    docker.ok("run", "-d", "--name", "deaf", "busybox", "sleep", "100")
    begun = time.monotonic()
    docker.ok("stop", "-t", "1", "deaf")
    assert 0.9 < time.monotonic() - begun < 8
    assert docker.inspect("deaf")["State"]["ExitCode"] == 137


def test_kill_delivers_the_signal(docker):
    docker.ok("run", "-d", "--name", "usr", "busybox", "sh", "-c", "trap 'echo got USR1; exit 0' USR1; echo ready; while :; do sleep 0.1; done")
    wait_until(lambda: docker.ok("logs", "usr") == "ready", 20, "the trap")
    docker.ok("kill", "-s", "USR1", "usr")
    assert docker.ok("wait", "usr") == "0"
    assert docker.ok("logs", "usr") == "ready\ngot USR1"


def test_kill(docker):
    docker.ok("run", "-d", "--name", "victim", "busybox", "sleep", "100")
    docker.ok("kill", "victim")
    state = docker.inspect("victim")["State"]
    assert (state["Status"], state["ExitCode"]) == ("exited", 137)
    p = docker.docker("kill", "victim")
    assert p.returncode == 1 and "is not running" in p.stderr


def test_wait_and_rm(docker):
    docker.ok("run", "-d", "--name", "waited", "busybox", "sh", "-c", "sleep 1; exit 5")
    p = docker.docker("rm", "waited")
    assert p.returncode == 1 and "You cannot remove a running container" in p.stderr
    assert docker.ok("wait", "waited") == "5"
    docker.ok("rm", "waited")
    p = docker.docker("rm", "waited")
    assert p.returncode == 1 and "No such container: waited" in p.stderr


def test_rm_force(docker):
    docker.ok("run", "-d", "--name", "forced", "busybox", "sleep", "100")
    docker.ok("rm", "-f", "forced")
    assert "No such object: forced" in docker.docker("inspect", "forced").stderr


def test_names_and_prefixes(docker):
    container = docker.ok("create", "--name", "named", "busybox", "true")
    for key in ("named", container, container[:12], container[:5]):
        assert docker.inspect(key)["Id"] == container
    p = docker.docker("create", "--name", "named", "busybox", "true")
    assert p.returncode == 1
    assert 'Conflict. The container name "/named" is already in use by container "%s"' % container in p.stderr
    docker.ok("rename", "named", "other")
    assert docker.inspect("other")["Name"] == "/other"
    generated = docker.ok("create", "busybox", "true")
    assert "_" in docker.inspect(generated)["Name"]


def test_refused_options(docker):
    for option in (["-v", "/etc:/etc"], ["--privileged"], ["--device", "/dev/null"], ["--pid", "host"], ["--network", "host"]):
        p = docker.docker("create", *option, "busybox", "true")
        assert p.returncode == 1 and "not supported" in p.stderr, option


def test_published_port_warns(docker):
    p = docker.docker("run", "-d", "--name", "port", "-p", "8080:80", "busybox", "sleep", "100", check=0)
    assert "8080" in p.stderr or "port" in p.stderr.lower()
    assert docker.ok("port", "port") == ""
    assert docker.inspect("port")["HostConfig"]["PortBindings"] == {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}
