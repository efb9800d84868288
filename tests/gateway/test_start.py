import json
import threading
import time

import pytest

from fake_agent import Refused
from harness import until

NO_SUCH = ("failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: "
           "unable to start container process: ")


def test_a_program_that_is_not_there(gw):
    cid = gw.container()
    attach = gw.attach(cid)
    wait = gw.get("http/wait/%s?api=1.43&condition=next-exit" % cid)
    wait.head()
    client = gw.ask(cid, "start")
    agent = gw.agent(gw.lam.invocation().payload["run"])
    agent.hello()
    agent.send(4, {"step": "exec", "errno": 2, "path": "/nosuchbin", "detail": ""}, stream=1)
    assert client.head() == 400
    text = NO_SUCH + 'exec: "/nosuchbin": stat /nosuchbin: no such file or directory: unknown'
    assert json.loads(client.body()) == {"message": text}
    assert attach.rest() == b""
    assert json.loads(wait.body())["StatusCode"] == 127
    assert gw.row("SELECT state, exit_code, error FROM container WHERE id = ?", cid) == ("created", 127, text)
    agent.expect(7, 1, 3)
    # Whoever asks later is told why; the gateway needn't have seen it.
    for _ in range(2):
        late = gw.get("http/wait/%s?api=1.43" % cid)
        late.head()
        assert late.body() == json.dumps({"Error": {"Message": text}, "StatusCode": 127}, separators=(",", ":")).encode() + b"\n"
        gw.stop()
        gw.start()


def test_a_failed_start_removes_itself(gw):
    cid = gw.container(auto_remove=True)
    wait = gw.get("http/wait/%s?api=1.43&condition=removed" % cid)
    wait.head()
    client = gw.ask(cid, "start")
    agent = gw.agent(gw.lam.invocation().payload["run"])
    agent.hello()
    agent.send(4, {"step": "exec", "errno": 2, "path": "nosuch", "detail": ""}, stream=1)
    assert client.head() == 400
    assert 'exec: \\"nosuch\\": executable file not found in $PATH: unknown' in client.body().decode()
    assert wait.body() == b'{"StatusCode":127}\n'
    assert gw.row("SELECT state, name FROM container WHERE id = ?", cid) == ("removing", None)


def test_no_agent_calls_back(gw):
    cid = gw.container()
    client = gw.ask(cid, "start")
    run = gw.lam.invocation().payload["run"]
    assert client.head() == 500
    assert "http://callback.test" in client.body().decode()
    state, code, error = gw.row("SELECT state, exit_code, error FROM container WHERE id = ?", cid)
    assert (state, code) == ("created", 128) and "http://callback.test" in error
    with pytest.raises(Refused) as e:
        gw.agent(run)
    assert e.value.status == 410


def test_an_invoke_that_breaks_inside_lambda(gw):
    """It may run all the same, so an agent is waited for; if none comes, the user hears why."""
    cid = gw.container()
    client = gw.ask(cid, "start")
    gw.lam.invocation().finish({"Type": "Service", "message": "no sandbox to be had"}, status=500)
    assert client.head() == 500
    text = client.body().decode()
    assert "no agent called back" in text and "no sandbox to be had" in text
    assert gw.lam.count == 1


def test_a_function_that_failed(gw):
    cid = gw.container()
    gw.lam.states["skls-" + cid[:12]] = ("Failed", "the image can't be read")
    client = gw.ask(cid, "start")
    assert client.head() == 500
    assert "the image can't be read" in client.body().decode()
    gw.lam.states["skls-" + cid[:12]] = (None, "")
    client = gw.ask(cid, "start")
    assert client.head() == 500
    assert "not found" in client.body().decode()
    assert gw.lam.count == 0


