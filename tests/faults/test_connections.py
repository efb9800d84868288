"""Pair of processes x (RST, stall): the connections between them are cut, or pass nothing for a while, when every step
is under way at once: create, start, output, stdin, exec, stop, exit, rm. Then what test_table.py asks for has to hold."""
import contextlib
import io
import os
import re
import subprocess
import tarfile
import threading
import time

import pytest

from between import Between
from conftest import Background, wait_until
from test_table import LINES, PRINTER, state

STALL = 1.5
TRAP = "trap 'echo got; sleep 0.6; echo bye; exit 7' TERM; echo begun; while :; do sleep 0.1; done"


@contextlib.contextmanager
def on_socket(path):
    """Takes the place of a unix socket while its owner listens on."""
    real = str(path) + ".real"
    os.rename(path, real)
    between = Between(str(path), real)
    os.chmod(path, 0o666)
    try:
        yield between
    finally:
        os.rename(real, path)
        between.close()


PAIRS = {
    "client-nginx": lambda d: on_socket(d.socket),
    "nginx-worker": lambda d: on_socket(d.run / "control.sock"),
    "nginx-gateway": lambda d: on_socket(d.run / "gateway.sock"),
    "agent-nginx": lambda d: contextlib.nullcontext(d.agents_way),
    # Workers create, the gateway invokes, the reconciler deletes.
    "all-lambda": lambda d: contextlib.nullcontext(d.aws_way),
}


class Held:
    """Requests to AWS that this test waits with, by what stands in them."""
    def __init__(self, docker):
        self.docker, self.patterns, self.waiting, self.released = docker, [], set(), threading.Event()

    def rule(self, head, body):
        for pattern in self.patterns:
            if re.search(pattern, head.split(b"\r\n")[0] + b" " + body):
                self.waiting.add(pattern)
                self.released.wait(60)
        return None

    def __enter__(self):
        self.docker.aws_way.rules.append(self.rule)
        return self

    def __exit__(self, *_):
        self.released.set()
        self.docker.aws_way.rules.remove(self.rule)


class Steps:
    """Everything under way at once."""

    def __init__(self, docker, held):
        self.docker = docker
        make = lambda name, *args: docker.ok("create", "--name", name, *args)
        sh = lambda name, script, *args: make(name, *args, "busybox", "sh", "-c", script)
        self.ids = {"prints": sh("prints", PRINTER), "reads": sh("reads", "cat; exit 4", "-i"), "keeps": sh("keeps", "sleep 1000 & wait"),
                    "stops": sh("stops", TRAP), "exits": sh("exits", "sleep 1; seq 1 300; exit 5"), "starts": sh("starts", "echo here; exec sleep 1000"),
                    "goes": sh("goes", "true")}
        held.patterns = [b"^POST .*/functions .*HELD", b"^POST .*/skls-%s/invocations" % self.ids["starts"][:12].encode(),
                         b"^DELETE .*/skls-%s" % self.ids["goes"][:12].encode()]
        docker.ok("start", "keeps", "stops", "exits")
        wait_until(lambda: docker.docker("logs", "stops").stdout == "begun\n", 30, "the trap")
        self.clients = {"prints": docker.popen("start", "-a", "prints"), "reads": docker.popen("start", "-ai", "reads", stdin=subprocess.PIPE),
                        "execs": docker.popen("exec", "keeps", "sh", "-c", "echo begun; sleep 1; exit 3"),
                        "creates": docker.popen("create", "--name", "made", "-e", "HELD=1", "busybox", "true"), "starts": docker.popen("start", "starts"),
                        "waits": docker.popen("wait", "exits"), "stops": docker.popen("stop", "stops"), "goes": docker.popen("rm", "goes")}
        self.clients["reads"].stdin.write(b"one\n")
        self.clients["reads"].stdin.flush()
        wait_until(lambda: len(held.waiting) == 3, 20, "create, start and rm on their way to AWS")
        assert self.clients["execs"].stdout.readline() == b"begun\n"
        for name, word in ("stops", "got"), ("reads", "one"), ("prints", "line 9"):
            wait_until(lambda: word in docker.docker("logs", name).stdout, 20, "%s: %s" % (name, word))

    def end(self):
        """Status of each client."""
        with contextlib.suppress(OSError):
            self.clients["reads"].stdin.close()
        status = {name: c.wait(60) for name, c in self.clients.items()}
        self.said = {name: c.stderr.read().decode() for name, c in self.clients.items()}
        for c in self.clients.values():
            c.stdout.close(), c.stderr.close()
        return status


