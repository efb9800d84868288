"""A function that is frozen and thawed an hour later: the agent's clocks have jumped, its connection is long gone."""
import contextlib
import os
import signal
import struct

import pytest

from harness import frames, until
from real_agent import BUILD, Function
from test_agent import make, real  # noqa: F401: a fixture

HOUR = 3600


@pytest.fixture
def thawed(real, tmp_path, monkeypatch):  # noqa: F811
    """The agent with clocks that can be set: all that it differs in is that it isn't static."""
    clocks = tmp_path / "clocks"
    clocks.write_bytes(struct.pack("=qq", 0, 0))
    monkeypatch.setattr(Function, "program", BUILD + "/tests/faults/agent")
    monkeypatch.setattr(Function, "environment", {"LD_PRELOAD": BUILD + "/tests/faults/clock_shift.so", "CLOCK_SHIFT": str(clocks),
                                                  "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"})
    real.clocks, real.hours = clocks, 0
    return real


def family(pid):
    with contextlib.suppress(OSError):
        for child in open("/proc/%d/task/%d/children" % (pid, pid)).read().split():
            yield from family(int(child))
    yield pid


@contextlib.contextmanager
def frozen(gw):
    """Agent and processes stand still; an hour later they go on."""
    pids = list(family(gw.function.process.pid))
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
        gw.hours += 1
        with open(gw.clocks, "r+b") as f:
            f.write(struct.pack("=qq", gw.hours * HOUR, gw.hours * HOUR))
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("how", ["silent", "cut"])
def test_in_the_midst_of_a_run(thawed, how):
    """It dials again, and the run ends as if nothing had been: exit code, and all output once."""
    gw = thawed
    cid = make(gw, ["sh", "-c", "i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo line $i; [ $((i % 30)) = 0 ] && sleep 0.1; done; exit 6"])
    gw.function.deadline = 3 * HOUR
    attach = gw.attach(cid)
    assert gw.ask(cid, "start").head() == 204
    first = attach.frame()[1]
    with frozen(gw):
        if how == "cut":
            gw.relay.cut()
    assert first + frames(attach.rest())[1] == b"".join(b"line %d\n" % n for n in range(1, 301))
    until(lambda: gw.state(cid) == "exited")
    assert gw.row("SELECT exit_code, error FROM container WHERE id = ?", cid) == (6, "")
    assert gw.lam.count == 1


def test_past_the_deadline(thawed):
    """AWS would have ended it long ago; an agent that finds itself alive all the same ends its process, and says so."""
    gw = thawed
    cid = make(gw, ["sleep", "1000"])
    assert gw.ask(cid, "start").head() == 204
    with frozen(gw):
        gw.relay.cut()
    until(lambda: gw.state(cid) == "exited")
    code, error = gw.row("SELECT exit_code, error FROM container WHERE id = ?", cid)
    assert code in (137, 143) and "timeout" in error, (code, error)


def test_between_two_runs(thawed):
    """As a warm environment is: it waits for its next invocation, and gets it an hour later."""
    gw = thawed
    cid = make(gw, ["sh", "-c", "echo here; exit 5"])
    for n in range(3):
        gw.function.deadline = gw.hours * HOUR + 60
        assert gw.ask(cid, "start").head() == 204
        until(lambda: gw.state(cid) == "exited")
        assert gw.row("SELECT exit_code, error FROM container WHERE id = ?", cid) == (5, "")
        with frozen(gw):
            pass
    logs = gw.get("http/logs/%s?api=1.43&follow=0&stdout=1&stderr=1&since=0&until=0&tail=-1&timestamps=0&details=0&tty=0" % cid)
    assert logs.head() == 200 and frames(logs.body())[1] == b"here\n" * 3
    assert gw.lam.count == 3
