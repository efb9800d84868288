"""docker logs: while the container runs and after."""
import subprocess

from conftest import wait_until

ECHO = 'while read line; do echo "out $line"; echo "err $line" >&2; done'


def test_each_line_arrives_before_the_next_is_asked_for(docker):
    run = docker.popen("run", "-i", "--name", "lines", "busybox", "sh", "-c", ECHO, stdin=subprocess.PIPE)
    wait_until(lambda: docker.docker("inspect", "lines").returncode == 0 and docker.inspect("lines")["State"]["Running"], 20, "the start")
    logs = docker.popen("logs", "-f", "lines")
    for n in range(5):
        run.stdin.write(b"%d\n" % n)
        run.stdin.flush()
        assert logs.stdout.readline() == b"out %d\n" % n
        assert logs.stderr.readline() == b"err %d\n" % n
        assert run.stdout.readline() == b"out %d\n" % n
    run.stdin.close()
    assert run.wait(20) == 0
    assert logs.wait(20) == 0
    assert docker.ok("logs", "lines") == "\n".join("out %d" % n for n in range(5))
    run.stdout.close(), run.stderr.close(), logs.stdout.close(), logs.stderr.close()


def test_complete_after_the_exit(docker):
    docker.ok("run", "-d", "--name", "many", "busybox", "sh", "-c", "seq 1 20000; seq 1 20000 >&2")
    assert docker.ok("wait", "many") == "0"
    p = docker.docker("logs", "many", check=0)
    expected = "".join("%d\n" % n for n in range(1, 20001))
    assert p.stdout == expected and p.stderr == expected


def test_options(docker):
    docker.ok("run", "--name", "opts", "busybox", "sh", "-c", "echo a; sleep 1.1; echo b; echo c >&2")
    assert docker.ok("logs", "--tail", "1", "opts") in ("", "b")
    assert docker.docker("logs", "--tail", "0", "opts").stdout == ""
    stamped = docker.ok("logs", "-t", "opts").split("\n")
    assert [l.split()[1] for l in stamped] == ["a", "b"]
    assert stamped[0].split()[0].endswith("Z") and len(stamped[0].split()[0]) == 30
    assert docker.ok("logs", "--since", stamped[1].split()[0], "opts") == "b"
    assert docker.ok("logs", "--until", stamped[0].split()[0], "opts") == "a"
    assert docker.docker("logs", "opts").stderr == "c\n"


def test_of_all_runs(docker):
    docker.ok("create", "--name", "runs", "busybox", "echo", "once")
    for _ in range(3):
        docker.ok("start", "-a", "runs")
    assert docker.ok("logs", "runs") == "once\nonce\nonce"


def test_driver_none(docker):
    assert docker.ok("run", "--name", "silent", "--log-driver", "none", "busybox", "echo", "seen") == "seen"
    p = docker.docker("logs", "silent")
    assert p.returncode and "configured logging driver does not support reading" in p.stderr
    p = docker.docker("create", "--log-driver", "syslog", "busybox", "true")
    assert p.returncode and "not supported" in p.stderr
