"""Silence of 90 s on attach, on logs -f and on an idle keep-alive connection."""
import http.client
import socket
import subprocess
import threading


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("docker")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def test_90_seconds(docker):
    attached = docker.popen("run", "-i", "--name", "silent", "busybox", "sh", "-c", "echo ready; read x; echo $x; exit 2", stdin=subprocess.PIPE)
    assert attached.stdout.readline() == b"ready\n"
    logs = docker.popen("logs", "-f", "silent")
    assert logs.stdout.readline() == b"ready\n"
    idle = UnixConnection(str(docker.socket))
    idle.request("GET", "/_ping")
    assert idle.getresponse().read() == b"OK"
    kept = idle.sock
    threading.Event().wait(90)
    idle.request("GET", "/_ping")
    assert idle.getresponse().read() == b"OK" and idle.sock is kept
    idle.close()
    out, _ = attached.communicate(b"spoken\n", timeout=20)
    assert out == b"spoken\n" and attached.returncode == 2
    out, _ = logs.communicate(timeout=20)
    assert out == b"spoken\n" and logs.returncode == 0
