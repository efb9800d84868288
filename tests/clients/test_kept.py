"""What a container wrote outlives its run, as with Docker: cp, diff, export, commit, the next start."""
import glob
import io
import json

import os
import subprocess
import tarfile
import time

import pytest

from support.waiting import wait_until

WRITE = "cd /tmp; mkdir d; echo one >d/f; chmod 640 d/f; ln d/f d/hard; ln -s f d/soft; touch -d '2001-02-03 04:05:06' d/f"

def files(system):
    return sorted(p.name for p in (system.state / "db" / "layer").glob("*"))

def holds(docker, image, to):
    """What a container of the image has at /tmp/d/f."""
    cid = docker.ok("create", image, "true")
    docker.ok("cp", cid + ":/tmp/d/f", str(to))
    docker.ok("rm", cid)
    return to.read_text()


def holder(path):
    """The process that has the file open."""
    for fd in glob.glob("/proc/[0-9]*/fd/*"):
        try:
            if os.readlink(fd) == str(path):
                return int(fd.split("/")[2])
        except OSError:
            pass


def names(tar):
    with tarfile.open(fileobj=io.BytesIO(tar)) as t:
        return t.getnames()

def test_as_every_script_does_it(docker, tmp_path):
    """run --name, cp out, rm."""
    assert docker.docker("run", "--name", "xx", "busybox", "sh", "-c", "mkdir /tmp/out; echo result >/tmp/out/r; exit 3").returncode == 3
    docker.ok("cp", "xx:/tmp/out", str(tmp_path))
    assert (tmp_path / "out" / "r").read_text() == "result\n"
    docker.ok("rm", "xx")
    wait_until(lambda: files(docker) == [])

def test_kept_told_and_put_back(docker, tmp_path):
    docker.ok("run", "--name", "xx", "busybox", "sh", "-c", "cat /tmp/d/f /tmp/in 2>/dev/null; ls -l /tmp/d 2>/dev/null; " + WRITE + "; true")
    assert docker.ok("diff", "xx").split("\n") == ["C /tmp", "A /tmp/d", "A /tmp/d/f", "A /tmp/d/hard", "A /tmp/d/soft"]
    docker.ok("cp", "xx:/tmp/d", str(tmp_path / "d"))
    st = (tmp_path / "d" / "f").stat()
    assert (st.st_mode & 0o777, int(st.st_mtime)) == (0o640, 981173106) and os.readlink(tmp_path / "d" / "soft") == "f"
    # What is of the image is there, too, and what isn't anywhere is told as dockerd does.
    docker.ok("cp", "xx:/bin/busybox", str(tmp_path / "busybox"))
    assert (tmp_path / "busybox").stat().st_size > 100000
    assert "Could not find the file /tmp/none in container xx" in docker.docker("cp", "xx:/tmp/none", str(tmp_path), check=1).stderr
    (tmp_path / "in").write_text("copied in\n")
    docker.ok("cp", str(tmp_path / "in"), "xx:/tmp/")
    docker.ok("cp", "xx:/tmp/in", str(tmp_path / "again"))
    assert (tmp_path / "again").read_text() == "copied in\n"
    assert "A /tmp/in" in docker.ok("diff", "xx")
    out = docker.ok("start", "-a", "xx")
    assert out.startswith("one\ncopied in\n") and "soft -> f" in out
    assert docker.inspect("xx")["State"]["Error"] == ""
    assert not docker.ok("ps", "-a", "--size", "--format", "{{.Size}}").startswith("0B")
    assert int(docker.ok("inspect", "--size", "--format", "{{.SizeRw}}", "xx")) > 0

def test_writable_directories(docker, tmp_path):
    """What isn't /tmp but links to it: names are the container's everywhere."""
    (tmp_path / "in").write_text("in\n")
    docker.ok("create", "--name", "xx", "busybox", "sh", "-c", "cat /root/n /root/in /var/log/l; echo x >>/root/n; mkdir -p /var/log/d; echo y >/var/log/l; true")
    docker.ok("cp", str(tmp_path / "in"), "xx:/root/in")
    assert docker.ok("start", "-a", "xx") == "in"
    assert {"A /root/n", "A /root/in", "A /var/log/l", "A /var/log/d"} <= set(docker.ok("diff", "xx").split("\n"))
    assert ".sockerless" not in docker.ok("diff", "xx")
    docker.ok("cp", "xx:/root", str(tmp_path / "out"))
    assert {"n", "in"} <= set(os.listdir(tmp_path / "out"))
    assert docker.ok("start", "-a", "xx") == "x\nin\ny"
    with tarfile.open(fileobj=io.BytesIO(docker.docker("export", "xx", text=False, check=0).stdout)) as t:
        assert t.extractfile("root/n").read() == b"x\nx\n" and t.getmember("root").isdir()
    docker.ok("commit", "xx", "kept:3")
    assert docker.ok("run", "--rm", "kept:3", "cat", "/root/n") == "x\nx"
    docker.ok("rm", "xx")
    docker.ok("rmi", "kept:3")


