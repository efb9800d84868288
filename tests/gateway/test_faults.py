import json
import os
import struct
import threading
import time

import pytest

from fake_agent import Refused
from harness import Client, frames, until


def logs(gw, cid):
    c = gw.get("http/logs/%s?api=1.43&stdout=1&stderr=1" % cid)
    assert c.head() == 200
    return frames(c.body())


def test_killed_gateways_lose_no_output(gw):
    """The agent keeps what isn't acknowledged; whenever the gateway dies, each byte is there once in the end."""
    data = b"".join(b"%07d\n" % i for i in range(200000))
    cid = gw.container()
    agent = gw.begin(cid)
    inv, run = agent.inv, agent.run
    at, kills = 0, 0
    while True:
        try:
            while at < len(data):
                agent.output(data[at:at + 30000], at)
                at = min(at + 30000, len(data))
                if at % 90000 == 0:
                    agent.acked(at - 60000)
                if kills < 4 and at > (kills + 1) * 300000:
                    kills += 1
                    gw.kill()
            agent.exit(5, at)
            break
        except OSError:
            gw.start()
            agent = gw.agent(run)
            safe = agent.hello("running", stdout=at)
            assert safe["stdout"] <= at
            at = safe["stdout"]
    assert kills == 4
    assert gw.row("SELECT state, exit_code, error FROM container WHERE id = ?", cid) == ("exited", 5, "")
    assert logs(gw, cid)[1] == data
    inv.finish(None)


