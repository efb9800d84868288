"""What fails around the processes: nginx reloaded, peers that stall, a locked database, a full disk."""
import contextlib
import os
import signal
import sqlite3
import subprocess
import time

import pytest

from conftest import Background, wait_until

CHATTER = "i=0; while [ $i -lt %d ]; do i=$((i+1)); echo line $i; [ $((i %% 40)) = 0 ] && sleep 0.1; done; exit 6"


def lines_of(docker, name):
    return docker.docker("logs", name, timeout=60).stdout.split("\n")[:-1]


def test_nginx_reload_with_a_live_exec(docker):
    docker.ok("run", "-d", "--name", "one", "busybox", "sh", "-c", "sleep 1000 & wait")
    client = docker.popen("exec", "-i", "one", "cat", stdin=subprocess.PIPE)

    def echo(text):
        client.stdin.write(text)
        client.stdin.flush()
        return client.stdout.read(len(text))
    assert echo(b"before\n") == b"before\n"
    master = docker.service_pid("nginx")
    old = docker.children(master)
    os.kill(master, signal.SIGHUP)
    wait_until(lambda: set(docker.children(master)) - set(old), 20, "new workers")
    wait_until(docker.answers, 20, "the API")
    assert echo(b"after\n" * 1000) == b"after\n" * 1000
    # Another one comes through the new workers.
    assert docker.ok("exec", "one", "echo", "new") == "new"
    client.stdin.close()
    assert client.stdout.read() == b"" and client.wait(20) == 0
    client.stdout.close(), client.stderr.close()
    docker.docker("rm", "-f", "one")
    wait_until(lambda: not set(docker.children(master)) & set(old), 60, "the end of the old workers")


@pytest.mark.parametrize("who", ["gateway", "nginx", "agent"])
def test_a_process_that_stalls(docker, who):
    """Three seconds in which it does nothing: all is late, nothing is lost."""
    client = docker.popen("run", "--name", "one", "busybox", "sh", "-c", CHATTER % 400)
    for _ in range(60):
        client.stdout.readline()
    pids = {"gateway": lambda: [docker.service_pid("gateway")], "nginx": lambda: docker.children(docker.service_pid("nginx")),
            "agent": lambda: [docker.agent()]}[who]()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    stopped = time.monotonic()
    wait_until(lambda: time.monotonic() - stopped > 3, 5)
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    rest = client.stdout.read().decode().split("\n")[:-1]
    assert rest == ["line %d" % n for n in range(61, 401)] and client.wait(20) == 6
    client.stdout.close(), client.stderr.close()
    docker.check_invariants()


@contextlib.contextmanager
def locked(docker):
    db = sqlite3.connect(docker.state / "db" / "sockerless.db", isolation_level=None, timeout=20)
    db.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        db.execute("ROLLBACK")
        db.close()


def test_the_database_is_locked(docker):
    docker.ok("run", "-d", "--name", "exits", "busybox", "sh", "-c", "sleep 2; echo said; exit 9")
    docker.ok("run", "-d", "--name", "stays", "busybox", "sleep", "1000")
    with locked(docker):
        begun = time.monotonic()
        # Reading goes on; what writes waits, or is answered with 503.
        assert docker.ok("ps", "-q").count("\n") == 1
        calls = [Background(docker.docker, *args) for args in (("create", "--name", "new", "busybox", "true"), ("stop", "-t", "1", "stays"),
                                                              ("exec", "stays", "true"), ("rename", "exits", "exited"))]
        wait_until(lambda: time.monotonic() - begun > 10, 15)
    for call in calls:
        call.join(60)
        assert call.result.returncode == 0 or "busy" in call.result.stderr, call.result.stderr
    wait_until(lambda: docker.sql("SELECT exit_code FROM container WHERE name LIKE 'exit%' AND state = 'exited'") == "9", 30, "the end")
    assert docker.docker("stop", "-t", "1", "stays").returncode == 0
    assert docker.docker("run", "--rm", "busybox", "echo", "works").stdout == "works\n"
    docker.check_invariants()


