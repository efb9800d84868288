import json

from harness import frames, until


def test_run_with_output_and_exit_code(gw):
    cid = gw.container()
    attach = gw.attach(cid)
    assert attach.status_line == "HTTP/1.1 101 UPGRADED"
    assert attach.headers == {"Content-Type": "application/vnd.docker.multiplexed-stream", "Connection": "Upgrade", "Upgrade": "tcp"}
    wait = gw.get("http/wait/%s?api=1.43&condition=next-exit" % cid)
    assert wait.head() == 200
    assert wait.headers["Content-Type"] == "application/json"
    agent = gw.begin(cid)
    assert gw.state(cid) == "running"
    assert agent.inv.payload["container"] == cid
    assert agent.inv.payload["spec"]["args"] == ["sh"]
    assert agent.inv.payload["callback"] == "http://callback.test"
    agent.output(b"out\n", 0)
    agent.output(b"err\n", 0, channel=2)
    assert attach.frame() == (1, b"out\n")
    assert attach.frame() == (2, b"err\n")
    agent.exit(7, 4, 4)
    assert attach.rest() == b""
    assert wait.body() == b'{"StatusCode":7}\n'
    assert gw.row("SELECT state, exit_code, error, pid FROM container WHERE id = ?", cid) == ("exited", 7, "", 0)
    assert gw.row("SELECT phase, agent, exit_code FROM run") == ("ended", "ended", 7)
    agent.inv.finish({"run": agent.run, "code": 7, "stdout": 4, "stderr": 4, "acknowledged": True, "error": ""})
    agent.close()
    assert gw.events(cid) == ["attach", "start", "die"]
    assert gw.lam.count == 1


def test_second_start_is_not_modified_and_restarts_work(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    assert gw.ask(cid, "start").head() == 304
    agent.exit(0)
    agent.close()
    agent = gw.begin(cid)
    agent.output(b"again", 0)
    agent.exit(3, 5, 0)
    assert gw.row("SELECT count(*), max(number) FROM run") == (2, 2)
    logs = gw.get("http/logs/%s?api=1.43&stdout=1" % cid)
    assert logs.head() == 200
    assert frames(logs.body())[1] == b"again"
