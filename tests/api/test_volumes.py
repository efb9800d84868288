"""Volumes: list, inspect, create, remove, prune, as dockerd answers."""
import json
import os
import re
import urllib.parse

import pytest

ANONYMOUS = {"com.docker.volume.anonymous": ""}


def filters(**f):
    return "?filters=" + urllib.parse.quote(json.dumps(f))


def told(reply):
    return reply.status, json.loads(reply.body)["message"]


def make(worker, name, **more):
    r = worker.post("/v1.43/volumes/create", dict({"Name": name}, **more))
    assert r.status == 201, r.raw
    return json.loads(r.body)


def names(worker, query="", **more):
    answer = json.loads(worker.get("/v1.43/volumes" + query, **more).body)
    assert list(answer) == ["Volumes", "Warnings"] and answer["Warnings"] is None
    return [v["Name"] for v in answer["Volumes"]]


def use(worker, container, volume, anonymous=0):
    worker.db.execute("INSERT INTO container_volume VALUES (?, 'local', ?, ?, ?)", (container, volume, "/" + volume, anonymous))


def events(worker):
    return worker.rows("SELECT action, actor_id, attributes FROM event WHERE type = 'volume' ORDER BY seq")


def test_create_and_inspect(worker):
    v = make(worker, "goldvol1")
    assert list(v) == ["CreatedAt", "Driver", "Labels", "Mountpoint", "Name", "Options", "Scope"]
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", v.pop("CreatedAt"))
    assert v == {"Driver": "local", "Labels": None, "Mountpoint": "/var/lib/docker/volumes/goldvol1/_data", "Name": "goldvol1",
                 "Options": None, "Scope": "local"}
    assert make(worker, "goldvol1", Labels={"a": "b"})["Labels"] is None
    w = make(worker, "goldvol2", Driver="local", Labels={"a": "b"}, DriverOpts={"type": "tmpfs", "device": "tmpfs"})
    assert (w["Labels"], w["Options"]) == ({"a": "b"}, {"type": "tmpfs", "device": "tmpfs"})
    assert json.loads(worker.get("/v1.43/volumes/goldvol2").body) == w
    assert events(worker) == [("create", "goldvol1", '{"driver":"local"}'), ("create", "goldvol2", '{"driver":"local"}')]
    assert told(worker.get("/volumes/goldvol1", tenant="other")) == (404, "get goldvol1: no such volume")


def test_made_up_name(worker):
    r = worker.post("/volumes/create", {})
    v = json.loads(r.body)
    assert r.status == 201 and re.match("[0-9a-f]{64}$", v["Name"]) and v["Labels"] == ANONYMOUS


@pytest.mark.parametrize("body,status,message", [
    ({"Name": "a b"}, 400, 'create a b: "a b" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. '
                           'If you intended to pass a host directory, use absolute path'),
    ({"Name": "a"}, 400, "create a: volume name is too short, names should be at least two alphanumeric characters"),
    ({"Name": "ab", "Driver": "nfs"}, 404, 'create ab: error looking up volume plugin nfs: plugin "nfs" not found'),
    ({"Name": "ab", "DriverOpts": {"x": "y"}}, 400, 'create ab: invalid option: "x"'),
])
def test_create_errors(worker, body, status, message):
    assert told(worker.post("/v1.43/volumes/create", body)) == (status, message)


def test_list_filters(worker):
    make(worker, "goldvol1")
    make(worker, "goldvol2", Labels={"a": "b"})
    use(worker, worker.container("c", "exited"), "goldvol1")
    assert names(worker) == ["goldvol1", "goldvol2"]
    assert names(worker, filters(name=["vol1"])) == ["goldvol1"]
    assert names(worker, filters(dangling=["true"])) == ["goldvol2"]
    assert names(worker, filters(dangling={"false": True})) == ["goldvol1"]
    assert names(worker, filters(label=["a=b"])) == ["goldvol2"]
    assert names(worker, filters(driver=["nfs"])) == []
    assert names(worker, tenant="other") == []
    assert told(worker.get("/volumes" + filters(nosuch=["x"]))) == (400, "invalid filter 'nosuch'")


