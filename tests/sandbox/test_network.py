"""The network of a sandbox: listeners, relay, the way out, and what is out of reach."""
import hashlib
import socket
import tempfile
import threading

import harness
from harness import INSIDE, OUTSIDE, RELAY_PORT, Base, count_then_answer, server
from support.waiting import wait_until


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
        wait_until(lambda: held, what="a connection through the relay")
        d.ok("kill t")
        d.ok("wait t")
        wait_until(lambda: len(held) == 2, what="the connection's end at the host")
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
        self.resolv = tempfile.NamedTemporaryFile("w", dir=harness.WORK)
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