def test_created(docker, tmp_path):
    """Testcontainers' order: create, PUT, start."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "run").write_text("#!/bin/sh\necho from the file\n")
    (tmp_path / "tree" / "run").chmod(0o755)
    docker.ok("create", "--name", "xx", "busybox", "/tmp/tree/run")
    docker.ok("cp", str(tmp_path / "tree"), "xx:/tmp")
    docker.ok("cp", str(tmp_path / "tree" / "run"), "xx:/tmp/tree/second")
    docker.ok("cp", "xx:/tmp/tree", str(tmp_path / "back"))
    assert sorted(os.listdir(tmp_path / "back")) == ["run", "second"]
    assert docker.ok("diff", "xx").split("\n") == ["C /tmp", "A /tmp/tree", "A /tmp/tree/run", "A /tmp/tree/second"]
    assert docker.ok("start", "-a", "xx") == "from the file"
    events = docker.ok("events", "--since", "0", "--until", str(time.time()), "--filter", "container=" + docker.inspect("xx")["Id"],
                       "--format", "{{.Action}}").split("\n")
    assert [e for e in events if e in ("archive-path", "extract-to-dir", "start")] == ["extract-to-dir"] * 2 + ["archive-path", "start"]

def test_where_a_function_cant_write(docker, tmp_path):
    """Those files become part of the function's image."""
    (tmp_path / "f").write_text("one\n")
    (tmp_path / "f").chmod(0o600)
    docker.ok("create", "--name", "xx", "busybox", "sh", "-c", "cat /etc/f /opt/new/g /tmp/h; echo >/etc/f")
    docker.ok("cp", str(tmp_path / "f"), "xx:/etc/f")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "g").write_text("two\n")
    (tmp_path / "opt").mkdir()
    os.rename(tmp_path / "new", tmp_path / "opt" / "new")
    docker.ok("cp", str(tmp_path / "opt"), "xx:/")
    docker.ok("cp", str(tmp_path / "f"), "xx:/tmp/h")
    docker.ok("cp", "xx:/etc/f", str(tmp_path / "back"))
    assert (tmp_path / "back").read_text() == "one\n" and (tmp_path / "back").stat().st_mode & 0o777 == 0o600
    p = docker.docker("start", "-a", "xx")
    assert p.stdout == "one\ntwo\none\n" and "Read-only file system" in p.stderr
    assert {"A /etc/f", "A /opt/new/g"} <= set(docker.ok("diff", "xx").split("\n"))
    docker.ok("cp", str(tmp_path / "opt" / "new" / "g"), "xx:/etc/f")
    assert docker.docker("start", "-a", "xx").stdout == "two\ntwo\none\n"


@pytest.mark.parametrize("running", [False, True])
def test_export_and_commit(docker, tmp_path, running):
    if running:
        docker.ok("run", "-d", "--name", "xx", "busybox", "sh", "-c", WRITE + "; touch ready; sleep 600")
        wait_until(lambda: "ready" in docker.ok("exec", "xx", "ls", "/tmp"))
    else:
        docker.ok("run", "--name", "xx", "-e", "A=b", "busybox", "sh", "-c", WRITE)
    if running:
        assert "A /tmp/d/f" in docker.ok("diff", "xx").split("\n")
    tar = docker.docker("export", "xx", text=False, check=0).stdout
    assert {"bin/busybox", "tmp/d/f", "tmp/d/soft"} <= set(names(tar))
    imported = docker.docker("import", "-", "exported:1", input=tar, text=False, check=0).stdout.decode().strip()
    assert holds(docker, "exported:1", tmp_path / "a") == "one\n"
    committed = docker.ok("commit", "-a", "me", "-m", "why", "-c", "CMD cat /tmp/d/f", "-c", "ENV X=y", "xx", "kept:2")
    image = docker.inspect("kept:2")
    assert (image["Id"], image["Author"], image["Comment"], image["Config"]["Cmd"]) == (committed, "me", "why", ["/bin/sh", "-c", "cat /tmp/d/f"])
    assert "X=y" in image["Config"]["Env"] and ("A=b" in image["Config"]["Env"]) != running
    assert len(image["RootFS"]["Layers"]) == len(docker.inspect("busybox")["RootFS"]["Layers"]) + 1
    assert holds(docker, "kept:2", tmp_path / "b") == "one\n"
    assert docker.ok("run", "--rm", "kept:2") == "one"
    events = docker.ok("events", "--since", "0", "--until", str(time.time()), "--filter", "container=xx", "--format", "{{.Action}}").split("\n")
    assert [e for e in events if e in ("export", "commit")][-2:] == ["export", "commit"]
    docker.ok("rm", "-f", "xx")
    docker.ok("rmi", "kept:2", imported)