class SmallDisk:
    """A tmpfs in place of a directory of the state, while the service that uses it is stopped."""
    def __init__(self, docker, path, size, services):
        self.docker, self.path, self.size, self.services = docker, path, size, services

    def sv(self, *args):
        for name in self.services:
            subprocess.run(["sv", "-w", "30", args[0], str(self.docker.run / "services" / name)], check=True, stdout=subprocess.DEVNULL)

    def __enter__(self):
        self.sv("force-stop")
        owner = self.path.stat()
        keep = str(self.path) + ".keep"
        subprocess.run(["cp", "-a", str(self.path), keep], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%s,mode=750,uid=%d,gid=%d" % (self.size, owner.st_uid, owner.st_gid),
                        "tmpfs", str(self.path)], check=True)
        subprocess.run(["cp", "-a", keep + "/.", str(self.path)], check=True)
        self.sv("start")
        wait_until(self.docker.answers, 30, "the API")
        return self

    def fill(self):
        """Takes all room; returns what gives it back."""
        ballast = self.path / "ballast"
        fd = os.open(ballast, os.O_WRONLY | os.O_CREAT)
        with contextlib.suppress(OSError):
            while True:
                os.write(fd, bytes(4096))
        os.close(fd)
        return ballast.unlink

    def __exit__(self, *_):
        self.sv("force-stop")
        keep = str(self.path) + ".keep"
        subprocess.run(["cp", "-a", str(self.path) + "/.", keep], check=True)
        subprocess.run(["umount", str(self.path)], check=True)
        subprocess.run(["rm", "-rf", keep + "/ballast"], check=True)
        subprocess.run(["cp", "-a", keep + "/.", str(self.path)], check=True)
        subprocess.run(["rm", "-rf", keep], check=True)
        self.sv("start")
        wait_until(self.docker.answers, 30, "the API")


def test_the_disk_is_full_of_output(docker):
    with SmallDisk(docker, docker.state / "db" / "spool", "8m", ["gateway"]) as disk:
        docker.ok("run", "-d", "--name", "one", "busybox", "sh", "-c", "yes 0123456789abcde | head -c %d; exit 3" % (6 << 20))
        give_back = disk.fill()
        docker.ok("run", "-d", "--name", "two", "busybox", "sh", "-c", "yes 0123456789abcde | head -c %d; exit 4" % (2 << 20))
        # It pauses: neither lost nor ended, while all else works.
        assert docker.ok("exec", "two", "echo", "alive") == "alive"
        assert docker.inspect("two")["State"]["Running"]
        give_back()
        docker.docker("rm", "-f", "one")
        assert docker.ok("wait", "two") == "4"
        assert docker.ok("logs", "two", timeout=120) == "\n".join(["0123456789abcde"] * ((2 << 20) // 16))
        docker.docker("rm", "two")
        wait_until(lambda: not docker.leftovers(), 30, "nothing left")


def test_the_disk_is_full_of_rows(docker):
    services = ["gateway", "reconciler", "api", "control", "bulk"]
    db = docker.state / "db"
    # The WAL may become as long as what other tests have left in the file.
    size = 2 * sum(p.stat().st_size for p in db.rglob("*") if p.is_file()) + (6 << 20)
    with SmallDisk(docker, db, size, services) as disk:
        docker.ok("run", "-d", "--name", "one", "busybox", "sh", "-c", "sleep 3; echo said; exit 8")
        give_back = disk.fill()
        # Until no page is free in the files that are there.
        failed = None
        for n in range(200):
            p = docker.docker("create", "--name", "c%d" % n, "-l", "x=" + "y" * 120000, "-l", "z=" + "y" * 120000, "busybox", "true")
            if p.returncode:
                failed = p
                break
        assert failed and "full" in failed.stderr
        assert docker.docker("ps", "-aq").returncode == 0
        give_back()
        wait_until(lambda: docker.sql("SELECT exit_code FROM container WHERE name = 'one' AND state = 'exited'") == "8", 40, "the end")
        assert docker.ok("logs", "one") == "said"
        assert docker.docker("run", "--rm", "busybox", "echo", "works").stdout == "works\n"
        # A creation that couldn't even be undone is undone later.
        docker.reconcile()
        docker.check_invariants()
        docker.ok("rm", "-f", *docker.ok("ps", "-aq").split())
        wait_until(lambda: docker.sql("SELECT count(*) FROM container") == "0", 40, "the end of rows")
    wait_until(lambda: not list((db / "spool").glob("*")), 30, "the gateway's sweep of output that couldn't be deleted in time")
