"""What the agent may forget when the spool's disk is full."""
import os
import struct
import subprocess

import pytest
from harness import frames


@pytest.fixture
def full_disk(gw):
    """A small disk of its own for the spool; fill() takes what is left of it, free() gives it back."""
    spool = gw.dir + "/spool"
    os.makedirs(spool, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", spool], check=True)
    yield spool
    subprocess.run(["umount", "-l", spool], check=True)


def fill(spool):
    with open(spool + "/filler", "wb", buffering=0) as f:
        try:
            while f.write(bytes(4096)):
                pass
        except OSError:
            pass


def test_redial_repeats_what_is_not_on_disk(gw, full_disk):
    cid = gw.container()
    agent = gw.begin(cid)
    agent.output(b"safe\n", 0)
    agent.acked(5)
    fill(full_disk)
    lost = b"x" * 8192
    agent.output(lost, 5)
    # Answered behind the output: the gateway has it, and its disk refuses it.
    agent.raw(struct.pack(">BBHI", 99, 0, 0, 0), opcode=9)
    agent.expect(99)
    agent.close()
    again = gw.agent(agent.run)
    assert again.hello("running", stdout=5 + len(lost), pid=7)["stdout"] == 5
    again.output(lost, 5)
    os.unlink(full_disk + "/filler")
    again.acked(5 + len(lost))
    again.exit(0, 5 + len(lost), 0)
    logs = gw.get("http/logs/%s?api=1.43&stdout=1" % cid)
    assert logs.head() == 200
    assert frames(logs.body())[1] == b"safe\n" + lost
