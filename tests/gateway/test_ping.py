"""Agents that are silent: asked whether they are there, and dropped if they stay so. The gateway's clock is set on meanwhile."""
import os
import struct

import pytest

from fake_agent import PING
from harness import BUILD, Gateway, until


class Clock:
    def __init__(self, path):
        self.path, self.passed = path, 0
        self.path.write_bytes(struct.pack("=qq", 0, 0))

    def set_on(self, seconds):
        self.passed += seconds
        with open(self.path, "r+b") as f:
            f.write(struct.pack("=qq", self.passed, self.passed))


@pytest.fixture
def aged(tmp_path):
    clock = Clock(tmp_path / "clock")
    gw = Gateway(LD_PRELOAD=BUILD + "/tests/faults/clock_shift.so", CLOCK_SHIFT=clock.path, ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0")
    gw.clock = clock
    yield gw
    gw.close()


def ping(agent):
    """Reads frames until the gateway's ping; doesn't answer it."""
    while True:
        agent.fill(2)
        n = agent.buf[1] & 0x7f
        agent.fill(2 + n)
        data, agent.buf = agent.buf[2:2 + n], agent.buf[2 + n:]
        if data[0] == PING:
            return data[8:]


def speak(agent):
    """The gateway has heard all that it said until now."""
    agent.said = getattr(agent, "said", 0) + 1
    agent.output(b"x", agent.said - 1)
    agent.acked(agent.said)


def test_silence(aged):
    gw = aged
    ids = [gw.container() for _ in range(3)]
    agents = silent, answers, talks = [gw.begin(cid) for cid in ids]
    for a in agents:
        speak(a)
    gw.clock.set_on(11)
    speak(talks)
    for a in silent, answers:
        assert ping(a) == b"ping"
    answers.send(PING, b"ping", flags=4)
    speak(answers)
    # Once is enough until it says something.
    gw.clock.set_on(12)
    speak(talks)
    assert ping(answers) == b"ping"
    answers.send(PING, b"ping", flags=4)
    speak(answers)
    gw.clock.set_on(8)
    silent.sock.settimeout(5)
    with pytest.raises(EOFError):
        ping(silent)
    # The others live on; so may the silent one, when it dials again.
    for cid, a in zip(ids[1:], (answers, talks)):
        a.exit(3, a.said)
        until(lambda: gw.state(cid) == "exited")
    again = gw.agent(silent.inv.payload["run"])
    again.hello(state="running", pid=7, stdout=1)
    again.exit(4, 1)
    until(lambda: gw.row("SELECT exit_code FROM container WHERE id = ? AND state = 'exited'", ids[0]) == (4,))
