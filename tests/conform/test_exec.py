"""What exec answers and inspects, before, while and after it runs."""
import pytest

from test_logs import frames


@pytest.fixture(scope="module")
def up(stage):
    cid = stage.post("/containers/create", {"Image": "busybox", "Cmd": ["sleep", "300"]}).json["Id"]
    assert stage.post("/containers/%s/start" % cid).status == 204
    return cid


@pytest.mark.parametrize("cmd, shown, code", [
    (["sh", "-c", "echo o; sleep 0.2; echo e >&2; exit 3"], [(1, b"o\n"), (2, b"e\n")], 3), (["true"], [], 0)])
def test_exec(stage, up, cmd, shown, code):
    eid = stage.post("/containers/%s/exec" % up, {"Cmd": cmd, "AttachStdout": True, "AttachStderr": True}).json["Id"]
    before = stage.get("/exec/%s/json" % eid).json
    reply = stage.post("/exec/%s/start" % eid, {"Detach": False, "Tty": False})
    assert (reply.status, reply.headers["content-type"], reply.body) == (200, "application/vnd.docker.raw-stream", frames(*shown))
    after = stage.get("/exec/%s/json" % eid).json
    assert (before["Running"], before["ExitCode"], before["Pid"]) == (False, None, 0)
    assert (after["Running"], after["ExitCode"]) == (False, code) and after["Pid"] > 0
    process = {"tty": False, "entrypoint": cmd[0], "arguments": cmd[1:], "privileged": False}
    for seen in (before, after):
        assert seen["ProcessConfig"] == process and seen["ContainerID"] == up and seen["ID"] == eid
        assert (seen["OpenStdin"], seen["OpenStdout"], seen["OpenStderr"], seen["CanRemove"], seen["DetachKeys"]) == (False, True, True, False, "")
