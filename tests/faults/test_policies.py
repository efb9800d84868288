"""Restart policies and health checks across kill -9: of each process, while a run is there and while the next one is
awaited. A policy counts and waits as if nothing had been, each run has one Invoke; a health check goes on, and each of
its probes is told once."""
import json

import pytest

from conftest import wait_until
from test_table import INSIDE, kill, make

# The Lambda would take the runs with it: test_table.py.
VICTIMS = ["api", "control", "gateway", "reconciler", "nginx-master", "nginx-worker"]
PAUSES = [100, 200, 400, 800]  # ms, dockerd's


def ask(docker, name, form):
    p = docker.docker("inspect", "-f", form, name)
    return p.stdout.strip()


def runs(docker):
    """(prepared, finished) of each run, ms."""
    rows = docker.sql("SELECT prepared_at / 1000000, ifnull(finished_at, 0) / 1000000 FROM run ORDER BY number").split("\n")
    return [tuple(map(int, r.split("|"))) for r in rows if r]


def events(docker, *actions):
    got = docker.sql("SELECT action FROM event WHERE type = 'container' AND action IN (%s) AND actor_id IN (SELECT id FROM container) ORDER BY seq"
                     % ", ".join("'%s'" % a for a in actions))
    return got.split("\n") if got else []


def check_pauses(docker):
    """Between the first runs. Both times are rounded, and noted in one transaction with others."""
    every = runs(docker)[:len(PAUSES) + 1]
    for n, (before, after) in enumerate(zip(every, every[1:])):
        assert after[0] - before[1] >= PAUSES[n] - 10, (n, every)


@pytest.mark.parametrize("victim,when", [(v, "running") for v in VICTIMS + INSIDE] + [(v, "restarting") for v in VICTIMS])
def test_on_failure(docker, victim, when):
    marker = "failing-" + victim
    # The third run is the one that is met, or the pause after it or after the next one: they are long enough to be.
    retries = 3 if when == "running" else 4
    script = "echo run; if [ $(cat /tmp/n 2>/dev/null || echo 0) = 2 ]; then sleep 2; fi; echo $(($(cat /tmp/n 2>/dev/null || echo 0) + 1)) >/tmp/n; exit 3"
    cid = make(docker, victim, "--name", "one", "--restart", "on-failure:%d" % retries, "busybox", "sh", "-c", script, marker)
    docker.ok("start", cid)
    if when == "running":
        wait_until(lambda: len(runs(docker)) == 3 and docker.process(marker), 30, "the third run")
    else:
        paused = "SELECT 1 FROM container WHERE state = 'restarting' AND (SELECT count(*) FROM run WHERE container_id = container.id AND finished_at) >= 3"
        wait_until(lambda: docker.sql(paused), 30, "the third pause")
    kill(docker, victim, marker)
    wait_until(lambda: ask(docker, cid, "{{.State.Status}}") == "exited" and len(runs(docker)) == retries + 1, 60, "the last end")
    assert ask(docker, cid, "{{.RestartCount}} {{.State.ExitCode}} {{.State.Error}}") == "%d 3" % retries
    assert docker.ok("logs", cid).split() == ["run"] * (retries + 1)
    assert events(docker, "start", "die") == ["start", "die"] * (retries + 1)
    check_pauses(docker)
    docker.check_invariants()


@pytest.mark.parametrize("victim", VICTIMS + INSIDE)
def test_always(docker, victim):
    marker = "always-" + victim
    cid = make(docker, victim, "--name", "one", "--restart", "always", "busybox", "sh", "-c", "echo run; sleep 1; exit 0", marker)
    docker.ok("start", cid)
    wait_until(lambda: len(runs(docker)) == 2 and docker.process(marker), 30, "the second run")
    kill(docker, victim, marker)
    wait_until(lambda: len(runs(docker)) >= 4 and docker.process(marker), 60, "two runs more")
    docker.docker("stop", "-t", "0", cid)
    wait_until(lambda: ask(docker, cid, "{{.State.Status}}") == "exited", 30, "the end")
    n = len(runs(docker))
    # Where the stop came in a pause, the run after it is counted already.
    assert int(ask(docker, cid, "{{.RestartCount}}")) in (n - 1, n)
    assert events(docker, "start", "die") == ["start", "die"] * n
    assert set(docker.ok("logs", cid).split()) == {"run"}
    check_pauses(docker)
    docker.check_invariants()
    assert len(runs(docker)) == n


def health(docker, cid):
    return json.loads(ask(docker, cid, "{{json .State.Health}}") or "null") or {"Status": "", "Log": [], "FailingStreak": 0}


@pytest.mark.parametrize("victim", VICTIMS + INSIDE)
def test_health(docker, victim):
    marker = "health-" + victim
    script = "trap 'rm /tmp/ok' USR1; touch /tmp/ok; while :; do sleep 0.1; done"
    cid = make(docker, victim, "--name", "one", "--health-cmd", "test -f /tmp/ok", "--health-interval", "1s", "--health-retries", "2",
               "busybox", "sh", "-c", script, marker)
    docker.ok("start", cid)
    wait_until(lambda: health(docker, cid)["Status"] == "healthy", 30, "health")
    kill(docker, victim, marker)
    if victim in INSIDE:
        wait_until(lambda: ask(docker, cid, "{{.State.Status}}") == "exited", 60, "the end")
        assert health(docker, cid)["Status"] == "unhealthy"
        docker.ok("start", cid)
        assert health(docker, cid)["Status"] in ("starting", "healthy")
        wait_until(lambda: health(docker, cid)["Status"] == "healthy", 30, "health of the next run")
    probes = len(events(docker, "exec_die"))
    wait_until(lambda: len(events(docker, "exec_die")) >= probes + 3, 40, "probes after the kill")
    assert health(docker, cid)["Status"] == "healthy"
    docker.ok("kill", "-s", "USR1", cid)
    wait_until(lambda: health(docker, cid)["Status"] == "unhealthy", 30, "the end of health")
    now = health(docker, cid)
    assert now["FailingStreak"] >= 2 and [p["ExitCode"] for p in now["Log"][-2:]] == [1, 1] and len(now["Log"]) <= 5
    starts = [p["Start"] for p in now["Log"]]
    assert starts == sorted(starts) and len(set(starts)) == len(starts)
    told = events(docker, "health_status: healthy", "health_status: unhealthy")
    assert told == ["health_status: healthy"] * (2 if victim in INSIDE else 1) + ["health_status: unhealthy"]
    check_probes(docker, victim)
    docker.check_invariants()


def check_probes(docker, victim):
    rows = docker.sql("SELECT json_extract(attributes, '$.execID') || '|' || action FROM event WHERE action LIKE 'exec_%' AND "
                      "actor_id IN (SELECT id FROM container) ORDER BY seq").split("\n")
    probes = {}
    for row in rows:
        probes.setdefault(row.split("|")[0], []).append(row.split("|")[1].split(":")[0])
    order, broken = ["exec_create", "exec_start", "exec_die"], 0
    for n, got in enumerate(probes.values()):
        assert got == order[:len(got)], got
        broken += len(got) < len(order)
    # The newest may be under way, and the end of a run cuts one off.
    assert broken <= (2 if victim in INSIDE else 1)
