#!/usr/bin/python3
"""Idle agents: what one costs the gateway (and nginx), how long they take to
come, and to come back after kill -9 of the gateway, and for how long its loop
was away from its descriptors meanwhile, and how long a client waited for an
answer. No function is invoked: the runs are
rows, the agents are tests/load/agents.c. With "nginx" they dial in through
nginx and a worker's check, without it at the gateway's socket.

usage: agents.py COUNT [nginx] [JITTER_MS]     (BUILD_DIR: the build tree, without sanitizers)
"""
import hashlib
import hmac
import os
import pathlib
import resource
import secrets
import socket
import struct
import subprocess
import sys
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.setdefault("BUILD_DIR", str(TOP / "build"))).resolve()
os.environ.update(top_srcdir=str(TOP), top_builddir=str(BUILD))
sys.path += [str(TOP / "tests"), str(TOP / "tests" / "gateway")]
import harness as gateway_harness  # noqa: E402

LAG = struct.Struct("=5Q")


def nginx_harness():
    """Both suites call theirs `harness`."""
    import importlib.util
    spec = importlib.util.spec_from_file_location("nginx_harness", TOP / "tests" / "nginx" / "harness.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pss(*pids):
    """Bytes, shared ones divided by their users."""
    total = 0
    for pid in pids:
        for line in open("/proc/%d/smaps_rollup" % pid):
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


def children(pid):
    return [int(p) for p in open("/proc/%d/task/%d/children" % (pid, pid)).read().split()]


class Lag:
    def __init__(self, path):
        self.path = path
        path.write_bytes(bytes(LAG.size))

    def show(self, what):
        """What was noted since the last time."""
        with open(self.path, "r+b") as f:
            rounds, wall, cpu, wall_long, cpu_long = LAG.unpack(f.read(LAG.size))
            f.seek(0)
            f.write(bytes(LAG.size))
        print("  the loop, %-24s %7d rounds; longest %7.2f ms, of its own processor time %7.2f ms; above 5 ms: %d, own: %d" % (
            what, rounds, wall / 1e6, cpu / 1e6, wall_long, cpu_long), flush=True)


class Probe(threading.Thread):
    """A client of attach/ws at the gateway's socket: how long a ping's answer takes, and a new connection's 101."""

    def __init__(self, gw, cid):
        super().__init__(daemon=True)
        self.path = gw.sock
        self.head = ("GET /.gateway/tunnel/attach-ws/%s?api=1.43&stream=1&stdout=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
                     "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" % cid).encode()
        self.longest = self.connecting = 0.0
        self.start()

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        begun = time.perf_counter()
        s.connect(self.path)
        s.sendall(self.head)
        if b"101" not in s.recv(4096):
            raise OSError("refused")
        self.connecting = max(self.connecting, time.perf_counter() - begun)
        return s

    def run(self):
        s = None
        while True:
            time.sleep(0.003)
            try:
                s = s or self.connect()
                begun = time.perf_counter()
                s.sendall(b"\x89\x84\0\0\0\0ping")
                if not s.recv(4096):
                    raise OSError("cut")
                self.longest = max(self.longest, time.perf_counter() - begun)
            except OSError:
                s = None

    def show(self):
        print("  a client of attach/ws waited %6.2f ms for a pong, %6.2f ms for its connection" % (self.longest * 1e3, self.connecting * 1e3),
              flush=True)
        self.longest = self.connecting = 0.0


def insert(gw, count, through_nginx):
    """Rows of running containers; a line for each agent."""
    lines, now = [], time.time_ns()
    gw.db.execute("BEGIN")
    for _ in range(count):
        cid, run, nonce, session = gw.container(), secrets.token_hex(16), secrets.token_hex(32), secrets.token_hex(32)
        gw.db.execute("INSERT INTO run (id, tenant, container_id, number, nonce, phase, agent, session_hash, prepared_at, invoked_at, started_at)"
                      " VALUES (?,'local',?,1,?,'started','lost',?,?,?,?)",
                      (run, cid, nonce, hashlib.sha256(session.encode()).hexdigest(), now, now, now))
        gw.db.execute("UPDATE container SET state = 'running', run_id = ?, started_at = ? WHERE id = ?", (run, now, cid))
        proof = hmac.new(b"t", ("%s:%s" % (nonce, session)).encode(), "sha256").hexdigest()
        lines.append("/.agent/connect?run=%s Sockerless session=%s, proof=%s\n" % (run, session, proof) if through_nginx
                     else "/.gateway/agent/%s -\n" % run)
    gw.db.execute("COMMIT")
    return lines, cid


class Gateway(gateway_harness.Gateway):
    """Its log goes to a file: it has a line for each cut connection."""

    def start(self):
        stderr = os.dup(2)
        log = os.open(self.dir + "/log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(log, 2)
        os.close(log)
        try:
            super().start()
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


class Front:
    """nginx and workers in front of a gateway."""

    def __init__(self, gw):
        h = nginx_harness()
        run = pathlib.Path(gw.dir)
        run.chmod(0o755)
        (run / "docker").mkdir()
        (run / "nginx").mkdir()
        h.make_certificates(run)
        self.port = h.free_port()
        subprocess.run(["sh", TOP / "nginx/render", run / "conf", f"RUN_DIR={run}", f"STATE_DIR={run}",
                        f"MODULE={BUILD}/nginx/ngx_http_tunnel_module.so", f"CA_FILE={run}/ca.pem", f"CERT_FILE={run}/server.pem",
                        f"KEY_FILE={run}/server.key", f"TLS_PORT={h.free_port()}", f"CALLBACK_PORT={self.port}",
                        f"ROUTES={BUILD}/nginx/routes.conf"], check=True)
        env = dict(os.environ, SOCKERLESS_STATE_DIR=gw.dir, SOCKERLESS_RUN_DIR=gw.dir, SOCKERLESS_SETTINGS="/dev/null")
        self.workers = subprocess.Popen(["spawn-fcgi", "-n", "-s", str(run / "api.sock"), "-b", "4096", "--", "/usr/bin/multiwatch",
                                         "-s", "TERM", "-f", "4", "--", str(BUILD / "sockerless-worker")], env=env, stdin=subprocess.DEVNULL)
        self.nginx = subprocess.Popen(["nginx", "-e", "stderr", "-c", str(run / "conf/nginx.conf")])
        h.wait_until(lambda: h.accepts(2, ("127.0.0.1", self.port)), what="nginx")

    def pids(self):
        return [self.nginx.pid, *children(self.nginx.pid)]

    def close(self):
        for p in (self.nginx, self.workers):
            p.terminate()
            p.wait(20)


def wait_line(agents, word):
    while True:
        line = agents.stdout.readline()
        assert line, "the agents ended"
        if word in line:
            return line.strip()


def measure(gw, front, lag, count, lines, jitter, empty, probe):
    base, front_base = pss(gw.process.pid), pss(*front.pids()) if front else 0
    agents = subprocess.Popen([BUILD / "tests/load/agents", str(front.port) if front else gw.sock, str(jitter)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              env={k: v for k, v in os.environ.items() if k != "LD_PRELOAD"})
    try:
        lag.show("recovering %d runs" % count)
        agents.stdin.write("".join(lines))
        agents.stdin.close()
        print("  " + wait_line(agents, "up"))
        lag.show("while they came")
        probe.show()
        time.sleep(22)
        now = pss(gw.process.pid)
        print("  gateway %.1f MB empty, %.1f MB with the runs, %.1f MB with their agents: %.1f KB each, %.1f KB with its run" % (
            empty / 1e6, base / 1e6, now / 1e6, (now - base) / count / 1000, (now - empty) / count / 1000))
        if front:
            now = pss(*front.pids())
            print("  nginx   %.1f MB, then %.1f MB: %.1f KB each" % (front_base / 1e6, now / 1e6, (now - front_base) / count / 1000))
        lag.show("idle, with pings")
        probe.show()
        gw.kill()
        begun = time.perf_counter()
        gw.start()
        print("  killed; the new gateway listens after %.3f s" % (time.perf_counter() - begun))
        print("  all back: " + wait_line(agents, "up"))
        lag.show("start and their return")
        probe.show()
    finally:
        agents.kill()
        agents.wait()


def main():
    count, through_nginx = int(sys.argv[1]), "nginx" in sys.argv
    jitter = int(sys.argv[-1]) if len(sys.argv) > 2 and sys.argv[-1].isdigit() else 1000
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    gw = Gateway()
    front = None
    try:
        empty = pss(gw.process.pid)
        gw.kill()
        lines, cid = insert(gw, count, through_nginx)
        lag = Lag(pathlib.Path(gw.dir) / "lag")
        os.environ.update(LD_PRELOAD=str(BUILD / "tests/load/loop_lag.so"), LOOP_LAG=str(lag.path))
        gw.start()
        del os.environ["LD_PRELOAD"]
        front = Front(gw) if through_nginx else None
        time.sleep(2)
        print("%d agents %s, redialling within %d ms" % (count, "through nginx" if front else "at the gateway's socket", jitter), flush=True)
        os.environ["LD_PRELOAD"] = str(BUILD / "tests/load/loop_lag.so")
        measure(gw, front, lag, count, lines, jitter, empty, Probe(gw, cid))
    finally:
        os.environ.pop("LD_PRELOAD", None)
        if front:
            front.close()
        gw.close()


main()
