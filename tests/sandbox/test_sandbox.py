"""The local Lambda's sandboxes, through a driver program in the place of sockerless-lambda."""
import gzip
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import threading
import time
import unittest

import registry
from registry import directory, tar

DRIVER = os.environ["driver"]
RELAY_PORT = 2377
OUTSIDE, INSIDE = "198.51.100.2", "198.51.100.1"


def wait_until(condition, what, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("never: " + what)
        time.sleep(0.01)


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


def setUpModule():
    global WORK, REGISTRY, BUSY, WORLD
    subprocess.run("ip link set lo up && ip link add world0 type veth peer name world1 && "
                   "ip addr add %s/24 dev world0 && ip link set world0 up" % INSIDE, shell=True, check=True)
    # The world outside: a namespace with one server.
    WORLD = subprocess.Popen(["unshare", "--net", "python3", "-c", """
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
    wait_until(lambda: os.readlink("/proc/%d/ns/net" % WORLD.pid) != own, "a namespace for the world outside")
    subprocess.run("ip link set world1 netns %d && nsenter -n -t %d sh -c 'ip link set lo up; ip addr add %s/24 dev world1; "
                   "ip link set world1 up'" % (WORLD.pid, WORLD.pid, OUTSIDE), shell=True, check=True)
    WORLD.stdin.write("go\n")
    WORLD.stdin.flush()
    assert WORLD.stdout.readline() == "up\n"
    WORK = tempfile.mkdtemp(prefix="sandbox-test-")
    REGISTRY = registry.Registry(WORK)
    BUSY = REGISTRY.image("busy", [registry.busybox_layer()])


def tearDownModule():
    REGISTRY.stop()
    WORLD.kill()
    WORLD.wait()
    WORLD.stdin.close()
    WORLD.stdout.close()
    shutil.rmtree(WORK)


class Base(unittest.TestCase):
    relay, before = "-", "true"

    def setUp(self):
        self.dir = tempfile.mkdtemp(dir=WORK)
        self.driver = Driver(self.dir + "/host", self.relay, self.before)
        self.assertEqual(self.driver.greeting, "ok")
        self.driver.ok("prepare " + BUSY)

    def tearDown(self):
        self.assertIn(self.driver.close(), (0, -signal.SIGKILL))
        shutil.rmtree(self.dir)

    def restart(self):
        self.driver.close()
        self.driver = Driver(self.dir + "/host", self.relay)
        return self.driver.greeting


class Inside(Base):
    def test_identity_and_capabilities(self):
        lines, end, _ = self.driver.run("id -u; id -g; grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status; hostname")
        self.assertEqual(end, "exit 0")
        self.assertEqual(lines[:2], ["993", "990"])
        status = dict(line.split(":\t") for line in lines[2:-1])
        for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[kind], 16), 0, kind)
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))

    def test_root_is_read_only(self):
        lines, _, _ = self.driver.run("touch /x; mkdir /work/x; cat /secret; touch /dev/x; echo x >/dev/null && echo null; "
                                      "test -e /dev/shm || echo no shm; test -d /sys || echo no sys; cat /etc/hosts")
        text = "\n".join(lines)
        self.assertRegex(text, "/x: Read-only file system")
        self.assertRegex(text, "/secret.*Permission denied")
        self.assertIn("null", lines)
        self.assertIn("no shm", lines)
        self.assertIn("no sys", lines)
        self.assertIn("127.0.0.1 localhost", lines)

    def test_tmp_survives_and_has_its_size(self):
        d = self.driver
        d.ok("create t 256 100 / df -k /tmp | grep /tmp; stat -c %a /tmp; cat /tmp/kept; echo kept >>/tmp/kept; "
             "dd if=/dev/zero of=/tmp/full bs=1M count=200 2>&1 | grep -o 'No space.*'; true")
        d.ok("start t")
        first = d.lines("t")
        self.assertEqual(d.ok("wait t"), "exit 0")
        size = int(first[0].split()[1])
        self.assertTrue(90 * 1024 <= size <= 100 * 1024, size)
        self.assertEqual(first[1], "1777")
        self.assertIn("No space left on device", first)
        self.assertRegex(first[2], "can't open")
        d.ok("start t")
        self.assertEqual(d.lines("t")[2], "kept")
        d.ok("wait t")

    def test_two_runs_share_no_tmp(self):
        self.driver.run("echo x > /tmp/x", name="a")
        self.assertEqual(self.driver.run("ls /tmp", name="a")[0], [])

    def test_namespaces_are_refused(self):
        for flag in ("-U", "-m", "-n", "-p", "-i", "-u"):
            lines, _, _ = self.driver.run("unshare %s true" % flag)
            self.assertRegex(lines[0], "Operation not permitted", flag)

    def test_refused_calls(self):
        program = os.path.join(WORK, "calls")
        source = program + ".c"
        with open(source, "w") as f:
            f.write(CALLS)
        subprocess.run(["cc", "-static", "-O1", "-o", program, source], check=True)
        with open(program, "rb") as f:
            layer = tar([("bin", directory()), ("bin/calls", {"data": f.read()})])
        self.driver.ok("prepare " + REGISTRY.image("calls", [registry.busybox_layer(), layer]))
        lines, end, _ = self.driver.run("exec /bin/calls")
        self.assertEqual(end, "exit 0", lines)
        self.assertEqual([line for line in lines if not line.endswith("as wanted")], [])
        self.assertGreater(len(lines), 10)

    def test_limits_of_files_and_processes(self):
        lines, _, _ = self.driver.run("ulimit -n; ulimit -Hn; ulimit -c; i=0; while [ $i -lt 900 ]; do sleep 30 >/dev/null 2>&1 & i=$((i+1)); "
                                      "done 2>&1 | grep -o \"can't fork.*\"; echo end")
        self.assertEqual(lines[:3], ["1024", "1024", "0"])
        self.assertRegex("\n".join(lines), "can't fork")

    def test_output_can_be_opened_again(self):
        self.assertEqual(self.driver.run("echo one >/dev/stdout; echo two >/dev/stderr; cat /dev/stdin; echo $?")[0], ["one", "two", "0"])

    def test_entrypoint_and_workdir(self):
        d = self.driver
        self.assertEqual(d.run("pwd", workdir="/work")[0], ["/work"])
        d.ok("create w 128 64 /nowhere true")
        self.assertRegex(d.say("start w"), "error Runtime.InvalidWorkingDir: chdir /nowhere: No such file")
        d.ok("exec e 128 64 / /bin/nothing")
        self.assertRegex(d.say("start e"), "error Runtime.InvalidEntrypoint: .*/bin/nothing: No such file")
        self.assertRegex(d.say("start e"), "error Runtime.InvalidEntrypoint")
        for path in ("/bin/true", "bin/busybox", "/bin", "/secret"):
            d.ok("exec %s 128 64 / %s" % (path.replace("/", "_"), path))
            self.assertRegex(d.say("start " + path.replace("/", "_")), "error Runtime.InvalidEntrypoint: fork/exec " + path)

    def test_exit_codes(self):
        self.assertEqual(self.driver.run("exit 7")[1], "exit 7")
        self.assertEqual(self.driver.run("kill -TERM $$")[1], "signal 15")

    def test_memory_limit(self):
        lines, end, stat = self.driver.run("exec dd if=/dev/zero of=/dev/null bs=400M count=1", memory=128)
        self.assertEqual(end, "signal 9")
        peak, oom = re.match(r"peak (\d+) oom (\d)", stat).groups()
        self.assertEqual(oom, "1")
        self.assertTrue(100 <= int(peak) <= 128, stat)
        self.assertRegex(self.driver.run("true", memory=128)[2], "oom 0")

    def test_descendants_end_with_the_process(self):
        mark = "7654.%d" % os.getpid()
        lines, _, _ = self.driver.run("setsid sleep %s & (sleep %s &) ; echo started" % (mark, mark))
        self.assertEqual(lines, ["started"])
        self.assertEqual(processes(mark), [])

    def test_kill_ends_everything(self):
        mark = "8765.%d" % os.getpid()
        d = self.driver
        d.ok("create t 256 64 / setsid sleep %s & (setsid setsid sleep %s &) ; echo started; sleep %s; sleep 1" % (mark, mark, mark))
        for frozen in (False, True):
            d.ok("start t")
            self.assertEqual(d.say("output t"), "ok started")
            wait_until(lambda: len([p for p in processes(mark) if b"sh\0" not in p[1]]) >= 3, "three sleepers")
            if frozen:
                d.ok("freeze t")
            d.ok("kill t")
            self.assertEqual(d.ok("wait t"), "signal 9")
            self.assertEqual(processes(mark), [])

    def test_freeze_and_thaw(self):
        d = self.driver
        d.ok("create t 256 64 / i=0; while true; do i=$((i+1)); echo $i > /tmp/n; mkdir -p /tmp/$i; done")
        d.ok("start t")

        def ticks():
            with open("/proc/%d/stat" % pid) as f:
                return int(f.read().rsplit(")", 1)[1].split()[11])
        pid = processes("i=$((i+1)); echo $i > /tmp/n", exact=False)[0][0]
        before = ticks()
        wait_until(lambda: ticks() > before, "progress")
        d.ok("freeze t")
        stopped = ticks()
        time.sleep(0.3)
        self.assertEqual(ticks(), stopped)
        d.ok("thaw t")
        wait_until(lambda: ticks() > stopped, "progress after the thaw")
        d.ok("kill t")
        self.assertEqual(d.ok("wait t"), "signal 9")

    def test_create_and_start_are_fast(self):
        d = self.driver
        times = []
        for i in range(5):
            times.append(float(d.ok("create s%d 128 512 / true" % i)) + float(d.ok("start s%d" % i)))
        print("create + start: %s ms" % times)


CALLS = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
static void want(const char *what, long rc, int error) {
	printf("%s: %ld %d %s\n", what, rc, errno, (error ? rc < 0 && errno == error : rc >= 0) ? "as wanted" : "WRONG");
}
#define REFUSED(call) want(#call, call, EPERM)
#define ALLOWED(call) want(#call, call, 0)
int main(void) {
	REFUSED(socket(AF_PACKET, SOCK_RAW, 0));
	REFUSED(socket(AF_INET, SOCK_RAW, 1));
	REFUSED(socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, 58));
	REFUSED(socket(40, SOCK_STREAM, 0));
	ALLOWED(socket(AF_NETLINK, SOCK_RAW, 0));
	ALLOWED(socket(AF_INET, SOCK_DGRAM, 0));
	ALLOWED(socket(AF_UNIX, SOCK_STREAM, 0));
	REFUSED(syscall(SYS_mount, "a", "/tmp", "tmpfs", 0, 0));
	REFUSED(syscall(SYS_fsopen, "tmpfs", 0));
	REFUSED(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
	REFUSED(syscall(SYS_bpf, 0, 0, 0));
	REFUSED(syscall(SYS_perf_event_open, 0, 0, 0, 0, 0));
	REFUSED(syscall(SYS_init_module, 0, 0, 0));
	REFUSED(syscall(SYS_kexec_load, 0, 0, 0, 0));
	REFUSED(setns(0, 0));
	REFUSED(unshare(CLONE_NEWUSER));
	REFUSED(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
	REFUSED(mknod("/tmp/device", S_IFBLK | 0600, 0));
	REFUSED(setuid(0));
	REFUSED(chroot("/tmp"));
	ALLOWED(mkfifo("/tmp/pipe", 0600));
	want("clone3", syscall(SYS_clone3, 0, 0), ENOSYS);
	REFUSED(kill(1, SIGKILL));
	want("init's memory", open("/proc/1/mem", O_RDONLY), EACCES);
	want("init's environment", open("/proc/1/environ", O_RDONLY), EACCES);
	int pty = posix_openpt(O_RDWR | O_NOCTTY);
	ALLOWED(pty);
	ALLOWED(grantpt(pty));
	ALLOWED(unlockpt(pty));
	ALLOWED(open(ptsname(pty), O_RDWR | O_NOCTTY));
	pid_t child = fork();
	if (!child) { pause(); _exit(0); }
	ALLOWED(ptrace(PTRACE_ATTACH, child, 0, 0));
	kill(child, SIGKILL);
	return 0;
}
"""


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


class Network(Base):
    relay = "169.254.100.1:9002=127.0.0.1:%d" % RELAY_PORT

    def setUp(self):
        super().setUp()
        self.listeners = []

    def tearDown(self):
        for listener in self.listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        super().tearDown()

    def serve(self, address, port, handler=count_then_answer):
        self.listeners.append(server(address, port, handler))

    def test_runtime_listener(self):
        d = self.driver
        d.ok("create t 256 64 / echo ping | nc 169.254.100.1 9001")
        d.ok("start t")
        self.assertEqual(d.ok("accept t"), "ping")
        self.assertEqual(d.lines("t"), ["hello"])

    def test_relay_keeps_half_close(self):
        self.serve("127.0.0.1", RELAY_PORT)
        size = 20 << 20
        lines, end, _ = self.driver.run("dd if=/dev/zero bs=1M count=20 2>/dev/null | nc 169.254.100.1 9002 >/tmp/out; "
                                        "grep -v y /tmp/out; stat -c %s /tmp/out")
        digest = hashlib.sha256(bytes(size)).hexdigest()
        first = "%d %s" % (size, digest)
        self.assertEqual(lines, [first, str(len(first) + 1 + 1000001)])

    def test_relay_many_at_once(self):
        self.serve("127.0.0.1", RELAY_PORT)
        lines, _, _ = self.driver.run("i=0; while [ $i -lt 20 ]; do (dd if=/dev/zero bs=64k count=16 2>/dev/null | "
                                      "nc 169.254.100.1 9002 | grep -v y) & i=$((i+1)); done; wait")
        want = "%d %s" % (1 << 20, hashlib.sha256(bytes(1 << 20)).hexdigest())
        self.assertEqual(lines, [want] * 20)

    def test_relay_to_nobody_closes(self):
        lines, end, _ = self.driver.run("echo x | nc 169.254.100.1 9002; echo closed")
        self.assertEqual(lines[-1], "closed")

    def test_relay_survives_a_killed_sandbox(self):
        d = self.driver
        held = []
        self.serve("127.0.0.1", RELAY_PORT, lambda c: (held.append(c), c.recv(1), held.append(c.recv(1))))
        d.ok("create t 256 64 / (echo -n x; sleep 100) | nc 169.254.100.1 9002")
        d.ok("start t")
        wait_until(lambda: held, "a connection through the relay")
        d.ok("kill t")
        d.ok("wait t")
        wait_until(lambda: len(held) == 2, "the connection's end at the host")
        d.ok("destroy t")
        self.test_runtime_listener()

    def test_host_is_out_of_reach(self):
        greet = lambda c: c.sendall(b"SECRET\n")  # noqa: E731
        for address in ("127.0.0.1", INSIDE):
            self.serve(address, 7777, greet)
        self.serve("127.0.0.1", RELAY_PORT, greet)
        addresses = ["127.0.0.1", "127.0.0.2", INSIDE, "10.0.2.2", "10.0.2.3", "169.254.100.1", "169.254.169.254", "0.0.0.0"]
        lines, _, _ = self.driver.run("; ".join("nc -w 2 %s 7777 </dev/null; echo %s: $?" % (a, a) for a in addresses) +
                                      "; nc -w 5 169.254.100.1 9002 </dev/null")
        for address in addresses:
            self.assertIn("%s: 1" % address, lines)
        self.assertEqual([line for line in lines if "SECRET" in line], ["SECRET"], lines)
        self.assertEqual(lines[-1], "SECRET")

    def test_way_to_the_outside(self):
        lines, _, _ = self.driver.run("wget -q -O - http://%s:8080/" % OUTSIDE)
        self.assertEqual(lines, ["from outside"])

    def test_sandboxes_do_not_meet(self):
        d = self.driver
        d.ok("create a 256 64 / nc -l -p 5555 </dev/null")
        d.ok("start a")
        lines, _, _ = d.run("nc -w 1 169.254.100.1 5555 </dev/null; echo $?; nc -w 1 10.0.2.100 5555 </dev/null; echo $?", name="b")
        self.assertEqual([line for line in lines if line.isdigit()], ["1", "1"])
        d.ok("kill a")


class Names(Base):
    """The host's name server answers inside too, even one on the host's loopback."""
    def setUp(self):
        self.resolv = tempfile.NamedTemporaryFile("w", dir=WORK)
        self.resolv.write("nameserver 127.0.0.1\n")
        self.resolv.flush()
        self.before = "mount --bind %s $(readlink -f /etc/resolv.conf)" % self.resolv.name
        super().setUp()
        self.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.server.bind(("127.0.0.1", 53))
        threading.Thread(target=self.answer, daemon=True).start()

    def tearDown(self):
        self.server.close()
        super().tearDown()
        self.resolv.close()

    def answer(self):
        while True:
            try:
                query, peer = self.server.recvfrom(512)
            except OSError:
                return
            end = query.index(b"\0", 12) + 5
            found = query[end - 4:end - 2] == b"\0\1"
            record = b"\xc0\x0c\0\1\0\1\0\0\0\x0a\0\4" + socket.inet_aton(OUTSIDE) if found else b""
            self.server.sendto(query[:2] + b"\x85\x80\0\1" + (b"\0\1" if found else b"\0\0") + b"\0\0\0\0" + query[12:end] + record, peer)

    def test_names(self):
        lines, _, _ = self.driver.run("/bin/busybox nslookup world.test")
        self.assertIn("Address: " + OUTSIDE, lines, lines)


class Images(Base):
    def prepare(self, layers, **how):
        return self.driver.say("prepare " + REGISTRY.image("img%d" % time.monotonic_ns(), layers, **how))

    def test_a_hundred_layers(self):
        layers = [registry.busybox_layer()]
        layers += [tar([("n", directory()), ("n/%d" % i, {"data": b"%d\n" % i, "mode": 0o644}),
                        ("last", {"data": b"%d\n" % i, "mode": 0o644})]) for i in range(120)]
        self.assertEqual(self.prepare(layers), "ok 121")
        lines, _, _ = self.driver.run("cat /last; ls /n | grep -c .; cat /n/0 /n/119")
        self.assertEqual(lines, ["119", "120", "0", "119"])

    def test_whiteouts(self):
        upper = tar([("work", directory()), ("work/.wh.gone", {}), ("full", directory()), ("full/.wh..wh..opq", {}),
                     ("full/new", {"data": b"new\n"})])
        middle = tar([("work", directory()), ("work/gone", {"data": b"x"}), ("work/stays", {"data": b"x"}), ("full", directory()),
                      ("full/old", {"data": b"x"})])
        self.assertEqual(self.prepare([registry.busybox_layer(), middle, upper]), "ok 3")
        self.assertEqual(self.driver.run("ls /work /full")[0], ["/full:", "new", "", "/work:", "stays"])

    def test_plain_tar_and_owners(self):
        layer = tar([("own", {"data": b"mine\n", "mode": 0o600, "uid": 993, "gid": 990}), ("abs", directory()),
                     ("/abs/file", {"data": b"absolute\n"}), ("link", {"type": tarfile.LNKTYPE, "linkname": "abs/file"})])
        kind = "application/vnd.docker.image.rootfs.diff.tar"
        self.assertEqual(self.prepare([registry.busybox_layer(), layer], compress=bytes, layer_type=kind), "ok 2")
        self.assertEqual(self.driver.run("cat /own /abs/file /link")[0], ["mine", "absolute", "absolute"])

    def test_names_beyond_ascii(self):
        # Docker writes such names as pax records; the driver runs in the C locale.
        long = "l" * 150
        layer = tar([("Főtanús", directory()), ("Főtanús/é", {"data": b"one\n"}),
                     ("hardé", {"type": tarfile.LNKTYPE, "linkname": "Főtanús/é"}),
                     ("softé", {"type": tarfile.SYMTYPE, "linkname": "Főtanús/é"}),
                     (long, {"data": b"long\n"})], tarfile.PAX_FORMAT)
        self.assertEqual(self.prepare([registry.busybox_layer(), layer]), "ok 2")
        self.assertEqual(self.driver.run("cat /Főtanús/é /hardé /softé /%s" % long)[0], ["one"] * 3 + ["long"])

    def test_hostile_names_are_refused(self):
        for name in ("../out", "a/../../out", "a/.."):
            answer = self.prepare([registry.busybox_layer(), tar([(name, {"data": b"x"})])])
            self.assertRegex(answer, "error the layer holds a name that leads out of it", name)

    def test_links_do_not_lead_out(self):
        target = tempfile.mkdtemp(dir=self.dir)
        with open(target + "/victim", "w") as f:
            f.write("host")
        through_link = tar([("esc", {"type": tarfile.SYMTYPE, "linkname": target}), ("esc/planted", {"data": b"x"})])
        up = tar([("esc", {"type": tarfile.SYMTYPE, "linkname": "../../../../../.." + target}), ("esc/planted", {"data": b"x"})])
        over = tar([("esc", {"type": tarfile.SYMTYPE, "linkname": target + "/victim"}), ("esc", {"data": b"x"})])
        hard = tar([("esc", {"type": tarfile.LNKTYPE, "linkname": target + "/victim"})])
        hard_up = tar([("esc", {"type": tarfile.LNKTYPE, "linkname": "../../../../../../../.." + target + "/victim"})])
        hard_via = tar([("l", {"type": tarfile.SYMTYPE, "linkname": target}), ("esc", {"type": tarfile.LNKTYPE, "linkname": "l/victim"})])
        opaque = tar([("esc", {"type": tarfile.SYMTYPE, "linkname": target}), ("esc/.wh.victim", {}), ("esc/.wh..wh..opq", {})])
        for layer in (through_link, up, over, hard, hard_up, hard_via, opaque):
            self.prepare([registry.busybox_layer(), layer])
            self.assertEqual(os.listdir(target), ["victim"])
            with open(target + "/victim") as f:
                self.assertEqual(f.read(), "host")
            self.assertEqual(os.stat(target + "/victim").st_nlink, 1)

    def test_devices_are_left_out(self):
        layer = tar([("disk", {"type": tarfile.BLKTYPE, "devmajor": 254, "devminor": 0, "mode": 0o666}),
                     ("suid", {"data": b"x", "mode": 0o4755})])
        self.assertEqual(self.prepare([registry.busybox_layer(), layer]), "ok 2")
        self.assertEqual(self.driver.run("test -e /disk || echo none")[0], ["none"])

    def test_what_lambda_refuses(self):
        # A layer that is known by its diff id isn't fetched again.
        layer = tar([("new", {"data": os.urandom(100000)})])
        self.assertRegex(self.prepare([layer], architecture="arm64"), "error the image is for linux/arm64")
        self.assertRegex(self.prepare([layer], history=[]), "error the image config's history has 0 entries")
        self.assertRegex(self.prepare([layer], layer_type="application/vnd.oci.image.layer.v1.tar+zstd"), "error .*zstd")
        self.assertRegex(self.prepare([layer], compress=lambda d: b"\x28\xb5\x2f\xfd" + d), "error .*zstd")
        self.assertRegex(self.prepare([layer], diff_ids=["sha256:" + "0" * 64]), "error a layer's diff id is")
        self.assertRegex(self.prepare([layer], compress=lambda d: gzip.compress(d)[:-50000]), "error .*(damaged|diff id)")
        self.assertRegex(self.driver.say("prepare 127.0.0.1:%d/no/such@sha256:%s" % (REGISTRY.port, "0" * 64)), "error .*not there")
        self.assertRegex(self.driver.say("prepare registry.example.com/x:y"), "error .*this machine only")

    def test_index_is_refused(self):
        uri = REGISTRY.image("multi", [registry.busybox_layer()])
        digest = uri.split("@")[1]
        kind = "application/vnd.docker.distribution.manifest.list.v2+json"
        status_uri = REGISTRY.manifest("multi", {
            "schemaVersion": 2, "mediaType": kind,
            "manifests": [{"mediaType": registry.MANIFEST, "size": 1, "digest": digest, "platform": {"architecture": "amd64", "os": "linux"}}],
        }, kind)
        self.assertRegex(self.driver.say("prepare " + status_uri), "error .*index of several images")

    def test_tag_and_cache(self):
        uri = REGISTRY.image("tagged", [registry.busybox_layer()], tag="v1")
        self.assertEqual(self.driver.say("prepare " + uri.split("@")[0] + ":v1"), "ok 1")
        self.assertEqual(self.driver.say("prepare " + uri), "ok 1")
        self.assertEqual(len([n for n in os.listdir(self.dir + "/host/images/layers") if not n.endswith(".lock")]), 1)
        self.assertEqual(os.listdir(self.dir + "/host/images/tmp"), [])


class Parallel(Base):
    def test_many_threads(self):
        layers = [registry.busybox_layer()] + [tar([("p%d" % i, {"data": os.urandom(50000)})]) for i in range(5)]
        self.assertEqual(self.driver.say("parallel 16 " + REGISTRY.image("parallel", layers)), "ok 16")
        self.assertEqual(os.listdir(self.dir + "/host/images/tmp"), [])
        self.assertEqual(os.listdir(self.dir + "/host/sandboxes"), [])


class Bare:
    """What must go on where the machine lacks something."""
    def test_life(self):
        d = self.driver
        mark = "5432.%d" % time.monotonic_ns()
        d.ok("create t 256 64 / echo x >>/tmp/x; cat /tmp/x; setsid sleep %s & i=0; while true; do i=$((i+1)); mkdir -p /tmp/$i; done" % mark)
        d.ok("start t")
        self.assertEqual(d.say("output t"), "ok x")
        pid = [p for p in processes(mark) if p[1].startswith(b"/bin/busybox")][0][0]

        def state():
            with open("/proc/%d/stat" % pid) as f:
                return f.read().rsplit(")", 1)[1].split()
        d.ok("freeze t")
        wait_until(lambda: state()[0] in self.frozen, "a frozen process: %s" % state()[0])
        before = state()[11:13]
        time.sleep(0.2)
        self.assertEqual(state()[11:13], before)
        d.ok("thaw t")
        wait_until(lambda: state()[11:13] != before, "progress")
        d.ok("freeze t")
        d.ok("kill t")
        self.assertEqual(d.ok("wait t"), "signal 9")
        self.assertEqual(processes(mark), [])
        d.ok("start t")
        self.assertEqual(d.say("output t"), "ok x")
        self.assertEqual(d.say("output t"), "ok x")
        d.ok("destroy t")
        self.assertEqual(processes(mark), [])

    def test_host_kill(self):
        mark = "4321.%d" % time.monotonic_ns()
        self.driver.ok("create t 256 64 / setsid sleep %s & sleep %s; true" % (mark, mark))
        self.driver.ok("start t")
        wait_until(lambda: len(processes(mark)) == 3, "sleepers")
        self.driver.process.kill()
        self.driver.process.wait()
        wait_until(lambda: processes(mark) == [], "an end by itself", 5)
        subprocess.run(["unshare", "--mount", "sh", "-c", self.before + ' && exec "$@"', "sh", DRIVER, "sweep", self.dir + "/host"],
                       check=True)
        self.assertEqual(traces(self.dir + "/host"), {})


class NoCgroups(Bare, Base):
    before, frozen = "umount -l /sys/fs/cgroup", "T"


class NoVersion2(Bare, Base):
    before, frozen = "umount -l /sys/fs/cgroup/unified", "DSR"


class NoVersion1(Bare, Base):
    before, frozen = "umount -l /sys/fs/cgroup/memory && umount -l /sys/fs/cgroup/pids", "DSR"


class NoLoopDevices(Bare, Base):
    before, frozen = "mount --bind /dev/null /dev/loop-control", "SRD"


class NoSlirp(Bare, Base):
    before, frozen = "mount --bind /dev/null /dev/net/tun && mount --bind /tmp /usr/sbin", "SRD"


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
    found["slirp"] = [p for p in processes("slirp4netns") if os.readlink("/proc/%d/ns/net" % p[0]) == os.readlink("/proc/self/ns/net")]
    found["sandboxes"] = os.listdir(host_dir + "/sandboxes") if os.path.exists(host_dir + "/sandboxes") else []
    found["interfaces"] = [n for n in os.listdir("/sys/class/net") if n not in INTERFACES]
    return {what: left for what, left in found.items() if left}


INTERFACES = os.listdir("/sys/class/net")


class Leftovers(Base):
    def busy(self):
        self.mark = "9876.%d" % time.monotonic_ns()
        for i, frozen in enumerate((False, True)):
            self.driver.ok("create b%d 256 64 / setsid sleep %s & sleep %s; true" % (i, self.mark, self.mark))
            self.driver.ok("start b%d" % i)
            wait_until(lambda: len([p for p in processes(self.mark) if p[1].startswith(b"sleep")]) == 2 * (i + 1), "sleepers")
            if frozen:
                self.driver.ok("freeze b%d" % i)

    def test_host_kill_leaves_nothing(self):
        host = self.dir + "/host"
        self.busy()
        self.assertTrue(traces(host)["loops"])
        self.driver.process.kill()
        self.driver.process.wait()
        # Processes, mounts, loop devices and network go by themselves.
        wait_until(lambda: set(traces(host)) <= {"cgroups", "sandboxes"} and not processes(self.mark), "an end by itself: %s" % traces(host), 5)
        subprocess.run([DRIVER, "sweep", host], check=True)
        self.assertEqual(traces(host), {})

    def test_guard_kill_leaves_nothing(self):
        host = self.dir + "/host"
        self.busy()
        guards = [p for p in processes(host) if parent(p[0]) == self.driver.process.pid]
        self.assertEqual(len(guards), 2)
        for pid, _ in guards:
            os.kill(pid, signal.SIGKILL)
        for name in ("b0", "b1"):
            self.assertEqual(self.driver.ok("wait " + name), "signal 9")
            self.driver.ok("destroy " + name)
        wait_until(lambda: not processes(self.mark), "the end of all")
        self.assertEqual(self.driver.close(), 0)
        wait_until(lambda: traces(host) == {}, "nothing left: %s" % traces(host), 5)

    def test_host_and_guard_killed_together(self):
        host = self.dir + "/host"
        self.busy()
        everyone = [p[0] for p in processes(host) if parent(p[0]) == self.driver.process.pid]
        os.kill(self.driver.process.pid, signal.SIGSTOP)
        for pid in everyone:
            os.kill(pid, signal.SIGSTOP)
        self.driver.process.kill()
        self.driver.process.wait()
        # The guards are stopped and see nothing: the sweep of the next start ends them.
        self.assertEqual(self.restart(), "ok")
        self.assertEqual(processes(self.mark), [])
        self.driver.ok("prepare " + BUSY)
        self.assertEqual(self.driver.run("echo again")[0], ["again"])
        self.assertEqual(self.driver.close(), 0)
        wait_until(lambda: traces(host) == {}, "nothing left: %s" % traces(host), 5)

    def test_orderly_end_leaves_nothing(self):
        self.busy()
        self.assertEqual(self.driver.close(), 0)
        self.assertEqual(traces(self.dir + "/host"), {})

    def test_two_hosts_side_by_side(self):
        other = Driver(self.dir + "/other")
        other.ok("prepare " + BUSY)
        mark = "6543.%d" % os.getpid()
        other.ok("create t 256 64 / sleep %s; true" % mark)
        other.ok("start t")
        self.busy()
        self.driver.process.kill()
        self.driver.process.wait()
        self.assertEqual(subprocess.run([DRIVER, "sweep", self.dir + "/host"]).returncode, 0)
        self.assertEqual(len([p for p in processes(mark) if p[1].startswith(b"sleep")]), 1)
        self.assertNotEqual(subprocess.run([DRIVER, "sweep", self.dir + "/other"], stderr=subprocess.DEVNULL).returncode, 0)
        late = Driver(self.dir + "/other")
        self.assertRegex(late.greeting, "error .*in use")
        self.assertEqual(late.close(), 1)
        self.assertEqual(other.close(), 0)


def parent(pid):
    with open("/proc/%d/stat" % pid) as f:
        return int(f.read().rsplit(")", 1)[1].split()[1])


if __name__ == "__main__":
    unittest.main()
