"""What all tests of the sandboxes share: the driver program in the place of sockerless-lambda, a registry, a world outside."""
import atexit
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

import registry
from registry import directory, tar  # noqa: F401
from support.places import BUILD
from support.waiting import wait_until

DRIVER = str(BUILD / "tests/sandbox/driver")
RELAY_PORT = 2377
OUTSIDE, INSIDE = "198.51.100.2", "198.51.100.1"
INTERFACES = os.listdir("/sys/class/net") + ["world0"]


def server(address, port, handler):
    """Serves each connection in a thread of its own; returns the listening socket."""
    listener = socket.create_server((address, port), backlog=64)

    def loop():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=handle, args=(connection,), daemon=True).start()

    def handle(connection):
        with connection:
            handler(connection)

    threading.Thread(target=loop, daemon=True).start()
    return listener


def count_then_answer(connection):
    """Reads to the end of input and only then answers: needs half-close both ways."""
    digest, total = hashlib.sha256(), 0
    while data := connection.recv(65536):
        digest.update(data)
        total += len(data)
    connection.sendall(b"%d %s\n" % (total, digest.hexdigest().encode()) + b"y" * 1000000 + b"\n")


class Driver:
    def __init__(self, host_dir, relay="-", before="true"):
        """before: a shell command that changes the mounts that the driver sees"""
        self.process = subprocess.Popen(["unshare", "--mount", "sh", "-c", before + ' && exec "$@"', "driver", DRIVER, "serve", host_dir, relay], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1)
        self.greeting = self.process.stdout.readline().strip()

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def ok(self, line):
        answer = self.say(line)
        assert answer.startswith("ok"), "%s: %s" % (line, answer)
        return answer[3:]

    def lines(self, name):
        found = []
        while (answer := self.say("output " + name)).startswith("ok"):
            found.append(answer[3:])
        return found

    def run(self, command, memory=256, tmp=64, workdir="/", name="t"):
        """Runs a command in a sandbox of its own: (lines, end, statistics)"""
        self.ok("create %s %d %d %s %s" % (name, memory, tmp, workdir, command))
        self.ok("start " + name)
        lines = self.lines(name)
        end, stat = self.ok("wait " + name), self.ok("stat " + name)
        self.ok("destroy " + name)
        return lines, end, stat

    def close(self):
        self.process.stdin.close()
        code = self.process.wait()
        self.process.stdout.close()
        return code


def set_up():
    """Once for all modules; undone at exit."""
    global WORK, REGISTRY, BUSY
    subprocess.run("ip link set lo up && ip link add world0 type veth peer name world1 && "
                   "ip addr add %s/24 dev world0 && ip link set world0 up" % INSIDE, shell=True, check=True)
    # The world outside: a namespace with one server.
    world = subprocess.Popen(["unshare", "--net", "python3", "-c", """
import http.server, sys
sys.stdin.readline()
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'from outside\\n')
    def log_message(self, *a): pass
s = http.server.HTTPServer(('%s', 8080), H)
print('up', flush=True)
s.serve_forever()
""" % OUTSIDE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    own = os.readlink("/proc/self/ns/net")
    wait_until(lambda: os.readlink("/proc/%d/ns/net" % world.pid) != own, what="a namespace for the world outside")
    subprocess.run("ip link set world1 netns %d && nsenter -n -t %d sh -c 'ip link set lo up; ip addr add %s/24 dev world1; "
                   "ip link set world1 up'" % (world.pid, world.pid, OUTSIDE), shell=True, check=True)
    world.stdin.write("go\n")
    world.stdin.flush()
    assert world.stdout.readline() == "up\n"
    atexit.register(lambda: (world.kill(), world.wait(), world.stdin.close(), world.stdout.close()))
    WORK = tempfile.mkdtemp(prefix="sandbox-test-")
    atexit.register(shutil.rmtree, WORK)
    REGISTRY = registry.Registry()
    atexit.register(REGISTRY.close)
    BUSY = REGISTRY.image("busy", [registry.busybox_layer()])


class Base(unittest.TestCase):
    relay, before = "-", "true"

    def setUp(self):
        self.dir = tempfile.mkdtemp(dir=WORK)
        self.driver = Driver(self.dir + "/host", self.relay, self.before)
        self.assertEqual(self.driver.greeting, "ok")
        self.driver.ok("prepare " + BUSY)

    def tearDown(self):
        code = self.driver.close()
        self.sweep()
        self.assertIn(code, (0, -signal.SIGKILL))
        shutil.rmtree(self.dir)

    def sweep(self):
        subprocess.run(["unshare", "--mount", "sh", "-c", self.before + ' && exec "$@"', "sh", DRIVER, "sweep", self.dir + "/host"],
                       check=True)

    def restart(self):
        self.driver.close()
        self.driver = Driver(self.dir + "/host", self.relay)
        return self.driver.greeting


def processes(mark, exact=True):
    """(pid, command line) of the processes that name the mark, this test's own apart."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                line = f.read()
        except OSError:
            continue
        if mark.encode() in line and int(pid) != os.getpid():
            found.append((int(pid), line))
    return found


def parent(pid):
    with open("/proc/%d/stat" % pid) as f:
        return int(f.read().rsplit(")", 1)[1].split()[1])


def network(pid):
    try:
        return os.readlink("/proc/%s/ns/net" % pid)
    except OSError:
        return None


def traces(host_dir):
    """What a host could leave on this machine."""
    folder = "sockerless-lambda-" + hashlib.sha256(host_dir.encode()).hexdigest()[:12]
    found = {"cgroups": subprocess.run(["find", "/sys/fs/cgroup", "-name", folder], capture_output=True, text=True).stdout.split()}
    with open("/proc/self/mountinfo") as f:
        found["mounts"] = [line for line in f if host_dir in line]
    loops = []
    for name in os.listdir("/sys/block"):
        backing = "/sys/block/%s/loop/backing_file" % name
        if os.path.exists(backing):
            with open(backing) as f:
                if host_dir in f.read():
                    loops.append(name)
    found["loops"] = loops
    found["processes"] = [p for p in processes(host_dir)]
    found["slirp"] = [p for p in processes("slirp4netns") if network(p[0]) == network("self")]
    found["sandboxes"] = os.listdir(host_dir + "/sandboxes") if os.path.exists(host_dir + "/sandboxes") else []
    found["interfaces"] = [n for n in os.listdir("/sys/class/net") if n not in INTERFACES]
    return {what: left for what, left in found.items() if left}


set_up()
