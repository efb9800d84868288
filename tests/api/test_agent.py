"""An agent dials back: who is let in, who is turned away and how."""
import hashlib
import hmac
import json
import os

import pytest

AGENT = {"SOCKERLESS_LISTENER": "agent"}


def proof(token, nonce, session):
    return hmac.new(token.encode(), (nonce + ":" + session).encode(), hashlib.sha256).hexdigest()


class Agent:
    def __init__(self, worker, **run):
        self.worker = worker
        self.container = worker.container("a", "starting", token="the token")
        self.row = worker.run(self.container, **run)
        self.session = os.urandom(32).hex()
        self.authorization = "Sockerless session=%s, proof=%s" % (self.session, proof("the token", self.row["nonce"], self.session))

    def dial(self, authorization=None, run=None, params=AGENT, tenant=None):
        uri = "/.agent/connect?run=%s" % (self.row["id"] if run is None else run)
        headers = {"Authorization": self.authorization if authorization is None else authorization}
        return self.worker.request("GET", uri, tenant=tenant, headers=headers, params=params)

    def state(self):
        return self.worker.rows("SELECT phase, session_hash FROM run WHERE id=?", self.row["id"])[0]


@pytest.fixture
def agent(worker):
    return Agent(worker)


def test_claims_once_and_again(agent):
    for _ in range(3):
        r = agent.dial()
        assert (r.status, r.headers["x-accel-redirect"]) == (200, "/.gateway/agent/" + agent.row["id"])
        assert agent.state() == ("claimed", hashlib.sha256(agent.session.encode()).hexdigest())
    agent.worker.db.execute("UPDATE run SET phase='started'")
    assert agent.dial().status == 200
    assert agent.state()[0] == "started"


def test_another_session(agent):
    assert agent.dial().status == 200
    other = os.urandom(32).hex()
    r = agent.dial("Sockerless session=%s, proof=%s" % (other, proof("the token", agent.row["nonce"], other)))
    assert r.status == 409 and "x-accel-redirect" not in r.headers
    assert agent.state()[1] == hashlib.sha256(agent.session.encode()).hexdigest()
    assert agent.dial().status == 200


@pytest.mark.parametrize("authorization", [
    "", "Bearer x", "Sockerless session=, proof=", "Sockerless session=%s, proof=%s" % ("0" * 63, "0" * 64),
    "Sockerless session=%s, proof=%s " % ("0" * 64, "0" * 64), "Sockerless session=%s, proof=%s" % ("0" * 65, "0" * 64),
    "Sockerless session=%s, proof=%s" % ("Z" * 64, "0" * 64)])
def test_malformed(agent, authorization):
    assert agent.dial(authorization).status == 401
    assert agent.state() == ("invoke_sent", None)


def test_wrong_proof(agent):
    for token, nonce in (("another token", agent.row["nonce"]), ("the token", "0" * 64), ("", agent.row["nonce"]), ("the token", "")):
        r = agent.dial("Sockerless session=%s, proof=%s" % (agent.session, proof(token, nonce, agent.session)))
        assert r.status == 403
    assert agent.state() == ("invoke_sent", None)


@pytest.mark.parametrize("run", ["", "x", "0" * 32, "0" * 31, "0" * 33, "' OR 1=1 --"])
def test_unknown_run(agent, run):
    assert agent.dial(run=run.replace(" ", "%20")).status == 404


def test_ended(agent):
    assert agent.dial().status == 200
    agent.worker.db.execute("UPDATE run SET phase='ended'")
    assert agent.dial().status == 410
    agent.worker.db.execute("UPDATE run SET phase='claimed'")
    agent.worker.db.execute("UPDATE container SET state='removing', name=NULL")
    assert agent.dial().status == 410


def test_not_invoked_yet(worker):
    agent = Agent(worker, phase="prepared")
    assert agent.dial().status == 409
    assert agent.state() == ("prepared", None)


def test_busy_store_is_no_refusal(agent):
    agent.worker.db.execute("BEGIN IMMEDIATE")
    try:
        assert agent.dial().status == 503
    finally:
        agent.worker.db.execute("ROLLBACK")
    assert agent.dial().status == 200


def test_failing_store_is_no_refusal(agent):
    """abs() of the least integer fails as a damaged database would: with no kind of its own."""
    agent.worker.db.execute("CREATE TRIGGER broken BEFORE UPDATE OF session_hash ON run BEGIN SELECT abs(-9223372036854775808); END")
    assert agent.dial().status == 500
    agent.worker.db.execute("DROP TRIGGER broken")
    assert agent.dial().status == 200


def test_only_on_the_agents_listener(agent):
    for params in ({}, {"SOCKERLESS_LISTENER": ""}, {"SOCKERLESS_LISTENER": "docker"}):
        r = agent.dial(params=params, tenant="local")
        assert (r.status, json.loads(r.body)["message"]) == (404, "page not found")


@pytest.mark.parametrize("method,uri", [("GET", "/_ping"), ("GET", "/containers/json"), ("GET", "/version"), ("POST", "/containers/a/start"),
                                        ("OPTIONS", "/version"), ("GET", "/swarm"), ("POST", "/.agent/connect")])
def test_nothing_else_on_the_agents_listener(agent, method, uri):
    r = agent.worker.request(method, uri, params=AGENT)
    assert r.status == 404
