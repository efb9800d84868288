import os
import signal
import socket
import subprocess
import time

from conftest import BUILD
from support.waiting import wait_until


def make(s, name):
    s.pull("busybox")
    reply = s.call("POST", "/containers/create?name=" + name, {"Image": "busybox"})
    assert reply.status == 201, reply.body
    return reply.json["Id"]


def remove(s, container):
    s.db.execute("UPDATE container SET state = 'removing', name = NULL WHERE id = ?", (container,))


def gone(s, container):
    return s.db.execute("SELECT 1 FROM container WHERE id = ?", (container,)).fetchone() is None


def test_removing(service):
    s = service
    container = make(s, "one")
    spool = os.path.join(s.directory, "spool", container)
    os.makedirs(spool)
    open(os.path.join(spool, "00000001"), "w").close()
    remove(s, container)
    s.aws.fail["DeleteFunction"] = (500, "ServiceException", "broken")
    assert s.ctl("reconcile", "--once").returncode == 1
    assert not gone(s, container) and os.path.exists(spool)
    s.aws.fail.clear()
    result = s.ctl("reconcile", "--once")
    assert result.returncode == 0, result.stderr
    assert gone(s, container) and "skls-" + container[:12] not in s.aws.functions
    assert os.path.exists(spool), "a client may still read it"


def test_spool(service):
    """What a gateway that died left behind goes; what a row owns or what is young stays."""
    s = service
    owner, orphan, young, other = make(s, "spooled"), "ab" * 32, "cd" * 32, "notes"
    for name in (owner, orphan, young, other):
        directory = os.path.join(s.directory, "spool", name)
        os.makedirs(directory)
        open(os.path.join(directory, "00000001"), "w").close()
        if name != young:
            os.utime(directory, (0, 0))
    assert s.ctl("reconcile", "--once").returncode == 0
    left = os.listdir(os.path.join(s.directory, "spool"))
    assert {owner, young, other} <= set(left) and orphan not in left


def test_index(service):
    """Indexes of layers go a month after their last use, torn ones sooner."""
    directory = os.path.join(service.directory, "index")
    os.makedirs(directory, exist_ok=True)
    made = {"ab" * 32: 31 * 86400, "cd" * 32: 29 * 86400, "ef" * 32 + ".0123.new": 7 * 3600, "12" * 32 + ".0123.new": 3600, "notes": 99 * 86400}
    for name, age in made.items():
        open(os.path.join(directory, name), "w").close()
        os.utime(os.path.join(directory, name), (time.time() - age,) * 2)
    assert service.ctl("reconcile", "--once").returncode == 0
    assert set(made) & set(os.listdir(directory)) == {"cd" * 32, "12" * 32 + ".0123.new", "notes"}


def test_partial(service):
    """What a pull left goes a day after its last byte."""
    directory = os.path.join(service.directory, "partial")
    os.makedirs(directory, exist_ok=True)
    made = {"local." + "ab" * 32: 25, "other." + "cd" * 32: 23, "notes": 99, "local.txt": 99}
    for name, hours in made.items():
        open(os.path.join(directory, name), "w").close()
        os.utime(os.path.join(directory, name), (time.time() - hours * 3600,) * 2)
    assert service.ctl("reconcile", "--once").returncode == 0
    assert set(os.listdir(directory)) == set(made) - {"local." + "ab" * 32}


def test_stale_creating(service):
    s = service
    container = make(s, "two")
    s.db.execute("UPDATE container SET state = 'creating' WHERE id = ?", (container,))
    assert s.ctl("reconcile", "--once").returncode == 0
    assert not gone(s, container)
    s.db.execute("UPDATE container SET state_since = state_since - 130 * 1000000000 WHERE id = ?", (container,))
    assert s.ctl("reconcile", "--once").returncode == 0
    assert gone(s, container) and "skls-" + container[:12] not in s.aws.functions


def test_functions(service):
    s = service
    kept = make(s, "three")
    lost = make(s, "four")
    orphan = "ab" * 32
    s.aws.functions["skls-" + orphan[:12]] = {"Description": "sockerless testing " + orphan}
    s.aws.tags[s.aws.arn("skls-" + orphan[:12])] = {"sockerless-container": orphan}
    strangers = {"skls-cdcdcdcdcdcd": "sockerless another " + "cd" * 32, "other-efefefefefef": "sockerless testing " + "ef" * 32,
                 "skls-010101010101": "sockerless testing " + "01" * 32, "skls-020202020202": "something"}
    for name, description in strangers.items():
        s.aws.functions[name] = {"Description": description}
    del s.aws.functions["skls-" + lost[:12]]
    result = s.ctl("reconcile", "--once")
    assert result.returncode == 0, result.stderr
    assert "skls-" + orphan[:12] not in s.aws.functions
    assert set(strangers) <= set(s.aws.functions) and "skls-" + kept[:12] in s.aws.functions
    assert "tags say otherwise" in result.stderr and "lost its function" in result.stderr and lost[:12] in result.stderr


def test_expiry(service):
    s = service
    now = time.time_ns()
    for age in (700, 10):
        s.db.execute("INSERT INTO intent (tenant, container_id, verb, args, created_at, done_at, status) VALUES ('local', 'x', 'start', '{}', 0, ?, 204)",
                     (now - age * 10**9,))
    s.db.execute("INSERT INTO event (tenant, time, type, action, actor_id, attributes) VALUES ('local', ?, 'container', 'old', 'x', '{}')", (now - 100000 * 10**9,))
    assert s.ctl("reconcile", "--once").returncode == 0
    assert s.db.execute("SELECT count(*) FROM intent").fetchone() == (1,)
    assert s.db.execute("SELECT count(*) FROM event WHERE action = 'old'").fetchone() == (0,)


def test_watch(service):
    s = service
    container = make(s, "five")
    log = open(os.path.join(s.directory, "watch.log"), "w+")
    process = subprocess.Popen([os.path.join(BUILD, "sockerlessctl"), "reconcile", "--watch"], env=s.environment, stderr=log)
    try:
        hint = os.path.join(s.directory, "reconciler.hint")
        wait_until(lambda: os.path.exists(hint), what="the hint's socket")
        wait_until(lambda: "ListFunctions" in s.aws.calls, what="the listing at start")
        remove(s, container)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as h:
            h.sendto(b"", hint)
        wait_until(lambda: gone(s, container), what="the row's end")
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(20)
    assert code == 0, open(log.name).read()


def test_commands(service):
    s = service
    assert s.ctl("--help").returncode == 0
    assert "SOCKERLESS_STATE_DIR" in s.ctl("settings").stdout
    assert s.ctl("nosuch").returncode == 2
    assert "0 migrations" in s.ctl("migrate").stdout
