"""Step x process: each process is killed in the midst of each step, and nothing
is lost by it that can be kept: exit code, output, function.

              worker  gateway  reconciler  nginx  agent  process  Lambda
    create      x        x         x         x      -       -       x
    start       x        x         x         x      x       x       x
    output      x        x         x         x      x       x       x
    stdin       x        x         x         x      x       x       x
    exec        x        x         x         x      x       x       x
    stop        x        x         x         x      x       x       x
    exit        x        x         x         x      x       -       x
    rm          x        x         x         x      -       -       x

worker: those of both pools; nginx: its master and its workers. -: there is none at that step. Connections
between them that are cut or stall: test_connections.py.
"""
import os
import signal
import subprocess

import pytest

from conftest import Background, wait_until

# The Lambda stands last: its runs are given up late.
SERVICES = ["api", "control", "gateway", "reconciler", "nginx-master", "nginx-worker", "lambda"]
INSIDE = ["agent", "process"]
# The clients' connections pass through these.
CARRIERS = ("gateway", "nginx-master", "nginx-worker")
LOST = ("agent", "lambda")
LINES = 400
PRINTER = ("marker() { :; }; i=0; while [ $i -lt %d ]; do i=$((i+1)); echo line $i; "
           "[ $((i %% 40)) = 0 ] && sleep 0.1; done; exit 6" % LINES)


class Paused:
    """SIGSTOP of a service's process, so that what asks it waits."""
    def __init__(self, system, name):
        self.pid = system.service_pid(name)

    def __enter__(self):
        os.kill(self.pid, signal.SIGSTOP)
        return self

    def __exit__(self, *_):
        try:
            os.kill(self.pid, signal.SIGCONT)
        except ProcessLookupError:
            pass


def kill(system, victim, marker=None):
    if victim == "agent":
        os.kill(wait_until(system.agent, 10, "the agent"), signal.SIGKILL)
    elif victim == "process":
        os.kill(wait_until(lambda: system.process(marker), 10, "the container's process"), signal.SIGKILL)
    else:
        system.kill(victim)


def state(system, cid):
    return system.sql("SELECT state FROM container WHERE id = '%s'" % cid)


def make(system, victim, *args):
    """A container that isn't started. Its marker stands among the arguments of its process."""
    cid = system.ok("create", *args)
    if victim == "lambda":
        # With the Lambda all runs are lost, which is told at the function's timeout.
        subprocess.run(["sqlite3", str(system.state / "db" / "sockerless.db"), ".timeout 5000",
                        "UPDATE container SET timeout = 4 WHERE id = '%s'" % cid], check=True)
    return cid


def check_lost(system, victim, cid):
    """What ended without its own word is exited, and says why."""
    wait_until(lambda: state(system, cid) in ("exited", "created"), 40, "the end of the run")
    s = system.inspect(cid)["State"]
    assert not s["Running"]
    if victim == "process":
        assert s["ExitCode"] == 137
    else:
        assert s["ExitCode"] in (137, 128) and s["Error"]


def check_again(system, cid):
    """It can be started again; nothing of the former run is in the way."""
    assert system.docker("start", cid, timeout=60).returncode == 0
    assert system.docker("exec", cid, "echo", "here", timeout=60).stdout == "here\n"


@pytest.mark.parametrize("victim", SERVICES)
def test_create(docker, victim):
    with Paused(docker, "lambda"):
        client = Background(docker.docker, "create", "--name", "one", "busybox", "true")
        wait_until(lambda: docker.sql("SELECT state FROM container") == "creating", 20, "the row")
        kill(docker, victim)
    client.join(60)
    if victim in ("control", "lambda"):
        assert client.result.returncode != 0
    if victim == "control":
        # Whoever made it is gone: the row goes when its time is over.
        docker.reconcile()
    docker.check_invariants()
    if docker.sql("SELECT count(*) FROM container WHERE name = 'one'") == "1":
        assert docker.docker("start", "-a", "one").returncode == 0
    else:
        assert docker.docker("run", "--name", "one", "busybox", "true").returncode == 0
    docker.check_invariants()


@pytest.mark.parametrize("victim", SERVICES + INSIDE)
def test_start(docker, victim):
    marker = "start-" + victim
    cid = make(docker, victim, "--name", "one", "busybox", "sh", "-c", "echo begun; sleep 1000 & wait", marker)
    client = Background(docker.docker, "start", cid)
    wait_until(lambda: docker.agent(), 20, "the agent")
    kill(docker, victim, marker)
    client.join(60)
    if victim in LOST + ("process",):
        check_lost(docker, victim, cid)
    else:
        wait_until(lambda: state(docker, cid) == "running", 40, "the start")
        assert victim in CARRIERS or client.result.returncode == 0
        wait_until(lambda: docker.ok("logs", cid) == "begun", 20, "its output")
        # Its connection may have been cut, too; until it has dialled again, exec is answered with 503.
        wait_until(lambda: docker.docker("exec", cid, "echo", "here").stdout == "here\n", 30, "exec")
    assert docker.sql("SELECT count(*) FROM run") == "1"
    docker.check_invariants()
    if victim in LOST + ("process",):
        check_again(docker, cid)


