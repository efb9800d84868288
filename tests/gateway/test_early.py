"""Clients that come while the gateway still looks for the runs that its predecessor left."""


def test_wait_before_the_runs_are_known(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    gw.kill()
    gw.db.execute("BEGIN IMMEDIATE")
    gw.start()
    wait = gw.get("http/wait/%s?api=1.43" % cid)
    exec_id = "e" * 64
    unknown = gw.get("tunnel/exec/%s?api=1.43" % exec_id, upgrade=True)
    gw.db.execute("COMMIT")
    assert wait.head() == 200
    assert unknown.head() == 404
    agent = gw.agent(agent.run)
    agent.hello("running", pid=7)
    agent.exit(4)
    assert wait.body() == b'{"StatusCode":4}\n'
