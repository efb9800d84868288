import json
import os
import threading

import pytest

from harness import frames, until


def tunnel(gw, eid, upgrade=True):
    return gw.get("tunnel/exec/%s?api=1.43&tty=0" % eid, upgrade=upgrade)


def test_exec_with_output_and_code(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    eid = gw.exec(cid, ["sh", "-c", "echo o"])
    client = tunnel(gw, eid)
    _, _, stream, payload = agent.expect(5)
    opened = json.loads(payload)
    assert opened["args"] == ["sh", "-c", "echo o"] and opened["env"] == ["A=b"] and opened["cwd"] == "/work"
    assert client.head() == 101
    assert client.headers["Content-Type"] == "application/vnd.docker.multiplexed-stream"
    assert client.headers["Api-Version"] == "1.47"
    agent.started(99, stream)
    agent.exec_output(stream, b"o\n")
    agent.exec_output(stream, b"e\n", 2)
    assert client.frame() == (1, b"o\n")
    assert client.frame() == (2, b"e\n")
    agent.exit(3, stream=stream)
    assert client.rest() == b""
    assert gw.row("SELECT state, exit_code, pid FROM exec WHERE id = ?", eid) == ("exited", 3, 99)
    assert gw.events(cid)[1:] == ["exec_start: sh -c echo o", "exec_die"]
    again = tunnel(gw, eid)
    assert again.head() == 409
    assert json.loads(again.body())["message"] == "Error: Exec command %s has already run" % eid
    agent.exit(0)


def test_exec_of_a_missing_program(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    eid = gw.exec(cid, ["/nosuch"])
    client = tunnel(gw, eid, upgrade=False)
    stream = agent.expect(5)[2]
    agent.send(4, {"step": "exec", "errno": 2, "path": "/nosuch", "detail": ""}, stream=stream)
    assert client.head() == 200
    assert client.headers["Content-Type"] == "application/vnd.docker.raw-stream"
    assert client.rest() == (b'\x01\x00\x00\x00\x00\x00\x00\x8cOCI runtime exec failed: exec failed: unable to start container process: '
                             b'exec: "/nosuch": stat /nosuch: no such file or directory: unknown\r\n')
    assert gw.row("SELECT state, exit_code FROM exec WHERE id = ?", eid) == ("exited", 126)
    agent.exit(0)


def test_stdin_both_ways_and_back_pressure(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    eid = gw.exec(cid, ["cat"], stdin=True)
    client = tunnel(gw, eid)
    stream = agent.expect(5)[2]
    client.head()
    data = os.urandom(2 << 20)

    def write():
        client.sock.sendall(data)
        client.half_close()

    t = threading.Thread(target=write)
    t.start()
    agent.started(5, stream)
    agent.window(stream=stream)
    got = b""
    while len(got) < len(data):
        part = agent.expect(6, stream, 0)[3]
        got += part
        agent.window(len(part), stream=stream)
    agent.expect(9, stream, 0)
    t.join()
    assert got == data
    t = threading.Thread(target=lambda: got_back.append(frames(client.rest())[1]))
    got_back = []
    t.start()
    credit = at = 0
    while at < len(data):
        if credit < 32768:
            credit += int.from_bytes(agent.expect(8, stream, 1)[3], "big")
            continue
        agent.exec_output(stream, data[at:at + 32768])
        at += 32768
        credit -= 32768
    agent.exit(0, stream=stream)
    t.join()
    assert got_back[0] == data
    agent.exit(0)


def test_a_client_that_leaves_doesnt_hold_up_the_process(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    eid = gw.exec(cid, ["yes"])
    client = tunnel(gw, eid)
    stream = agent.expect(5)[2]
    client.head()
    agent.started(5, stream)
    client.close()
    credit = at = 0
    while at < 4 << 20:
        if credit < 65536:
            credit += int.from_bytes(agent.expect(8, stream, 1)[3], "big")
            continue
        agent.exec_output(stream, b"y" * 65536)
        at += 65536
        credit -= 65536
    agent.exit(141, stream=stream)
    until(lambda: gw.row("SELECT exit_code FROM exec WHERE id = ?", eid) == (141,))
    agent.exit(0)


def test_an_exec_that_was_lost_on_its_way(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    lost, arrived, left = [gw.exec(cid, ["sleep", "1"]) for _ in range(3)]
    tunnel(gw, arrived).head()
    kept = agent.expect(5)[2]
    tunnel(gw, lost).head()
    detached = gw.get("http/exec-detached/%s?api=1.43" % left)
    until(lambda: gw.row("SELECT count(*) FROM exec WHERE state = 'starting'") == (3,))
    agent.close()
    agent = gw.agent(agent.run)
    agent.hello("running", streams=[kept])
    until(lambda: gw.row("SELECT state, exit_code FROM exec WHERE id = ?", lost) == ("exited", 126))
    assert detached.head() == 503
    assert "lost" in detached.body().decode()
    assert gw.row("SELECT state FROM exec WHERE id = ?", arrived) == ("starting",)
    agent.started(5, kept)
    agent.exit(3, stream=kept)
    until(lambda: gw.row("SELECT state, exit_code FROM exec WHERE id = ?", arrived) == ("exited", 3))
    agent.exit(0)


def test_an_exec_that_a_predecessor_lost(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    lost, arrived = gw.exec(cid, ["sleep", "1"]), gw.exec(cid, ["sleep", "1"])
    tunnel(gw, arrived).head()
    kept = agent.expect(5)[2]
    tunnel(gw, lost).head()
    gw.kill()
    gw.start()
    agent = gw.agent(agent.run)
    agent.hello("running", streams=[kept])
    until(lambda: gw.row("SELECT state, exit_code FROM exec WHERE id = ?", lost) == ("exited", 126))
    agent.exit(3, stream=kept)
    until(lambda: gw.row("SELECT state, exit_code FROM exec WHERE id = ?", arrived) == ("exited", 3))
    agent.exit(0)


def test_the_keys_that_detach_are_told_before_the_client_ends(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    client = tunnel(gw, gw.exec(cid, ["cat"], tty=True, stdin=True))
    stream = agent.expect(5)[2]
    assert client.head() == 101
    agent.started(5, stream)
    agent.window(stream=stream)
    until(lambda: gw.row("SELECT count(*) FROM exec WHERE state = 'running'") == (1,))
    gw.db.execute("BEGIN IMMEDIATE")
    client.sock.sendall(b"typed\x10\x11")
    assert agent.stdin(5, stream) == b"typed"
    client.sock.settimeout(0.5)
    with pytest.raises(TimeoutError):
        client.rest()
    gw.db.execute("COMMIT")
    client.sock.settimeout(10)
    assert client.rest() == b"" and gw.events(cid)[-1] == "exec_detach"
    agent.exit(0)


def test_detached(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    eid = gw.exec(cid, ["sleep", "1"])
    client = gw.get("http/exec-detached/%s?api=1.43" % eid)
    stream = agent.expect(5)[2]
    agent.started(5, stream)
    assert client.head() == 200
    assert gw.row("SELECT state FROM exec WHERE id = ?", eid)[0] in ("starting", "running")
    agent.exec_output(stream, b"dropped")
    agent.exit(0, stream=stream)
    until(lambda: gw.row("SELECT state FROM exec WHERE id = ?", eid) == ("exited",))
    agent.exit(0)


def test_resize_waits_for_the_process(gw):
    cid = gw.container(tty=True)
    agent = gw.begin(cid)
    eid = gw.exec(cid, ["sh"], tty=True, stdin=True)
    client = tunnel(gw, eid)
    stream = agent.expect(5)[2]
    client.head()
    resize = gw.get("http/exec-resize/%s?api=1.43&h=33&w=77" % eid)
    agent.started(5, stream)
    assert json.loads(agent.expect(11, stream)[3]) == {"h": 33, "w": 77}
    assert resize.head() == 200
    main = gw.get("http/resize/%s?api=1.43&h=10&w=20" % cid)
    assert main.head() == 200
    assert json.loads(agent.expect(11, 1)[3]) == {"h": 10, "w": 20}
    agent.exec_output(stream, b"raw")
    assert client.read(3) == b"raw"
    agent.exit(0, stream=stream)
    assert client.rest() == b""
    agent.exit(0)
    late = gw.get("http/resize/%s?api=1.43&h=10&w=20" % cid)
    assert late.head() == 409


def test_a_cut_ends_the_stream_and_keeps_the_code(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    eid = gw.exec(cid, ["sh"])
    client = tunnel(gw, eid)
    stream = agent.expect(5)[2]
    client.head()
    agent.started(5, stream)
    agent.close()
    assert client.rest() == b""
    unreachable = tunnel(gw, gw.exec(cid, ["true"]))
    assert unreachable.head() == 503
    gw.kill()
    gw.start()
    agent = gw.agent(agent.run)
    agent.hello("running", streams=[stream])
    agent.exit(9, stream=stream)
    until(lambda: gw.row("SELECT exit_code FROM exec WHERE id = ?", eid) == (9,))
    other = tunnel(gw, gw.exec(cid, ["true"]))
    assert agent.expect(5)[2] > stream
    agent.exit(0)
    other.close()


def test_detach_keys(gw):
    cid = gw.container(tty=True)
    agent = gw.begin(cid)
    eid = gw.exec(cid, ["sh"], tty=True, stdin=True)
    client = gw.get("tunnel/exec/%s?api=1.43&tty=1&detach_keys=1878" % eid, upgrade=True)
    stream = agent.expect(5)[2]
    agent.started(5, stream)
    agent.window(stream=stream)
    assert client.head() == 101
    client.sock.sendall(b"ls\x18x")
    assert agent.stdin(2, stream) == b"ls"
    assert client.rest() == b""
    agent.exec_output(stream, b"dropped")
    agent.exit(0, stream=stream)
    until(lambda: gw.row("SELECT state FROM exec WHERE id = ?", eid) == ("exited",))
    agent.exit(0)
