"""docker cp both ways, as a user of Docker knows it."""
import hashlib
import io
import os
import subprocess
import tarfile

import pytest

@pytest.fixture
def box(docker):
    docker.ok("run", "-d", "--name", "box", "busybox", "sleep", "600")
    return docker


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    (tmp_path / "tree" / "f").write_text("hello\n")
    (tmp_path / "tree" / "sub" / "é ü").write_text("umlauts\n")
    (tmp_path / "tree" / "sub" / ("long" * 40)).write_text("long\n")
    (tmp_path / "tree" / "run").write_text("#!/bin/sh\n")
    (tmp_path / "tree" / "run").chmod(0o755)
    (tmp_path / "tree" / "link").symlink_to("sub/nowhere")
    os.utime(tmp_path / "tree" / "f", (1000000000, 1000000000))
    (tmp_path / "tree" / "sub").chmod(0o555)
    yield tmp_path
    (tmp_path / "tree" / "sub").chmod(0o755)
    for copy in tmp_path.glob("*/sub"):
        copy.chmod(0o755)


def sh(docker, command):
    return docker.ok("exec", "box", "sh", "-c", command)


def test_a_file_in_and_out(box, tree):
    box.ok("cp", str(tree / "tree" / "f"), "box:/tmp/")
    assert sh(box, "cat /tmp/f; stat -c %Y /tmp/f") == "hello\n1000000000"
    box.ok("cp", str(tree / "tree" / "f"), "box:/tmp/renamed")
    assert sh(box, "cat /tmp/renamed") == "hello"
    box.ok("cp", "-a", str(tree / "tree" / "run"), "box:/tmp/run")
    assert sh(box, "stat -c %a /tmp/run") == "755"
    box.ok("cp", "box:/tmp/f", str(tree / "out"))
    assert (tree / "out").read_text() == "hello\n"
    assert (tree / "out").stat().st_mtime == 1000000000


def test_a_tree_there_and_back(box, tree):
    box.ok("cp", str(tree / "tree"), "box:/tmp")
    assert sh(box, "cat '/tmp/tree/sub/é ü'; readlink /tmp/tree/link; stat -c %a /tmp/tree/sub") == "umlauts\nsub/nowhere\n555"
    box.ok("cp", "box:/tmp/tree", str(tree / "back"))
    a = subprocess.run(["tar", "-C", str(tree / "tree"), "--sort=name", "--owner=0", "--group=0", "-c", "."], stdout=subprocess.PIPE, check=True)
    b = subprocess.run(["tar", "-C", str(tree / "back"), "--sort=name", "--owner=0", "--group=0", "-c", "."], stdout=subprocess.PIPE, check=True)
    names = lambda t: [(m.name, m.mode, m.size, m.linkname) for m in tarfile.open(fileobj=io.BytesIO(t))]
    assert names(a.stdout) == names(b.stdout)
    box.ok("cp", str(tree / "tree") + "/.", "box:/tmp/content")
    assert sh(box, "cat /tmp/content/f") == "hello"
    box.ok("cp", "box:/tmp/tree/.", str(tree / "into"))
    assert (tree / "into" / "f").read_text() == "hello\n"


def test_links(box, tree):
    sh(box, "mkdir /tmp/d; echo x >/tmp/d/x; ln -s /tmp/d /tmp/l; ln /tmp/d/x /tmp/d/y")
    box.ok("cp", "box:/tmp/l", str(tree / "l"))
    assert os.readlink(tree / "l") == "/tmp/d"
    box.ok("cp", "-L", "box:/tmp/l", str(tree / "followed"))
    assert (tree / "followed" / "x").read_text() == "x\n"
    assert (tree / "followed" / "x").stat().st_ino == (tree / "followed" / "y").stat().st_ino
    box.ok("cp", str(tree / "tree" / "f"), "box:/tmp/l/")
    assert sh(box, "cat /tmp/d/f") == "hello"


def test_streams(box, tree):
    tar = subprocess.run(["tar", "-C", str(tree / "tree"), "-cz", "f", "run"], stdout=subprocess.PIPE, check=True).stdout
    box.docker("cp", "-", "box:/tmp", input=tar, text=False, check=0)
    assert sh(box, "cat /tmp/f") == "hello"
    out = box.docker("cp", "box:/tmp/f", "-", text=False, check=0).stdout
    assert tarfile.open(fileobj=io.BytesIO(out)).extractfile("f").read() == b"hello\n"


def test_errors(box, tree):
    f = str(tree / "tree" / "f")

    def error(*args):
        p = box.docker("cp", *args)
        assert p.returncode == 1, args
        return p.stderr

    # Clients before 23 have words of their own for a 404.
    assert error("box:/no/such", str(tree)).rstrip().endswith(
        ("Could not find the file /no/such in container box", "No such container:path: box:/no/such"))
    assert error(f, "box:/no/dir/x").rstrip().endswith(
        ("Could not find the file /no/dir in container box", "No such container:path: box:/no/dir"))
    assert "no such directory" in error(f, "box:/tmp/newdir/")
    assert error("nobody:/tmp", str(tree)).rstrip().endswith(("No such container: nobody", "No such container:path: nobody:/tmp"))
    assert "No such container: nobody" in error(f, "nobody:/tmp")
    assert "read-only file system" in error(f, "box:/etc/")
    sh(box, "mkdir -p /tmp/f; echo x > /tmp/plain")
    assert "cannot overwrite directory" in error(f, "box:/tmp/")
    box.ok("exec", "box", "rmdir", "/tmp/f")
    box.ok("stop", "-t", "0", "box")
    assert "/no/such" in error("box:/no/such", str(tree))


