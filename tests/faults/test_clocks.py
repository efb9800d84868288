"""The time of day is set by an hour under gateway, workers and reconciler: nothing is given up for it, and no timer waits
for the hour to pass. tests/gateway/test_thaw.py has the agent's part."""
import os
import shutil
import signal
import socket
import struct
import subprocess
import time

import pytest

from conftest import Background, wait_until
from support.places import BUILD
from test_connections import Held
from test_table import state

PRELOADED = ["gateway", "reconciler", "api", "control"]
MINUTE, HOUR = 61, 3600


class Clocks:
    """The services' clocks, and the reconciler's, which the others' minutes don't wait for."""

    def __init__(self, docker):
        self.docker = docker
        self.real = self.reconcilers = 0
        self.write()

    def write(self):
        for name, passed in ("clock", 0), ("clock-reconciler", self.reconcilers):
            # In place: it is mapped.
            with open(self.docker.root / name, "r+b" if (self.docker.root / name).exists() else "wb") as f:
                f.write(struct.pack("=qq", self.real + passed, passed))

    def noticed(self):
        return (self.docker.state / "logs" / "reconciler" / "current").read_text().count("the clock was set by")

    def set(self, seconds):
        """A minute later, for the reconciler, so that it looks at the rows."""
        before = self.noticed()
        self.real += seconds
        self.pass_for_reconciler(MINUTE)
        wait_until(lambda: self.noticed() > before, 20, "the reconciler's next turn")

    def pass_for_reconciler(self, seconds):
        self.reconcilers += seconds
        self.write()
        self.wake()

    def wake(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(b"", str(self.docker.run / "reconciler.hint"))


def restart(docker):
    for command in "force-stop", "start":
        subprocess.run(["sv", "-w", "30", command, *(str(docker.run / "services" / name) for name in PRELOADED)], check=True, stdout=subprocess.DEVNULL)
    wait_until(docker.answers, 30, "the API")


@pytest.fixture
def clocks(docker):
    kept = {}
    shim = shutil.copy(BUILD / "tests" / "faults" / "clock_shift.so", docker.root)
    c = Clocks(docker)
    for name in PRELOADED:
        run = docker.run / "services" / name / "run"
        kept[run] = run.read_text()
        head, command = kept[run].rsplit("exec ", 1) if name in ("gateway", "reconciler") else kept[run].split("exec sh", 1)
        command = command if name in ("gateway", "reconciler") else "sh" + command
        file = docker.root / ("clock-reconciler" if name == "reconciler" else "clock")
        run.write_text("%sexec env LD_PRELOAD=%s CLOCK_SHIFT=%s ASAN_OPTIONS=\"$ASAN_OPTIONS:verify_asan_link_order=0\" %s" % (head, shim, file, command))
    restart(docker)
    try:
        yield c
    finally:
        for run, text in kept.items():
            run.write_text(text)
        restart(docker)
        # What was told an hour ahead would be news to later tests.
        subprocess.run(["sqlite3", str(docker.state / "db" / "sockerless.db"), ".timeout 5000",
                        "DELETE FROM event WHERE time > %d" % time.time_ns()], check=True)


@pytest.mark.parametrize("seconds", [HOUR, -HOUR], ids=["forward", "back"])
def test_the_clock_is_set(clocks, docker, seconds):
    docker.ok("run", "-d", "--name", "lives", "busybox", "sh", "-c", "while [ ! -e /tmp/end ]; do sleep 0.1; done; echo ended; exit 6")
    cid = docker.ok("inspect", "-f", "{{.Id}}", "lives")
    here = lambda: docker.docker("exec", "lives", "echo", "here").stdout == "here\n"
    docker.kill("gateway")
    wait_until(here, 30, "the agent's return")
    with Held(docker) as held:
        held.patterns = [b"^POST .*/functions .*HELD"]
        making = Background(docker.docker, "create", "--name", "made", "-e", "HELD=1", "busybox", "true")
        wait_until(lambda: held.waiting, 20, "the creation")
        # The agent is away meanwhile.
        docker.agents_way.stall()
        docker.agents_way.cut()
        clocks.set(seconds)
        see_it_live(docker, cid)
        docker.agents_way.resume()
    making.join(30)
    assert making.result.returncode == 0, making.result.stderr
    wait_until(here, 30, "the agent's return")
    assert state(docker, cid) == "running"
    # Nor is it lost with the next gateway; and AWS, whose clock is right, is still spoken to.
    docker.kill("gateway")
    wait_until(here, 30, "the agent's return")
    assert docker.docker("run", "--rm", "busybox", "echo", "works").stdout == "works\n"
    docker.ok("exec", "lives", "touch", "/tmp/end")
    wait_until(lambda: state(docker, cid) == "exited", 20, "the end")
    assert docker.inspect("lives")["State"]["ExitCode"] == 6 and docker.ok("logs", "lives") == "ended"
    check_undone(clocks, docker)
    docker.check_invariants()


def see_it_live(docker, cid):
    """Longer than a lost run whose time is over would be kept: its first look is after two seconds."""
    seen = []
    wait_until(lambda: seen.append(state(docker, cid)) or len(seen) > 60, 30)
    assert set(seen) == {"running"}


def check_undone(clocks, docker):
    """A creation that a crash left is undone when its time is over, whatever the clock said when it began."""
    with Held(docker) as held:
        held.patterns = [b"^POST .*/functions .*HELD"]
        making = Background(docker.docker, "create", "--name", "never", "-e", "HELD=1", "busybox", "true")
        wait_until(lambda: held.waiting, 20, "the creation")
        for pid in docker.workers("control"):
            os.kill(pid, signal.SIGKILL)
        making.join(30)
    clocks.set(-HOUR)
    row = lambda: docker.sql("SELECT count(*) FROM container WHERE state = 'creating'")
    assert row() == "1"
    clocks.pass_for_reconciler(2 * MINUTE)
    wait_until(lambda: row() == "0", 20, "the undoing")
    docker.ok("rm", "made")
