"""The whole system, as the clients' tests start it, with short limits, and
what is needed to harm it: each process by name, and what must hold afterwards."""
import hashlib
import importlib.util
import os
import pathlib
import signal
import subprocess
import threading
import time

import pytest

from between import Between, BetweenHttp

CLIENTS = pathlib.Path(__file__).resolve().parents[1] / "clients" / "conftest.py"
spec = importlib.util.spec_from_file_location("clients_conftest", CLIENTS)
clients = importlib.util.module_from_spec(spec)
spec.loader.exec_module(clients)
wait_until = clients.wait_until
system = clients.system

AGENT_TIMEOUT = 9
AGENT = b"/.sockerless/agent"
AWS_TIMEOUT = 8
SETTINGS = ("SOCKERLESS_AGENT_TIMEOUT=%d\nSOCKERLESS_LOST_TIMEOUT=5\nSOCKERLESS_LAMBDA_TIMEOUT=300\nSOCKERLESS_ACTIVE_TIMEOUT=6\n"
            "SOCKERLESS_AWS_TIMEOUT=%d\n" % (AGENT_TIMEOUT, AWS_TIMEOUT))
HIDDEN = ("SOCKERLESS_STATE_DIR", "SOCKERLESS_RUN_DIR", "SOCKERLESS_PORT_BASE")
UNFINISHED = "'creating', 'starting', 'removing'"