def api(docker, method, path, data=None):
    p = subprocess.run(["curl", "-sS", "-i", "-g", "--unix-socket", str(docker.socket), "-X" if method != "HEAD" else "-I",
                        *([method] if method != "HEAD" else []), "-H", "Content-Type: application/x-tar",
                        *(["--data-binary", "@-"] if data is not None else []), "http://d/v1.43/containers/box/archive" + path],
                       input=data, stdout=subprocess.PIPE, check=True, timeout=60)
    head, _, body = p.stdout.partition(b"\r\n\r\n")
    while b" 100 " in head.split(b"\r\n")[0]:
        head, _, body = body.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode(), body.decode(errors="replace").strip()


def test_answers_as_dockerd_gives_them(box, tree):
    tar = subprocess.run(["tar", "-C", str(tree / "tree"), "-c", "f"], stdout=subprocess.PIPE, check=True).stdout
    status, head, body = api(box, "PUT", "?path=/tmp", tar)
    assert (status, body) == (200, "") and "Content-Length: 0" in head and "Api-Version: 1.4" in head
    assert api(box, "PUT", "?path=/tmp/f", tar)[::2] == (500, '{"message":"extraction point is not a directory"}')
    assert api(box, "PUT", "?path=/nosuch", tar)[::2] == (404, '{"message":"Could not find the file /nosuch in container box"}')
    assert api(box, "PUT", "?path=/tmp", b"garbage")[::2] == (500, '{"message":"unexpected EOF"}')
    assert api(box, "PUT", "?path=/tmp", tar[:700])[0] == 500
    assert api(box, "GET", "")[::2] == (400, '{"message":"bad parameter: pathcannot be empty"}')
    assert api(box, "HEAD", "?path=/nosuch")[0] == 404
    status, head, _ = api(box, "HEAD", "?path=/bin/sh")
    assert status == 200 and "X-Docker-Container-Path-Stat: " in head
    climbing = io.BytesIO()
    with tarfile.open(fileobj=climbing, mode="w") as t:
        t.addfile(tarfile.TarInfo("../../escaped"))
    assert "is outside of" in api(box, "PUT", "?path=/tmp/", climbing.getvalue())[2]


def rss(pid):
    return next(int(l.split()[1]) for l in open("/proc/%d/status" % pid) if l.startswith("VmHWM")) >> 10


def test_large_transfers_need_no_memory(docker, tmp_path):
    """200 MiB in (the function's /tmp holds 512), 1 GiB out: flat memory in the gateway."""
    docker.ok("run", "-d", "--name", "box", "busybox", "sleep", "600")
    size = 200 << 20
    block = os.urandom(1 << 20)
    with open(tmp_path / "big", "wb") as f:
        for _ in range(size >> 20):
            f.write(block)
    digest = hashlib.sha256(block * (size >> 20)).hexdigest()
    pid = docker.service_pid("gateway")
    before = rss(pid)
    docker.ok("cp", str(tmp_path / "big"), "box:/tmp/big", timeout=300)
    assert docker.ok("exec", "box", "sha256sum", "/tmp/big", timeout=120).split()[0] == digest
    docker.ok("cp", "box:/tmp/big", str(tmp_path / "back"), timeout=300)
    assert hashlib.sha256((tmp_path / "back").read_bytes()).hexdigest() == digest
    docker.ok("exec", "box", "truncate", "-s", "1G", "/tmp/sparse")
    docker.ok("cp", "box:/tmp/sparse", str(tmp_path / "sparse"), timeout=300)
    assert (tmp_path / "sparse").stat().st_size == 1 << 30
    (tmp_path / "sparse").unlink()
    # Windows and buffers, and what a sanitizer keeps of freed memory.
    assert rss(pid) - before < 40


def test_archive_by_docker_py(box, tree):
    import docker as docker_py
    client = docker_py.DockerClient(base_url="unix://%s" % box.socket)
    container = client.containers.get("box")
    tar = subprocess.run(["tar", "-C", str(tree), "-c", "tree/f", "tree/run"], stdout=subprocess.PIPE, check=True).stdout
    assert container.put_archive("/tmp", tar) is True
    stream, stat = container.get_archive("/tmp/tree")
    assert stat["name"] == "tree" and stat["mode"] & 1 << 31
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as t:
        assert t.getnames() == ["tree", "tree/f", "tree/run"]
    with pytest.raises(docker_py.errors.NotFound):
        container.get_archive("/nosuch")
    assert container.top()["Titles"][0] == "UID"
    assert container.stats(stream=False)["pids_stats"]["current"] == 1
    client.close()
