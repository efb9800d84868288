import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

import gateway as gw
from support.places import BUILD

UID = 64123  # no account's
STATIC = str(BUILD / "sockerless-agent")
SANITIZED = str(BUILD / "sockerless-agent-sanitized")
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Agent:
    def __init__(self, binary=None, env=None, tls=None, root=None):
        self.api = gw.RuntimeApi()
        self.gateway = gw.Gateway(tls)
        self.token = secrets.token_hex(32)
        self.container = secrets.token_hex(32)
        self.dir = tempfile.mkdtemp(prefix="sockerless-agent-")
        self.tmp = os.path.join(self.dir, "tmp")
        os.mkdir(self.tmp)
        self.log = open(os.path.join(self.dir, "log"), "w+b")
        self.stdout = open(os.path.join(self.dir, "stdout"), "w+b")
        self.binary = binary or (SANITIZED if os.path.exists(SANITIZED) else STATIC)
        run_copy = os.path.join(root or self.dir, "agent")
        shutil.copy(self.binary, run_copy)
        self.env = {
            "AWS_LAMBDA_RUNTIME_API": self.api.address, "SOCKERLESS_CONTAINER_ID": self.container,
            "SOCKERLESS_AGENT_TOKEN": self.token, "SOCKERLESS_AGENT_TMP": self.tmp,
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]abc", "AWS_SECRET_ACCESS_KEY": "aws-secret",
            "AWS_ACCESS_KEY_ID": "aws-key", "AWS_SESSION_TOKEN": "aws-session", "ASAN_OPTIONS": "detect_leaks=0",
            **(env or {}),
        }
        os.chmod(self.dir, 0o755)
        user = {}
        if os.getuid() == 0:
            user = {"user": UID, "group": UID, "extra_groups": []}
            os.chown(self.tmp, UID, UID)
        command = [run_copy, "ignored", "arguments"]
        if root:
            user = {}
            command = ["/usr/sbin/chroot", "--userspec=%d:%d" % (UID, UID), root, "/agent"]
        self.process = subprocess.Popen(command, env=self.env, stderr=self.log, stdin=subprocess.DEVNULL,
                                        stdout=self.stdout, cwd=self.tmp, **user)
        self.nonce = None

    def invoke(self, args, deadline=60, callback=None, **spec):
        self.run_id = secrets.token_hex(16)
        self.nonce = secrets.token_hex(32)
        self.request_id = secrets.token_hex(8)
        payload = {
            "version": 1, "container": self.container, "run": self.run_id, "nonce": self.nonce,
            "callback": callback or self.gateway.url(),
            "spec": {"args": args, "env": [PATH], "cwd": "/", "user": "", "hostname": "h", "tty": False, "open_stdin": False,
                     "stdin_once": False, "init": False, "stop_signal": 15, "height": 0, "width": 0, **spec},
        }
        deadline_ms = int((time.time() + deadline) * 1000) if deadline else 0
        self.api.invocations.put((self.request_id, json.dumps(payload).encode(), deadline_ms))

    def connect(self, out=0, err=0):
        """A connection that has said hello and got its spec."""
        conn = self.gateway.connection()
        gw.check_authorization(conn.head, self.token, self.nonce)
        conn.hello = conn.expect(gw.HELLO).json()
        assert conn.hello["run"] == self.run_id
        conn.send(gw.SPEC, 0, {"stdout": out, "stderr": err})
        return conn

    def start(self, args, **spec):
        self.invoke(args, **spec)
        conn = self.connect()
        assert conn.hello["state"] == "waiting"
        conn.started = conn.expect(gw.STARTED, 1).json()
        return conn

    def answer(self, timeout=gw.TIMEOUT):
        path, body = self.api.answers.get(timeout=timeout)
        assert path == "/2018-06-01/runtime/invocation/%s/response" % self.request_id
        assert body["run"] == self.run_id
        return body

    def rss(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS"))

    def mirrored(self):
        with open(self.stdout.name, "rb") as f:
            return f.read()

    def logged(self):
        self.log.flush()
        with open(self.log.name, errors="replace") as f:
            return f.read()

    def close(self):
        early = self.process.poll()
        if early is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.gateway.close()
        self.api.close()
        text = self.logged()
        print(text)  # shown with a test that failed
        self.log.close()
        self.stdout.close()
        shutil.rmtree(self.dir)
        assert early is None, "the agent ended by itself: %s\n%s" % (early, text)
        assert "Sanitizer" not in text and "runtime error" not in text, text


class Output:
    """Collects the main process's output, checks that it has no gap, acknowledges it."""

    def __init__(self, conn, acknowledge=True):
        self.conn = conn
        self.acknowledge = acknowledge
        self.data = {1: bytearray(), 2: bytearray()}
        self.ends = set()
        self.times = []
        self.exit = None

    def take(self, message):
        if message.type == gw.DATA and message.stream == 1:
            offset, stamp = int.from_bytes(message.payload[:8], "big"), int.from_bytes(message.payload[8:16], "big")
            assert offset == len(self.data[message.channel]), "a gap or a repetition"
            assert len(message.payload) > 16 and message.channel not in self.ends
            self.data[message.channel] += message.payload[16:]
            self.times.append(stamp)
            if self.acknowledge:
                self.conn.ack(message.channel, len(self.data[message.channel]))
        elif message.type == gw.END and message.stream == 1:
            assert message.channel not in self.ends
            self.ends.add(message.channel)
        elif message.type == gw.EXIT and message.stream == 1:
            assert self.ends == {1, 2}
            self.exit = message.json()
            assert (self.exit["stdout"], self.exit["stderr"]) == (len(self.data[1]), len(self.data[2]))

    def until(self, condition, timeout=gw.TIMEOUT):
        while not condition(self):
            message = self.conn.get(timeout)
            assert message is not None, "the connection ended"
            self.take(message)
        return self

    def until_exit(self, timeout=gw.TIMEOUT):
        return self.until(lambda o: o.exit, timeout)


@pytest.fixture
def make_agent():
    made = []

    def make(*args, **kwargs):
        made.append(Agent(*args, **kwargs))
        return made[-1]

    yield make
    for agent in made:
        agent.close()


@pytest.fixture
def agent(make_agent):
    return make_agent()
