"""Pulls by a worker: several tenants, several at a time, what is taken up again, mirrors, all tags."""
import gzip
import io
import json
import os
import pathlib
import re
import signal
import subprocess
import tarfile
import threading

import pytest

import fastcgi
from registry import DOCKER_MANIFEST, make_tar
from support import places
from support.hostile import Server
from support.registry import DOCKER_CONFIG, DOCKER_LAYER, digest_of
from support.waiting import wait_until


class Source:
    """A registry of one image whose blobs come as the test lets them; `asked` counts the requests for each."""

    def __init__(self, tars):
        self.blobs = [gzip.compress(t) for t in tars]
        self.config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [digest_of(t) for t in tars]}}).encode()
        self.manifest = json.dumps({"schemaVersion": 2, "mediaType": DOCKER_MANIFEST,
                                    "config": {"mediaType": DOCKER_CONFIG, "digest": digest_of(self.config), "size": len(self.config)},
                                    "layers": [{"mediaType": DOCKER_LAYER, "digest": digest_of(b), "size": len(b)} for b in self.blobs]}).encode()
        self.holds = {}  # index of a blob -> Event: half of it comes before
        self.lost = set()
        self.asked = [0] * len(tars)
        self.server = Server(self.handle)
        self.host = self.server.host

    def parts(self, n):
        data = self.blobs[n]
        yield data[:len(data) // 2]
        if n in self.holds:
            self.holds[n].wait(30)
        yield data[len(data) // 2:]

    def handle(self, request):
        if "/manifests/" in request.path:
            return 200, {"Content-Type": DOCKER_MANIFEST}, self.manifest
        digest = request.path.rpartition("/")[2]
        for n, data in enumerate(self.blobs):
            if digest == digest_of(data):
                self.asked[n] += request.command == "GET"
                if n in self.lost:
                    return 404, {}, b""
                return 200, {"Content-Length": str(len(data))}, self.parts(n)
        return 200, {}, self.config if digest == digest_of(self.config) else b""

    def close(self):
        for event in self.holds.values():
            event.set()
        self.server.close()


@pytest.fixture
def source():
    s = Source([make_tar({"a": os.urandom(100000)}), make_tar({"b": os.urandom(200000)})])
    yield s
    s.close()


class Pull:
    """One that goes on while the test does something else."""

    def __init__(self, service, uri, socket=None, tenant="local"):
        self.connection = fastcgi.Connection(socket or service.socket)
        self.connection.begin({"REQUEST_METHOD": "POST", "REQUEST_URI": "/v1.43/images/create?" + uri, "CONTENT_LENGTH": "", "SOCKERLESS_TENANT": tenant})
        self.connection.end_body()
        self.text = b""
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        try:
            while True:
                kind, data = self.connection.read_record()
                if kind == fastcgi.END:
                    return
                self.text += data if kind == fastcgi.STDOUT else b""
        except (EOFError, OSError):
            pass

    def lines(self):
        self.thread.join(30)
        self.connection.close()
        return [json.loads(line) for line in self.text.partition(b"\r\n\r\n")[2].splitlines() if line]


def statuses(lines, digest=None):
    return [line.get("status") or line.get("error") for line in lines if digest is None or line.get("id") == digest[7:19]]


def of(source):
    return "fromImage=%s/x&tag=1" % source.host


def test_lines(service, source):
    lines = service.pull(source.host + "/x", "1")
    for blob in source.blobs:
        seen = statuses(lines, digest_of(blob))
        assert [s for n, s in enumerate(seen) if s != "Downloading" or seen[n - 1] != s] == [
            "Pulling fs layer", "Downloading", "Verifying Checksum", "Download complete", "Pull complete"]
        last = [line for line in lines if line.get("id") == digest_of(blob)[7:19] and line["status"] == "Downloading"][-1]
        assert last["progressDetail"] == {"current": len(blob), "total": len(blob)} and last["progress"].startswith("[====")
        index = os.path.join(service.directory, "index", digest_of(blob)[7:])
        assert os.path.exists(index)


def test_complete_from_the_lowest(service, source):
    """A layer that arrives before one beneath it is told to be downloaded, and complete only after that one."""
    source.holds[0] = threading.Event()
    pull = Pull(service, of(source))
    upper = b'"Download complete","progressDetail":{},"id":"' + digest_of(source.blobs[1])[7:19].encode()
    wait_until(lambda: upper in pull.text, what="the upper layer")
    source.holds[0].set()
    lines = pull.lines()
    assert [line["id"] for line in lines if line.get("status") == "Pull complete"] == [digest_of(blob)[7:19] for blob in source.blobs]


def test_two_tenants(service, source):
    """The second one's layers are read at their source as well, whoever else has them."""
    service.pull(source.host + "/x", "1")
    lines = service.pull(source.host + "/x", "1", tenant="other")
    assert source.asked == [2, 2] and "Already exists" not in statuses(lines) and statuses(lines)[-1].startswith("Status: Downloaded newer")
    for blob in source.blobs:
        assert service.registry.blob("sockerless/other", digest_of(blob)) == blob
    # A layer that the source names but doesn't give stays out of reach.
    theirs = Source([make_tar({"secret": os.urandom(1000)})])
    mine = Source([])
    try:
        service.pull(theirs.host + "/x", "1")
        mine.config, mine.manifest, mine.blobs, mine.asked = theirs.config, theirs.manifest, theirs.blobs, [0]
        mine.lost.add(0)
        lines = service.pull(mine.host + "/x", "1", tenant="other")
        assert "Already exists" not in statuses(lines) and "error" in lines[-1] and mine.asked == [1]
        assert statuses(lines) == statuses(service.pull(mine.host + "/x", "1", tenant="other"))
        assert service.call("GET", "/images/%s/x:1/json" % mine.host, tenant="other").status == 404
    finally:
        theirs.close()
        mine.close()


def test_two_workers(service, source):
    """Two pulls of the same image at the same time do the work once, and both show it."""
    source.holds[1] = threading.Event()
    with service.second() as second:
        pulls = [Pull(service, of(source)), Pull(service, of(source), second)]
        wait_until(lambda: all(b'"Downloading"' in p.text.partition(digest_of(source.blobs[1])[7:19].encode())[2] for p in pulls), what="both pulls' progress")
        source.holds[1].set()
        for p in pulls:
            assert statuses(p.lines())[-1].startswith("Status: Downloaded newer image")
    assert source.asked == [1, 1]


def test_taken_up_again(service, source):
    """A worker that is killed half way has not worked in vain; nor has a client that left."""
    source.holds[1] = threading.Event()
    pull = Pull(service, of(source))
    wait_until(lambda: b"Pull complete" in pull.text, what="the first layer")
    service.process.kill()
    service.process.wait()
    pull.lines()
    os.unlink(service.socket)
    service.start()
    pull = Pull(service, of(source))
    wait_until(lambda: source.asked[1] == 2, what="the second try")
    pull.connection.socket.shutdown(2)
    pull.lines()
    source.holds[1].set()
    lines = service.pull(source.host + "/x", "1")
    assert statuses(lines, digest_of(source.blobs[0])) == ["Already exists"] and source.asked[0] == 1
    assert statuses(lines)[-1].startswith("Status: Downloaded newer")


class LargeSource(Source):
    """One with ranges, whose layer's bytes are counted as they go out. `stop`: bytes after which it waits for the test."""

    def __init__(self, size, stop):
        super().__init__([make_tar({"large": os.urandom(size)})])
        self.stop, self.served, self.event = stop, [], threading.Event()
        self.stops = 1  # of how many requests

    def stream(self, data, at):
        self.served.append(0)
        turn = len(self.served) - 1
        while at < len(data):
            if turn < self.stops and at >= self.stop and not self.event.wait(30):
                return
            piece = data[at:at + 65536]
            yield piece
            at += len(piece)
            self.served[turn] += len(piece)

    def handle(self, request):
        data = self.blobs[0]
        if not request.path.endswith(digest_of(data)) or request.command != "GET":
            return super().handle(request)
        first = int((request.headers.get("Range") or "bytes=0-")[6:].split("-")[0])
        headers = {"Content-Length": str(len(data) - first)}
        if first:
            headers["Content-Range"] = "bytes %d-%d/%d" % (first, len(data) - 1, len(data))
        return 206 if first else 200, headers, self.stream(data, first)

    def close(self):
        self.event.set()
        self.server.close()


def partials(service):
    directory = os.path.join(service.directory, "partial")
    return {name: os.path.getsize(os.path.join(directory, name)) for name in (os.listdir(directory) if os.path.isdir(directory) else [])}


@pytest.mark.parametrize("damage", [None, "flipped", "longer"])
def test_taken_up_within_a_layer(service, damage):
    """The worker is killed in the middle of a large layer: what it had isn't asked for again, unless it was damaged since."""
    source = LargeSource(20 << 20, 14 << 20)
    name = "local." + digest_of(source.blobs[0])[7:]
    try:
        pull = Pull(service, of(source))
        wait_until(lambda: partials(service).get(name, 0) >= source.stop - (1 << 20), what="most of what was served")
        service.process.kill()
        service.process.wait()
        pull.lines()
        source.event.set()
        had = partials(service)[name]
        assert had > 0
        path = os.path.join(service.directory, "partial", name)
        if damage == "flipped":
            with open(path, "r+b") as f:
                f.write(b"damaged")
        if damage == "longer":
            os.truncate(path, len(source.blobs[0]) + 1)
        os.unlink(service.socket)
        service.start()
        assert statuses(service.pull(source.host + "/x", "1"))[-1].startswith("Status: Downloaded newer")
        size = len(source.blobs[0])
        assert source.served[1:] == {None: [size - had], "flipped": [size - had, size], "longer": [size]}[damage]
        assert partials(service) == {} and service.registry.blob("sockerless/local", digest_of(source.blobs[0])) == source.blobs[0]
    finally:
        source.close()


def test_a_layer_left_is_of_its_tenant(service):
    """One tenant's half layer serves no other, and the next tenant begins at the first byte."""
    source = LargeSource(12 << 20, 10 << 20)
    try:
        pull = Pull(service, of(source))
        wait_until(lambda: any(size > 9 << 20 for size in partials(service).values()), what="most of what was served")
        pull.connection.socket.shutdown(2)
        assert service.call("GET", "/images/json").status == 200
        pull.lines()
        source.event.set()
        service.pull(source.host + "/x", "1", tenant="other")
        assert source.served[1:] == [len(source.blobs[0])] and len(partials(service)) == 1
        service.pull(source.host + "/x", "1")
        assert source.served[2] < len(source.blobs[0]) and partials(service) == {}
    finally:
        source.close()


def revive(registry):
    if registry.process.poll() is not None:
        registry.process = subprocess.Popen(registry.process.args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(registry.is_up, what="the registry again")


def test_layers_left_outlive_our_registry(service):
    """What can't be uploaded is kept, and isn't asked for again at once."""
    source = LargeSource(40 << 20, 14 << 20)
    source.stops = 2
    size = len(source.blobs[0])
    try:
        pull = Pull(service, of(source))
        wait_until(lambda: sum(partials(service).values()) > 13 << 20, what="most of what was served")
        pull.connection.socket.shutdown(2)
        assert service.call("GET", "/images/json").status == 200
        pull.lines()
        pull = Pull(service, of(source))
        wait_until(lambda: len(source.served) == 2, what="the rest of the layer")
        service.registry.process.kill()
        service.registry.process.wait()
        source.event.set()
        assert "error" in pull.lines()[-1]
        assert len(source.served) == 2 and sum(partials(service).values()) > 13 << 20
        revive(service.registry)
        assert statuses(service.pull(source.host + "/x", "1"))[-1].startswith("Status: Downloaded newer")
        assert len(source.served) == 3 and source.served[2] < size - (13 << 20) and partials(service) == {}
    finally:
        source.close()
        revive(service.registry)


class Wide(LargeSource):
    """Several large layers."""

    def __init__(self, count, size, stop):
        Source.__init__(self, [make_tar({"large": os.urandom(size)}) for _ in range(count)])
        self.stop, self.stops, self.served, self.event = stop, count, [], threading.Event()

    def handle(self, request):
        data = next((b for b in self.blobs if request.path.endswith(digest_of(b))), None)
        return (200, {"Content-Length": str(len(data))}, self.stream(data, 0)) if data and request.command == "GET" else Source.handle(self, request)


def left_by_a_pull(service, source, served, keep):
    """Bytes that stay, with SOCKERLESS_PULL_KEEP, when its client leaves after so much was served; the next pull uses them up."""
    service.restart(SOCKERLESS_PULL_KEEP=str(keep))
    try:
        pull = Pull(service, of(source))
        wait_until(lambda: source.served == served, what="most of the layers")
        pull.connection.socket.shutdown(2)
        assert service.call("GET", "/images/json").status == 200
        pull.lines()
        left = sum(partials(service).values())
        source.event.set()
        service.pull(source.host + "/x", "1")
        assert partials(service) == {}
        return left
    finally:
        service.environment.pop("SOCKERLESS_PULL_KEEP")
        service.restart()
        source.close()


def test_layers_at_the_same_moment_have_one_limit(service):
    """But for the few MiB between two looks, however many come at once."""
    assert 16 << 20 < left_by_a_pull(service, Wide(3, 30 << 20, 28 << 20), [28 << 20] * 3, 24) <= (24 << 20) + 3 * (4 << 20)


def test_layers_left_have_a_limit(service):
    assert 1 << 20 < left_by_a_pull(service, LargeSource(12 << 20, 10 << 20), [10 << 20], 2) <= 2 << 20


def test_client_leaves(service, source):
    source.holds[0] = source.holds[1] = threading.Event()
    pull = Pull(service, of(source))
    wait_until(lambda: source.asked == [1, 1], what="the layers' requests")
    pull.connection.socket.shutdown(2)
    # The worker is free again, with the layers still held.
    assert service.call("GET", "/images/json").status == 200
    pull.lines()
    assert service.call("GET", "/images/%s/x:1/json" % source.host).status == 404


def peak(service):
    """MB; of the worker since it was last asked for."""
    text = pathlib.Path("/proc/%d/status" % service.process.pid).read_text()
    pathlib.Path("/proc/%d/clear_refs" % service.process.pid).write_text("5")
    return int(re.search(r"VmHWM:\s+(\d+)", text).group(1)) // 1024


def test_memory_is_flat(service):
    """A gigabyte, a quarter of it in each layer: memory holds a few chunks of them."""
    tars = [make_tar({"f": (os.urandom(1 << 20) + bytes(3 << 20)) * 64}) for _ in range(4)]
    service.restart()
    put = service.registry.put_image("library/gigabyte", "1", tars, compress=lambda t: gzip.compress(t, 1, mtime=0))
    before = peak(service)
    reply = service.call("POST", "/images/create?fromImage=gigabyte&tag=1")
    assert statuses(service.lines(reply))[-1].startswith("Status: Downloaded newer")
    assert peak(service) < before + 150
    assert service.call("GET", "/images/gigabyte:1/json").json["Id"] == put["id"]


def test_full_disk(service):
    """Where nothing can be kept of what comes, it comes all the same."""
    source = LargeSource(12 << 20, 1 << 40)
    places = [os.path.join(service.directory, name) for name in ("partial", "index")]
    try:
        for place in places:
            os.makedirs(place, exist_ok=True)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", place], check=True)
        assert statuses(service.pull(source.host + "/x", "1"))[-1].startswith("Status: Downloaded newer")
        assert service.registry.blob("sockerless/local", digest_of(source.blobs[0])) == source.blobs[0] and partials(service) == {}
    finally:
        for place in places:
            subprocess.run(["umount", place])
        source.close()


def test_all_tags(service):
    first = service.registry.push("library/several", "1", {"x": b"1"})
    second = service.registry.push("library/several", "2", {"x": b"2"})
    reply = service.call("POST", "/images/create?fromImage=several")
    lines = service.lines(reply)
    assert sorted(line["id"] for line in lines if line["status"] == "Pulling from library/several") == ["1", "2"]
    assert {"Digest: " + first[1], "Digest: " + second[1]} <= set(statuses(lines))
    assert statuses(lines)[-1] == "Status: Downloaded newer image for several"
    assert service.call("GET", "/images/several:2/json").json["Id"] == second[0]
    assert statuses(service.lines(service.call("POST", "/images/create?fromImage=several")))[-1] == "Status: Image is up to date for several"
    reply = service.call("POST", "/images/create?fromImage=nosuchrepository")
    assert reply.status == 404


class Tags(Source):
    """A registry whose list of tags is the test's; "lost" is in the list alone."""

    def __init__(self, tags):
        super().__init__([make_tar({"tagged": os.urandom(1000)})])
        self.tags = tags

    def handle(self, request):
        if request.path.partition("?")[0].endswith("/tags/list"):
            return 200, {}, json.dumps({"name": "x", "tags": self.tags}).encode()
        return (404, {}, b"") if request.path.endswith("/manifests/lost") else super().handle(request)


@pytest.mark.parametrize("tags, told", [(["1", "lost"], True), (["lost", "1"], False)], ids=["second", "first"])
def test_all_tags_but_one(service, tags, told):
    """Those before the one that fails are there, and are told."""
    source = Tags(tags)
    try:
        reply = service.call("POST", "/images/create?fromImage=%s/x" % source.host)
        assert (reply.status == 200 and "error" in service.lines(reply)[-1]) if told else reply.status == 404, reply.body
        assert service.call("GET", "/images/%s/x:1/json" % source.host).status == (200 if told else 404)
        assert [i for a, i, _ in service.events("image") if i.startswith(source.host)] == [source.host + "/x"] * told
    finally:
        source.close()


def test_digest(service):
    _, digest, _ = service.registry.push("library/bydigest", "1", {"digest": b"1"})
    lines = service.lines(service.call("POST", "/images/create?fromImage=bydigest&tag=" + digest))
    assert statuses(lines)[0] == "Pulling from library/bydigest" and lines[0]["id"] == digest
    assert statuses(lines)[-1] == "Status: Downloaded newer image for bydigest@" + digest
    shown = service.call("GET", "/images/bydigest@%s/json" % digest).json
    assert (shown["RepoTags"], shown["RepoDigests"]) == ([], ["bydigest@" + digest])
    wrong = "sha256:" + "0" * 64
    assert service.call("POST", "/images/create?fromImage=bydigest&tag=" + wrong).json == {
        "message": "manifest for bydigest@%s not found: manifest unknown: manifest unknown" % wrong}


def test_another_index_around_the_same_image(service):
    _, digest, size = service.registry.push("library/indexed", "amd64", {"indexed": b"1"})
    first = service.registry.push_index("library/indexed", "latest", {"amd64": (digest, size)})
    service.pull("indexed")
    second = service.registry.push_index("library/indexed", "latest", {"arm64": (digest, size), "amd64": (digest, size)})
    assert statuses(service.pull("indexed"))[-2:] == ["Digest: " + second, "Status: Image is up to date for indexed:latest"]
    assert service.call("GET", "/images/indexed/json").json["RepoDigests"] == sorted(["indexed@" + first, "indexed@" + second])


@pytest.mark.parametrize("platform,status", [("linux/amd64", 200), ("amd64", 200), ("linux/x86_64", 200), ("linux", 200), ("linux/arm64", 404),
                                             ("arm", 404), ("windows/amd64", 404), ("linux/a", 404), ("linux/", 404)])
def test_platform(service, platform, status):
    reply = service.call("POST", "/images/create?fromImage=busybox&tag=1.35&platform=" + platform)
    assert reply.status == status, reply.body
    if status == 404:
        assert reply.json["message"].startswith("no matching manifest for %s in the manifest list entries: %s is not supported" % (platform, platform))


def test_the_other_architecture(service):
    """With an agent for it: its functions are made from the index's other image, as --platform says, and hold that agent."""
    service.restart(SOCKERLESS_OTHER_AGENT_PATH=os.path.join(service.directory, "other-agent"), SOCKERLESS_FAKE_ROOT_PATH=str(places.BUILD / "fake-root"))
    pull = lambda: service.call("POST", "/images/create?fromImage=busybox&tag=latest&platform=linux/arm64/v8")
    assert pull().status == 404
    with open(os.path.join(service.directory, "other-agent"), "wb") as f:
        f.write(b"\x7fELF the other agent")
    assert pull().status == 200 and service.call("GET", "/images/busybox/json").json["Architecture"] == "arm64"
    for body, status in ({"Cmd": ["x"]}, 201), ({"Cmd": ["x"], "Labels": {"sockerless.root": "fake"}}, 501):
        reply = service.call("POST", "/containers/create", {"Image": "busybox", **body})
        assert reply.status == status, reply.body
        if status == 201:
            uri, name = service.db.execute("SELECT image_uri, function_name FROM container WHERE id = ?", (reply.json["Id"],)).fetchone()
    assert service.aws.functions[name]["Architectures"] == ["arm64"]
    layers = [service.registry.blob("sockerless/local", layer["digest"]) for layer in service.registry.manifest("sockerless/local", uri.split("@")[1])["layers"]]
    agents = [t.extractfile(".sockerless/agent").read() for t in (tarfile.open(fileobj=io.BytesIO(l)) for l in layers) if ".sockerless/agent" in t.getnames()]
    assert agents == [b"\x7fELF the other agent"]
    assert service.call("POST", "/containers/create?platform=linux/amd64", {"Image": "busybox"}).status == 404
    service.pull("busybox")
    reply = service.call("POST", "/containers/create?platform=linux/amd64", {"Image": "busybox"})
    assert reply.status == 201 and service.aws.functions["skls-" + reply.json["Id"][:12]]["Architectures"] == ["x86_64"]


def test_builds_are_of_the_machine(service):
    """Whatever the functions are."""
    machine, other = ("amd64", "arm64") if os.uname().machine == "x86_64" else ("arm64", "amd64")
    service.restart(SOCKERLESS_LAMBDA_ARCHITECTURE="x86_64" if other == "amd64" else other)
    try:
        for query, asked in ("", "linux/" + other), ("?platform=linux/" + other, "platform linux/" + other):
            reply = service.call("POST", "/build" + query, make_tar({"Dockerfile": b"FROM busybox"}), headers={"Content-Type": "application/x-tar"})
            assert (reply.status, reply.json["message"]) == (
                501, "building for %s is not supported: builds are executed on the server itself, which is linux/%s" % (asked, machine))
    finally:
        service.environment.pop("SOCKERLESS_LAMBDA_ARCHITECTURE")
        service.restart()


def test_packed_anew(service):
    """By zstd in its registry: the id stays, inspect shows the source's digest, and what is kept is gzip."""
    tar = make_tar({"x": os.urandom(50000)})
    put = service.registry.put_image("library/packed", "1", [tar], layer_type="application/vnd.oci.image.layer.v1.tar+zstd",
                                     compress=lambda t: subprocess.run(["zstd", "-c"], input=t, capture_output=True, check=True).stdout)
    for tenant in "local", "other":
        service.pull("packed", "1", tenant=tenant)
        shown = service.call("GET", "/images/packed:1/json", tenant=tenant).json
        assert (shown["Id"], shown["RepoDigests"], shown["RootFS"]["Layers"]) == (put["id"], ["packed@" + put["digest"]], [digest_of(tar)])
        (kept,) = service.db.execute("SELECT manifest_digest FROM image WHERE tenant = ? AND id = ?", (tenant, put["id"])).fetchone()
        layer = service.registry.manifest("sockerless/" + tenant, kept)["layers"][0]
        assert gzip.decompress(service.registry.blob("sockerless/" + tenant, layer["digest"])) == tar and shown["Size"] >= layer["size"]
        assert service.call("GET", "/images/packed:1/history", tenant=tenant).status == 200


def test_mirrors(service):
    """Tried in turn before docker.io, without the account; what they don't have comes from there."""
    mirror = Source([make_tar({"m": b"1"})])
    seen = []

    def nothing(request):
        seen.append((request.path, request.headers.get("Authorization")))
        return (200 if request.path == "/v2/" else 404), {}, b""

    empty = Server(nothing)
    service.process.terminate()
    service.process.wait(20)
    service.environment["SOCKERLESS_REGISTRY_MIRRORS"] = "http://127.0.0.1:1,%s" % empty.host
    service.start()
    try:
        service.registry.push("library/viamirror", "1", {"x": b"not of the mirror"})
        login = "eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6InAifQ=="
        reply = service.call("POST", "/images/create?fromImage=viamirror&tag=1", headers={"X-Registry-Auth": login})
        assert statuses(service.lines(reply))[-1] == "Status: Downloaded newer image for viamirror:1"
        assert seen == [("/v2/", None), ("/v2/library/viamirror/manifests/1", None)]
        service.process.terminate()
        service.process.wait(20)
        service.environment["SOCKERLESS_REGISTRY_MIRRORS"] = mirror.host
        service.start()
        service.pull("viamirror", "1")
        assert mirror.asked == [1] and service.call("GET", "/images/viamirror:1/json").json["Id"] == digest_of(mirror.config)
    finally:
        service.process.terminate()
        service.process.wait(20)
        service.environment.pop("SOCKERLESS_REGISTRY_MIRRORS", None)
        service.start()
        empty.close()
        mirror.close()


def test_no_tar(service):
    """Refused as dockerd refuses it, and not kept."""
    s = Source([])
    try:
        data = gzip.compress(b"this is no tar at all" * 100)
        s.blobs, s.asked = [data], [0]
        s.config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [digest_of(b"")]}}).encode()
        s.manifest = json.dumps({"schemaVersion": 2, "mediaType": DOCKER_MANIFEST,
                                 "config": {"mediaType": DOCKER_CONFIG, "digest": digest_of(s.config), "size": len(s.config)},
                                 "layers": [{"mediaType": DOCKER_LAYER, "digest": digest_of(data), "size": len(data)}]}).encode()
        lines = service.pull(s.host + "/x", "1")
        assert lines[-1]["error"].startswith("failed to register layer: ")
        assert service.call("GET", "/images/%s/x:1/json" % s.host).status == 404
    finally:
        s.close()
