"""docker import of what is no tar, cut short, or means harm."""
import bz2
import gzip
import io
import lzma
import os
import pathlib
import tarfile

from conftest import message
from raw import Raw, request

BUSYBOX = pathlib.Path("/bin/busybox").read_bytes()


def tar(*members, mode="w", **kw):
    """(name, type, data or link's target, more) each."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, **kw) as t:
        for name, kind, data, *more in members:
            info = tarfile.TarInfo(name)
            info.type, info.mode = kind, 0o755
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                info.linkname = data
                data = b""
            info.size = len(data)
            for k, v in (more[0] if more else {}).items():
                setattr(info, k, v)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def imported(system, way, body, name="bad"):
    """docker import's request, as the CLI sends it: chunked."""
    with Raw(system, way, timeout=60) as c:
        c.send(request("POST", "/images/create?fromSrc=-&repo=%s&changes=%s" % (name, "CMD%20%5B%22%2Fbin%2Fbusybox%22%2C%22echo%22%2C%22runs%22%5D"),
                       headers={"Content-Type": "application/x-tar", "Transfer-Encoding": "chunked"}))
        try:
            for at in range(0, len(body), 1 << 20):
                piece = body[at:at + (1 << 20)]
                c.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            c.send(b"0\r\n\r\n")
        except OSError:
            pass  # refused before all of it was sent
        return c.reply()


GOOD = tar(("bin", tarfile.DIRTYPE, b""), ("bin/busybox", tarfile.REGTYPE, BUSYBOX))


