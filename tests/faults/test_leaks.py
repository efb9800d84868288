"""Clients that leave in the middle, 1,000 times of wait and logs -f, 250 of exec -i, and a reader that stalls: nothing of
it stays. LEAK_SCALE=5: 50 times of run -it, a stall of 30 s in 1 GB."""
import os
import pathlib
import random
import signal
import socket
import subprocess
import time

from conftest import wait_until

SCALE = int(os.environ.get("LEAK_SCALE", "1"))
ROUNDS = 1000
TERMINALS = 10 * SCALE
BIG = 200 * SCALE << 20
STALL = 10 * min(SCALE, 3)


def open_files(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def memory(pid):
    """Private memory in bytes."""
    for line in pathlib.Path("/proc/%d/smaps_rollup" % pid).read_text().split("\n"):
        if line.startswith("Private_Dirty:"):
            return int(line.split()[1]) << 10
    return 0


def carriers(docker):
    master = docker.service_pid("nginx")
    return [docker.service_pid("gateway"), *docker.children(master)]


def ask(docker, method, path, body=b"", upgrade=False):
    """Sends a request and returns the socket, not waiting for any answer."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect(str(docker.socket))
    head = "%s /v1.43%s HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % (method, path, len(body))
    if upgrade:
        head += "Connection: Upgrade\r\nUpgrade: tcp\r\n"
    s.sendall(head.encode() + b"\r\n" + body)
    return s


def leave(s):
    """With a reset or an orderly end."""
    if random.random() < 0.5:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    s.close()


def one_round(docker, cid, api, n):
    clients = [ask(docker, "POST", "/containers/%s/wait?condition=not-running" % cid),
               ask(docker, "POST", "/containers/%s/wait?condition=removed" % cid),
               ask(docker, "GET", "/containers/%s/logs?stdout=1&stderr=1&follow=1" % cid),
               ask(docker, "POST", "/containers/%s/attach?stream=1&stdin=1&stdout=1&stderr=1" % cid, upgrade=True),
               ask(docker, "GET", "/events")]
    if n % 4 == 0:
        eid = api.exec_create(cid, ["cat"], stdin=True)["Id"]
        clients.append(ask(docker, "POST", "/exec/%s/start" % eid, b'{"Detach":false,"Tty":false}', upgrade=True))
    for s in clients:
        if n % 3:
            s.recv(1)
        leave(s)


def test_clients_that_leave(docker):
    cid = docker.ok("run", "-d", "-i", "--name", "one", "busybox", "sh", "-c", "while :; do echo tick; sleep 0.2; done")
    api = docker.client()
    for n in range(12):
        one_round(docker, cid, api, n)
    pids = carriers(docker) + [docker.agent()]
    workers = docker.workers("api") + docker.workers("control")
    settled = lambda: {p: open_files(p) for p in pids + workers}
    # exec'd cats end once their client has left.
    quiet = lambda: docker.sql("SELECT count(*) FROM exec WHERE state IN ('starting', 'running')") == "0"
    wait_until(quiet, 30, "the end of execs")
    idle = lambda before: all(n <= before[p] for p, n in settled().items())
    time_limit = time.monotonic() + 20
    files = settled()
    while time.monotonic() < time_limit:
        now = settled()
        if all(now[p] >= files[p] for p in now):
            break
        files = now
    used = {p: memory(p) for p in pids + workers}
    for n in range(ROUNDS):
        one_round(docker, cid, api, n)
    wait_until(quiet, 30, "the end of execs")
    wait_until(lambda: idle(files), 30, "as few descriptors as before")
    grown = {p: memory(p) - used[p] for p in used}
    # A sanitized program keeps what was freed for a while.
    assert max(grown.values()) < 24 << 20, grown
    api.close()
    docker.docker("rm", "-f", "one")


def test_terminals_that_are_closed(docker):
    """docker run -it --rm whose client is killed: the container lives on, and rm -f ends it."""
    before = open_files(docker.service_pid("gateway"))
    for n in range(TERMINALS):
        master, slave = os.openpty()
        client = subprocess.Popen(["docker", "run", "-it", "--rm", "--name", "tty%d" % n, "busybox", "cat"], env=docker.docker_env,
                                  stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        os.write(master, b"hello\n")
        wait_until(lambda: docker.sql("SELECT state FROM container WHERE name = 'tty%d'" % n) == "running", 30, "the start")
        client.send_signal(signal.SIGKILL)
        client.wait(10)
        os.close(master)
        docker.ok("rm", "-f", "tty%d" % n)
    wait_until(lambda: not docker.leftovers(), 30, "nothing left")
    wait_until(lambda: open_files(docker.service_pid("gateway")) <= before, 30, "as few descriptors as before")


def test_a_reader_that_stalls(docker):
    """It stops reading an exec's output for a while: memory stays flat, its producer waits, then all arrives."""
    docker.ok("run", "-d", "--name", "one", "busybox", "sleep", "1000")
    api = docker.client()
    eid = api.exec_create("one", ["head", "-c", str(BIG), "/dev/zero"], stderr=False)["Id"]
    pids = carriers(docker) + [docker.agent()]
    used = {p: memory(p) for p in pids}
    s = ask(docker, "POST", "/exec/%s/start" % eid, b'{"Detach":false,"Tty":true}', upgrade=True)
    got = len(s.recv(4096))
    stalled, peak = time.monotonic(), dict(used)
    while time.monotonic() - stalled < STALL:
        peak = {p: max(peak[p], memory(p)) for p in pids}
        time.sleep(0.2)
    buffer = memoryview(bytearray(1 << 20))
    while True:
        n = s.recv_into(buffer)
        if not n:
            break
        got += n
        if got % (32 << 20) < n:
            peak = {p: max(peak[p], memory(p)) for p in pids}
    s.close()
    assert got > BIG
    assert max(peak[p] - used[p] for p in pids) < 24 << 20, (used, peak)
    wait_until(lambda: api.exec_inspect(eid)["ExitCode"] == 0, 20, "the exit code")
    api.close()
