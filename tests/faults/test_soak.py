"""Sixteen clients do anything to eight containers while processes are killed at random; then all must be in order."""
import http.client
import io
import json
import os
import random
import signal
import socket
import tarfile
import threading
import time

from conftest import wait_until

SECONDS = int(os.environ.get("SOAK_SECONDS", "25"))
CLIENTS = 16
CONTAINERS = 8
SLOW = 25
VICTIMS = os.environ.get("SOAK_VICTIMS", "api control gateway reconciler nginx-master nginx-worker agent").split()
SCRIPT = "trap 'echo bye; exit 3' TERM; n=0; while :; do n=$((n+1)); echo line $n; sleep 0.2; done"


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("docker", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def tar_of_a_file():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        member = tarfile.TarInfo("copied")
        member.size = 50000
        tar.addfile(member, io.BytesIO(bytes(50000)))
    return out.getvalue()


TAR = tar_of_a_file()


def call(system, method, path, body=None, tar=None):
    """Status and body; None if the connection was cut."""
    c = Connection(str(system.socket))
    try:
        data = json.dumps(body) if body is not None else tar
        c.request(method, "/v1.43" + path, data, {"Content-Type": "application/x-tar" if tar else "application/json"})
        r = c.getresponse()
        return r.status, r.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        c.close()


def random_call(system, rng):
    name = "soak%d" % rng.randrange(CONTAINERS)
    verb = rng.choice(["create"] * 3 + ["start"] * 3 + ["stop", "kill", "exec", "exec", "rm", "rm-f", "rename", "put", "get", "inspect", "logs", "list"])
    if verb == "create":
        return verb, call(system, "POST", "/containers/create?name=" + name, {"Image": "busybox", "Cmd": ["sh", "-c", SCRIPT]})
    if verb == "stop":
        return verb, call(system, "POST", "/containers/%s/stop?t=1" % name)
    if verb == "kill":
        return verb, call(system, "POST", "/containers/%s/kill?signal=%s" % (name, rng.choice(["KILL", "TERM", "USR1"])))
    if verb == "exec":
        made = call(system, "POST", "/containers/%s/exec" % name, {"Cmd": ["sh", "-c", "echo out; exit 4"], "AttachStdout": True})
        if not made or made[0] != 201:
            return verb, made
        return verb, call(system, "POST", "/exec/%s/start" % json.loads(made[1])["Id"], {"Detach": False, "Tty": False})
    if verb in ("rm", "rm-f"):
        return verb, call(system, "DELETE", "/containers/%s?force=%d" % (name, verb == "rm-f"))
    if verb == "rename":
        return verb, call(system, "POST", "/containers/%s/rename?name=soak%d" % (name, rng.randrange(CONTAINERS)))
    if verb == "put":
        return verb, call(system, "PUT", "/containers/%s/archive?path=/tmp" % name, tar=TAR)
    if verb == "get":
        return verb, call(system, "GET", "/containers/%s/archive?path=/etc" % name)
    if verb == "logs":
        return verb, call(system, "GET", "/containers/%s/logs?stdout=1" % name)
    if verb == "list":
        return verb, call(system, "GET", "/containers/json?all=1")
    if verb == "inspect":
        return verb, call(system, "GET", "/containers/%s/json" % name)
    return verb, call(system, "POST", "/containers/%s/start" % name)


def client(system, seed, until, tally):
    rng = random.Random(seed)
    while time.monotonic() < until:
        begun = time.monotonic()
        verb, answer = random_call(system, rng)
        if time.monotonic() - begun > SLOW:
            tally.setdefault("slow", []).append((verb, answer, time.monotonic() - begun, time.strftime("%T")))
        key = (verb, answer[0] if answer else "cut")
        tally[key] = tally.get(key, 0) + 1
        if answer and answer[0] == 500:
            tally.setdefault("errors", []).append((verb, answer[1][:300]))


def test_soak(docker):
    seed = int(os.environ.get("SOAK_SEED", "0")) or random.randrange(1 << 30)
    print("SOAK_SEED=%d" % seed)
    rng, until = random.Random(seed), time.monotonic() + SECONDS
    tallies = [{} for _ in range(CLIENTS)]
    threads = [threading.Thread(target=client, args=(docker, seed + n, until, tallies[n]), daemon=True) for n in range(CLIENTS)]
    for t in threads:
        t.start()
    while time.monotonic() < until - 4:
        next_kill = time.monotonic() + 5
        victim = rng.choice(VICTIMS)
        print("killing", victim)
        if victim == "agent":
            agent = docker.agent()
            if agent:
                os.kill(agent, signal.SIGKILL)
        else:
            docker.kill(victim)
        wait_until(lambda: time.monotonic() > next_kill, 6)
    for t in threads:
        t.join(120)
        assert not t.is_alive(), "a request was never answered"
    total = {}
    for tally in tallies:
        for key, n in tally.items():
            total[key] = total.get(key, n - n) + n if isinstance(key, tuple) else total.get(key, []) + n
    print(json.dumps({str(k): v for k, v in sorted(total.items(), key=str) if isinstance(k, tuple)}, indent=1), total.get("errors"), "slow", total.get("slow"))
    assert sum(n for (verb, status), n in ((k, v) for k, v in total.items() if isinstance(k, tuple)) if verb == "start" and status == 204) > 10
    wait_until(docker.answers, 20, "the API")
    print("answered", time.monotonic() - until)
    docker.reconcile()
    docker.check_invariants()
    print("in order", time.monotonic() - until)
    check_outputs(docker)


def check_outputs(docker):
    """Each container's output is a sequence of runs that count from one, without gap or repetition."""
    for cid in docker.sql("SELECT id FROM container").split():
        expected = 1
        for line in docker.ok("logs", cid).split("\n"):
            if line in ("bye", ""):
                continue
            number = int(line.split()[1])
            assert number in (expected, 1), (cid, line, expected)
            expected = number + 1