def check_runs(docker, steps):
    """Whatever became of the clients: every exit code, all output, once."""
    for name, code in ("prints", 6), ("reads", 4), ("stops", 7), ("exits", 5):
        wait_until(lambda: state(docker, steps.ids[name]) == "exited", 40, "the end of %s" % name)
        found = docker.inspect(name)["State"]
        assert (found["ExitCode"], found["Error"]) == (code, ""), name
    assert docker.ok("logs", "prints").split("\n") == ["line %d" % n for n in range(1, LINES + 1)]
    assert docker.ok("logs", "reads") == "one"
    assert docker.ok("logs", "exits").split() == [str(n) for n in range(1, 301)]
    assert docker.ok("logs", "stops").split() == ["begun", "got", "bye"]
    assert wait_until(lambda: docker.sql("SELECT exit_code FROM exec WHERE state = 'exited'"), 40, "the exec's end") == "3"


def check_start(docker, steps, invoked):
    cid = steps.ids["starts"]
    if invoked:
        wait_until(lambda: state(docker, cid) == "running", 40, "the start")
    else:
        wait_until(lambda: state(docker, cid) not in ("starting", "running"), 40, "the end of the start")
        assert "no agent called back" in docker.inspect(cid)["State"]["Error"]
        docker.ok("start", cid)
    wait_until(lambda: docker.ok("logs", "starts") == "here", 20, "its output")
    wait_until(lambda: docker.docker("exec", "starts", "echo", "here").stdout == "here\n", 30, "exec")
    assert docker.sql("SELECT count(*) FROM run WHERE container_id = '%s'" % cid) == ("1" if invoked else "2")


@pytest.mark.parametrize("how", ["reset", "stall"])
@pytest.mark.parametrize("pair", PAIRS)
def test_connections(docker, pair, how):
    with PAIRS[pair](docker) as between, Held(docker) as held:
        steps = Steps(docker, held)
        if how == "reset":
            assert between.cut() > 0
        else:
            between.stall()
            begun = time.monotonic()
            wait_until(lambda: time.monotonic() - begun > STALL, STALL + 5)
            between.resume()
        held.released.set()
        status = steps.end()
        check_runs(docker, steps)
        lost = (pair, how) == ("all-lambda", "reset")
        check_start(docker, steps, invoked=not lost)
    cut = how == "reset"
    if not (cut and pair in ("client-nginx", "nginx-gateway")):
        served = {"prints": 6, "reads": 4, "execs": 3, "creates": 0, "starts": 0, "waits": 0, "stops": 0, "goes": 0}
        # An exec's stream ends with its agent's connection.
        unsure = {"execs"} if cut and pair == "agent-nginx" else {"creates"} if cut and pair == "nginx-worker" else set()
        expected = dict(served, creates=1, starts=1) if lost else served
        assert {n: s for n, s in status.items() if n not in unsure} == {n: s for n, s in expected.items() if n not in unsure}, steps.said
    wait_until(lambda: docker.sql("SELECT count(*) FROM container WHERE id = '%s'" % steps.ids["goes"]) == "0", 40, "the end of goes")
    docker.check_invariants()
    assert docker.docker("run", "--rm", "busybox", "echo", "works").stdout == "works\n"


IMPORT = ["import", "-", "imported"]


@pytest.mark.parametrize("how", ["reset", "stall"])
def test_worker_and_registry(docker, how):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        member = tarfile.TarInfo("file")
        member.size = 100000
        tar.addfile(member, io.BytesIO(os.urandom(100000)))
    way, reached = docker.registry_way, threading.Event()

    def rule(head, body):
        if head.startswith((b"PATCH", b"PUT")) and not reached.is_set():
            way.stall()
            reached.set()
            way.flowing.wait(30)
        return None
    way.rules.append(rule)
    client = Background(docker.docker, *IMPORT, input=out.getvalue(), text=False)
    try:
        assert reached.wait(20), "nothing was uploaded"
        if how == "reset":
            assert way.cut() > 0
        else:
            client.join(STALL)
    finally:
        way.resume()
        way.rules.remove(rule)
    client.join(60)
    # What a connection's end kept from arriving is sent once more.
    assert client.result.returncode == 0, client.result.stderr
    docker.ok("rmi", "imported")
