"""The gateway program on a directory of its own, rows as a worker would insert them, and clients of its socket."""
import json
import os
import secrets
import signal
import socket
import sqlite3
import struct
import subprocess
import tempfile
import shutil
import time

from fake_agent import Agent, Refused
from fake_lambda import FakeLambda
from support import places
from support.waiting import wait_until as until

BUILD = str(places.BUILD)


class Client:
    """A connection to gateway.sock as nginx would make it."""

    def __init__(self, path, target, upgrade=True, timeout=10, body=b""):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        self.sock.connect(path)
        self.buf = b""
        head = "GET %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % (target, len(body))
        if upgrade:
            head += "Connection: Upgrade\r\nUpgrade: tcp\r\n"
        self.sock.sendall(head.encode() + b"\r\n" + body)

    def head(self):
        while b"\r\n\r\n" not in self.buf:
            more = self.sock.recv(65536)
            assert more, self.buf
            self.buf += more
        head, self.buf = self.buf.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        self.headers = dict(l.split(": ", 1) for l in lines[1:])
        self.status = int(lines[0].split()[1])
        self.status_line = lines[0]
        return self.status

    def read(self, n):
        while len(self.buf) < n:
            more = self.sock.recv(65536)
            assert more, "closed after %r" % self.buf[:200]
            self.buf += more
        data, self.buf = self.buf[:n], self.buf[n:]
        return data

    def rest(self):
        parts, self.buf = [self.buf], b""
        while True:
            more = self.sock.recv(262144)
            if not more:
                return b"".join(parts)
            parts.append(more)

    def chunk(self):
        """The next chunk's data; b"" at the end."""
        while b"\r\n" not in self.buf:
            more = self.sock.recv(65536)
            assert more, "closed in the middle: %r" % self.buf[:200]
            self.buf += more
        size, self.buf = self.buf.split(b"\r\n", 1)
        data = self.read(int(size, 16) + 2)
        return data[:-2]

    def body(self):
        parts = []
        if self.headers.get("Transfer-Encoding") == "chunked":
            while True:
                c = self.chunk()
                if not c:
                    return b"".join(parts)
                parts.append(c)
        return self.rest()

    def frame(self):
        head = self.read(8)
        return head[0], self.read(struct.unpack(">I", head[4:])[0])

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()


def frames(data):
    out, at = {1: [], 2: []}, 0
    while at < len(data):
        n = struct.unpack(">I", data[at + 4:at + 8])[0]
        out[data[at]].append(data[at + 8:at + 8 + n])
        at += 8 + n
    return {k: b"".join(v) for k, v in out.items()}


