"""Networks: list, inspect, create, remove, connect, disconnect, prune, as dockerd answers."""
import json
import re
import urllib.parse

import pytest

HEX64 = re.compile("[0-9a-f]{64}$")


def filters(**f):
    return "?filters=" + urllib.parse.quote(json.dumps({k.replace("_", "!") if k.endswith("_") else k: v for k, v in f.items()}))


def told(reply):
    return reply.status, json.loads(reply.body)["message"]


def make(worker, name, **more):
    r = worker.post("/v1.43/networks/create", dict({"Name": name, "CheckDuplicate": True}, **more))
    assert r.status == 201, r.raw
    answer = json.loads(r.body)
    assert list(answer) == ["Id", "Warning"] and answer["Warning"] == "" and HEX64.match(answer["Id"])
    return answer["Id"]


def inspect(worker, name, **more):
    r = worker.get("/v1.43/networks/" + name, **more)
    assert r.status == 200, r.raw
    return json.loads(r.body)


def names(worker, query="", **more):
    return [n["Name"] for n in json.loads(worker.get("/v1.43/networks" + query, **more).body)]


def events(worker):
    return [(a, i, json.loads(t)) for a, i, t in worker.rows("SELECT action, actor_id, attributes FROM event WHERE type = 'network' ORDER BY seq")]


def test_predefined(worker):
    listed = json.loads(worker.get("/v1.43/networks").body)
    assert [(n["Name"], n["Driver"], n["Scope"]) for n in listed] == [("bridge", "bridge", "local"), ("host", "host", "local"), ("none", "null", "local")]
    assert all(HEX64.match(n["Id"]) for n in listed)
    theirs = json.loads(worker.get("/networks", tenant="other").body)
    assert not {n["Id"] for n in listed} & {n["Id"] for n in theirs} and len(theirs) == 3
    assert inspect(worker, "default")["Name"] == "bridge"
    assert told(worker.request("DELETE", "/networks/bridge")) == (403, "bridge is a pre-defined network and cannot be removed")


def test_create_and_inspect(worker):
    id = make(worker, "goldnet1", Labels={"k": "v"}, Options={})
    n = inspect(worker, "goldnet1")
    assert list(n) == ["Name", "Id", "Created", "Scope", "Driver", "EnableIPv6", "IPAM", "Internal", "Attachable", "Ingress", "ConfigFrom",
                       "ConfigOnly", "Containers", "Options", "Labels"]
    assert n["Id"] == id and re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$", n.pop("Created"))
    assert n == {"Name": "goldnet1", "Id": id, "Scope": "local", "Driver": "bridge", "EnableIPv6": False,
                 "IPAM": {"Driver": "default", "Options": None, "Config": []}, "Internal": False, "Attachable": False, "Ingress": False,
                 "ConfigFrom": {"Network": ""}, "ConfigOnly": False, "Containers": {}, "Options": {}, "Labels": {"k": "v"}}
    assert inspect(worker, id)["Id"] == inspect(worker, id[:12])["Id"] == id
    assert events(worker) == [("create", id, {"name": "goldnet1", "type": "bridge"})]


def test_create_keeps_ranges_and_options(worker):
    make(worker, "goldnet2", Driver="bridge", Internal=True, Attachable=True, Options={"o": "1"},
         IPAM={"Driver": "default", "Config": [{"Subnet": "10.199.0.0/24", "Gateway": "10.199.0.1", "IPRange": "10.199.0.0/25"}]})
    n = inspect(worker, "goldnet2")
    assert json.dumps(n["IPAM"]) == json.dumps({"Driver": "default", "Options": None, "Config": [
        {"Subnet": "10.199.0.0/24", "IPRange": "10.199.0.0/25", "Gateway": "10.199.0.1"}]})
    assert n["Internal"] and n["Attachable"] and n["Options"] == {"o": "1"}


@pytest.mark.parametrize("body,status,message", [
    ({"Name": "goldnet1"}, 409, "network with name goldnet1 already exists"),
    ({"Name": "goldnet3", "IPAM": {"Config": [{"Subnet": "10.199.0.0/16"}]}}, 403, "Pool overlaps with other one on this address space"),
    ({"Name": "bridge"}, 403, "operation is not permitted on predefined bridge network "),
    ({"Name": "goldnet3", "Driver": "nosuch"}, 404, 'plugin "nosuch" not found'),
    ({"Name": "goldnet3", "IPAM": {"Config": [{"Subnet": "10.1.2/40"}]}}, 400, "invalid CIDR address: 10.1.2/40"),
    ({"Name": " "}, 400, 'invalid network name: " "'),
])
def test_create_errors(worker, body, status, message):
    make(worker, "goldnet1", IPAM={"Config": [{"Subnet": "10.199.7.0/24"}]})
    assert told(worker.post("/v1.43/networks/create", body)) == (status, message)


def test_tenants_are_apart(worker):
    id = make(worker, "mine", IPAM={"Config": [{"Subnet": "10.199.0.0/24"}]})
    for reference in ("mine", id, id[:12]):
        assert told(worker.get("/networks/" + reference, tenant="other")) == (404, "network %s not found" % reference)
    r = worker.post("/networks/create", {"Name": "mine", "IPAM": {"Config": [{"Subnet": "10.199.0.0/24"}]}}, tenant="other")
    assert r.status == 201
    assert worker.request("DELETE", "/networks/mine", tenant="other").status == 204
    assert inspect(worker, "mine")["Id"] == id


