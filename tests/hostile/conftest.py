"""The whole system under bad input. After each test every process is the one it
was, no sanitizer has spoken, and nothing is left of what the test made."""
import importlib.util
import json
import pathlib
import re

import pytest

HERE = pathlib.Path(__file__).resolve().parent


def load(name, path):
    """A module of another suite, under a name of its own: each suite has a conftest."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


clients = load("clients_conftest", HERE.parent / "clients" / "conftest.py")
system = clients.system
wait_until = clients.wait_until

from raw import Raw  # noqa: E402

SERVICES = ["registry", "lambda", "gateway", "reconciler", "api", "control", "bulk", "nginx"]
HAVE_CHILDREN = ["api", "control", "bulk", "nginx"]
ALARM = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error:|exited on signal|Assertion|stack smashing|worker died")


def children(pid):
    return {int(p) for p in open("/proc/%d/task/%d/children" % (pid, pid)).read().split()}


def processes(system):
    """Service -> its process and, of pools and nginx, those that do the work."""
    found = {}
    for name in SERVICES:
        pid = system.service_pid(name)
        found[name] = (pid, children(pid) if pid and name in HAVE_CHILDREN else None)
    return found


def alarms(system):
    logs = list((system.state / "logs").glob("*/current")) + list((system.state / "nginx").glob("*.log"))
    return [line for f in logs for line in open(f, errors="replace") if ALARM.search(line)]


def ping(system):
    for way in "unix", "tls":
        with Raw(system, way) as c:
            reply = c.ask(b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n")
        assert (reply.status, reply.body) == (200, b"OK")


@pytest.fixture
def hostile(system):
    """The system, with the promise that a test neither harms it nor leaves anything in it."""
    before = processes(system)
    execs = system.sql("SELECT count(*) FROM exec")
    yield system
    ping(system)
    ids = system.docker("ps", "-aq").stdout.split()
    if ids:
        system.docker("rm", "-f", *ids)
    wait_until(lambda: not system.leftovers(), 40, "nothing left of the test's containers")
    assert system.sql("SELECT count(*) FROM run") == "0"
    assert system.sql("SELECT count(*) FROM exec") == "0" == execs
    assert system.sql("PRAGMA quick_check") == "ok"
    assert processes(system) == before
    assert not alarms(system)


@pytest.fixture(params=["unix", "tls"])
def way(request):
    return request.param


def message(reply):
    """The text of an error in Docker's form."""
    assert reply.headers["content-type"].startswith("application/json"), (reply.status, reply.body[:300])
    text = json.loads(reply.body)["message"]
    assert text
    return text
