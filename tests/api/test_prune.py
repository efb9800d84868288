"""Prune of containers, images and the build cache; disk usage."""
import json
import threading
import time
import urllib.parse

IMAGE = "sha256:" + "1" * 64


def filters(f):
    return "?filters=" + urllib.parse.quote(json.dumps(f))


def told(reply):
    return reply.status, json.loads(reply.body)["message"]


def prune_containers(worker, query="", refuse=()):
    """The gateway's part is done here: it ends each intent."""
    answer = []
    t = threading.Thread(target=lambda: answer.append(worker.post("/v1.43/containers/prune" + query)))
    t.start()
    deadline = time.monotonic() + 20
    while t.is_alive() and time.monotonic() < deadline:
        for seq, container, verb, args in worker.rows("SELECT seq, container_id, verb, args FROM intent WHERE done_at IS NULL"):
            assert (verb, json.loads(args)["force"]) == ("remove", False)
            status = 409 if container in refuse else 204
            worker.db.execute("UPDATE intent SET done_at = 1, status = ? WHERE seq = ?", (status, seq))
        t.join(0.01)
    assert answer, "prune doesn't end"
    assert answer[0].status == 200, answer[0].raw
    return json.loads(answer[0].body)


def test_containers(worker):
    a = worker.container("a", "exited")
    b = worker.container("b", "created", config={"Labels": {"keep": "1"}})
    worker.container("c", "running")
    d = worker.container("d", "exited")
    worker.container("theirs", "exited", tenant="other")
    assert prune_containers(worker, filters({"until": ["1h"]})) == {"ContainersDeleted": None, "SpaceReclaimed": 0}
    assert sorted(prune_containers(worker, filters({"label!": ["keep"]}), refuse=[d])["ContainersDeleted"]) == [a]
    assert sorted(prune_containers(worker)["ContainersDeleted"]) == sorted([a, b, d])
    assert worker.hint_came()
    assert told(worker.post("/v1.43/containers/prune" + filters({"nosuch": ["x"]}))) == (400, "invalid filter 'nosuch'")


def image(worker, digit, *names, labels=None):
    id = "sha256:" + digit * 64
    config = {"created": "2020-01-01T00:00:00Z", "config": {"Labels": labels}, "rootfs": {"diff_ids": ["sha256:" + digit * 64]}}
    worker.db.execute("INSERT INTO image (tenant, id, config, manifest_digest, size, pulled_at) VALUES ('local', ?, ?, 'x', 1000, 0)", (id, json.dumps(config)))
    for name in names:
        worker.db.execute("INSERT INTO image_reference (tenant, reference, image_id) VALUES ('local', ?, ?)", (name, id))
    return id


def test_images(worker):
    image(worker, "1", "docker.io/library/busybox:latest")
    used = image(worker, "2")
    free = image(worker, "3", "docker.io/library/gone@sha256:" + "3" * 64)
    worker.container("c", "exited", image_id=used)
    r = worker.post("/v1.43/images/prune" + filters({"dangling": ["true"], "label": ["nosuchlabel"]}))
    assert (r.status, json.loads(r.body)) == (200, {"ImagesDeleted": None, "SpaceReclaimed": 0})
    answer = json.loads(worker.post("/v1.43/images/prune" + filters({"dangling": {"true": True}})).body)
    assert {"Deleted": free} in answer["ImagesDeleted"] and answer["SpaceReclaimed"] == 0
    assert {"Untagged": "gone@sha256:" + "3" * 64} in answer["ImagesDeleted"]
    assert worker.rows("SELECT count(*) FROM image") == [(2,)]
    answer = json.loads(worker.post("/v1.43/images/prune" + filters({"dangling": ["false"]})).body)
    assert {"Untagged": "busybox:latest"} in answer["ImagesDeleted"]
    assert worker.rows("SELECT id FROM image") == [(used,)]


def test_build_cache(worker):
    r = worker.post("/v1.43/build/prune")
    assert (r.status, json.loads(r.body)) == (200, {"CachesDeleted": None, "SpaceReclaimed": 0})


def test_disk_usage(worker):
    image(worker, "1", "docker.io/library/busybox:latest", labels={"x": "y"})
    id = worker.container("c", "exited")
    worker.post("/volumes/create", {"Name": "vol"})
    df = json.loads(worker.get("/v1.43/system/df").body)
    assert list(df) == ["LayersSize", "Images", "Containers", "Volumes", "BuildCache"] and df["LayersSize"] == 1000
    assert df["Images"] == [{"Containers": 1, "Created": 1577836800, "Id": IMAGE, "Labels": {"x": "y"}, "ParentId": "", "RepoDigests": [],
                             "RepoTags": ["busybox:latest"], "SharedSize": 0, "Size": 1000, "VirtualSize": 1000}]
    assert [(c["Id"], c["State"], c["SizeRootFs"]) for c in df["Containers"]] == [(id, "exited", 1000)]
    assert [(v["Name"], v["UsageData"]) for v in df["Volumes"]] == [("vol", {"RefCount": 0, "Size": 0})]
    assert df["BuildCache"] == []
    only = json.loads(worker.get("/system/df?type=volume&type=image").body)
    assert only["Containers"] is None and only["BuildCache"] is None and len(only["Volumes"]) == len(only["Images"]) == 1
    assert told(worker.get("/system/df?type=x")) == (400, "unknown object type: x")


def test_tag(worker):
    image(worker, "1", "docker.io/library/busybox:latest")
    r = worker.post("/v1.43/images/busybox:latest/tag?repo=127.0.0.1%3A5000/gold&tag=1")
    assert (r.status, r.body) == (201, b"")
    assert worker.post("/v1.43/images/busybox/tag?repo=gold").status == 201
    assert [n for n, in worker.rows("SELECT reference FROM image_reference ORDER BY reference")] == [
        "127.0.0.1:5000/gold:1", "docker.io/library/busybox:latest", "docker.io/library/gold:latest"]
    assert worker.rows("SELECT action, actor_id, attributes FROM event ORDER BY seq")[0] == ("tag", IMAGE, '{"name":"127.0.0.1:5000/gold:1"}')
    assert told(worker.post("/v1.43/images/nosuch/tag?repo=a&tag=b")) == (404, "No such image: nosuch:latest")
    assert told(worker.post("/v1.43/images/busybox:latest/tag?repo=a&tag=%21%21")) == (400, "invalid tag format")
    assert told(worker.post("/v1.43/images/busybox/tag?repo=gold&tag=2", tenant="other"))[0] == 404


def test_history(worker):
    id = image(worker, "1", "docker.io/library/busybox:latest")
    worker.db.execute("UPDATE image SET config = ?", (json.dumps({
        "rootfs": {"diff_ids": ["sha256:" + "1" * 64]},
        "history": [{"created": "2020-01-01T00:00:00Z", "comment": "Imported from -"},
                    {"created": "2020-01-02T00:00:00Z", "created_by": "CMD sh", "empty_layer": True}]}),))
    r = worker.get("/v1.43/images/busybox:latest/history")
    assert r.status == 200 and json.loads(r.body) == [
        {"Comment": "", "Created": 1577923200, "CreatedBy": "CMD sh", "Id": id, "Size": 0, "Tags": ["busybox:latest"]},
        {"Comment": "Imported from -", "Created": 1577836800, "CreatedBy": "", "Id": "<missing>", "Size": 1000, "Tags": None}]
    assert told(worker.get("/images/nosuch/history")) == (404, "No such image: nosuch:latest")
