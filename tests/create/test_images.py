import json
import os
import re
import shutil

from registry import DOCKER_MANIFEST, make_tar

FILTER = "/images/json?filters="


def test_pull_errors(service):
    call = service.call
    at = service.registry.address
    assert call("POST", "/images/create").json == {"message": 'Get "http:": http: no Host in request URL'}
    reply = call("POST", "/images/create?fromImage=BAD")
    assert reply.status == 400 and re.match("invalid reference format: repository name .*must be lowercase", reply.json["message"])
    reply = call("POST", "/images/create?fromImage=%s/gold&tag=nosuch" % at.replace(":", "%3A"))
    assert (reply.status, reply.json["message"]) == (404, "manifest for %s/gold:nosuch not found: manifest unknown: manifest unknown" % at)
    reply = call("POST", "/images/create?fromImage=127.0.0.1%3A1%2Fx&tag=1")
    assert (reply.status, reply.json["message"]) == (500, 'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused')
    assert call("POST", "/images/create?fromImage=busybox&tag=latest&platform=linux/arm64").status == 404


def test_pull(service):
    lines = service.pull("docker.io%2Flibrary%2Fbusybox")
    assert lines[0] == {"status": "Pulling from library/busybox", "id": "latest"}
    assert lines[-2:] == [{"status": "Digest: " + service.index}, {"status": "Status: Downloaded newer image for busybox:latest"}]
    middle = [line["status"] for line in lines[1:-2]]
    assert middle[0] in ("Pulling fs layer", "Already exists") and (middle[-1] in ("Pull complete", "Already exists"))
    for line in lines[1:-2]:
        assert re.fullmatch("[0-9a-f]{12}", line["id"]) and "progressDetail" in line
    assert service.aws.repositories == {"sockerless/local"}
    assert service.registry.manifest("sockerless/local", service.manifest)["config"]["digest"] == service.busybox
    assert service.pull("busybox") == [{"status": "Pulling from library/busybox", "id": "latest"}, {"status": "Digest: " + service.index},
                                       {"status": "Status: Image is up to date for busybox:latest"}]
    assert service.events("image")[0] == ("pull", "busybox:latest", {"name": "busybox"})


def test_auth_header(service):
    """What can't be read counts as no account, as in dockerd."""
    for text in ("e30=", "e30", "", "!!!!", "W10=", "A" * 5000, "eyJ1c2VybmFtZSI6"):
        reply = service.call("POST", "/images/create?fromImage=busybox&tag=latest", headers={"X-Registry-Auth": text})
        assert reply.status == 200, reply.body
        assert "up to date" in service.lines(reply)[-1]["status"]


def test_broken_layer(service):
    """An error after the first line is a line, and nothing is kept of the image."""
    s = service
    s.registry.push("library/broken", "1", {"f": b"only here"})
    layer = s.registry.manifest("library/broken", "1")["layers"][0]["digest"].partition(":")[2]
    shutil.rmtree(os.path.join(s.registry.directory, "data/docker/registry/v2/blobs/sha256", layer[:2], layer))
    lines = s.pull("broken", "1")
    assert lines[0]["status"] == "Pulling from library/broken" and lines[-1]["error"] == lines[-1]["errorDetail"]["message"]
    assert s.call("GET", "/images/broken:1/json").status == 404


def test_inspect(service):
    service.pull("busybox", "1.35")
    first = service.call("GET", "/images/busybox/json").json
    assert first["Id"] == service.busybox
    assert first["RepoTags"] == ["busybox:1.35", "busybox:latest"]
    assert sorted(first["RepoDigests"]) == sorted(["busybox@" + service.index, "busybox@" + service.manifest])
    assert first["Config"]["Env"] and first["Config"]["Entrypoint"] is None and first["Comment"] == "made"
    assert list(first) == ["Id", "RepoTags", "RepoDigests", "Parent", "Comment", "Created", "Container", "ContainerConfig", "DockerVersion",
                           "Author", "Config", "Architecture", "Os", "Size", "VirtualSize", "GraphDriver", "RootFS", "Metadata"]
    short = service.busybox[7:19]
    for name in ("busybox:latest", "docker.io/library/busybox", "busybox:1.35", service.busybox, service.busybox[7:], short, "sha256:" + short,
                 "busybox@" + service.index, "library%2Fbusybox"):
        assert service.call("GET", "/images/%s/json" % name).json == first, name
    assert "VirtualSize" not in service.call("GET", "/images/busybox/json", version="/v1.47").json
    reply = service.call("GET", "/images/nosuchimage/json")
    assert (reply.status, reply.json) == (404, {"message": "No such image: nosuchimage:latest"})
    reply = service.call("GET", "/images/UPPER:x/json")
    assert reply.status == 400 and re.match("invalid reference format: repository name .*must be lowercase", reply.json["message"])
    assert service.call("GET", "/images/busybox/json", tenant="other").status == 404
    assert service.call("GET", "/images/%s/json" % short, tenant="other").status == 404