def test_remove(worker):
    make(worker, "goldvol1")
    id = worker.container("c", "exited")
    use(worker, id, "goldvol1")
    assert told(worker.request("DELETE", "/volumes/goldvol1")) == (409, "remove goldvol1: volume is in use - [%s]" % id)
    worker.db.execute("DELETE FROM container_volume")
    assert worker.request("DELETE", "/volumes/goldvol1").status == 204
    assert told(worker.request("DELETE", "/volumes/nosuch")) == (404, "get nosuch: no such volume")
    assert worker.request("DELETE", "/volumes/nosuch?force=1").status == 204
    assert events(worker)[-1][:2] == ("destroy", "goldvol1")


def test_update_is_for_swarm(worker):
    make(worker, "goldvol1")
    assert told(worker.request("PUT", "/volumes/goldvol1?version=1", {})) == (
        503, "volume update only valid for cluster volumes, but swarm is unavailable")


def test_prune(worker):
    make(worker, "goldvol2", Labels={"a": "b"})
    make(worker, "used")
    use(worker, worker.container("c", "exited"), "used")
    anonymous = json.loads(worker.post("/volumes/create", {}).body)["Name"]
    assert json.loads(worker.post("/v1.43/volumes/prune").body) == {"VolumesDeleted": [anonymous], "SpaceReclaimed": 0}
    assert json.loads(worker.post("/v1.43/volumes/prune").body) == {"VolumesDeleted": None, "SpaceReclaimed": 0}
    assert json.loads(worker.post("/v1.43/volumes/prune" + filters(all=["true"], label=["x"])).body)["VolumesDeleted"] is None
    assert json.loads(worker.post("/v1.43/volumes/prune" + filters(all=["true"])).body) == {"VolumesDeleted": ["goldvol2"], "SpaceReclaimed": 0}
    assert names(worker) == ["used"]
    worker.db.execute("DELETE FROM container_volume")
    assert json.loads(worker.post("/v1.41/volumes/prune").body)["VolumesDeleted"] == ["used"]


@pytest.mark.parametrize("how,goes", [("", False), ("?v=1", True), ("auto", True)])
def test_anonymous_volumes_go_with_their_container(worker, how, goes):
    id = worker.container("c", "exited", auto_remove=int(how == "auto"))
    anonymous = os.urandom(32).hex()
    for name in ("named", anonymous, "shared"):
        make(worker, name)
        use(worker, id, name, int(name != "named"))
    use(worker, worker.container("other", "exited"), "shared", 1)
    if how != "auto":
        assert "x-accel-redirect" in worker.request("DELETE", "/containers/c" + how).headers
    worker.db.execute("UPDATE container SET state = 'removing', name = NULL WHERE id = ?", (id,))
    assert sorted(names(worker)) == sorted(["named", "shared"] + ([] if goes else [anonymous]))
    assert worker.rows("SELECT count(*) FROM container_volume WHERE container_id = ?", id) == [(0,)]
    assert (("destroy", anonymous, '{"driver":"local"}') in events(worker)) == goes
    assert worker.request("DELETE", "/volumes/named").status == 204


def test_mounts_are_shown_and_filtered(worker):
    mounts = [{"Type": "volume", "Name": "data", "Source": "/s", "Destination": "/d", "Driver": "local", "Mode": "z", "RW": True, "Propagation": ""}]
    id = worker.container("c", mounts=json.dumps(mounts))
    worker.container("bare")
    assert json.loads(worker.get("/containers/c/json").body)["Mounts"] == mounts
    listed = json.loads(worker.get("/containers/json" + filters(volume=["data"])).body)
    assert [c["Id"] for c in listed] == [id] and listed[0]["Mounts"] == mounts
    assert len(json.loads(worker.get("/containers/json" + filters(volume=["/d"])).body)) == 1
