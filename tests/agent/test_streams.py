"""Standard input, terminals, signals and execs."""
import hashlib
import random
import struct
import threading
import time

import pytest

import gateway as gw
from conftest import Output, STATIC


class Sender(threading.Thread):
    """Sends stdin within the agent's window; credit comes from `grant`."""

    def __init__(self, conn, stream, data, end=True):
        super().__init__(daemon=True)
        self.conn, self.stream, self.data, self.end = conn, stream, data, end
        self.credit = 0
        self.sent = 0
        self.changed = threading.Condition()

    def grant(self, message):
        with self.changed:
            self.credit += struct.unpack(">I", message.payload)[0]
            self.changed.notify()

    def run(self):
        while self.sent < len(self.data):
            with self.changed:
                self.changed.wait_for(lambda: self.credit > 0)
                n = min(65536, self.credit, len(self.data) - self.sent)
                self.credit -= n
            self.conn.send(gw.DATA, self.stream, self.data[self.sent:self.sent + n])
            self.sent += n
        if self.end:
            self.conn.send(gw.END, self.stream)


def test_64_mib_through_cat(make_agent):
    agent = make_agent(STATIC)
    data = random.Random(1).randbytes(1 << 20) * 64
    conn = agent.start(["cat"], open_stdin=True)
    sender = Sender(conn, 1, data)
    sender.start()
    digest, length, highest = hashlib.sha256(), 0, 0
    while True:
        message = conn.get()
        if message.type == gw.WINDOW:
            sender.grant(message)
        elif message.type == gw.DATA:
            assert struct.unpack(">Q", message.payload[:8])[0] == length
            digest.update(message.payload[16:])
            length += len(message.payload) - 16
            conn.ack(1, length)
            highest = max(highest, agent.rss()) if length % 7 == 0 else highest
        elif message.type == gw.EXIT:
            break
    assert length == len(data) and digest.digest() == hashlib.sha256(data).digest()
    assert message.json()["code"] == 0
    assert agent.rss() < 24 << 20


def test_no_stdin_reads_the_end(agent):
    conn = agent.start(["sh", "-c", "cat; echo done"])
    conn.send(gw.DATA, 1, b"nobody reads this")
    assert bytes(Output(conn).until_exit().data[1]) == b"done\n"


def test_process_that_doesnt_read_gets_its_credit_only(agent):
    conn = agent.start(["sh", "-c", "echo up; sleep 1000"], open_stdin=True)
    assert struct.unpack(">I", conn.expect(gw.WINDOW, 1).payload)[0] == gw.CREDIT
    for _ in range(4):
        conn.send(gw.DATA, 1, bytes(65536))
    # A pipe takes 64 KiB, a quarter of the credit: no more than that is granted anew.
    assert struct.unpack(">I", conn.expect(gw.WINDOW, 1).payload)[0] == 65536
    conn.send(gw.PING, 0, b"alive")
    while True:
        message = conn.get()
        assert message.type != gw.WINDOW
        if message.type == gw.PING and message.flags & gw.PONG:
            break
    assert message.payload == b"alive"


def test_closed_stdin_swallows(agent):
    conn = agent.start(["sh", "-c", "exec 0<&-; echo closed; while [ ! -e go ]; do sleep 0.05; done"], open_stdin=True, cwd=agent.tmp)
    out = Output(conn)
    sender = Sender(conn, 1, bytes(2 << 20))
    sender.start()
    while sender.is_alive():
        try:
            message = conn.get(0.1)
        except Exception:
            continue
        if message.type == gw.WINDOW:
            sender.grant(message)
        out.take(message)
    open(agent.tmp + "/go", "w").close()
    assert out.until_exit().exit["code"] == 0


def test_terminal(agent):
    conn = agent.start(["sh", "-c", "stty size; tty; trap 'stty size' WINCH; echo ready; read x; echo got $x; read y"],
                       tty=True, open_stdin=True, height=24, width=80)
    out = Output(conn).until(lambda o: b"ready" in o.data[1])
    assert bytes(out.data[1]).startswith(b"24 80\r\n/dev/pts/")
    conn.send(gw.DATA, 1, b"hello\n")
    out.until(lambda o: b"got hello" in o.data[1])
    conn.send(gw.RESIZE, 1, {"h": 50, "w": 132})
    conn.send(gw.DATA, 1, b"\n")
    out.until_exit()
    assert b"50 132" in out.data[1] and not out.data[2]


