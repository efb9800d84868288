"""How many Invoke connections are held."""
import json

from harness import until


def test_invokes_of_agents_that_are_there_are_let_go(gw):
    gw.stop()
    gw.settings["SOCKERLESS_INVOKE_HOLD"] = 2
    gw.start()
    cids = [gw.container() for _ in range(4)]
    agents = [gw.begin(cid) for cid in cids]
    assert agents[0].inv.left.wait(10) and agents[1].inv.left.wait(10)
    # One whose agent hasn't spoken is held, whatever the number.
    late = gw.container()
    client = gw.ask(late, "start")
    inv = gw.lam.invocation()
    assert agents[2].inv.left.wait(10)
    agent = gw.agent(inv.payload["run"])
    assert not inv.left.is_set() and not agents[3].inv.left.is_set()
    agent.hello()
    agent.started()
    assert client.head() == 204
    assert [gw.state(cid) for cid in cids] == ["running"] * 4
    for i, a in enumerate(agents):
        a.exit(i)
    for i, cid in enumerate(cids):
        assert gw.row("SELECT state, exit_code, error FROM container WHERE id = ?", cid) == ("exited", i, "")
    agent.exit(0)
    assert gw.lam.count == 5


def test_a_run_whose_invoke_was_let_go_survives_a_cut(gw):
    gw.stop()
    gw.settings["SOCKERLESS_INVOKE_HOLD"] = 0
    gw.start()
    cid = gw.container()
    agent = gw.begin(cid)
    assert agent.inv.left.wait(10)
    agent.close()
    agent = gw.agent(agent.run)
    agent.hello("running")
    stop = gw.ask(cid, "stop", timeout=5)
    assert json.loads(agent.expect(10, 1)[3])["signal"] == 15
    agent.exit(143)
    assert stop.head() == 204
    assert gw.row("SELECT exit_code, error FROM container WHERE id = ?", cid) == (143, "")
