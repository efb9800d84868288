"""A follower of the events that dials again whenever it is cut has each event once, whatever is killed meanwhile, and each
thing that happened is told once."""
import collections
import json
import socket
import threading

import pytest

from conftest import Background, wait_until

VICTIMS = ["gateway", "api", "control", "gateway", "nginx-worker", "reconciler", "gateway"]
ONCE = ["container create", "network connect", "container start", "network disconnect", "container die", "container destroy"]


class Follower(threading.Thread):
    """As clients do it: `since` is the time of the last event, which comes again then."""
    def __init__(self, system, first):
        super().__init__(daemon=True)
        self.system, self.path, self.first, self.events, self.dialled, self.over = system, str(system.socket), first, [], 0, False
        self.start()

    def run(self):
        while not self.over:
            try:
                wait_until(self.system.answers, 60, "the API")
                self.follow()
            except OSError:
                pass

    def since(self):
        ns = self.events[-1]["timeNano"] if self.events else self.first
        return "%d.%09d" % (ns // 10**9, ns % 10**9)

    def follow(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(self.path)
            s.sendall(("GET /v1.47/events?since=%s HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n" % self.since()).encode())
            self.dialled += 1
            text = b""
            while not self.over and (piece := s.recv(65536)):
                *lines, text = (text + piece).split(b"\n")
                for line in lines:
                    if line.startswith(b'{"Type"') or line.startswith(b'{"status"'):
                        self.take(json.loads(line))

    def take(self, event):
        if not self.events or event != self.events[-1]:
            self.events.append(event)
            self.over = event["Actor"]["ID"] == "the-end"


def until(docker, done, *command):
    """Again until it is done: the answer may have been cut off."""
    def tried():
        docker.docker(*command)
        return done()
    wait_until(tried, 60, " ".join(command))


def life(docker, name):
    running = lambda: docker.docker("inspect", "-f", "{{.State.Running}}", name).stdout.strip()
    until(docker, lambda: running() != "", "create", "--name", name, "busybox", "sleep", "1000")
    until(docker, lambda: running() == "true", "start", name)
    docker.docker("exec", name, "true")
    docker.docker("exec", name, "true")
    until(docker, lambda: running() == "false", "kill", name)
    until(docker, lambda: docker.sql("SELECT count(*) FROM container WHERE name = '%s'" % name) == "0", "rm", "-f", name)


@pytest.mark.parametrize("moment", ["container create", "container start", "container exec_die", "container kill"])
def test_follower_that_dials_again(docker, moment):
    docker.ok("volume", "create", "the-beginning")
    first = int(docker.sql("SELECT max(time) FROM event"))
    follower = Follower(docker, first)
    happened = lambda name: [e for e in follower.events if e["Actor"]["Attributes"].get("name") == name
                             and "%s %s" % (e["Type"], e["Action"]) == moment]
    for n, victim in enumerate(VICTIMS):
        client = Background(life, docker, "box%d" % n)
        wait_until(lambda: happened("box%d" % n), 40, "%s of box%d" % (moment, n))
        docker.kill(victim)
        client.join(120)
        assert client.error is None, client.error
    docker.ok("volume", "create", "the-end")
    follower.join(30)
    assert follower.over and follower.dialled > 3
    docker.ok("volume", "rm", "the-beginning", "the-end")

    stored = docker.sql("SELECT time || ' ' || type || ' ' || action || ' ' || actor_id FROM event WHERE time >= %d ORDER BY seq" % first).split("\n")
    told = ["%d %s %s %s" % (e["timeNano"], e["Type"], e["Action"], e["Actor"]["ID"]) for e in follower.events]
    assert told == stored[:len(told)] and stored[len(told):] == [s for s in stored[len(told):] if "volume destroy" in s]
    check_lives(follower.events)
    docker.check_invariants()


def check_lives(events):
    seen, execs = collections.defaultdict(list), collections.defaultdict(list)
    for e in events:
        attributes = e["Actor"]["Attributes"]
        what = "%s %s" % (e["Type"], e["Action"].split(":")[0])
        if "execID" in attributes:
            execs[attributes["execID"]].append(what)
        elif e["Type"] in ("container", "network"):
            seen[attributes.get("container", e["Actor"]["ID"])].append(what)
    assert len(seen) == len(VICTIMS)
    for what in seen.values():
        assert [w for w in what if w in ONCE] == ONCE and set(what) - set(ONCE) <= {"container kill"}
    order = ["container exec_create", "container exec_start", "container exec_die"]
    for what in execs.values():
        assert what == order[:len(what)]
