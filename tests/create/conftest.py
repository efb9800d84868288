"""A worker, a real registry and a stand-in for AWS's control planes, started for each module on sockets of their own."""
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "api")]
import fastcgi  # noqa: E402
from aws import Aws  # noqa: E402
from registry import Registry  # noqa: E402
from support import places  # noqa: E402
from support.waiting import wait_until  # noqa: E402

BUILD = str(places.BUILD)
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Service:
    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="sockerless-create-")
        self.registry = Registry()
        self.aws = Aws(self.registry.address)
        agent = os.path.join(self.directory, "agent")
        with open(agent, "wb") as f:
            f.write(b"\x7fELF the agent")
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SOCKERLESS_"))}
        self.environment.update(
            SOCKERLESS_STATE_DIR=self.directory, SOCKERLESS_RUN_DIR=self.directory, SOCKERLESS_SETTINGS="/dev/null", SOCKERLESS_AGENT_PATH=agent,
            SOCKERLESS_AGENT_CALLBACK_URL="http://192.0.2.1:2377", SOCKERLESS_LAMBDA_ROLE_ARN="arn:aws:iam::000000000000:role/r",
            SOCKERLESS_DEPLOYMENT="testing", SOCKERLESS_DOCKER_IO_ENDPOINT="http://" + self.registry.address,
            AWS_ENDPOINT_URL=self.aws.endpoint, AWS_ACCESS_KEY_ID="k", AWS_SECRET_ACCESS_KEY="s", AWS_REGION="us-east-1", AWS_EC2_METADATA_DISABLED="true")
        assert self.ctl("migrate").returncode == 0
        self.db = sqlite3.connect(os.path.join(self.directory, "sockerless.db"), isolation_level=None)
        self.db.execute("INSERT INTO tenant VALUES ('other', 0)")
        self.socket = os.path.join(self.directory, "control.sock")
        self.log = open(os.path.join(self.directory, "log"), "w+")
        self.start()

    def start(self):
        self.process = subprocess.Popen([os.path.join(BUILD, "sockerless-worker"), "--socket", self.socket], env=self.environment,
                                        stdin=subprocess.DEVNULL, stderr=self.log)
        wait_until(self.is_up, what="the worker's socket")

    def is_up(self):
        assert self.process.poll() is None, open(self.log.name).read()
        try:
            fastcgi.Connection(self.socket).close()
            return True
        except OSError:
            return False

    def restart(self, **more):
        """The worker with more settings."""
        self.environment.update(more)
        self.process.terminate()
        assert self.process.wait(20) == 0
        self.start()

    def ctl(self, *arguments, **more):
        return subprocess.run([os.path.join(BUILD, "sockerlessctl"), *arguments], env=dict(self.environment, **more), capture_output=True, text=True, timeout=60)

    @contextlib.contextmanager
    def second(self):
        """The socket of one more worker."""
        path = os.path.join(self.directory, "second.sock")
        worker = subprocess.Popen([os.path.join(BUILD, "sockerless-worker"), "--socket", path], env=self.environment, stdin=subprocess.DEVNULL, stderr=self.log)
        try:
            wait_until(lambda: os.path.exists(path), what="the second worker's socket")
            yield path
        finally:
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(20) == 0
            os.path.exists(path) and os.unlink(path)

    def call(self, method, uri, body=b"", tenant="local", headers=None, version="/v1.43", socket=None):
        headers = dict(headers or {})
        if isinstance(body, dict):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        reply = fastcgi.request(socket or self.socket, method, version + uri, body, tenant, headers)
        try:
            reply.json = json.loads(reply.body) if reply.body else None
        except ValueError:
            reply.json = None
        return reply

    def lines(self, reply):
        return [json.loads(line) for line in reply.body.decode().splitlines() if line]

    def pull(self, name, tag="latest", tenant="local"):
        reply = self.call("POST", "/images/create?fromImage=%s&tag=%s" % (name, tag), tenant=tenant, headers={"X-Registry-Auth": "e30="})
        assert reply.status == 200, reply.body
        return self.lines(reply)

    def events(self, kind):
        return [(a, i, json.loads(t)) for a, i, t in self.db.execute("SELECT action, actor_id, attributes FROM event WHERE type = ? ORDER BY seq", (kind,))]

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(20)
        finally:
            self.process.kill()
        self.aws.close()
        self.registry.close()
        self.db.close()
        self.log.flush()
        text = open(self.log.name).read()
        shutil.rmtree(self.directory)
        assert code == 0 and "Sanitizer" not in text, text


@pytest.fixture(scope="module")
def service():
    s = Service()
    try:
        s.busybox, s.manifest, size = s.registry.push("library/busybox", "1.35", {"bin/sh": b"#!"}, {"Env": [PATH], "Cmd": ["sh"]})
        arm = s.registry.push("library/busybox", "arm", {"bin/sh": b"#!arm"}, architecture="arm64")
        s.index = s.registry.push_index("library/busybox", "latest", {"amd64": (s.manifest, size), "arm64": arm[1:]})
    except Exception:
        s.close()
        raise
    yield s
    s.aws.fail.clear()
    s.close()
