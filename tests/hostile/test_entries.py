"""PUT archive: with more members than anything can hold, made while it is sent, refused with a reason, and memory stays
flat; and with members that mean harm."""
import pathlib
import tarfile
import zlib

import pytest

from conftest import children, message
from raw import Raw, request
from test_import import HARM, tar

MOST = 1000000
BLOCK = 2048  # members that are packed at once


def member(name):
    """A directory: of each the agent has to remember its mode and time."""
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, 0o755
    return info.tobuf(tarfile.USTAR_FORMAT)


def packed(head, n):
    """n times the same member in gzip, which is packed once."""
    block = zlib.compressobj(1, wbits=31)
    block = block.compress(head * BLOCK) + block.flush()
    end = zlib.compressobj(1, wbits=31)
    for _ in range(n // BLOCK):
        yield block
    yield end.compress(bytes(1024)) + end.flush()


def put(system, name, path, pieces):
    """The answer, which may come before all is sent."""
    with Raw(system, timeout=300) as c:
        c.send(request("PUT", "/containers/%s/archive?path=%s" % (name, path), headers={"Content-Type": "application/x-tar", "Transfer-Encoding": "chunked"}))
        try:
            for piece in pieces:
                c.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            c.send(b"0\r\n\r\n")
        except OSError:
            pass  # refused before all of it was sent
        return c.reply()


def peaks(system):
    """Highest resident KiB of the gateway and of the workers."""
    pids = [system.service_pid("gateway")]
    for pool in "api", "control", "bulk":
        pids += children(system.service_pid(pool))
    return sum(int(l.split()[1]) for p in pids for l in open("/proc/%s/status" % p) if l.startswith("VmHWM"))


@pytest.mark.parametrize("runs", [False, True])
def test_more_than_can_be_held(hostile, runs):
    """10,000,000 of them were tried by hand, of files and of names of their own, too: the same answer."""
    cid = hostile.ok("run", "-d", "busybox", "sleep", "1000") if runs else hostile.ok("create", "busybox", "true")
    before = peaks(hostile)
    reply = put(hostile, cid, "/tmp", packed(member("x"), MOST + 2 * BLOCK))
    assert (reply.status, message(reply)) == (413, "copying more than %d files into a container is not supported" % MOST)
    assert peaks(hostile) - before < 64 << 10
    # Some are taken, now as before.
    assert put(hostile, cid, "/tmp", packed(member("y"), BLOCK)).status == 200
    assert hostile.docker("cp", cid + ":/tmp/y", "-", text=False).returncode == 0


@pytest.mark.parametrize("runs", [False, True])
def test_harmful_members(hostile, runs):
    """Refused with a reason, or taken for what it may be in the function: nothing of the machine is touched or seen."""
    escaped = pathlib.Path("/tmp/hostile-escaped")
    script = "cat /tmp/shadow /tmp/etc2/shadow; sleep 1000"
    for what, members in HARM.items():
        cid = hostile.ok("run" if runs else "create", *(["-d"] if runs else []), "busybox", "sh", "-c", script)
        for path in "/tmp", "/", "/etc":
            reply = put(hostile, cid, path, [tar(*members, format=tarfile.GNU_FORMAT, errors="surrogateescape")])
            # What can be no layer (a file beneath a link) AWS refuses as a function's image.
            assert reply.status == 200 or (400 <= reply.status <= 501 and message(reply)) or "Lambda doesn't take the container's image" in message(reply), (
                what, path, reply.status, reply.body)
            assert not escaped.exists(), (what, path)
        p = hostile.docker("cp", cid + ":/tmp", "-", text=False)
        assert p.returncode == 0 and b"root:$" not in p.stdout and b"root:*" not in p.stdout, (what, p.stderr)
        if not runs:
            p = hostile.docker("start", cid, timeout=100)
            assert p.returncode == 0 or p.stderr.strip(), (what, p.stderr)
        assert "root:" not in hostile.docker("logs", cid).stdout, what
        hostile.ok("rm", "-f", cid)
        assert not escaped.exists(), what
