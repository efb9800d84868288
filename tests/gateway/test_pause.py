import json

from fake_agent import PAUSE, SIGNAL
from harness import until


def paused(agent, answer=True):
    value = json.loads(agent.expect(PAUSE, 1)[3])["paused"]
    if answer:
        agent.send(PAUSE, {"paused": value}, stream=1)
    return value


def pause(gw, cid, agent):
    client = gw.ask(cid, "pause")
    assert paused(agent) is True
    assert client.head() == 204


def test_pause_and_unpause(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    pause(gw, cid, agent)
    assert gw.state(cid) == "paused"
    client = gw.ask(cid, "pause")
    assert client.head() == 409
    assert json.loads(client.body())["message"] == "Container %s is already paused" % cid
    client = gw.ask(cid, "unpause")
    assert paused(agent) is False
    assert client.head() == 204
    assert gw.state(cid) == "running"
    client = gw.ask(cid, "unpause")
    assert client.head() == 500
    assert json.loads(client.body())["message"] == "Container %s is not paused" % cid
    assert gw.events(cid) == ["start", "pause", "unpause"]


def test_not_running(gw):
    cid = gw.container()
    client = gw.ask(cid, "pause")
    assert client.head() == 409
    assert json.loads(client.body())["message"] == "container %s is not running" % cid


def test_no_exec_while_paused(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    pause(gw, cid, agent)
    client = gw.get("tunnel/exec/%s?api=1.43" % gw.exec(cid, ["true"]))
    assert client.head() == 409
    assert json.loads(client.body())["message"] == "Container %s is paused, unpause the container before exec" % cid


def test_stop_wakes(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    pause(gw, cid, agent)
    client = gw.ask(cid, "stop", signal=None, timeout=None)
    assert json.loads(agent.expect(SIGNAL, 1)[3])["signal"] == 15
    assert paused(agent, answer=False) is False
    agent.exit(143)
    assert client.head() == 204
    assert gw.events(cid) == ["start", "pause", "kill", "unpause", "die", "stop"] or \
        gw.events(cid) == ["start", "pause", "unpause", "kill", "die", "stop"]


def test_removal_of_a_paused_one(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    pause(gw, cid, agent)
    client = gw.ask(cid, "remove", force=False)
    assert client.head() == 409
    assert json.loads(client.body())["message"] == (
        "You cannot remove a paused container %s. Unpause and then stop the container before attempting removal or force remove" % cid)
    client = gw.ask(cid, "remove", force=True)
    assert json.loads(agent.expect(SIGNAL, 1)[3])["signal"] == 9
    agent.exit(137)
    assert client.head() == 204


def test_an_end_while_paused(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    pause(gw, cid, agent)
    agent.exit(137)
    until(lambda: gw.state(cid) == "exited")


def test_a_pause_is_told_again_after_a_redial(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    client = gw.ask(cid, "pause")
    assert paused(agent, answer=False) is True
    run = agent.run
    agent.close()
    agent = gw.agent(run)
    agent.hello("running", pid=7)
    assert paused(agent) is True
    assert client.head() == 204
    assert gw.state(cid) == "paused"


def test_a_pause_survives_the_gateway(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    pause(gw, cid, agent)
    run = agent.run
    gw.kill()
    gw.start()
    agent = gw.agent(run)
    agent.hello("running", pid=7)
    client = gw.ask(cid, "unpause")
    assert paused(agent) is False
    assert client.head() == 204
    assert gw.state(cid) == "running"