def test_no_tar_and_cut_short(hostile, way):
    compressed = gzip.compress(GOOD)
    for body in (b"", b"x", b"no tar at all" * 100, os.urandom(100000), b"\x1f\x8b" + os.urandom(1000), b"BZh9" + os.urandom(1000), b"\xfd7zXZ\0" + os.urandom(1000),
                 b"\x28\xb5\x2f\xfd" + os.urandom(1000), compressed[:len(compressed) // 2], lzma.compress(GOOD)[:5000], bz2.compress(GOOD)[:5000],
                 GOOD[:len(GOOD) // 2], GOOD[:512 + 512 + 100], GOOD[:700], gzip.compress(GOOD[:len(GOOD) // 2]),
                 GOOD[:512] + os.urandom(512) + GOOD[1024:]):
        reply = imported(hostile, way, body)
        assert reply.status == 400, (body[:30], len(body), reply.status, reply.body)
        assert message(reply).startswith("Error processing tar file")
    assert hostile.ok("images", "-q", "bad") == ""


def test_client_leaves_in_the_middle(hostile, way):
    for n in range(10):
        with Raw(hostile, way) as c:
            c.send(request("POST", "/images/create?fromSrc=-&repo=bad", headers={"Transfer-Encoding": "chunked"}) + b"100000\r\n" + GOOD[:100 + n * 70000])
    assert imported(hostile, way, b"no").status == 400
    assert hostile.ok("images", "-q", "bad") == ""


HARM = {
    "dots": [("../../../../tmp/hostile-escaped", tarfile.REGTYPE, b"x")],
    "dots within": [("a/../../../../../tmp/hostile-escaped", tarfile.REGTYPE, b"x")],
    "absolute": [("/tmp/hostile-escaped", tarfile.REGTYPE, b"x")],
    "link out": [("out", tarfile.SYMTYPE, "/tmp"), ("out/hostile-escaped", tarfile.REGTYPE, b"x")],
    "link up": [("out", tarfile.SYMTYPE, "../../../../../../../../tmp"), ("out/hostile-escaped", tarfile.REGTYPE, b"x")],
    "hard link out": [("shadow", tarfile.LNKTYPE, "../../../../../../../../etc/shadow")],
    "hard link absolute": [("shadow", tarfile.LNKTYPE, "/etc/shadow")],
    "hard link through a link": [("etc2", tarfile.SYMTYPE, "/etc"), ("shadow", tarfile.LNKTYPE, "etc2/shadow")],
    "devices": [("sda", tarfile.BLKTYPE, b"", {"devmajor": 8, "devminor": 0}), ("mem", tarfile.CHRTYPE, b"", {"devmajor": 1, "devminor": 1}),
                ("kmsg", tarfile.CHRTYPE, b"", {"devmajor": 1, "devminor": 11})],
    "fifo": [("fifo", tarfile.FIFOTYPE, b"")],
    "setuid": [("su", tarfile.REGTYPE, BUSYBOX, {"mode": 0o6755})],
    "over itself": [("bin/busybox/x", tarfile.REGTYPE, b"x")],
    "loop": [("l1", tarfile.SYMTYPE, "l2"), ("l2", tarfile.SYMTYPE, "l1"), ("l1/x", tarfile.REGTYPE, b"x")],
    "whiteouts": [(".wh..wh..opq", tarfile.REGTYPE, b""), ("bin/.wh.busybox", tarfile.REGTYPE, b""), (".wh...", tarfile.REGTYPE, b""), (".wh.", tarfile.REGTYPE, b"")],
    "our own": [(".sockerless", tarfile.SYMTYPE, "/tmp"), (".sockerless/agent", tarfile.REGTYPE, b"#!/bin/busybox sh\necho evil\n")],
    "deep": [("d/" * 2000 + "x", tarfile.REGTYPE, b"x")],
    "long name": [("n" * 5000, tarfile.REGTYPE, b"x")],
    "odd names": [("a\nb", tarfile.REGTYPE, b"x"), ("\x01\x02", tarfile.REGTYPE, b"x"), ("", tarfile.REGTYPE, b"x"), ("caf\udce9", tarfile.REGTYPE, b"x")],
    "tmp as a link": [("tmp", tarfile.SYMTYPE, "/proc/1/root"), ("var", tarfile.SYMTYPE, "tmp")],
    "dev as a file": [("dev", tarfile.REGTYPE, b"x"), ("proc", tarfile.SYMTYPE, "/etc"), ("sys", tarfile.REGTYPE, b"x")],
    "negative owner": [("f", tarfile.REGTYPE, b"x", {"uid": 2 ** 40, "gid": 2 ** 40, "mtime": -5})],
}


def test_harmful_members(hostile):
    """Refused with a reason, at import or when it is used, or taken for what it may be: nothing of the machine is touched or seen."""
    escaped = pathlib.Path("/tmp/hostile-escaped")
    for what, members in HARM.items():
        reply = imported(hostile, "unix", tar(("bin/busybox", tarfile.REGTYPE, BUSYBOX), *members, format=tarfile.GNU_FORMAT, errors="surrogateescape"))
        if reply.status != 200:
            assert reply.status == 400 and message(reply), (what, reply.status, reply.body)
            continue
        p = hostile.docker("run", "--rm", "bad", timeout=100)
        assert p.returncode in (0, 125, 126, 127), (what, p.returncode, p.stdout, p.stderr)
        assert p.stdout == "runs\n" if p.returncode == 0 else p.stderr.strip(), (what, p.stdout, p.stderr)
        if "link" in what and p.returncode == 0:
            p = hostile.docker("run", "--rm", "bad", "/bin/busybox", "cat", "/shadow", timeout=100)
            assert "root:" not in p.stdout, what
        assert not escaped.exists(), what
        hostile.ok("rmi", "-f", "bad", timeout=60)


def test_ascending_is_refused_at_import(hostile):
    for what in "dots", "dots within", "hard link out":
        reply = imported(hostile, "unix", tar(("bin/busybox", tarfile.REGTYPE, BUSYBOX), *HARM[what]))
        assert reply.status == 400 and "outside" in message(reply), (what, reply.body)


def test_many_entries(hostile):
    """200,000 empty files: taken, or refused with a reason."""
    body = tar(*[("f%d" % i, tarfile.REGTYPE, b"") for i in range(200000)])
    reply = imported(hostile, "unix", gzip.compress(body, 1))
    assert reply.status == 200 or message(reply)
    hostile.docker("rmi", "-f", "bad", timeout=60)


def test_bomb(hostile):
    """2 GiB of zeros in 2 MiB: no more than Lambda's images may hold is taken in, whatever it is, and memory stays flat."""
    zeros = tar(("zeros", tarfile.REGTYPE, b""))[:512]
    info = tarfile.TarInfo("zeros")
    info.size = 2 << 30
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1) as z:
        z.write(info.tobuf())
        block = bytes(8 << 20)
        for _ in range(256):
            z.write(block)
        z.write(zeros[:0] + bytes(1024))
    workers = peak(hostile)
    reply = imported(hostile, "unix", out.getvalue())
    assert reply.status in (200, 400, 413), (reply.status, reply.body)
    assert peak(hostile) - workers < 100 << 10
    hostile.docker("rmi", "-f", "bad", timeout=60)


def peak(system):
    """Highest resident KiB of any bulk worker."""
    pids = open("/proc/%d/task/%d/children" % ((system.service_pid("bulk"),) * 2)).read().split()
    return max(int(l.split()[1]) for p in pids for l in open("/proc/%s/status" % p) if l.startswith("VmHWM"))