class Gateway:
    def __init__(self, **settings):
        self.dir = tempfile.mkdtemp(prefix="gw.")
        self.lam = FakeLambda()
        self.sock = self.dir + "/gateway.sock"
        self.settings = settings
        self.process = None
        subprocess.run([BUILD + "/tests/gateway/migrate", self.dir], check=True)
        self.db = sqlite3.connect(self.dir + "/sockerless.db", isolation_level=None, timeout=10)
        self.start()

    def start(self):
        env = dict(os.environ, SOCKERLESS_STATE_DIR=self.dir, SOCKERLESS_RUN_DIR=self.dir, SOCKERLESS_SETTINGS="/dev/null",
                   AWS_ENDPOINT_URL=self.lam.url, AWS_REGION="eu-west-1", AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b",
                   SOCKERLESS_AGENT_CALLBACK_URL="http://callback.test", ASAN_OPTIONS="detect_leaks=0:quarantine_size_mb=2:thread_local_quarantine_size_kb=64")
        env.update({k: str(v) for k, v in self.settings.items()})
        self.process = subprocess.Popen([BUILD + "/sockerless-gateway"], env=env)
        until(self.alive)

    def alive(self):
        assert self.process.poll() is None, "the gateway ended: %s" % self.process.returncode
        try:
            s = socket.socket(socket.AF_UNIX)
            s.connect(self.sock)
            s.close()
            return True
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(10) == 0

    def close(self):
        try:
            if self.process.poll() is None:
                self.stop()
            else:
                assert self.process.returncode == -signal.SIGKILL, "the gateway ended: %s" % self.process.returncode
        finally:
            if self.process.poll() is None:
                self.kill()
            self.db.close()
            self.lam.close()
            shutil.rmtree(self.dir)

    def container(self, tty=False, stdin=False, stdin_once=False, auto_remove=False, timeout=900, labels=None, name=None):
        cid = secrets.token_hex(32)
        spec = {"args": ["sh"], "env": ["PATH=/bin"], "cwd": "/work", "user": "", "hostname": cid[:12], "tty": tty,
                "open_stdin": stdin, "stdin_once": stdin_once, "init": False, "stop_signal": 15, "height": 0, "width": 0}
        self.db.execute(
            "INSERT INTO container (id, tenant, name, function_name, state, state_since, image_reference, image_id, image_uri,"
            " config, host_config, networking, spec, token, timeout, auto_remove, tty, open_stdin, stdin_once, created_at)"
            " VALUES (?,'local',?,?,'created',0,'busybox','sha256:x','x',?,'{}','{}',?,'t',?,?,?,?,?,0)".replace("'{}',?", "'{}',?"),
            (cid, name or "n" + cid[:8], "skls-" + cid[:12], json.dumps({"Labels": labels or {}}), json.dumps(spec), timeout,
             auto_remove, tty, stdin, stdin_once))
        return cid

    def intent(self, cid, verb, **args):
        cur = self.db.execute("INSERT INTO intent (tenant, container_id, verb, args, created_at) VALUES ('local',?,?,?,0)",
                              (cid, verb, json.dumps(args)))
        seq = cur.lastrowid
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.sendto(b"", self.dir + "/gateway.hint")
        s.close()
        return seq

    def ask(self, cid, verb, **args):
        """The intent and the client that waits for its answer."""
        return self.get("http/intent/%s?api=1.43&seq=%d" % (cid, self.intent(cid, verb, **args)))

    def get(self, path, **kw):
        return Client(self.sock, "/.gateway/" + path, upgrade=kw.pop("upgrade", False), **kw)

    def attach(self, cid, args="stream=1&stdout=1&stderr=1", upgrade=True):
        c = Client(self.sock, "/.gateway/tunnel/attach/%s?api=1.43&%s" % (cid, args), upgrade=upgrade)
        assert c.head() == (101 if upgrade else 200)
        return c

    def agent(self, run):
        """As an agent does, tries again while the gateway is starting."""
        while True:
            try:
                return Agent(self.sock, run)
            except Refused as e:
                if e.status != 503:
                    raise
                time.sleep(0.02)

    def row(self, sql, *args):
        return self.db.execute(sql, args).fetchone()

    def state(self, cid):
        return self.row("SELECT state FROM container WHERE id = ?", cid)[0]

    def begin(self, cid):
        """Start up to the running process: the agent, the client of the start, the invocation."""
        client = self.ask(cid, "start")
        inv = self.lam.invocation()
        agent = self.agent(inv.payload["run"])
        agent.inv = inv
        assert agent.hello() == {"stdout": 0, "stderr": 0}
        agent.started()
        agent.window()
        assert client.head() == 204
        return agent

    def exec(self, cid, args, tty=False, stdin=False):
        eid = secrets.token_hex(32)
        run = self.row("SELECT run_id FROM container WHERE id = ?", cid)[0]
        self.db.execute("INSERT INTO exec (id, tenant, container_id, run_id, config, state, created_at) VALUES (?,'local',?,?,?,'created',0)",
                        (eid, cid, run, json.dumps({"Cmd": args, "Tty": tty, "AttachStdin": stdin, "Env": ["A=b"]})))
        return eid

    def events(self, cid):
        return [r[0] for r in self.db.execute("SELECT action FROM event WHERE actor_id = ? ORDER BY seq", (cid,))]
