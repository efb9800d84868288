"""A client that leaves while what it asked for is under way finds it done, once."""
import socket

import pytest

from between import RESET
from conftest import wait_until
from test_connections import TRAP, Held
from test_leaks import ask

# Verb -> the request, whether the container runs before, its state after (None: it is gone), and its events.
VERBS = {"create": ("POST", "/containers/create?name=one", None, "created", ["create"]),
         "start": ("POST", "/containers/one/start", False, "running", ["create", "start"]),
         "stop": ("POST", "/containers/one/stop", True, "exited", ["create", "start", "kill", "die", "stop"]),
         "restart": ("POST", "/containers/one/restart", True, "running", ["create", "start", "kill", "die", "stop", "start", "restart"]),
         "kill": ("POST", "/containers/one/kill", True, "exited", ["create", "start", "kill", "die"]),
         "rm": ("DELETE", "/containers/one", False, None, ["create", "destroy"]),
         "rm -f": ("DELETE", "/containers/one?force=1", True, None, ["create", "start", "kill", "die", "destroy"])}
BODY = b'{"Image":"busybox","Cmd":["sh","-c","%s"]}' % TRAP.replace('"', '\\"').encode()


def events(docker):
    return docker.sql("SELECT action FROM event WHERE type = 'container' AND action <> 'attach' ORDER BY seq").split()


@pytest.mark.parametrize("how", ["end", "reset"])
@pytest.mark.parametrize("verb", VERBS)
def test_left(docker, verb, how):
    method, path, runs, after, told = VERBS[verb]
    before = len(events(docker))
    if runs is not None:
        cid = docker.ok("create", "--name", "one", "busybox", "sh", "-c", TRAP)
    if runs:
        docker.ok("start", cid)
        wait_until(lambda: docker.docker("logs", cid).stdout == "begun\n", 30, "the trap")
    asked = docker.sql("SELECT ifnull(max(seq), 0) FROM intent")
    with Held(docker) as held:
        # AWS hasn't answered, or the process not yet ended, when the client goes.
        held.patterns = {"create": [b"^POST .*/functions "], "start": [b"^POST .*/invocations"], "rm": [b"^DELETE .*/functions/"]}.get(verb, [])
        client = ask(docker, method, path, BODY if verb == "create" else b"")
        if held.patterns:
            wait_until(lambda: held.waiting, 20, "the call to AWS")
        else:
            wait_until(lambda: docker.sql("SELECT max(seq) FROM intent") != asked, 20, "the intent")
        if how == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.close()
    wait_until(lambda: len(events(docker)) >= before + len(told), 40, "what the client asked for")
    docker.check_invariants()
    assert events(docker)[before:] == told
    if after:
        shown = docker.inspect("one")["State"]
        assert (shown["Status"], shown["Error"]) == (after, "")
    else:
        wait_until(lambda: docker.sql("SELECT count(*) FROM container") == "0", 40, "the row's end")
