"""A pause stops every process of the container and nothing else."""
import gateway as gw
from conftest import Output
from support.waiting import wait_until


def pids_beneath(pid):
    found, todo = [], [pid]
    while todo:
        p = todo.pop()
        with open("/proc/%d/task/%d/children" % (p, p)) as f:
            children = [int(c) for c in f.read().split()]
        found += children
        todo += children
    return found


def states(pid):
    return {p: open("/proc/%d/stat" % p).read().rsplit(")", 1)[1].split()[0] for p in pids_beneath(pid)}


def pause(conn, paused):
    conn.send(gw.PAUSE, 1, {"paused": paused})
    assert conn.expect(gw.PAUSE, 1).json() == {"paused": paused}


def open_exec(conn, stream, args):
    conn.send(gw.OPEN, stream, {"kind": "exec", "args": args, "env": [], "cwd": "/", "user": "", "tty": False, "stdin": True,
                                "height": 0, "width": 0})
    conn.window(stream, 1 << 20)
    conn.expect(gw.STARTED, stream)


def test_everything_stops_and_goes_on(agent):
    conn = agent.start(["sh", "-c", "sleep 100 & sh -c 'sleep 101; :' & wait"])
    open_exec(conn, 2, ["cat"])
    wait_until(lambda: len(pids_beneath(agent.process.pid)) == 5)
    pause(conn, True)
    wait_until(lambda: set(states(agent.process.pid).values()) == {"T"})
    pause(conn, True)
    conn.send(gw.DATA, 2, b"while paused", 0)
    pause(conn, False)
    assert conn.expect(gw.DATA, 2).payload == b"while paused"
    assert "T" not in states(agent.process.pid).values()


def test_what_had_stopped_itself_stays_stopped(agent):
    conn = agent.start(["sh", "-c", "sleep 100 & kill -STOP $!; wait"])
    wait_until(lambda: sorted(states(agent.process.pid).values()) == ["S", "T"])
    pause(conn, True)
    wait_until(lambda: set(states(agent.process.pid).values()) == {"T"})
    pause(conn, False)
    wait_until(lambda: sorted(states(agent.process.pid).values()) == ["S", "T"])


def test_a_fork_bomb_can_be_stopped_while_it_forks(agent):
    conn = agent.start(["sh", "-c", "while :; do sleep 0.01 & wait; done"])
    for _ in range(5):
        pause(conn, True)
        wait_until(lambda: set(states(agent.process.pid).values()) <= {"T", "Z"})
        pause(conn, False)


def test_kill_ends_a_paused_run(agent):
    conn = agent.start(["sleep", "100"])
    pause(conn, True)
    conn.send(gw.SIGNAL, 1, {"signal": 9})
    assert Output(conn).until_exit().exit["code"] == 137
    conn.send(gw.ACK, 1, (0).to_bytes(8, "big"), 3)
    assert agent.answer()["code"] == 137
