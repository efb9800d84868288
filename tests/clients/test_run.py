"""docker run: streams, exit status, standard input, limits of what is passed."""
import hashlib
import os
import threading

import pytest

from conftest import wait_until


def test_streams_apart_and_exit_status(docker):
    p = docker.docker("run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (p.stdout, p.stderr, p.returncode) == ("out\n", "err\n", 7)


@pytest.mark.parametrize("way", ["unix", "tls"])
def test_half_close_of_64_mib(docker, way):
    data = os.urandom(64 << 20)
    args = docker.tls_args() if way == "tls" else []
    p = docker.docker(*args, "run", "--rm", "-i", "busybox", "sha256sum", input=data, text=False, timeout=180, check=0)
    assert p.stdout.split()[0].decode() == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("way", ["unix", "tls"])
def test_64_mib_there_and_back(docker, way):
    data = os.urandom(64 << 20)
    args = docker.tls_args() if way == "tls" else []
    p = docker.docker(*args, "run", "--rm", "-i", "busybox", "cat", input=data, text=False, timeout=240, check=0)
    assert hashlib.sha256(p.stdout).digest() == hashlib.sha256(data).digest()


@pytest.mark.parametrize("command,status,text", [
    (["nosuch"], 127, 'exec: "nosuch": executable file not found in $PATH'),
    (["/nosuch"], 127, 'no such file or directory'),
    (["/etc/passwd"], 126, "permission denied"),
])
def test_what_cannot_be_started(docker, command, status, text):
    p = docker.docker("run", "busybox", *command)
    assert p.returncode == status
    assert text in p.stderr


def test_no_command_is_treated_specially(docker):
    short = docker.ok("run", "-d", "busybox", "sleep", "3")
    long = docker.ok("run", "-d", "busybox", "tail", "-f", "/dev/null")
    wait_until(lambda: docker.inspect(short)["State"]["Status"] == "exited", 20, "the end of sleep 3")
    state = docker.inspect(short)["State"]
    assert state["ExitCode"] == 0
    assert docker.inspect(long)["State"]["Running"] is True


def test_start_again_and_again(docker):
    docker.ok("create", "-i", "--name", "again", "busybox", "sh", "-c", 'read code; echo "run $code"; exit $code')
    first_id = docker.inspect("again")["Id"]
    for code in (3, 0, 5):
        p = docker.docker("start", "-ai", "again", input="%d\n" % code)
        assert (p.stdout, p.returncode) == ("run %d\n" % code, code)
        assert docker.inspect("again")["State"]["ExitCode"] == code
    assert docker.inspect("again")["Id"] == first_id


def test_large_environment_and_argument(docker):
    value = "x" * 100_000
    options = ["-e", "BIG=" + value, "-e", "a.b=dot", "-e", "_X=under"]
    environment = docker.ok("run", "--rm", *options, "busybox", "env").split("\n")
    assert {"BIG=" + value, "a.b=dot", "_X=under"} <= set(environment)
    assert docker.ok("run", "--rm", *options, "busybox", "sh", "-c", "echo ${#BIG} ${#1}", "sh", value) == "100000 100000"


def test_twenty_at_once_none_mixed(docker):
    results = {}

    def one(n):
        script = "yes %02d | head -c 1048576" % n
        results[n] = docker.docker("run", "--rm", "busybox", "sh", "-c", script, timeout=240)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for n, p in results.items():
        assert p.returncode == 0, p.stderr
        assert p.stdout == (("%02d\n" % n) * 400000)[:1048576]


def test_secrets_stay_with_the_agent(docker):
    out = docker.ok("run", "--rm", "busybox", "sh", "-c", "env; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'")
    assert "PATH=" in out
    assert "AWS_" not in out and "SOCKERLESS" not in out


def test_lambda_file_system(docker):
    out = docker.docker("run", "--rm", "busybox", "sh", "-c", "touch /etc/x; id -u; echo kept > /tmp/x; cat /tmp/x")
    assert "Read-only file system" in out.stderr
    assert out.stdout.split()[0] != "0" and out.stdout.split()[1] == "kept"


def test_tmp_holds_what_the_container_wrote_and_nothing_else(docker):
    """A function that is warm has another's /tmp, or more than was kept."""
    docker.ok("create", "--name", "tmp", "busybox", "sh", "-c", "ls -A /tmp | grep -v sockerless; touch /tmp/a /tmp/.b")
    assert [sorted(docker.ok("start", "-a", "tmp").split()) for _ in range(3)] == [[], [".b", "a"], [".b", "a"]]


def test_client_killed_changes_nothing(docker):
    p = docker.popen("run", "--name", "orphan", "busybox", "sh", "-c", "echo begun; sleep 2; echo done; exit 4")
    assert p.stdout.readline() == b"begun\n"
    p.kill()
    p.communicate()
    wait_until(lambda: docker.inspect("orphan")["State"]["Status"] == "exited", 20, "the container's own end")
    assert docker.inspect("orphan")["State"]["ExitCode"] == 4
    assert docker.ok("logs", "orphan") == "begun\ndone"
