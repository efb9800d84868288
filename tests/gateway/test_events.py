"""The table of events as a client is told it."""
import json

import pytest


def event(gw, name, attributes="{}", tenant="local"):
    gw.db.execute("INSERT INTO event (tenant, time, type, action, actor_id, attributes) VALUES (?, 1000, 'volume', 'create', ?, ?)",
                  (tenant, name, attributes))


@pytest.fixture
def told(gw):
    gw.db.execute("INSERT INTO tenant (name, created_at) VALUES ('other', 0)")
    for n in range(300):
        event(gw, "a%d" % n)
        event(gw, "other's", tenant="other")
    return gw


def ask(gw):
    client = gw.get("http/events/0?tenant=local&since=1&until=2000")
    assert client.head() == 200
    return client


def follow(gw):
    """One that has been told all there is."""
    client = gw.get("http/events/0?tenant=local&since=1")
    assert client.head() == 200
    text = b""
    while b'"a299"' not in text:
        text += client.chunk()
    return client


def names(client):
    return [json.loads(line)["Actor"]["ID"] for line in client.body().splitlines()]


def test_those_of_the_tenant_in_their_order(told):
    assert names(ask(told)) == ["a%d" % n for n in range(300)]


@pytest.mark.parametrize("attributes", ["", "{", "\x01"])
def test_one_that_cannot_be_read_hides_no_other(told, attributes):
    event(told, "broken", attributes)
    event(told, "last")
    assert names(ask(told))[-2:] == ["a299", "last"]


def test_a_look_that_failed_does_not_look_whole(told):
    client = follow(told)
    told.db.execute("ALTER TABLE event RENAME TO hidden")
    assert told.get("http/events/0?tenant=local&since=1&until=2000").head() == 500
    assert not client.rest().endswith(b"0\r\n\r\n")


def test_a_follower_is_told_what_comes_after_others(told):
    client = follow(told)
    for n in range(3):
        event(told, "other's", tenant="other")
        event(told, "mine%d" % n)
        assert json.loads(client.chunk())["Actor"]["ID"] == "mine%d" % n
