"""docker exec."""
import hashlib
import os

import pytest

from conftest import wait_until


@pytest.fixture
def box(docker):
    docker.ok("run", "-d", "--name", "box", "-e", "FROM=run", "busybox", "tail", "-f", "/dev/null")
    yield docker


def test_output_and_exit_status(box):
    p = box.docker("exec", "box", "sh", "-c", "echo out; echo err >&2; exit 9")
    assert (p.stdout, p.stderr, p.returncode) == ("out\n", "err\n", 9)


def test_input_from_a_file(box):
    data = os.urandom(8 << 20)
    p = box.docker("exec", "-i", "box", "sha256sum", input=data, text=False, check=0)
    assert p.stdout.split()[0].decode() == hashlib.sha256(data).hexdigest()
    p = box.docker("exec", "-i", "box", "cat", input=data, text=False, check=0)
    assert p.stdout == data


def test_environment_and_directory(box):
    assert box.ok("exec", "-e", "A=1", "-w", "/tmp", "box", "sh", "-c", "echo $A $FROM; pwd") == "1 run\n/tmp"


def test_detached(box):
    box.ok("exec", "-d", "box", "sh", "-c", "echo done > /tmp/mark")
    wait_until(lambda: box.docker("exec", "box", "cat", "/tmp/mark").stdout == "done\n", 20, "the detached exec's work")


def test_missing_binary(box):
    p = box.docker("exec", "box", "nosuch")
    assert p.returncode == 127 or p.returncode == 126
    assert "executable file not found in $PATH" in p.stdout + p.stderr


def test_not_executable(box):
    p = box.docker("exec", "box", "/etc/passwd")
    assert p.returncode == 126
    assert "permission denied" in p.stdout + p.stderr


def test_stopped_and_missing_container(box):
    box.ok("kill", "box")
    p = box.docker("exec", "box", "true")
    assert p.returncode == 1 and "is not running" in p.stderr
    p = box.docker("exec", "nosuch", "true")
    assert p.returncode == 1 and "No such container: nosuch" in p.stderr


def test_many_at_once(box):
    running = [box.popen("exec", "box", "sh", "-c", "sleep 0.5; echo %d; exit %d" % (n, n)) for n in range(8)]
    for n, p in enumerate(running):
        out, err = p.communicate(timeout=60)
        assert (out, p.returncode) == (b"%d\n" % n, n), err
