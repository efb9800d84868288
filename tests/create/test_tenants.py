"""Two tenants with the same layers at the same moment, each by a worker of its own."""
import concurrent.futures
import http.client
import os
import re
import threading

import pytest

from registry import Registry
from support.hostile import Server
from support.registry import digest_of, make_tar
from support.waiting import wait_until
from test_archives import archive, docker_archive
from test_pull import Pull, Source, of, statuses

TENANTS = ("local", "other")
ROUNDS = 4


@pytest.fixture(scope="module")
def sockets(service):
    with service.second() as second:
        yield (service.socket, second)


def at_once(*calls):
    """What they return; all begin together."""
    barrier = threading.Barrier(len(calls))

    def run(call):
        barrier.wait(20)
        return call()

    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def held(pulls, source):
    """Each has half of the second layer."""
    mark = digest_of(source.blobs[1])[7:19].encode()
    wait_until(lambda: all(b'"Downloading"' in p.text.partition(mark)[2] for p in pulls), what="both pulls' progress")


@pytest.mark.parametrize("n", range(ROUNDS))
def test_pulls(service, sockets, n):
    """Both read all of it at the source, and in both repositories stands what was read."""
    source = Source([make_tar({"a": os.urandom(100000)}), make_tar({"b": os.urandom(200000)})])
    source.holds[1] = threading.Event()
    try:
        pulls = [Pull(service, of(source), socket, tenant) for socket, tenant in zip(sockets, TENANTS)]
        held(pulls, source)
        source.holds[1].set()
        for p in pulls:
            lines = p.lines()
            assert statuses(lines)[-1].startswith("Status: Downloaded newer image") and "Already exists" not in statuses(lines)
        assert source.asked == [2, 2]
        for tenant in TENANTS:
            for blob in source.blobs:
                assert service.registry.blob("sockerless/" + tenant, digest_of(blob)) == blob
            assert service.call("GET", "/images/%s/x:1/json" % source.host, tenant=tenant).json["Id"] == digest_of(source.config)
    finally:
        source.close()


def test_one_is_lied_to(service, sockets):
    """The one whose source gives other bytes under the same digest gets nothing, and spoils nothing for the other one."""
    true = Source([make_tar({"a": os.urandom(100000)}), make_tar({"b": os.urandom(200000)})])
    false = Source([])
    false.config, false.manifest, false.blobs, false.asked = true.config, true.manifest, true.blobs, [0, 0]
    false.parts = lambda n: iter([true.blobs[n][:-1] + b"\1"]) if n == 1 else Source.parts(false, n)
    true.holds[1] = threading.Event()
    try:
        pulls = [Pull(service, of(true), sockets[0], "local"), Pull(service, of(false), sockets[1], "other")]
        told = statuses(pulls[1].lines())[-1]
        assert told == "filesystem layer verification failed for digest " + digest_of(true.blobs[1])
        true.holds[1].set()
        assert statuses(pulls[0].lines())[-1].startswith("Status: Downloaded newer image")
        assert service.registry.blob("sockerless/local", digest_of(true.blobs[1])) == true.blobs[1]
        assert service.call("GET", "/images/%s/x:1/json" % false.host, tenant="other").status == 404
    finally:
        true.close()
        false.close()


