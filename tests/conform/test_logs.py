"""GET /containers/{id}/logs: what is kept and how it is shown."""
import pytest


def run(api, config, log):
    """A container that has ended."""
    reply = api.post("/containers/create", dict(config, Image="busybox", HostConfig={"LogConfig": log}))
    assert reply.status == 201 and reply.json["Warnings"] == [], reply.body
    cid = reply.json["Id"]
    assert api.post("/containers/%s/start" % cid).status == 204
    assert api.post("/containers/%s/wait" % cid).json["StatusCode"] == 0
    return cid


@pytest.mark.parametrize("size, files, least, most", [("10k", 1, 0, 10500), ("10k", 3, 20000, 30500), ("1m", 1, 60000, 60000)])
def test_rotation(api, size, files, least, most):
    """Lines of 20 bytes; the oldest files go as wholes, so that what is there begins with a whole line."""
    cid = run(api, {"Tty": True, "Cmd": ["sh", "-c", "stty -opost; i=0; while [ $i -lt 3000 ]; do printf '%019d\\n' $i; i=$((i+1)); done"]},
              {"Type": "json-file", "Config": {"max-size": size, "max-file": str(files)}})
    text = api.get("/containers/%s/logs?stdout=1" % cid).body
    lines = text.decode().splitlines()
    assert least <= len(text) <= most and [int(line) for line in lines] == list(range(3000 - len(lines), 3000))
    assert api.delete("/containers/%s" % cid).status == 204
