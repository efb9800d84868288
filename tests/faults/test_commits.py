"""The database at each commit. While a container goes through its life a reader's snapshot keeps the WAL from being
taken in, so that afterwards the database file and each prefix of the WAL that ends with a commit are what a crash
right after that commit would have left. Each is opened again, checked, and brought in order by a gateway and a
reconciler of its own, which find the functions that had been made until then."""
import collections
import http.server
import json
import shutil
import sqlite3
import struct
import subprocess
import threading
import urllib.parse

from conftest import Background, wait_until

SETTLED = """SELECT (SELECT count(*) FROM intent WHERE done_at IS NULL) + (SELECT count(*) FROM run WHERE phase <> 'ended')
             + (SELECT count(*) FROM container WHERE state NOT IN ('created', 'exited', 'creating', 'removing'))
             + (SELECT count(*) FROM exec WHERE state IN ('starting', 'running'))"""
STATE = """SELECT group_concat(x) FROM (SELECT state AS x FROM container UNION ALL SELECT phase || agent FROM run WHERE phase <> 'ended'
           UNION ALL SELECT DISTINCT state FROM exec UNION ALL SELECT verb FROM intent WHERE done_at IS NULL)"""


def commits(wal):
    """Where each commit ends in these bytes of a WAL."""
    page, = struct.unpack(">I", wal[8:12])
    salt, at, ends = wal[16:24], 32, []
    while at + 24 + page <= len(wal) and wal[at + 8:at + 16] == salt:
        size, = struct.unpack(">I", wal[at + 4:at + 8])
        at += 24 + page
        if size:
            ends.append(at)
    return ends


class PastLambda(http.server.ThreadingHTTPServer):
    """What AWS would say to those who come after the crash: functions exist, nothing runs. The real one can't go back in time."""
    daemon_threads = True

    def __init__(self, ids):
        self.ids = {"skls-" + i[:12]: i for i in ids}
        super().__init__(("127.0.0.1", 0), PastHandler)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


class PastHandler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def reply(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        name, ids = path.rsplit("/", 1)[1].rsplit(":", 1)[-1], self.server.ids
        if path.startswith("/2017-03-31/tags/"):
            self.reply(200, {"Tags": {"sockerless-container": ids[name]}})
        elif name in ("", "functions"):
            self.reply(200, {"Functions": [{"FunctionName": n, "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:" + n,
                                            "Description": "sockerless quickstart " + i} for n, i in list(ids.items())]})
        else:
            self.reply(200, {"Configuration": {"FunctionName": name, "State": "Active", "LastUpdateStatus": "Successful"}})

    def do_DELETE(self):
        self.server.ids.pop(self.path.rsplit("/", 1)[1], None)
        self.send_response(204)
        self.end_headers()

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if "invocations" in self.path:
            self.connection.recv(1)
        else:
            self.reply(400, {"__type": "ResourceNotFoundException", "message": "The specified log stream does not exist."})


def live(docker):
    """A container's life, and another one's that ends by itself."""
    docker.ok("create", "--name", "one", "busybox", "sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.1; done")
    docker.ok("start", "one")
    docker.ok("exec", "one", "echo", "here")
    docker.ok("rename", "one", "two")
    docker.ok("pause", "two")
    docker.ok("unpause", "two")
    docker.ok("kill", "-s", "USR1", "two")
    docker.docker("stop", "-t", "1", "two")
    docker.ok("start", "two")
    docker.ok("restart", "-t", "1", "two")
    docker.ok("rm", "-f", "two")
    docker.docker("run", "--rm", "busybox", "sh", "-c", "exit 3", check=3)
    wait_until(lambda: docker.sql("SELECT count(*) FROM container") == "0", 30, "the end of rows")


def record(docker):
    """Directories, each with the database as one commit left it, and the ids of all containers."""
    source = docker.state / "db" / "sockerless.db"
    place = docker.root / "commits"
    reader = sqlite3.connect(source, isolation_level=None, timeout=20)
    # Retried while a writer is at it.
    wait_until(lambda: reader.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0), 20, "an empty WAL")
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM container").fetchone()
    base = source.read_bytes()
    try:
        live(docker)
        assert source.read_bytes() == base, "the WAL was taken in"
        wal = source.with_name("sockerless.db-wal").read_bytes()
        ids = docker.sql("SELECT DISTINCT actor_id FROM event WHERE type = 'container'").split()
    finally:
        reader.execute("ROLLBACK")
        reader.close()
    copies = []
    for n, end in enumerate(commits(wal)):
        copies.append(place / str(n))
        copies[-1].mkdir(parents=True)
        (copies[-1] / "sockerless.db").write_bytes(base)
        (copies[-1] / "sockerless.db-wal").write_bytes(wal[:end])
    return copies, ids


def opened(copy):
    db = sqlite3.connect(copy / "sockerless.db", isolation_level=None, timeout=20)
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    return db


def settle(docker, copy, ids):
    """A gateway and a reconciler start upon it; afterwards nothing is on its way."""
    db, past = opened(copy), PastLambda(ids)
    # No function is waited for as long as it could run.
    db.execute("UPDATE container SET timeout = 1")
    env = {k: v for k, v in docker.env.items() if not k.startswith(("SOCKERLESS_", "AWS_"))}
    env.update(SOCKERLESS_SETTINGS="/dev/null", SOCKERLESS_STATE_DIR=str(copy), SOCKERLESS_RUN_DIR=str(copy), SOCKERLESS_DEPLOYMENT="quickstart",
               SOCKERLESS_AGENT_CALLBACK_URL="http://127.0.0.1:9", SOCKERLESS_AGENT_TIMEOUT="1", SOCKERLESS_LOST_TIMEOUT="1", SOCKERLESS_CREATING_TIMEOUT="0",
               AWS_ENDPOINT_URL="http://127.0.0.1:%d" % past.server_address[1], AWS_REGION="us-east-1", AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b")
    programs = docker.state / "install" / "sbin"
    with open(copy / "log", "w") as log:
        gateway = subprocess.Popen([programs / "sockerless-gateway"], env=env, stderr=log, stdin=subprocess.DEVNULL)
        try:
            wait_until(lambda: db.execute(SETTLED).fetchone() == (0,), 30, "nothing on its way")
            subprocess.run([programs / "sockerlessctl", "reconcile", "--once"], env=env, stderr=log, check=True, timeout=30)
            left = db.execute("SELECT function_name, state FROM container").fetchall()
            assert all(state in ("created", "exited") for _, state in left), left
            assert set(past.ids) == {name for name, _ in left}
            assert db.execute(SETTLED).fetchone() == (0,)
        finally:
            gateway.terminate()
            assert gateway.wait(20) == 0
            past.shutdown()
            past.server_close()
            db.close()


def test_each_commit(docker):
    copies, ids = record(docker)
    # What every commit left is checked; of those that left the same states one is taken up again.
    kinds = collections.OrderedDict()
    for copy in copies:
        db = opened(copy)
        kinds.setdefault(db.execute(STATE).fetchone()[0], copy)
        db.close()
    print("%d commits, %d different" % (len(copies), len(kinds)))
    assert len(copies) > 30 and len(kinds) > 15
    for batch in [list(kinds.values())[n:n + 12] for n in range(0, len(kinds), 12)]:
        running = [Background(settle, docker, copy, ids) for copy in batch]
        for copy, b in zip(batch, running):
            b.join(90)
            assert not b.error and not b.is_alive(), (copy, b.error, (copy / "log").read_text()[-2000:])
    shutil.rmtree(docker.root / "commits")