@pytest.mark.parametrize("n", range(ROUNDS))
def test_loads_and_pushes(service, sockets, n):
    """The same archive, then the same image to one repository of another registry."""
    tar = make_tar({"x": os.urandom(300000)})
    target = Registry()
    name = target.address + "/team/at-once"
    try:
        body = archive(docker_archive([tar], [name + ":1"])[0])
        calls = list(zip(sockets, TENANTS))
        for reply in at_once(*(lambda s=s, t=t: service.call("POST", "/images/load", body, tenant=t, socket=s) for s, t in calls)):
            assert "Loaded image: %s:1\n" % name in [line.get("stream") for line in service.lines(reply)]
        ids = {service.call("GET", "/images/%s:1/json" % name, tenant=t).json["Id"] for t in TENANTS}
        assert len(ids) == 1
        ends = []
        for reply in at_once(*(lambda s=s, t=t: service.call("POST", "/images/%s/push?tag=1" % name, tenant=t, socket=s, headers={"X-Registry-Auth": "e30="}) for s, t in calls)):
            ends.append(service.lines(reply)[-1])
        assert ends[0] == ends[1] and "aux" in ends[0], ends
        manifest = target.manifest("team/at-once", "1")
        assert [manifest["config"]["digest"]] == list(ids)
        layer = manifest["layers"][0]["digest"]
        assert all(target.blob("team/at-once", layer) == service.registry.blob("sockerless/" + t, layer) for t in TENANTS)
        # What one of them deletes the other one keeps.
        assert service.call("DELETE", "/images/%s:1" % name, tenant="local").status == 200
        assert service.ctl("reconcile", "--once", SOCKERLESS_REGISTRY_KEEP="0").returncode == 0
        assert service.call("GET", "/images/%s:1/json" % name, tenant="other").json["Id"] in ids
        assert service.call("GET", "/images/%s:1/get" % name, tenant="other").status == 200
    finally:
        target.close()


class Watched:
    """Stands before our registry: `seen` are the requests in their order, names of uploads and digests left out."""

    def __init__(self, registry):
        self.to, self.seen = registry.address, []
        self.server = Server(self.handle)

    def handle(self, request):
        shape = re.sub(r"uploads/[0-9a-f-]{36}", "uploads/U", re.sub(r"sha256(:|%3A)[0-9a-f]{64}", "D", request.path))
        self.seen.append((request.command, re.sub(r"_state=[^&]*", "_state=S", shape), len(request.body)))
        c = http.client.HTTPConnection(self.to, timeout=20)
        c.request(request.command, request.path, request.body, dict(request.headers))
        reply = c.getresponse()
        body, headers = reply.read(), {k: v for k, v in reply.getheaders() if k not in ("Connection", "Date", "Transfer-Encoding")}
        c.close()
        return reply.status, headers, body


def test_what_others_have_changes_nothing_before_the_end(service):
    """Of a layer that another tenant has our registry is asked what it is asked of one that nobody has, byte for byte, until the source has given all of it."""
    watched = Watched(service.registry)
    service.aws.registry = watched.server.host
    service.restart()
    sources = [Source([make_tar({"x": os.urandom(9 << 20)})]) for _ in range(2)]
    try:
        service.pull(sources[0].host + "/x", "1")
        begins, ends = [], []
        for source in sources:
            source.holds[0] = threading.Event()
            del watched.seen[:]
            pull = Pull(service, of(source), tenant="other")
            mark = digest_of(source.blobs[0])[7:19].encode()
            wait_until(lambda: b'"Downloading"' in pull.text.partition(mark)[2], what="the first half")
            begins.append(list(watched.seen))
            source.holds[0].set()
            assert statuses(pull.lines())[-1].startswith("Status: Downloaded newer")
            ends.append(watched.seen[len(begins[-1]):])
        assert begins[0] == begins[1] and begins[0]
        # Two packed layers of the same size differ by a few bytes. The configs' uploads come behind them.
        patched = [[(path, size) for method, path, size in end if method == "PATCH"] for end in ends]
        assert [p for p, _ in patched[0]] == [p for p, _ in patched[1]] and len(patched[0]) == 3
        assert all(abs(a - b) < 4096 for (_, a), (_, b) in zip(*patched)), patched
        assert [r[1] for r in ends[0] if "mount=" in r[1]] == ["/v2/sockerless/other/blobs/uploads/?mount=D&from=sockerless%2Flocal"]
        assert not any("mount=" in r[1] for r in ends[1])
    finally:
        service.aws.registry = service.registry.address
        service.restart()
        watched.server.close()
        for source in sources:
            source.close()