def test_start_waits_for_active(gw):
    cid = gw.container()
    gw.lam.states["skls-" + cid[:12]] = ("Pending", "")
    client = gw.ask(cid, "start")
    until(lambda: gw.row("SELECT phase FROM run") == ("prepared",))
    assert gw.lam.count == 0
    del gw.lam.states["skls-" + cid[:12]]
    agent = gw.agent(gw.lam.invocation().payload["run"])
    agent.hello()
    agent.started()
    assert client.head() == 204
    agent.exit(0)


def test_an_invoke_that_is_refused(gw):
    cid = gw.container()
    client = gw.ask(cid, "start")
    gw.lam.invocation().finish({"Type": "User", "message": "Rate Exceeded."}, status=429)
    assert client.head() == 500
    assert "Rate Exceeded" in client.body().decode()
    assert gw.lam.count == 1


def test_an_invoke_that_comes_too_early_is_sent_when_the_function_is_ready(gw):
    cid = gw.container()
    client = gw.ask(cid, "start")
    first = gw.lam.invocation()
    gw.lam.states["skls-" + cid[:12]] = ("Pending", "")
    first.finish({"Type": "User", "Message": "The function is currently in the following state: Pending"}, status=409,
                 headers=[("x-amzn-ErrorType", "ResourceConflictException")])
    until(lambda: gw.row("SELECT phase FROM run") == ("prepared",))
    assert gw.lam.count == 1
    gw.lam.states["skls-" + cid[:12]] = ("Inactive", "")
    second = gw.lam.invocation()
    assert second.payload == first.payload
    agent = gw.agent(second.payload["run"])
    agent.hello()
    agent.started()
    assert client.head() == 204
    assert gw.row("SELECT count(*) FROM run") == (1,)
    agent.exit(0)


def test_a_throttled_invoke_waits_as_long_as_it_is_told(gw):
    cid = gw.container()
    client = gw.ask(cid, "start")
    gw.lam.invocation().finish({"Type": "User", "message": "Rate Exceeded."}, status=429, headers=[("Retry-After", "2")])
    sent = time.monotonic()
    agent = gw.agent(gw.lam.invocation().payload["run"])
    assert time.monotonic() - sent > 1.5
    agent.hello()
    agent.started()
    assert client.head() == 204
    agent.exit(0)


def test_a_function_that_is_never_ready(gw):
    gw.stop()
    gw.settings["SOCKERLESS_ACTIVE_TIMEOUT"] = 2
    gw.start()
    for status, headers in ((409, [("x-amzn-ErrorType", "ResourceConflictException")]), (429, [("Retry-After", "1")])):
        cid = gw.container()
        client = gw.ask(cid, "start")
        before = gw.lam.count

        def refuse():
            while True:
                inv = gw.lam.invocation()
                if inv is None:
                    return
                inv.finish({"Message": "not now"}, status=status, headers=headers)

        t = threading.Thread(target=refuse)
        t.start()
        assert client.head() == 500
        assert "not now" in client.body().decode()
        gw.lam.invocations.put(None)
        t.join()
        assert gw.lam.count - before <= 3
        assert gw.state(cid) == "created"


def test_a_function_that_ends_before_the_agent_speaks(gw):
    cid = gw.container()
    client = gw.ask(cid, "start")
    gw.lam.invocation().finish({"errorType": "Runtime.InvalidEntrypoint", "errorMessage": "exec failed"}, error="Unhandled")
    assert client.head() == 500
    assert "Runtime.InvalidEntrypoint" in client.body().decode()


def test_the_clients_leaving_changes_nothing(gw):
    cid = gw.container()
    client = gw.ask(cid, "start")
    client.close()
    agent = gw.agent(gw.lam.invocation().payload["run"])
    agent.hello()
    agent.started()
    until(lambda: gw.state(cid) == "running")
    seq = gw.row("SELECT max(seq) FROM intent")[0]
    until(lambda: gw.row("SELECT status FROM intent WHERE seq = ?", seq) == (204,))
    late = gw.get("http/intent/%s?api=1.43&seq=%d" % (cid, seq))
    assert late.head() == 204
    agent.exit(0)