def test_terminal_half_close_stays_open(agent):
    conn = agent.start(["sh", "-c", "echo up; read x; echo got $x"], tty=True, open_stdin=True)
    out = Output(conn).until(lambda o: b"up" in o.data[1])
    conn.send(gw.END, 1)
    conn.send(gw.PING, 0, b"1")
    while conn.expect(gw.PING).payload != b"1":
        pass
    assert agent.process.poll() is None
    conn.send(gw.SIGNAL, 1, {"signal": 9})
    assert out.until_exit().exit["code"] == 137


@pytest.mark.parametrize("init", [False, True])
def test_control_c(agent, init):
    conn = agent.start(["sh", "-c", "trap 'echo interrupted; exit 9' INT; echo ready; while :; do sleep 0.05; done"],
                       tty=True, open_stdin=True, init=init)
    out = Output(conn).until(lambda o: b"ready" in o.data[1])
    conn.send(gw.DATA, 1, b"\x03")
    out.until_exit()
    assert b"interrupted" in out.data[1] and out.exit["code"] == 9


def test_signals_as_for_process_one(agent):
    conn = agent.start(["sh", "-c", "trap 'echo usr1' USR1; echo ready; while :; do sleep 0.05; done"])
    out = Output(conn).until(lambda o: b"ready" in o.data[1])
    conn.send(gw.SIGNAL, 1, {"signal": 15})  # no handler: isn't delivered
    conn.send(gw.SIGNAL, 1, {"signal": 10})
    out.until(lambda o: b"usr1" in o.data[1])
    conn.send(gw.SIGNAL, 1, {"signal": 9})
    assert out.until_exit().exit["code"] == 137


def test_a_signal_counts_once(agent):
    """A gateway that was started anew sends again what its predecessor may have sent."""
    conn = agent.start(["sh", "-c", "trap 'echo usr' USR1; trap 'echo hup' HUP; echo ready; while :; do sleep 0.02; done"])
    out = Output(conn).until(lambda o: o.data[1] == b"ready\n")
    conn.send(gw.SIGNAL, 1, {"signal": 10, "seq": 5})
    out.until(lambda o: o.data[1] == b"ready\nusr\n")
    conn.send(gw.SIGNAL, 1, {"signal": 10, "seq": 5})
    conn.send(gw.SIGNAL, 1, {"signal": 10, "seq": 4})
    conn.send(gw.SIGNAL, 1, {"signal": 1, "seq": 6})
    out.until(lambda o: o.data[1].endswith(b"hup\n"))
    conn.send(gw.SIGNAL, 1, {"signal": 9, "seq": 2})
    assert out.until_exit().exit["code"] == 137 and out.data[1] == b"ready\nusr\nhup\n"


def test_signals_with_init(agent):
    conn = agent.start(["sh", "-c", "echo ready; exec sleep 1000"], init=True)
    out = Output(conn).until(lambda o: b"ready" in o.data[1])
    conn.send(gw.SIGNAL, 1, {"signal": 15})
    assert out.until_exit().exit["code"] == 143


def test_init_reaps_and_keeps_the_code(agent):
    conn = agent.start(["sh", "-c", "(sleep 0.01 & exec true) ; sleep 0.1; exit 6"], init=True)
    assert Output(conn).until_exit().exit["code"] == 6


def exec_open(conn, stream, args, window=gw.CREDIT, **more):
    conn.send(gw.OPEN, stream, {"kind": "exec", "args": args, "env": [], "cwd": "", "user": "", "tty": False, "stdin": False,
                                "height": 0, "width": 0, **more})
    if window:
        conn.window(stream, window)


class Execs:
    """Sorts the messages of a connection by stream until all given execs have ended."""

    def __init__(self, conn):
        self.conn, self.out, self.err, self.exits, self.ends = conn, {}, {}, {}, {}

    def take(self, m):
        assert m is not None
        if m.stream < 2:
            return
        if m.type == gw.DATA:
            assert m.stream not in self.exits
            side = self.out if m.channel == 1 else self.err
            side[m.stream] = side.get(m.stream, b"") + m.payload
        elif m.type == gw.END:
            self.ends.setdefault(m.stream, set()).add(m.channel)
        elif m.type in (gw.EXIT, gw.FAILED):
            self.exits[m.stream] = (m.type, m.json())

    def until(self, *streams):
        while not all(s in self.exits for s in streams):
            self.take(self.conn.get())
        return self


def test_execs_at_once(agent):
    conn = agent.start(["sleep", "1000"])
    for i in range(2, 12):
        exec_open(conn, i, ["sh", "-c", "echo out %d; echo err %d >&2; sleep 0.1; echo $VAR $PWD; exit %d" % (i, i, i)], env=["VAR=v%d" % i])
    execs = Execs(conn).until(*range(2, 12))
    for i in range(2, 12):
        assert execs.out[i] == b"out %d\nv%d /\n" % (i, i) and execs.err[i] == b"err %d\n" % i
        kind, report = execs.exits[i]
        assert kind == gw.EXIT and report["code"] == i and execs.ends[i] == {1, 2}