class FaultySystem(clients.System):
    def __init__(self):
        super().__init__()
        self.state.mkdir()
        # What passes between these can be cut, held up and falsified.
        self.agents_way, self.registry_way, self.aws_way = Between(0, self.port + 1), BetweenHttp(0, self.port + 2), BetweenHttp(0, self.port + 3)
        aws = "".join("AWS_ENDPOINT_URL_%s=http://127.0.0.1:%d\n" % (s, self.aws_way.port) for s in ("LAMBDA", "ECR", "CLOUDWATCH_LOGS"))
        (self.state / "settings.local").write_text(SETTINGS + aws)
        (self.state / "lambda.settings.local").write_text("SOCKERLESS_LOCAL_REGISTRY=127.0.0.1:%d\nSOCKERLESS_LOCAL_RELAY=169.254.100.1:9002=127.0.0.1:%d\n"
                                                          % (self.registry_way.port, self.agents_way.port))
        # What was freed isn't kept for long, so that memory can be compared.
        self.env["ASAN_OPTIONS"] += ":quarantine_size_mb=2:thread_local_quarantine_size_kb=64"

    def client(self):
        import docker
        return docker.APIClient(base_url="unix://%s" % self.socket, version="1.43", timeout=90)

    def children(self, pid):
        return [int(p) for p in pathlib.Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split()]

    def workers(self, pool):
        return self.children(self.service_pid(pool))

    def processes(self, test):
        """Pids of this machine for which test(pid, arguments) holds."""
        found = []
        for p in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if test(int(p.name), (p / "cmdline").read_bytes().split(b"\0")):
                    found.append(int(p.name))
            except OSError:
                pass
        return found

    def descends(self, pid, ancestor):
        while pid > 1:
            if pid == ancestor:
                return True
            try:
                pid = int(pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                return False
        return False

    def agents(self):
        """Pids of the agents in this system's sandboxes; what an agent has forked looks like it until it executes another program."""
        top = self.service_pid("lambda") or 0
        return self.processes(lambda pid, args: args[0] == AGENT and self.descends(pid, top))

    def agent(self):
        """Of the only container that runs."""
        return min(self.agents(), default=None)

    def process(self, marker):
        """The container's process with this word among its arguments."""
        own = os.stat("/proc/self/ns/pid").st_ino
        return min(self.processes(lambda pid, args: marker.encode() in args and args[0] != AGENT
                                  and os.stat("/proc/%d/ns/pid" % pid).st_ino != own), default=None)

    def answers(self):
        try:
            return subprocess.run(["curl", "-sf", "--max-time", "3", "--unix-socket", str(self.socket), "http://docker/v1.43/containers/json"],
                                  stdout=subprocess.PIPE).returncode == 0
        except OSError:
            return False

    def kill(self, victim):
        """kill -9, then waits until the supervisor's new one works."""
        if victim in ("api", "control"):
            for pid in self.workers(victim):
                os.kill(pid, signal.SIGKILL)
        elif victim == "nginx-worker":
            for pid in self.children(self.service_pid("nginx")):
                os.kill(pid, signal.SIGKILL)
        else:
            name = {"nginx-master": "nginx"}.get(victim, victim)
            old = wait_until(lambda: self.service_pid(name), 20, "%s" % name)
            os.kill(old, signal.SIGKILL)
            wait_until(lambda: self.service_pid(name) not in (None, old), 20, "the return of %s" % name)
        wait_until(self.answers, 20, "the API's return after the death of %s" % victim)

    def reconcile(self):
        """At once, as if the time for creating were over."""
        settings = dict(self.env, SOCKERLESS_SETTINGS=str(self.state / "settings"), SOCKERLESS_CREATING_TIMEOUT="0")
        subprocess.run(["chpst", "-u", "sockerless", str(self.state / "install" / "sbin" / "sockerlessctl"), "reconcile", "--once"],
                       env={k: v for k, v in settings.items() if k not in HIDDEN}, check=True, timeout=60)

    def wait_gone(self, names=(), seconds=45):
        ids = self.docker("ps", "-aq").stdout.split()
        if ids:
            self.docker("rm", "-f", *ids)
        try:
            wait_until(lambda: not self.leftovers(), seconds, "nothing left")
        except BaseException:
            print("left:", self.leftovers())
            raise

    def traces(self):
        """Of containers that are gone: sandboxes with their cgroups and mounts, files, rows."""
        sandboxes = self.state / "lambda" / "sandboxes"
        left = [str(p) for place in (sandboxes / "sandboxes", self.state / "db" / "layer", self.state / "db" / "spool") if place.exists() for p in place.iterdir()]
        left += ["mount " + line.split()[4] for line in open("/proc/self/mountinfo") if str(sandboxes / "sandboxes") in line]
        name = hashlib.sha256(os.path.realpath(sandboxes).encode()).hexdigest()[:12]
        try:
            left += [str(p) for top in pathlib.Path("/sys/fs/cgroup").glob("**/sockerless-lambda-" + name) for p in top.iterdir() if p.is_dir() and p.name != "guards"]
        except FileNotFoundError as e:
            left.append("%s, which just goes" % e.filename)
        return left + [t for t in ("run", "exec") if self.sql("SELECT count(*) FROM " + t) != "0"]

    def described(self):
        """Names of the functions that carry our Description."""
        import boto3
        secret = (self.state / "lambda.secret").read_text().strip()
        client = boto3.client("lambda", endpoint_url="http://127.0.0.1:%d" % (self.port + 3), region_name="us-east-1",
                              aws_access_key_id="AKIASOCKERLESSLOCAL0", aws_secret_access_key=secret)
        pages = client.get_paginator("list_functions").paginate()
        return {f["FunctionName"] for page in pages for f in page["Functions"] if f["Description"].startswith("sockerless quickstart ")}

    def check_invariants(self):
        wait_until(lambda: self.sql("SELECT count(*) FROM container WHERE state IN (%s)" % UNFINISHED) == "0", 40, "no container on its way")
        rows = set(self.sql("SELECT function_name FROM container").split())
        assert rows == self.described()
        assert self.sql("SELECT id FROM run WHERE phase <> 'ended' AND container_id NOT IN (SELECT id FROM container WHERE state = 'running')") == ""
        assert self.sql("SELECT c.id FROM container c LEFT JOIN run r ON r.id = c.run_id WHERE c.state = 'running' AND ifnull(r.phase, '') <> 'started'") == ""
        assert self.sql("SELECT e.id FROM exec e JOIN container c ON c.id = e.container_id "
                        "WHERE e.state IN ('starting', 'running') AND c.state <> 'running'") == ""
        wait_until(lambda: self.sql("SELECT seq || verb FROM intent WHERE done_at IS NULL") == "", 30, "no intent undone")
        assert self.invokes() == {}

    def invokes(self):
        """Function -> (started runs, Invokes that passed, runs whose Invoke may have left), where that isn't in order: one for each."""
        wrong = {}
        runs = self.sql("SELECT c.function_name || ' ' || count(r.started_at > 0 OR NULL) || ' ' || count(r.invoked_at > 0 OR NULL) "
                        "FROM container c LEFT JOIN run r ON r.container_id = c.id GROUP BY c.id")
        for line in runs.splitlines():
            name, started, invoked = line.split()[0], *map(int, line.split()[1:])
            passed = sum("/%s/invocations " % name in first for first in self.aws_way.seen)
            if not started <= passed <= invoked:
                wrong[name] = started, passed, invoked
        return wrong


clients.System = FaultySystem


@pytest.fixture
def docker(system):
    """The system, with the promise that a test leaves nothing in it."""
    yield system
    system.wait_gone()
    # Nor does anything run for it, or stand on the disk.
    wait_until(lambda: not system.agents(), 30, "no agent left")
    try:
        wait_until(lambda: not system.traces(), 30, "no trace left")
    except BaseException:
        print("left:", system.traces())
        raise


class Background(threading.Thread):
    """A call in a thread of its own; its result or its exception is kept."""
    def __init__(self, fn, *args, **kw):
        super().__init__(daemon=True)
        self.call, self.result, self.error = (fn, args, kw), None, None
        self.start()

    def run(self):
        fn, args, kw = self.call
        try:
            self.result = fn(*args, **kw)
        except Exception as e:  # the cut is what is tested
            self.error = e
