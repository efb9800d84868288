"""Starts a worker on a socket of its own with a fresh store; containers are put into it by SQL."""
import glob
import json
import os
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time

import pytest

import fastcgi
from support import places
from support.waiting import wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = str(places.TOP)
BUILD = str(places.BUILD)
NOW = time.time_ns()


def migrate(path):
    """What sockerlessctl migrate does."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode=WAL")
    files = sorted(glob.glob(os.path.join(SOURCE, "sql", "[0-9]*.sql")))
    for file in files:
        db.executescript(open(file).read())
        db.execute("PRAGMA user_version=%d" % int(os.path.basename(file)[:4]))
    db.commit()
    return db


class Worker:
    def __init__(self, directory):
        self.directory = directory
        self.socket = os.path.join(directory, "api.sock")
        self.db = migrate(os.path.join(directory, "sockerless.db"))
        self.db.isolation_level = None
        self.db.execute("PRAGMA foreign_keys=ON")
        self.db.execute("INSERT INTO tenant VALUES ('other', 0)")
        self.hints = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.hints.bind(os.path.join(directory, "gateway.hint"))
        self.hints.settimeout(10)
        self.log = open(os.path.join(directory, "log"), "w+")
        self.environment = dict(os.environ, SOCKERLESS_STATE_DIR=directory, SOCKERLESS_RUN_DIR=directory, SOCKERLESS_SETTINGS="/dev/null")
        self.start()

    def start(self):
        self.process = subprocess.Popen([os.path.join(BUILD, "sockerless-worker"), "--socket", self.socket],
                                        env=self.environment, stdin=subprocess.DEVNULL, stderr=self.log)
        wait_until(self.is_up, what="the worker's socket")

    def is_up(self):
        assert self.process.poll() is None, "the worker ended: " + open(self.log.name).read()
        try:
            fastcgi.Connection(self.socket).close()
            return True
        except OSError:
            return False

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)

    def request(self, method, uri, body=None, tenant="local", headers=None, params=None):
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        return fastcgi.request(self.socket, method, uri, body or b"", tenant, headers, params)

    def get(self, uri, **more):
        return self.request("GET", uri, **more)

    def post(self, uri, body=None, **more):
        return self.request("POST", uri, body, **more)

    def container(self, name, state="running", tenant="local", id=None, **columns):
        id = id or os.urandom(32).hex()
        config = {"Hostname": id[:12], "Domainname": "", "User": "", "AttachStdin": False, "AttachStdout": False,
                  "AttachStderr": False, "Tty": False, "OpenStdin": False, "StdinOnce": False, "Env": ["PATH=/bin"],
                  "Cmd": ["sleep", "300"], "Image": "busybox:latest", "Volumes": None, "WorkingDir": "", "Entrypoint": None,
                  "OnBuild": None, "Labels": {}}
        config.update(columns.pop("config", {}))
        row = {"id": id, "tenant": tenant, "name": name, "function_name": "skls-" + id[:12], "state": state, "state_since": NOW,
               "image_reference": "busybox:latest", "image_id": "sha256:" + "1" * 64, "image_uri": "r/x@sha256:0",
               "config": json.dumps(config), "host_config": json.dumps({"NetworkMode": "default", "Memory": 0}),
               "networking": "{}", "spec": json.dumps({"args": config["Cmd"]}), "token": "secret-" + id[:8], "timeout": 900,
               "auto_remove": 0, "tty": 0, "open_stdin": 0, "stdin_once": 0, "created_at": NOW}
        if state in ("running", "exited"):
            row.update(started_at=NOW, run_id=os.urandom(16).hex())
        if state == "exited":
            row.update(finished_at=NOW)
        row.update(columns)
        self.db.execute("INSERT INTO container (%s) VALUES (%s)" % (",".join(row), ",".join("?" * len(row))), list(row.values()))
        return id

    def run(self, container, phase="invoke_sent", **columns):
        row = {"id": os.urandom(16).hex(), "tenant": "local", "container_id": container, "number": 1, "nonce": os.urandom(32).hex(),
               "phase": phase, "prepared_at": NOW}
        row.update(columns)
        self.db.execute("INSERT INTO run (%s) VALUES (%s)" % (",".join(row), ",".join("?" * len(row))), list(row.values()))
        return row

    def rows(self, sql, *values):
        return self.db.execute(sql, values).fetchall()

    def hint_came(self):
        """One hint waits; takes it."""
        try:
            self.hints.recv(1)
            return True
        except socket.timeout:
            return False


@pytest.fixture(scope="session")
def worker_process():
    with tempfile.TemporaryDirectory() as directory:
        w = Worker(directory)
        yield w
        if w.process.poll() is None:
            code = w.stop()
            assert code == 0, "the worker ended with %s:\n%s" % (code, open(w.log.name).read())
        text = open(w.log.name).read()
        assert "runtime error" not in text and "AddressSanitizer" not in text, text


@pytest.fixture
def worker(worker_process):
    for table in ("intent", "exec", "run", "container", "image_reference", "image", "volume", "network WHERE NOT predefined", "event"):
        worker_process.db.execute("DELETE FROM " + table)
    return worker_process
