"""sockerless.root=fake: all of the root can be written, by what sees itself as root."""
import io
import subprocess
import tarfile

import pytest

from raw_api import make_tar

FAKE = ("--label", "sockerless.root=fake")


@pytest.mark.parametrize("script, code, out", [
    ("id -u; echo x >/etc/new; chmod 600 /etc/new; cat /etc/new; rm /bin/ls; test ! -e /bin/ls", 0, "0\nx\n"),
    ("mkdir -p /opt/a && mv /etc /opt/a/ && ls -d /opt/a/etc", 0, "/opt/a/etc\n"),
    ("echo a >/f && ln /f /g && ln -s /g /h && stat -c %s /h && chown 5:5 /f; exit 9", 9, None),
    ("kill -9 $$", 137, ""),
    ("(sleep 0.2; exit 5) & exit 3", 3, ""),
    ("/bin/sh -c 'kill -9 $$'; exit 4", 4, None),
    ("echo $PROOT_TMP_DIR; cat; exit 6", 6, "\nfrom stdin\n"),
])
def test_run(docker, script, code, out):
    p = docker.docker("run", "--rm", "-i", *FAKE, "busybox", "sh", "-c", script, input="from stdin\n")
    assert p.returncode == code, p.stderr
    assert out is None or p.stdout == out


def test_failures_are_docker_s(docker):
    p = docker.docker("run", "--rm", *FAKE, "busybox", "nosuch")
    assert p.returncode == 127 and "executable file not found in $PATH" in p.stderr
    assert docker.docker("run", "--rm", *FAKE, "busybox", "/etc").returncode == 126
    p = docker.docker("run", "--rm", "--label", "sockerless.root=real", "busybox", "true")
    assert p.returncode == 125 and "neither image nor fake" in p.stderr


def test_exec_signals_and_files(docker):
    docker.ok("run", "-d", "--name", "fake", *FAKE, "-v", "data:/srv/data", "busybox", "sh", "-c", "trap 'exit 4' TERM; while :; do sleep 0.1; done")
    for n in range(5):
        assert docker.docker("exec", "fake", "sh", "-c", "exit %d" % n).returncode == n
    docker.ok("exec", "fake", "sh", "-c", "echo new >/bin/tool; ln -s /bin/tool /etc/link; echo x >/srv/data/y; rm /etc/passwd; true")
    assert docker.ok("exec", "-w", "/srv/data", "fake", "sh", "-c", "pwd; cat y /etc/link") == "/srv/data\nx\nnew"
    subprocess.run(["docker", "cp", "-", "fake:/etc"], env=docker.docker_env, input=make_tar({"copied": b"in\n"}), check=True, timeout=60)
    docker.ok("stop", "fake")
    assert docker.inspect("fake")["State"]["ExitCode"] == 4 and docker.inspect("fake")["State"]["Error"] == ""
    docker.ok("start", "fake")
    assert docker.ok("exec", "fake", "cat", "/bin/tool", "/etc/link", "/etc/copied", "/srv/data/y") == "new\nnew\nin\nx"
    for path, name in (("/etc/link", "link"), ("/bin/tool", "tool"), ("/etc/copied", "copied")):
        out = subprocess.run(["docker", "cp", "fake:" + path, "-"], env=docker.docker_env, stdout=subprocess.PIPE, check=True, timeout=60).stdout
        with tarfile.open(fileobj=io.BytesIO(out)) as tar:
            assert tar.getnames() == [name]
    docker.ok("kill", "fake")
    assert docker.inspect("fake")["State"]["ExitCode"] == 137
    docker.ok("rm", "-v", "fake")
    docker.docker("volume", "rm", "data")
