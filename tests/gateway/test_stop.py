import json
import time

import pytest
from harness import until


def signal(agent):
    return json.loads(agent.expect(10, 1)[3])["signal"]


def test_stop_by_signal(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    client = gw.ask(cid, "stop", signal=None, timeout=None)
    assert signal(agent) == 15
    agent.exit(143)
    assert client.head() == 204
    assert gw.ask(cid, "stop", signal=None, timeout=None).head() == 304
    assert gw.events(cid) == ["start", "kill", "die", "stop"]


def test_stop_kills_after_the_timeout(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    client = gw.ask(cid, "stop", signal="SIGUSR1", timeout=1)
    assert signal(agent) == 10
    assert signal(agent) == 9
    agent.exit(137)
    assert client.head() == 204


def test_kill_passes_a_stop_that_waits(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    stop = gw.ask(cid, "stop", timeout=-1)
    assert signal(agent) == 15
    hup = gw.ask(cid, "kill", signal="HUP")
    assert signal(agent) == 1
    assert hup.head() == 204
    kill = gw.ask(cid, "kill", signal="KILL")
    assert signal(agent) == 9
    agent.exit(137)
    assert kill.head() == 204
    assert stop.head() == 204
    client = gw.ask(cid, "kill", signal="KILL", name="box")
    assert client.head() == 409
    assert json.loads(client.body())["message"] == "Cannot kill container: box: Container %s is not running" % cid


def test_remove(gw):
    cid = gw.container(name="box")
    agent = gw.begin(cid)
    client = gw.ask(cid, "remove", force=False)
    assert client.head() == 409
    assert json.loads(client.body())["message"] == (
        "You cannot remove a running container %s. Stop the container before attempting removal or force remove" % cid)
    wait = gw.get("http/wait/%s?api=1.43&condition=removed" % cid)
    wait.head()
    client = gw.ask(cid, "remove", force=True)
    assert signal(agent) == 9
    agent.output(b"x", 0)
    agent.exit(137, 1)
    assert client.head() == 204
    assert wait.body() == b'{"StatusCode":137}\n'
    assert gw.row("SELECT state, name FROM container WHERE id = ?", cid) == ("removing", None)
    assert gw.events(cid)[-2:] == ["die", "destroy"]


def test_an_answer_outlives_its_container(gw):
    cid = gw.container()
    seq = gw.intent(cid, "remove", force=False)
    until(lambda: gw.row("SELECT done_at FROM intent WHERE seq = ?", seq)[0])
    gw.db.execute("PRAGMA foreign_keys=ON")
    gw.db.execute("DELETE FROM container WHERE id = ?", (cid,))
    assert gw.get("http/intent/%s?api=1.43&seq=%d" % (cid, seq)).head() == 204
    assert gw.get("http/intent/%s?api=1.43&seq=%d" % (cid, seq + 1)).head() == 404


def test_restart(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    client = gw.ask(cid, "restart", timeout=5)
    assert signal(agent) == 15
    agent.exit(143)
    agent.inv.finish({})
    agent = gw.agent(gw.lam.invocation().payload["run"])
    agent.hello()
    agent.started()
    assert client.head() == 204
    assert gw.events(cid) == ["start", "kill", "die", "stop", "start", "restart"]
    agent.exit(0)


def test_restart_of_one_that_would_remove_itself(gw):
    cid = gw.container(auto_remove=True)
    agent = gw.begin(cid)
    removed = gw.get("http/wait/%s?api=1.43&condition=removed" % cid)
    removed.head()
    client = gw.ask(cid, "restart", timeout=5)
    assert signal(agent) == 15
    agent.exit(143)
    agent = gw.agent(gw.lam.invocation().payload["run"])
    agent.hello()
    agent.started()
    assert client.head() == 204
    assert gw.state(cid) == "running"
    agent.exit(5)
    assert removed.body() == b'{"StatusCode":5}\n'
    assert gw.state(cid) == "removing"


def test_restart_of_one_that_does_not_run_starts_it(gw):
    cid = gw.container()
    for _ in range(2):
        client = gw.ask(cid, "restart", timeout=5)
        agent = gw.agent(gw.lam.invocation().payload["run"])
        agent.hello()
        agent.started()
        assert client.head() == 204
        agent.exit(0)
    assert gw.events(cid) == ["start", "restart", "die"] * 2


def test_kill_without_an_agent_gives_the_run_up(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    agent.close()
    client = gw.ask(cid, "kill", signal="KILL")
    assert client.head() == 204
    assert gw.row("SELECT state, exit_code FROM container WHERE id = ?", cid) == ("exited", 137)


def test_kill_reaches_an_agent_that_redials(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    agent.close()
    client = gw.ask(cid, "kill", signal="KILL")
    agent = gw.agent(agent.run)
    agent.hello("running")
    assert signal(agent) == 9
    agent.exit(137)
    assert client.head() == 204


def test_auto_remove_and_wait_removed(gw):
    cid = gw.container(auto_remove=True)
    attach = gw.attach(cid)
    wait = gw.get("http/wait/%s?api=1.43&condition=removed" % cid)
    wait.head()
    agent = gw.begin(cid)
    agent.output(b"last words", 0)
    agent.exit(3, 10)
    assert attach.frame() == (1, b"last words")
    assert attach.rest() == b""
    assert wait.body() == b'{"StatusCode":3}\n'
    attach.close()
    assert gw.state(cid) == "removing"
    import os
    until(lambda: not os.path.exists("%s/spool/%s" % (gw.dir, cid)))


def test_wait_not_running_answers_at_once(gw):
    cid = gw.container()
    wait = gw.get("http/wait/%s?api=1.43" % cid)
    wait.head()
    assert wait.body() == b'{"StatusCode":0}\n'


@pytest.mark.parametrize("timeout,ago,least,most", [
    (30, 24, 1, 20),      # what the predecessor waited counts
    (30, 4000, 0, 20),    # the time was over while nobody was there
    (2, -4000, 1.9, 20),  # the clock was set back: it begins anew, and no more than that
])
def test_a_stop_that_is_taken_up_again_ends_in_time(gw, timeout, ago, least, most):
    cid = gw.container()
    agent = gw.begin(cid)
    client = gw.ask(cid, "stop", signal=None, timeout=timeout)
    assert signal(agent) == 15
    until(lambda: gw.row("SELECT signal_at FROM intent WHERE verb = 'stop'")[0])
    gw.kill()
    gw.db.execute("UPDATE intent SET signal_at = signal_at - ? WHERE verb = 'stop'", (ago * 10 ** 9,))
    gw.start()
    agent = gw.agent(agent.inv.payload["run"])
    begun = time.monotonic()
    agent.hello(state="running", pid=7)
    assert signal(agent) == 15 and signal(agent) == 9
    assert least <= time.monotonic() - begun < most
    agent.exit(137)
    until(lambda: gw.state(cid) == "exited")
    client.close()


def test_a_stop_is_taken_up_again_and_told_once(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    client = gw.ask(cid, "stop", signal=None, timeout=-1)
    first = json.loads(agent.expect(10, 1)[3])
    until(lambda: gw.events(cid) == ["start", "kill"])
    gw.kill()
    gw.start()
    agent = gw.agent(agent.inv.payload["run"])
    agent.hello(state="running", pid=7)
    # The agent knows by the number that it had this one.
    assert json.loads(agent.expect(10, 1)[3]) == first and first["seq"] > 0
    agent.exit(143)
    until(lambda: gw.state(cid) == "exited")
    assert gw.events(cid) == ["start", "kill", "die", "stop"]
    client.close()