def test_much_goes_in_and_memory_stays(docker, tmp_path):
    with open(tmp_path / "big", "wb") as f:
        f.truncate(300 << 20)
    docker.ok("create", "--name", "xx", "busybox", "sh", "-c", "wc -c </tmp/big; rm /tmp/big")
    docker.ok("cp", str(tmp_path / "big"), "xx:/tmp/big", timeout=120)
    assert docker.ok("start", "-a", "xx", timeout=120) == str(300 << 20)
    with open("/proc/%d/status" % docker.service_pid("gateway")) as f:
        assert next(int(l.split()[1]) for l in f if l.startswith("VmHWM")) < 120000

def test_too_much_is_told(docker):
    docker.ok("run", "--name", "xx", "busybox", "sh", "-c", "head -c 270000000 /dev/zero >/tmp/big", timeout=120)
    assert docker.inspect("xx")["State"]["Error"] == "what the run wrote isn't kept: it is more than the limit of 256 MB"
    assert files(docker) == []

def test_a_gateway_killed_while_it_saves(docker, tmp_path):
    docker.ok("run", "-d", "--name", "xx", "busybox", "sh", "-c", "head -c 150000000 /dev/urandom >/tmp/big; sha1sum /tmp/big")
    wait_until(lambda: any(n.endswith(".new") for n in files(docker)), 60)
    pid = docker.service_pid("gateway")
    os.kill(pid, 9)
    wait_until(lambda: docker.inspect("xx")["State"]["Status"] == "exited", 90)
    assert docker.inspect("xx")["State"]["ExitCode"] == 0
    wanted = docker.ok("logs", "xx").split()[0]
    docker.ok("cp", "xx:/tmp/big", str(tmp_path / "big"), timeout=120)
    assert subprocess.run(["sha1sum", str(tmp_path / "big")], stdout=subprocess.PIPE, text=True).stdout.split()[0] == wanted
    assert docker.inspect("xx")["State"]["Error"] == ""


def test_a_worker_killed_while_files_come_in(docker, tmp_path):
    with open(tmp_path / "big", "wb") as f:
        f.truncate(1 << 30)
    (tmp_path / "f").write_text("before\n")
    docker.ok("create", "--name", "xx", "busybox", "cat", "/tmp/f")
    docker.ok("cp", str(tmp_path / "f"), "xx:/tmp/f")
    p = docker.popen("cp", str(tmp_path / "big"), "xx:/tmp/big")
    new = docker.state / "db" / "layer" / (docker.ok("inspect", "--format", "{{.Id}}", "xx") + ".staged.tar.new")
    wait_until(lambda: new.exists() and new.stat().st_size > 1 << 20)
    os.kill(holder(new), 9)
    assert p.wait(60) != 0
    p.communicate()
    # What was there stays, and the next one isn't held up.
    (tmp_path / "g").write_text("after\n")
    docker.ok("cp", str(tmp_path / "g"), "xx:/tmp/g")
    assert docker.ok("diff", "xx").split("\n") == ["C /tmp", "A /tmp/f", "A /tmp/g"]
    assert docker.ok("start", "-a", "xx") == "before"


def tar_of(name, data=b"x"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        t.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize("query, body, status, text", [
    ("path=/&noOverwriteDirNonDir=1", tar_of("tmp"), 500, 'cannot overwrite directory "/tmp" with non-directory "/"'),
    ("path=/tmp", b"garbage", 500, "unexpected EOF"),
    ("path=/tmp", b"garbage" * 1000, 500, "archive/tar: invalid tar header"),
    ("path=/tmp", tar_of("f", b"x" * 9000)[:5000], 500, "unexpected EOF"),
    ("path=/tmp", tar_of("../../etc/f"), 500, '"../../etc/f" is outside of "/tmp"'),
    ("path=/nosuch", tar_of("f"), 404, "Could not find the file /nosuch in container xx"),
    ("path=/bin/busybox", tar_of("f"), 500, "extraction point is not a directory"),
    ("path=/.sockerless", tar_of("f"), 404, None),
    ("", tar_of("f"), 400, "bad parameter: pathcannot be empty"),
    ("path=/tmp", tar_of("f"), 200, None),
], ids=range(10))
def test_answers_to_an_upload(docker, query, body, status, text):
    docker.ok("create", "--name", "xx", "busybox", "true")
    p = subprocess.run(["curl", "-sS", "-g", "-X", "PUT", "-H", "Content-Type: application/x-tar", "--data-binary", "@-", "-w", "\n%{http_code}",
                        "--unix-socket", str(docker.socket), "http://d/v1.43/containers/xx/archive?" + query], input=body,
                       stdout=subprocess.PIPE, check=True, timeout=60)
    answer, code = p.stdout.decode().rsplit("\n", 1)
    assert int(code) == status, answer
    if text:
        assert json.loads(answer) == {"message": text}
    assert [n for n in files(docker) if n.endswith(".new")] == []

def test_prune_tells_what_it_frees(docker):
    docker.ok("run", "--name", "xx", "busybox", "sh", "-c", "head -c 3000000 /dev/zero >/tmp/big")
    assert "Total reclaimed space: 3.0" in docker.ok("container", "prune", "-f")
    wait_until(lambda: files(docker) == [])
