"""kill -9 of the gateway: no output lost, no exit status, and exec works again."""
import os
import signal
import subprocess

from conftest import wait_until


def test_nothing_is_lost(docker):
    docker.ok("run", "-d", "--name", "printer", "busybox", "sh", "-c",
              "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i; [ $((i % 100)) = 0 ] && sleep 0.1; done; exit 6")
    reader = docker.popen("run", "-i", "--name", "reader", "busybox", "sh", "-c", "cat >/dev/null; echo ended; exit 4", stdin=subprocess.PIPE)
    wait_until(lambda: docker.docker("inspect", "reader").returncode == 0 and docker.inspect("reader")["State"]["Running"], 20, "the reader's start")
    wait_until(lambda: len(docker.ok("logs", "printer").split("\n")) > 300, 20, "some output")
    old = docker.service_pid("gateway")
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: docker.service_pid("gateway") not in (None, old), 20, "the gateway's return")
    wait_until(lambda: docker.docker("exec", "printer", "echo", "back").stdout == "back\n"
               or docker.inspect("printer")["State"]["Status"] == "exited", 40, "exec's return")
    assert wait_until(lambda: docker.docker("wait", "printer").stdout.strip(), 60) == "6"
    assert docker.ok("logs", "printer") == "\n".join("line %d" % n for n in range(1, 3001))
    # The client of the reader was cut, so its standard input has ended.
    assert wait_until(lambda: docker.docker("wait", "reader").stdout.strip(), 60) == "4"
    assert docker.ok("logs", "reader") == "ended"
    reader.stdin.close()
    reader.wait(20)
    reader.stdout.close(), reader.stderr.close()