def test_import(service):
    tar = make_tar({"hello": b"x" * 100000})
    reply = service.call("POST", "/images/create?fromSrc=-&repo=goldimp&tag=1&message=hi&changes=LABEL%20a=b&changes=CMD%20%5B%22/a%22%5D", tar,
                         headers={"Content-Type": "text/plain"})
    assert reply.status == 200, reply.body
    (line,) = service.lines(reply)
    image = service.call("GET", "/images/goldimp:1/json").json
    assert line == {"status": image["Id"]} and image["RepoDigests"] == [] and image["Comment"] == "hi"
    assert image["Config"]["Cmd"] == ["/a"] and image["Config"]["Labels"] == {"a": "b"}
    assert [e[0] for e in service.events("image")][-2:] == ["tag", "import"]
    reply = service.call("POST", "/images/create?fromSrc=http%3A%2F%2F127.0.0.1%3A1%2Fy&repo=a")
    assert "error" in service.lines(reply)[-1]
    assert service.call("POST", "/images/create?fromSrc=-&repo=x", b"no tar at all").status >= 400


def test_list(service):
    def names(**filters):
        reply = service.call("GET", FILTER + json.dumps(filters).replace('"', "%22").replace(" ", ""))
        assert reply.status == 200, reply.body
        return [i["RepoTags"] for i in reply.json]
    images = service.call("GET", "/images/json").json
    assert [i["RepoTags"] for i in images] == [["goldimp:1"], ["busybox:1.35", "busybox:latest"]]
    assert list(images[0]) == ["Containers", "Created", "Id", "Labels", "ParentId", "RepoDigests", "RepoTags", "SharedSize", "Size", "VirtualSize"]
    assert images[1]["Created"] == 1767323045 and images[1]["Labels"] is None
    assert names(reference=["busybox*"]) == [["busybox:1.35", "busybox:latest"]]
    assert names(reference=["*:1.35"]) == [["busybox:1.35"]]
    assert names(reference=["nosuch"]) == []
    assert names(reference={"busybox": True}) == [["busybox:1.35", "busybox:latest"]]
    assert names(dangling=["true"]) == []
    assert len(names(dangling=["false"])) == 2
    assert names(label=["a=b"]) == [["goldimp:1"]]
    assert names(label=["x"]) == []
    assert names(before=["goldimp:1"]) == [["busybox:1.35", "busybox:latest"]]
    assert names(since=["busybox"]) == [["goldimp:1"]]
    reply = service.call("GET", FILTER + "%7B%22nosuch%22%3A%5B%22x%22%5D%7D")
    assert (reply.status, reply.json) == (400, {"message": "invalid filter 'nosuch'"})
    assert service.call("GET", "/images/json", tenant="other").json == []


def test_manifests(service):
    """Of 1.47 on, when asked for: the manifest as it is in the registry, and the containers of the image."""
    service.pull("busybox")
    image = next(i for i in service.call("GET", "/images/json?manifests=1", version="/v1.47").json if i["Id"] == service.busybox)
    headers, body = service.registry.call("GET", "/v2/sockerless/local/manifests/" + service.manifest, headers={"Accept": DOCKER_MANIFEST})
    layers = sum(layer["size"] for layer in json.loads(body)["layers"])
    assert image["Manifests"] == [{
        "ID": service.manifest, "Descriptor": {"mediaType": DOCKER_MANIFEST, "digest": service.manifest, "size": len(body)}, "Available": True,
        "Size": {"Total": image["Size"] + len(body), "Content": image["Size"] + len(body)}, "Kind": "image",
        "ImageData": {"Size": {"Unpacked": 0}, "Platform": {"architecture": "amd64", "os": "linux"}, "Containers": []}}]
    assert image["Size"] >= layers
    created = service.call("POST", "/containers/create", {"Image": "busybox"})
    assert created.status == 201, created.body
    image = next(i for i in service.call("GET", "/images/json?manifests=1", version="/v1.47").json if i["Id"] == service.busybox)
    assert image["Manifests"][0]["ImageData"]["Containers"] == [created.json["Id"]]
    for query, version in ("", "/v1.47"), ("?manifests=0", "/v1.47"), ("?manifests=1", "/v1.46"):
        assert not any("Manifests" in i for i in service.call("GET", "/images/json" + query, version=version).json)
    # Of an image that was there before manifests' sizes were kept nothing is said.
    service.db.execute("UPDATE image SET manifest_type = '', manifest_size = 0")
    assert service.call("GET", "/images/json?manifests=1", version="/v1.47").json[0]["Manifests"] == []
    service.db.execute("UPDATE container SET state = 'removing'")


def test_remove(service):
    reply = service.call("DELETE", "/images/nosuch")
    assert (reply.status, reply.json) == (404, {"message": "No such image: nosuch:latest"})
    assert service.call("DELETE", "/images/busybox", tenant="other").status == 404
    reply = service.call("DELETE", "/images/busybox:1.35")
    assert (reply.status, reply.json) == (200, [{"Untagged": "busybox:1.35"}])
    image = service.call("GET", "/images/goldimp:1/json").json
    reply = service.call("DELETE", "/images/goldimp:1")
    assert reply.json == [{"Untagged": "goldimp:1"}, {"Deleted": image["Id"]}, {"Deleted": image["RootFS"]["Layers"][0]}]
    assert [e[0] for e in service.events("image")][-2:] == ["untag", "delete"]
    reply = service.call("DELETE", "/images/busybox")
    assert [list(r)[0] for r in reply.json] == ["Untagged"] * 3 + ["Deleted"] * 2
    assert service.call("GET", "/images/json").json == []
    service.pull("busybox")
    reply = service.call("DELETE", "/images/" + service.busybox[7:19])
    assert {"Deleted": service.busybox} in reply.json and {"Untagged": "busybox:latest"} in reply.json
