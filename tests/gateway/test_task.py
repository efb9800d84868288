"""What the agent does itself: heads, bodies, credit, ends."""
import json
import struct

import pytest

from fake_agent import OPEN, PING, SIGNAL, STDOUT, WINDOW


def opened(agent):
    m = agent.expect(OPEN)
    assert m[2] >= 0x80000000
    return m[2], json.loads(m[3])


def head(agent, stream, **fields):
    agent.exec_output(stream, json.dumps(fields).encode() + b"\n")


def test_a_head_and_a_body(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    client = gw.get("http/task/%s?api=1.43&task=top&ps_args=aux" % cid)
    stream, message = opened(agent)
    assert (message["kind"], message["task"], message["ps_args"], message["stdin"]) == ("task", "top", "aux", False)
    assert struct.unpack(">I", agent.expect(WINDOW, stream, STDOUT)[3])[0] == 262144
    agent.exec_output(stream, b'{"status":20')
    agent.exec_output(stream, b'0,"type":"application/json"}\n{"a"')
    assert client.head() == 200
    agent.exec_output(stream, b':1}')
    agent.exit(0, stream=stream)
    assert client.body() == b'{"a":1}'


def test_an_error(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    client = gw.get("http/task/%s?api=1.43&task=top" % cid)
    stream, _ = opened(agent)
    head(agent, stream, status=404, message="nothing here")
    agent.exit(0, stream=stream)
    assert client.head() == 404
    assert json.loads(client.body()) == {"message": "nothing here"}


def test_one_that_breaks_off(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    client = gw.get("http/task/%s?api=1.43&task=top" % cid)
    stream, _ = opened(agent)
    agent.exit(137, stream=stream)
    assert client.head() == 502
    client = gw.get("http/task/%s?api=1.43&task=top" % cid)
    stream, _ = opened(agent)
    head(agent, stream, status=200, type="application/x-tar")
    assert client.head() == 200
    agent.exec_output(stream, b"half")
    agent.exit(1, stream=stream)
    assert not client.rest().endswith(b"0\r\n\r\n")


def test_an_agent_that_goes_away(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    client = gw.get("http/task/%s?api=1.43&task=top" % cid)
    opened(agent)
    agent.close()
    assert client.head() == 502


def test_a_client_that_leaves(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    client = gw.get("http/task/%s?api=1.43&task=top" % cid)
    stream, _ = opened(agent)
    client.close()
    # A half-closed client is looked after each second.
    assert json.loads(agent.expect(SIGNAL, stream)[3]) == {"signal": 9}
    agent.exit(137, stream=stream)
    assert gw.exec(cid, ["true"])


def test_more_than_was_granted(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    client = gw.get("http/task/%s?api=1.43&task=top" % cid)
    stream, _ = opened(agent)
    head(agent, stream, status=200, type="text/plain")
    with pytest.raises((EOFError, ConnectionError)):
        for _ in range(1000):
            agent.exec_output(stream, b"x" * 65536)
        while True:
            agent.message()
    client.close()


def grants_until_pong(agent, stream):
    """Bytes granted by what the gateway has taken in so far."""
    agent.send(PING, b"12345678")
    granted = 0
    while True:
        kind, flags, of, payload = agent.any_message()
        if kind == PING and flags & 4:
            return granted
        if (kind, flags, of) == (WINDOW, STDOUT, stream):
            granted += struct.unpack(">I", payload)[0]


def flood(agent, stream):
    """As much as the window has room for; the gateway grants nothing for it."""
    for _ in range(3):
        agent.exec_output(stream, b"x" * 65536)
    assert grants_until_pong(agent, stream) == 0


def test_no_more_is_granted_while_the_event_is_committed(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    client = gw.get("http/task/%s?api=1.43&task=top" % cid)
    stream, _ = opened(agent)
    agent.expect(WINDOW, stream, STDOUT)
    gw.db.execute("BEGIN IMMEDIATE")
    head(agent, stream, status=200, type="text/plain")
    flood(agent, stream)
    gw.db.execute("COMMIT")
    assert client.head() == 200
    taken = 0
    while taken < 3 * 65536:
        taken += len(client.chunk())
    assert struct.unpack(">I", agent.expect(WINDOW, stream, STDOUT)[3])[0] > 3 * 65536
    agent.exit(0, stream=stream)
    assert client.body() == b""


def test_no_more_is_granted_for_what_nobody_gets(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    client = gw.get("http/task/%s?api=1.43&task=stats" % cid)
    stream, _ = opened(agent)
    agent.expect(WINDOW, stream, STDOUT)
    head(agent, stream, status=200)
    flood(agent, stream)
    agent.exit(0, stream=stream)
    assert client.head() == 200


def test_not_running(gw):
    client = gw.get("http/task/%s?api=1.43&task=top" % gw.container())
    assert client.head() == 409


def test_fail(gw):
    client = gw.get("http/fail/0?api=1.43&status=404&message=No%20such%20container%3A%20x")
    assert client.head() == 404
    assert json.loads(client.body()) == {"message": "No such container: x"}