@pytest.mark.parametrize("victim", SERVICES + INSIDE)
def test_running_with_output(docker, victim):
    marker = "output-" + victim
    cid = make(docker, victim, "--name", "one", "busybox", "sh", "-c", PRINTER, marker)
    reader = Background(docker.docker, "start", "-a", cid)
    wait_until(lambda: "line 60\n" in docker.docker("logs", cid).stdout, 30, "some output")
    kill(docker, victim, marker)
    wait_until(lambda: state(docker, cid) == "exited", 60, "the end")
    lines = docker.ok("logs", cid).split("\n")
    assert lines == ["line %d" % n for n in range(1, len(lines) + 1)]
    reader.join(30)
    if victim in LOST + ("process",):
        check_lost(docker, victim, cid)
        assert 60 <= len(lines) < LINES
    else:
        assert docker.inspect(cid)["State"]["ExitCode"] == 6 and docker.inspect(cid)["State"]["Error"] == ""
        assert len(lines) == LINES
    if victim in ("api", "control", "reconciler"):
        assert reader.result.returncode == 6 and reader.result.stdout.strip().split("\n") == lines
    docker.check_invariants()


@pytest.mark.parametrize("victim", SERVICES + INSIDE)
def test_running_with_stdin(docker, victim):
    marker = "stdin-" + victim
    cid = make(docker, victim, "-i", "--name", "one", "busybox", "sh", "-c", "cat; exit 4", marker)
    client = docker.popen("start", "-ai", cid, stdin=subprocess.PIPE)
    client.stdin.write(b"one\n")
    client.stdin.flush()
    wait_until(lambda: docker.docker("logs", cid).stdout == "one\n", 30, "the echo")
    kill(docker, victim, marker)
    if victim in LOST + ("process",):
        check_lost(docker, victim, cid)
    elif victim not in CARRIERS:
        client.stdin.write(b"two\n")
        client.stdin.close()
        assert client.wait(30) == 4 and client.stdout.read() == b"one\ntwo\n"
    # The client that was cut is the end of stdin; so the process ends by itself.
    wait_until(lambda: state(docker, cid) == "exited", 40, "the end")
    if victim in CARRIERS:
        assert docker.inspect(cid)["State"]["ExitCode"] == 4
    assert docker.ok("logs", cid).startswith("one")
    client.stdin.close()
    client.wait(30)
    client.stdout.close(), client.stderr.close()
    docker.check_invariants()


@pytest.mark.parametrize("victim", SERVICES + INSIDE)
def test_exec(docker, victim):
    marker = "exec-" + victim
    cid = make(docker, victim, "--name", "one", "busybox", "sh", "-c", "sleep 1000 & wait", marker)
    docker.ok("start", cid)
    client = docker.popen("exec", cid, "sh", "-c", "echo begun; sleep 1; exit 3")
    assert client.stdout.readline() == b"begun\n"
    kill(docker, victim, marker)
    status = client.wait(40)
    client.stdout.close(), client.stderr.close()
    ended = lambda: docker.sql("SELECT exit_code FROM exec WHERE state = 'exited'")
    if victim in LOST + ("process",):
        check_lost(docker, victim, cid)
        assert ended() == "137"
        check_again(docker, cid)
    else:
        assert wait_until(ended, 40, "the exec's end") == "3"
        assert victim in CARRIERS or status == 3
        assert docker.docker("exec", cid, "sh", "-c", "echo again; exit 2", timeout=60).returncode == 2
    docker.check_invariants()


@pytest.mark.parametrize("victim", SERVICES + INSIDE)
def test_stop(docker, victim):
    marker = "stop-" + victim
    script = "trap 'echo got; sleep 1; echo bye; exit 7' TERM; echo begun; while :; do sleep 0.1; done"
    cid = make(docker, victim, "--name", "one", "busybox", "sh", "-c", script, marker)
    docker.ok("start", cid)
    wait_until(lambda: docker.docker("logs", cid).stdout == "begun\n", 30, "the trap")
    client = Background(docker.docker, "stop", cid)
    wait_until(lambda: "got" in docker.docker("logs", cid).stdout, 30, "the signal")
    kill(docker, victim, marker)
    client.join(60)
    if victim in LOST + ("process",):
        check_lost(docker, victim, cid)
    else:
        wait_until(lambda: state(docker, cid) == "exited", 40, "the stop")
        assert docker.inspect(cid)["State"]["ExitCode"] == 7
        # A gateway that dies before it has answered leaves the signal to its successor, too.
        lines = docker.ok("logs", cid).split()
        assert lines == ["begun", "got", "bye"] or (victim == "gateway" and lines == ["begun", "got", "got", "bye"])
        assert victim in CARRIERS or client.result.returncode == 0
    docker.check_invariants()


@pytest.mark.parametrize("victim", SERVICES + ["agent"])
def test_exit(docker, victim):
    marker = "exit-" + victim
    cid = make(docker, victim, "--name", "one", "busybox", "sh", "-c", "sleep 1; seq 1 300; exit 5", marker)
    docker.ok("start", cid)
    assert wait_until(lambda: docker.process(marker), 10, "the process")
    with Paused(docker, "gateway"):
        wait_until(lambda: not docker.process(marker), 20, "the end of the process")
        kill(docker, victim, marker)
    wait_until(lambda: state(docker, cid) == "exited", 40, "the end")
    if victim in LOST:
        # The report was on its way: it counts if it came.
        s = docker.inspect(cid)["State"]
        assert s["ExitCode"] == 5 or s["Error"]
    else:
        assert docker.inspect(cid)["State"]["ExitCode"] == 5
        assert docker.ok("logs", cid).split() == [str(n) for n in range(1, 301)]
    docker.check_invariants()


@pytest.mark.parametrize("victim", SERVICES)
def test_rm(docker, victim):
    docker.ok("create", "--name", "one", "busybox", "true")
    with Paused(docker, "lambda"):
        client = Background(docker.docker, "rm", "one")
        wait_until(lambda: docker.sql("SELECT state FROM container") == "removing", 20, "the row")
        kill(docker, victim)
    client.join(60)
    wait_until(lambda: docker.sql("SELECT count(*) FROM container") == "0", 40, "the row's end")
    assert not docker.leftovers()
    docker.check_invariants()