def test_filters(worker):
    id = make(worker, "goldnet1", Labels={"k": "v"})
    make(worker, "goldnet2")
    assert names(worker, filters(name=["goldnet1"])) == ["goldnet1"]
    assert names(worker, filters(name=["gold"])) == ["goldnet1", "goldnet2"]
    assert names(worker, filters(label=["k=v"])) == ["goldnet1"]
    assert names(worker, filters(type=["custom"])) == ["goldnet1", "goldnet2"]
    assert names(worker, filters(type=["builtin"])) == ["bridge", "host", "none"]
    assert names(worker, filters(id=[id[:12]])) == ["goldnet1"]
    assert names(worker, filters(driver=["null"])) == ["none"]
    assert names(worker, filters(scope=["swarm"])) == []
    assert names(worker, filters(dangling=["true"])) == ["goldnet1", "goldnet2"]
    assert told(worker.get("/networks" + filters(nosuch=["x"]))) == (400, "invalid filter 'nosuch'")


def connect(worker, network, container, action="connect", **more):
    return worker.post("/v1.43/networks/%s/%s" % (network, action), dict({"Container": container}, **more))


def test_membership(worker):
    id = worker.container("goldnet")
    make(worker, "goldnet1")
    net2 = make(worker, "goldnet2")
    assert connect(worker, "goldnet1", "goldnet", EndpointConfig={"Aliases": ["al1"]}).status == 200
    r = connect(worker, "goldnet2", id, EndpointConfig={"IPAMConfig": {"IPv4Address": "10.199.0.77"}, "Aliases": ["al2"]})
    assert (r.status, r.body) == (200, b"")
    assert told(connect(worker, "goldnet2", "goldnet")) == (403, "endpoint with name goldnet already exists in network goldnet2")
    assert told(connect(worker, "nosuch", "goldnet")) == (404, "network nosuch not found")
    assert told(connect(worker, "goldnet2", "nosuch")) == (404, "No such container: nosuch")
    shown = json.loads(worker.get("/v1.43/containers/goldnet/json").body)["NetworkSettings"]["Networks"]
    assert list(shown) == ["goldnet1", "goldnet2"]
    assert shown["goldnet2"]["Aliases"] == ["al2", id[:12]] and shown["goldnet2"]["NetworkID"] == net2
    assert shown["goldnet2"]["IPAMConfig"] == {"IPv4Address": "10.199.0.77"}
    members = inspect(worker, "goldnet2")["Containers"]
    assert members == {id: {"Name": "goldnet", "EndpointID": shown["goldnet2"]["EndpointID"], "MacAddress": "", "IPv4Address": "", "IPv6Address": ""}}
    assert json.loads(worker.get("/v1.43/networks").body)[1]["Containers"] == {}
    assert ("connect", net2, {"container": id, "name": "goldnet2", "type": "bridge"}) in events(worker)
    assert [c["Id"] for c in json.loads(worker.get("/containers/json" + filters(network=["goldnet2"])).body)] == [id]
    assert [c["Id"] for c in json.loads(worker.get("/containers/json" + filters(network=[net2])).body)] == [id]

    assert told(worker.request("DELETE", "/networks/goldnet2")) == (
        403, "error while removing network: network goldnet2 id %s has active endpoints" % net2)
    assert connect(worker, "goldnet2", "goldnet", "disconnect", Force=True).status == 200
    assert told(connect(worker, "goldnet2", "goldnet", "disconnect")) == (500, "container %s is not connected to network goldnet2" % id)
    assert worker.request("DELETE", "/networks/goldnet2").status == 204
    assert told(worker.request("DELETE", "/networks/goldnet2")) == (404, "network goldnet2 not found")
    assert [e[0] for e in events(worker)][-2:] == ["disconnect", "destroy"]


def test_stopped_members_are_not_shown_and_hold_nothing(worker):
    id = worker.container("c", "exited")
    make(worker, "n")
    assert connect(worker, "n", "c").status == 200
    assert inspect(worker, "n")["Containers"] == {}
    assert "connect" not in [e[0] for e in events(worker)]
    assert worker.request("DELETE", "/networks/n").status == 204
    assert told(worker.post("/containers/c/start")) == (404, "network n not found")
    assert worker.rows("SELECT count(*) FROM intent WHERE container_id = ?", id) == [(0,)]


def test_what_would_remove_itself_goes_when_its_network_is_missing(worker):
    id = worker.container("c", "created", networking='{"gone":{}}', host_config='{"NetworkMode":"gone","AutoRemove":true}')
    assert told(worker.post("/containers/c/start")) == (404, "network gone not found")
    assert worker.rows("SELECT verb FROM intent WHERE container_id = ?", id) == [("remove",)]
    assert worker.hint_came()


def test_prune(worker):
    make(worker, "free")
    make(worker, "kept", Labels={"keep": ""})
    make(worker, "used")
    worker.container("c", "exited")
    connect(worker, "used", "c")
    r = worker.post("/v1.43/networks/prune" + filters(until=["1h"]))
    assert json.loads(r.body) == {"NetworksDeleted": None}
    r = worker.post("/v1.43/networks/prune?filters=" + urllib.parse.quote('{"label!":["keep"]}'))
    assert (r.status, json.loads(r.body)) == (200, {"NetworksDeleted": ["free"]})
    assert json.loads(worker.post("/v1.43/networks/prune").body) == {"NetworksDeleted": ["kept"]}
    assert names(worker) == ["bridge", "host", "none", "used"]
    assert told(worker.post("/networks/prune" + filters(nosuch=["x"]))) == (400, "invalid filter 'nosuch'")
    assert told(worker.post("/networks/prune" + filters(until=["soon"])))[0] == 400
