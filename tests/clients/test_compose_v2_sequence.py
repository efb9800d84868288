"""What Compose v2 sends for up, ps, stop and down, one connection for each request."""
import json
import urllib.parse

from raw_api import Api, demultiplex, read_head, unchunk
from support.waiting import receive_until, wait_until

PROJECT = "com.docker.compose.project=shop"


def filters(**f):
    return urllib.parse.quote(json.dumps({k: {v: True for v in values} for k, values in f.items()}))


def create_body(service):
    return {"Hostname": "", "Domainname": "", "User": "", "AttachStdin": False, "AttachStdout": True, "AttachStderr": True, "Tty": False,
            "OpenStdin": False, "StdinOnce": False, "Env": ["COLOR=green"], "Image": "busybox", "Volumes": None, "WorkingDir": "", "Entrypoint": None,
            "Cmd": ["sh", "-c", "trap 'exit 3' TERM; echo %s is up; while :; do sleep 0.1; done" % service],
            "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": service, "com.docker.compose.container-number": "1",
                       "com.docker.compose.oneoff": "False", "com.docker.compose.config-hash": "1f2e"},
            "HostConfig": {"NetworkMode": "shop_default", "RestartPolicy": {"Name": "", "MaximumRetryCount": 0}, "LogConfig": {"Type": "", "Config": None}},
            "NetworkingConfig": {"EndpointsConfig": {"shop_default": {"IPAMConfig": None, "Links": None, "Aliases": ["shop-%s-1" % service, service]}}}}


def up(api):
    network = api.json("POST", "/networks/create", {"Name": "shop_default", "Driver": "", "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.network": "default"}}, 201)
    assert [n["Id"] for n in api.json("GET", "/networks?filters=" + filters(name=["shop_default"]))] == [network["Id"]]
    events = api.send("GET", "/events?filters=" + filters(type=["container"], label=[PROJECT]))
    assert b" 200 OK" in read_head(events)
    containers, streams = {}, {}
    for service in ("web", "job"):
        made = containers[service] = api.json("POST", "/containers/create?name=shop-%s-1" % service, create_body(service), 201)["Id"]
        inspected = api.json("GET", "/containers/%s/json" % made)
        assert {"shop-%s-1" % service, service} <= set(inspected["NetworkSettings"]["Networks"]["shop_default"]["Aliases"])
        streams[service] = api.upgrade("/containers/%s/attach?stream=1&stdout=1&stderr=1" % made)
    for made in containers.values():
        api.json("POST", "/containers/%s/start" % made, status=204)
    return containers, streams, events


def test_up_ps_stop_down(docker):
    api = Api(docker)
    listing = "/containers/json?all=1&filters=" + filters(label=[PROJECT, "com.docker.compose.config-hash"])
    assert api.json("GET", listing) == [] and api.json("GET", "/networks?filters=" + filters(label=[PROJECT])) == []
    containers, streams, events = up(api)

    assert {c["Names"][0]: c["State"] for c in api.json("GET", listing)} == {"/shop-web-1": "running", "/shop-job-1": "running"}
    for service, made in containers.items():
        wait_until(lambda: docker.ok("logs", made), 20, "the trap")
        api.json("POST", "/containers/%s/stop?t=5" % made, status=204)
        assert demultiplex(streams[service]) == (b"%s is up\n" % service.encode(), b"")
        assert api.json("GET", "/containers/%s/json" % made)["State"]["ExitCode"] == 3
        api.json("DELETE", "/containers/%s?force=1&v=1" % made, status=204)
        streams[service].close()
    api.json("DELETE", "/networks/shop_default", status=204)

    data = receive_until(events, b'"Action":"destroy"', times=2)
    events.close()
    # The chunk that was cut is whole once its lines are counted.
    seen = [json.loads(line) for line in unchunk(data).decode().split("\n") if line]
    for service, made in containers.items():
        actions = [e["Action"] for e in seen if e["Actor"]["ID"] == made]
        assert [a for a in actions if a in ("create", "attach", "start", "kill", "die", "stop", "destroy")] == \
            ["create", "attach", "start", "kill", "die", "stop", "destroy"], actions
        assert all(e["Actor"]["Attributes"]["com.docker.compose.service"] == service for e in seen if e["Actor"]["ID"] == made)
