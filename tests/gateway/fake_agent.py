"""An agent that speaks WebSocket and the wire format straight to gateway.sock. The test says what it does."""
import base64
import json
import os
import socket
import struct
import time

HELLO, SPEC, STARTED, FAILED, OPEN, DATA, ACK, WINDOW, END, SIGNAL, RESIZE, EXIT, ERROR, HEALTH, STATS, PING, PAUSE = range(1, 18)
STDIN, STDOUT, STDERR, EXIT_CHANNEL = range(4)
MAIN = 1


class Refused(Exception):
    def __init__(self, status):
        Exception.__init__(self, "refused: %s" % status)
        self.status = status


class Agent:
    def __init__(self, sock_path, run, timeout=10):
        self.run = run
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        self.sock.connect(sock_path)
        self.buf = b""
        self.pending = []
        key = base64.b64encode(os.urandom(16)).decode()
        self.sock.sendall(("GET /.gateway/agent/%s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n" % (run, key)).encode())
        while b"\r\n\r\n" not in self.buf:
            more = self.sock.recv(65536)
            if not more:
                raise Refused(self.buf)
            self.buf += more
        head, self.buf = self.buf.split(b"\r\n\r\n", 1)
        status = int(head.split()[1])
        if status != 101:
            raise Refused(status)

    def close(self):
        self.sock.close()

    def raw(self, payload, opcode=2, masked=True, fin=True):
        head = bytes([(0x80 if fin else 0) | opcode])
        mask_bit = 0x80 if masked else 0
        n = len(payload)
        if n < 126:
            head += bytes([mask_bit | n])
        elif n < 65536:
            head += bytes([mask_bit | 126]) + struct.pack(">H", n)
        else:
            head += bytes([mask_bit | 127]) + struct.pack(">Q", n)
        if masked:
            mask = b"\x01\x02\x03\x04"
            whole = (mask * (n // 4 + 1))[:n]
            payload = (int.from_bytes(payload, "big") ^ int.from_bytes(whole, "big")).to_bytes(n, "big") if n else b""
            head += mask
        self.sock.sendall(head + payload)

    def send(self, kind, payload=b"", stream=0, flags=0):
        if isinstance(payload, dict):
            payload = json.dumps(payload).encode()
        self.raw(struct.pack(">BBHI", kind, flags, 0, stream) + payload)

    def fill(self, n):
        while len(self.buf) < n:
            more = self.sock.recv(262144)
            if not more:
                raise EOFError("the gateway closed")
            self.buf += more

    def any_message(self):
        """(type, flags, stream, payload) of the next message."""
        self.fill(2)
        n, at = self.buf[1] & 0x7f, 2
        if n == 126:
            self.fill(4)
            n, at = struct.unpack(">H", self.buf[2:4])[0], 4
        elif n == 127:
            self.fill(10)
            n, at = struct.unpack(">Q", self.buf[2:10])[0], 10
        self.fill(at + n)
        data, self.buf = self.buf[at:at + n], self.buf[at + n:]
        kind, flags, _, stream = struct.unpack(">BBHI", data[:8])
        return kind, flags, stream, data[8:]

    def message(self):
        """The next message that is no ping; pings are answered."""
        while True:
            kind, flags, stream, payload = self.any_message()
            if kind != PING:
                return kind, flags, stream, payload
            if not flags & 4:
                self.send(PING, payload, flags=4)

    def expect(self, kind, stream=None, flags=None):
        """The next message of this kind; others are kept for later."""
        for i, m in enumerate(self.pending):
            if m[0] == kind and stream in (None, m[2]) and flags in (None, m[1]):
                return self.pending.pop(i)
        while True:
            m = self.message()
            if m[0] == kind and stream in (None, m[2]) and flags in (None, m[1]):
                return m
            self.pending.append(m)

    def hello(self, state="waiting", stdin=0, stdout=0, stderr=0, streams=(), pid=0):
        self.send(HELLO, {"version": 1, "run": self.run, "state": state, "stdin": stdin, "stdout": stdout, "stderr": stderr,
                          "pid": pid, "request_id": "req-1", "log_stream": "2026/11/23/[$LATEST]ab", "deadline_ms": 0,
                          "streams": list(streams)})
        return json.loads(self.expect(SPEC)[3])

    def started(self, pid=7, stream=MAIN):
        self.send(STARTED, {"pid": pid}, stream=stream)

    def window(self, n=262144, stream=MAIN):
        self.send(WINDOW, struct.pack(">I", n), stream=stream, flags=STDIN)

    def output(self, data, offset, channel=STDOUT, at=None):
        stamp = struct.pack(">QQ", offset, at if at is not None else time.time_ns())
        self.send(DATA, stamp + data, stream=MAIN, flags=channel)

    def exec_output(self, stream, data, channel=STDOUT):
        self.send(DATA, data, stream=stream, flags=channel)

    def acked(self, offset, channel=STDOUT):
        """Waits until so much is safe."""
        while struct.unpack(">Q", self.expect(ACK, MAIN, channel)[3])[0] < offset:
            pass

    def stdin(self, n, stream=MAIN):
        got = b""
        while len(got) < n:
            got += self.expect(DATA, stream, STDIN)[3]
        return got

    def exit(self, code=0, stdout=0, stderr=0, stream=MAIN, **more):
        self.send(EXIT, dict({"code": code, "stdout": stdout, "stderr": stderr, "oom": False, "error": ""}, **more), stream=stream)
        if stream == MAIN:
            self.expect(ACK, MAIN, EXIT_CHANNEL)