def test_exec_stdin_and_terminal(agent):
    conn = agent.start(["sleep", "1000"])
    exec_open(conn, 2, ["cat"], stdin=True)
    exec_open(conn, 3, ["sh", "-c", "stty size; read x; echo got $x"], stdin=True, tty=True, height=10, width=20)
    conn.send(gw.DATA, 2, b"one\n") if struct.unpack(">I", conn.expect(gw.WINDOW, 2).payload)[0] == gw.CREDIT else None
    conn.send(gw.END, 2)
    conn.send(gw.DATA, 3, b"x\n")
    execs = Execs(conn).until(2, 3)
    assert execs.out[2] == b"one\n" and b"10 20\r\n" in execs.out[3] and b"got x" in execs.out[3]


def test_exec_failures(agent):
    conn = agent.start(["sleep", "1000"])
    exec_open(conn, 2, ["nosuch"])
    exec_open(conn, 3, ["true"], cwd="/proc/nosuch")
    conn.send(gw.OPEN, 4, {"args": []})
    execs = Execs(conn).until(2, 3, 4)
    assert execs.exits[2][0] == gw.FAILED and execs.exits[2][1]["detail"] == "executable file not found in $PATH"
    assert execs.exits[3][1]["step"] == "chdir" and execs.exits[4][1]["step"] == "setup"


def test_exec_waits_for_window(agent):
    conn = agent.start(["sleep", "1000"])
    exec_open(conn, 2, ["head", "-c", "300000", "/dev/zero"], window=1000)
    exec_open(conn, 3, ["echo", "other"])
    execs = Execs(conn).until(3)
    assert len(execs.out.get(2, b"")) <= 1000 and 2 not in execs.exits
    conn.window(2, 1 << 20)
    execs.until(2)
    assert len(execs.out[2]) == 300000 and execs.exits[2][1]["stdout"] == 300000


def test_exec_leaves_something_in_the_background(agent):
    conn = agent.start(["sleep", "1000"])
    begin = time.monotonic()
    exec_open(conn, 2, ["sh", "-c", "sleep 1000 & echo started"])
    execs = Execs(conn).until(2)
    assert execs.out[2] == b"started\n" and execs.ends[2] == {1, 2} and 1.9 <= time.monotonic() - begin < 10


def test_exec_output_that_waits_for_window_outlives_its_process(agent):
    """What is in the pipe is the client's, however long it takes; what a background process goes on to write isn't."""
    conn = agent.start(["sleep", "1000"])
    exec_open(conn, 2, ["sh", "-c", "(sleep 4; echo late) & head -c 50000 /dev/zero"], window=1000)
    exec_open(conn, 3, ["sleep", "5"])
    execs = Execs(conn).until(3)
    assert 2 not in execs.exits
    conn.window(2, 1 << 20)
    execs.until(2)
    assert execs.out[2] == bytes(50000) and execs.exits[2][1]["code"] == 0


def test_exec_output_that_another_process_took_is_not_waited_for(agent):
    conn = agent.start(["sleep", "1000"])
    exec_open(conn, 2, ["sh", "-c", "(sleep 3; exec head -c 50000 < /proc/self/fd/1 > /dev/null) & head -c 50000 /dev/zero"], window=1000)
    execs = Execs(conn).until(2)
    assert execs.out[2] == bytes(1000) and execs.exits[2][1]["stdout"] == 1000


def test_exec_signal_and_main_end(agent):
    conn = agent.start(["sh", "-c", "trap 'exit 2' USR1; echo ready; while :; do sleep 0.05; done"])
    Output(conn).until(lambda o: b"ready" in o.data[1])
    exec_open(conn, 2, ["sh", "-c", "echo on; exec sleep 1000"])
    exec_open(conn, 3, ["sh", "-c", "echo on; exec sleep 1000"])
    execs = Execs(conn)
    while execs.out != {2: b"on\n", 3: b"on\n"}:
        execs.take(conn.get())
    conn.send(gw.SIGNAL, 2, {"signal": 15})
    assert execs.until(2).exits[2][1]["code"] == 143
    conn.send(gw.SIGNAL, 1, {"signal": 10})
    assert execs.until(3).exits[3][1]["code"] == 137


def test_exec_after_the_end(agent):
    conn = agent.start(["true"])
    Output(conn).until_exit()
    exec_open(conn, 2, ["true"])
    assert Execs(conn).until(2).exits[2][0] == gw.FAILED