def test_an_exit_that_wasnt_acknowledged_is_repeated(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    agent.output(b"abc", 0)
    agent.send(12, {"code": 4, "stdout": 3, "stderr": 0, "oom": False, "error": ""}, stream=1)
    gw.kill()
    gw.start()
    wait = gw.get("http/wait/%s?api=1.43" % cid)
    wait.head()
    try:
        agent = gw.agent(agent.run)
        safe = agent.hello("exited", stdout=3)["stdout"]
        if safe < 3:
            agent.output(b"abc"[safe:], safe)
        agent.exit(4, 3)
    except Refused as e:
        assert e.status == 410
    assert wait.body() == b'{"StatusCode":4}\n'
    assert logs(gw, cid)[1] == b"abc"


def test_killed_before_the_agent_speaks(gw):
    cid = gw.container()
    client = gw.ask(cid, "start")
    inv = gw.lam.invocation()
    gw.kill()
    gw.start()
    agent = gw.agent(inv.payload["run"])
    agent.hello()
    agent.started()
    seq = gw.row("SELECT max(seq) FROM intent")[0]
    until(lambda: gw.row("SELECT status FROM intent WHERE seq = ?", seq) == (204,))
    assert gw.state(cid) == "running"
    assert gw.lam.count == 1
    agent.exit(0)
    client.close()


def test_killed_while_the_function_isnt_ready(gw):
    cid = gw.container()
    gw.lam.states["skls-" + cid[:12]] = ("Pending", "")
    gw.ask(cid, "start")
    until(lambda: gw.row("SELECT phase FROM run") == ("prepared",))
    gw.kill()
    del gw.lam.states["skls-" + cid[:12]]
    gw.start()
    agent = gw.agent(gw.lam.invocation().payload["run"])
    agent.hello()
    agent.started()
    until(lambda: gw.state(cid) == "running")
    assert gw.lam.count == 1
    agent.exit(0)


def test_stdin_goes_on_after_a_cut(gw):
    cid = gw.container(stdin=True, stdin_once=True)
    agent = gw.begin(cid)
    attach = gw.attach(cid, "stream=1&stdin=1&stdout=1")
    attach.sock.sendall(b"0123456789")
    assert agent.stdin(10) == b"0123456789"
    agent.close()
    attach.sock.sendall(b"abc")
    attach.half_close()
    agent = gw.agent(agent.run)
    agent.hello("running", stdin=4)
    agent.window()
    assert agent.stdin(9) == b"456789abc"
    agent.expect(9, 1, 0)
    agent.exit(0)


def test_a_second_connection_replaces_the_first(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    other = gw.agent(agent.run)
    other.hello("running")
    with pytest.raises((EOFError, OSError)):
        while True:
            agent.message()
    other.exit(0)


def test_the_function_dies(gw):
    cid = gw.container()
    wait = gw.get("http/wait/%s?api=1.43&condition=next-exit" % cid)
    wait.head()
    agent = gw.begin(cid)
    agent.output(b"half", 0)
    agent.acked(4)
    agent.close()
    agent.inv.finish({"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out after 1.00 seconds"}, error="Unhandled")
    assert wait.body() == b'{"StatusCode":137}\n'
    state, code, error = gw.row("SELECT state, exit_code, error FROM container WHERE id = ?", cid)
    assert (state, code) == ("exited", 137)
    assert "Sandbox.Timedout" in error
    assert logs(gw, cid)[1] == b"half"


def test_the_agents_last_word_comes_with_the_invoke(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    agent.output(b"half", 0)
    agent.acked(4)
    agent.close()
    agent.inv.finish({"run": agent.run, "code": 6, "stdout": 10, "stderr": 0, "acknowledged": False, "error": ""})
    until(lambda: gw.state(cid) == "exited")
    code, error = gw.row("SELECT exit_code, error FROM container WHERE id = ?", cid)
    assert code == 6 and "6 bytes of output were lost" in error


def test_what_the_report_says_is_kept(gw):
    import base64
    cid = gw.container()
    agent = gw.begin(cid)
    agent.exit(0)
    log = "REPORT RequestId: req-1\tDuration: 1.20 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 64 MB\t\n"
    agent.inv.finish({"run": agent.run, "code": 0, "stdout": 0, "stderr": 0, "acknowledged": True, "error": ""},
                     log=base64.b64encode(log.encode()).decode())
    until(lambda: gw.row("SELECT request_id, billed_ms, memory_peak_mb FROM run") == ("req-1", 2, 64))


STREAM = "2026/11/23/[$LATEST]ab"


def report(request, more=""):
    return "REPORT RequestId: %s\tDuration: 900.20 ms\tBilled Duration: 901 ms\tMemory Size: 128 MB\tMax Memory Used: 64 MB\t%s" % (request, more)


def put_log(gw, cid, *texts):
    now = int(time.time() * 1000)
    lines = gw.lam.logs.setdefault("/aws/lambda/skls-" + cid[:12], {}).setdefault(STREAM, [])
    lines.extend((now, t) for t in texts)


def test_the_log_tells_of_the_end_when_the_invoke_broke(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    put_log(gw, cid, "START RequestId: req-0", report("req-0"), "START RequestId: req-1")
    agent.inv.cut()
    agent.close()
    until(lambda: gw.lam.log_ends >= 2)
    assert gw.state(cid) == "running"
    put_log(gw, cid, "text", report("req-1", "Status: timeout"))
    until(lambda: gw.state(cid) == "exited", 15)
    code, error = gw.row("SELECT exit_code, error FROM container WHERE id = ?", cid)
    assert code == 137 and "timeout" in error
    until(lambda: gw.row("SELECT billed_ms, memory_peak_mb FROM run") == (901, 64))
    assert gw.lam.count == 1


def test_the_log_tells_a_later_gateway_of_the_end(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    until(lambda: gw.row("SELECT log_stream FROM run") == (STREAM,))
    gw.kill()
    agent.close()
    put_log(gw, cid, "START RequestId: req-1", report("req-1"))
    gw.start()
    until(lambda: gw.state(cid) == "exited")
    assert gw.row("SELECT exit_code FROM container WHERE id = ?", cid) == (137,)


HOSTILE = [
    b"",
    b"\x01\x00\x00\x00\x00\x00\x00",
    b"\x63\x00\x00\x00\x00\x00\x00\x00{}",
    b"\x06\x01\x00\x00\x00\x00\x00\x01" + b"x" * 20,
    b"\x06\x01\x00\x00\x00\x00\x00\x01" + struct.pack(">QQ", 1 << 63, 0) + b"x",
    b"\x06\x01\x00\x00\x00\x00\x00\x01" + struct.pack(">QQ", 100, 0) + b"x",
    b"\x06\x00\x00\x00\x00\x00\x00\x01" + b"x" * 20,
    b"\x01\x00\x00\x00\x00\x00\x00\x00{}",
    b"\x0c\x00\x00\x00\x00\x00\x00\x01{\"code\":1,\"stdout\":-5}",
    b"\x0c\x00\x00\x00\x00\x00\x00\x01[[[[",
    b"\x08\x00\x00\x00\x00\x00\x00\x01\xff\xff\xff\xff" * 1,
    b"\x02\x00\x00\x00\x00\x00\x00\x00{}",
    b"\x05\x00\x00\x00\x00\x00\x00\x02{}",
]


@pytest.mark.parametrize("i", range(len(HOSTILE)))
def test_hostile_messages_cost_the_connection_only(gw, i):
    cid = gw.container()
    agent = gw.begin(cid)
    agent.raw(HOSTILE[i])
    with pytest.raises((EOFError, OSError)):
        while True:
            agent.message()
    again = gw.agent(agent.run)
    again.hello("running")
    again.exit(0)
    assert gw.state(cid) == "exited"


def test_hostile_frames(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    for raw in (b"\x82\x05hello", b"\x82\xff" + b"\xff" * 8 + b"abcd", b"\xf2\x80abcd", b"\x81\x80abcd", b"GET / HTTP/1.1\r\n\r\n"):
        agent.sock.sendall(raw)
        with pytest.raises((EOFError, OSError)):
            while True:
                agent.message()
        agent = gw.agent(agent.run)
        agent.hello("running")
    agent.exit(0)


def test_requests_that_are_none(gw):
    # Until a predecessor's runs are loaded, agents are told to come again.
    until(lambda: Client(gw.sock, "/.gateway/agent/" + "a" * 32, upgrade=True).head() == 410)
    for target, status in (("/", 404), ("/.gateway/http/wait/zz", 404), ("/.gateway/agent/" + "a" * 32, 410),
                           ("/.gateway/http/wait/" + "a" * 64, 404), ("/.gateway/tunnel/exec/" + "a" * 64, 404),
                           ("/.gateway/http/wait/" + "a" * 65, 404)):
        c = gw.get("http/x")
        c.close()
        assert Client(gw.sock, target, upgrade=True).head() == status
    c = gw.get("x" * 70000)
    assert c.head() == 400


def test_a_clean_end(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    agent.output(b"kept", 0)
    agent.acked(4)
    gw.stop()
    gw.start()
    agent = gw.agent(agent.run)
    assert agent.hello("running", stdout=4)["stdout"] == 4
    agent.exit(0, 4)
    assert logs(gw, cid)[1] == b"kept"


def test_output_of_containers_that_are_gone_is_swept(gw):
    keep, gone = gw.container(), "e" * 64
    for cid in (keep, gone):
        os.mkdir("%s/spool/%s" % (gw.dir, cid))
        open("%s/spool/%s/%016x" % (gw.dir, cid, 1), "w").close()
    gw.stop()
    gw.start()
    until(lambda: os.listdir(gw.dir + "/spool") == [keep])


def test_output_counts_as_safe_once_it_is_on_disk(gw):
    """What is only in the gateway's memory dies with it, so an agent that redials must not be told to drop it."""
    cid = gw.container()
    agent = gw.begin(cid)
    blocker = "%s/spool/%s/%016x" % (gw.dir, cid, 1)
    os.mkdir(blocker)
    agent.output(b"abc", 0)
    agent.close()
    agent = gw.agent(agent.run)
    assert agent.hello("running", stdout=3)["stdout"] == 0
    gw.kill()
    os.rmdir(blocker)
    gw.start()
    agent = gw.agent(agent.run)
    assert agent.hello("running", stdout=3)["stdout"] == 0
    agent.output(b"abc", 0)
    agent.exit(0, 3)
    assert logs(gw, cid)[1] == b"abc"


def test_stdin_attached_before_the_start_ends_with_a_killed_gateway(gw):
    cid = gw.container(stdin=True, stdin_once=True)
    attach = gw.attach(cid, "stream=1&stdin=1&stdout=1")
    agent = gw.begin(cid)
    gw.kill()
    gw.start()
    agent = gw.agent(agent.run)
    agent.hello("running")
    agent.window()
    agent.expect(9, 1, 0)
    agent.exit(0)
    attach.close()


def test_an_agent_that_vanishes_before_its_process_runs(gw):
    """The Invoke's result is lost with the predecessor: the start doesn't hang for ever."""
    cid = gw.container()
    gw.ask(cid, "start")
    inv = gw.lam.invocation()
    gw.kill()
    gw.start()
    agent = gw.agent(inv.payload["run"])
    agent.hello()
    agent.close()
    until(lambda: gw.state(cid) == "created")
    assert "no agent" in gw.row("SELECT error FROM container WHERE id = ?", cid)[0]


def test_a_client_that_leaves_before_its_exec_began(gw):
    """Its standard input is at its end, or the process would wait for ever."""
    cid = gw.container()
    agent = gw.begin(cid)
    # Once this is answered, the loop has seen what came before.
    turns = lambda n: [gw.get("nothing").head() for _ in range(n)]
    for _ in range(50):
        eid = gw.exec(cid, ["cat"], stdin=True)
        # The store is busy, so the exec begins only after the client has left.
        gw.db.execute("BEGIN IMMEDIATE")
        client = gw.get("tunnel/exec/%s?api=1.43" % eid)
        turns(5)
        client.close()
        turns(2)
        gw.db.execute("ROLLBACK")
        assert gw.ask(cid, "kill", signal="USR1").head() == 204
        if gw.row("SELECT state FROM exec WHERE id = ?", eid) != ("created",):
            break
    stream = gw.row("SELECT stream FROM exec WHERE id = ?", eid)[0]
    agent.started(stream=stream)
    agent.window(stream=stream)
    agent.expect(9, stream, 0)
    agent.exit(0, stream=stream)
    agent.exit(0)
