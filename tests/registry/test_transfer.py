"""Layers from registry to registry: what breaks, what is packed anew, several at once; accounts and certificates of real registries."""
import gzip
import json
import os
import shutil
import subprocess
import tempfile
import threading
import unittest

from support.hostile import Server
from support.places import BUILD
from support.registry import DOCKER_INDEX, DOCKER_MANIFEST, SECRET_BY_BCRYPT, Registry, digest_of, make_tar
from support.waiting import wait_until

DRIVE = str(BUILD / "tests/registry/drive")
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
PLAIN = "application/vnd.docker.image.rootfs.diff.tar"


def start(*args, env=None):
    return subprocess.Popen([DRIVE, *args], stdout=subprocess.PIPE, text=True, env=os.environ | (env or {}))


def text(*args, env=None):
    with start(*args, env=env) as p:
        return p.communicate(timeout=60)[0]


def blob(host, data, **env):
    return text(host, "x", "-", "blob", digest_of(data), env=env)


def certificate(directory):
    """(certificate, key) of 127.0.0.1, signed by itself."""
    files = os.path.join(directory, "cert.pem"), os.path.join(directory, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", files[1], "-out", files[0], "-days", "2", "-subj", "/CN=test",
                    "-addext", "subjectAltName=IP:127.0.0.1"], check=True, stderr=subprocess.DEVNULL)
    return files


class Breaks(unittest.TestCase):
    """A blob's transfer that breaks off, stops, or never ends."""
    data = b"0123456789" * 3000

    def serve(self, answer, ranges=True):
        """answer(first byte, number of the request) -> (length to announce, bytes or parts)"""
        self.asked = []

        def handle(request):
            if "blobs" not in request.path:
                return 200, {}, b""
            asked = request.headers.get("Range")
            first = int(asked[6:-1]) if asked and ranges else 0
            self.asked.append(asked)
            length, body = answer(first, len(self.asked))
            headers = {"Content-Length": str(length)}
            if first:
                headers["Content-Range"] = "bytes %d-%d/%d" % (first, len(self.data) - 1, len(self.data))
            return (206 if first else 200), headers, body

        server = Server(handle)
        self.addCleanup(server.close)
        return server.host

    def test_goes_on_where_it_stood(self):
        host = self.serve(lambda first, n: (len(self.data) - first, self.data[first:first + 10007]))
        self.assertEqual(blob(host, self.data), self.data.decode())
        self.assertEqual(self.asked, [None, "bytes=10007-", "bytes=20014-"])

    def test_without_ranges(self):
        host = self.serve(lambda first, n: (len(self.data), self.data[:15000 * n]), ranges=False)
        self.assertEqual(blob(host, self.data), self.data.decode())
        self.assertEqual(self.asked, [None, "bytes=15000-"])

    def test_stops_half_way(self):
        hold = threading.Event()
        self.addCleanup(hold.set)

        def parts(first, n):
            yield self.data[first:first + 20000]
            if n == 1:
                hold.wait(30)

        host = self.serve(lambda first, n: (len(self.data) - first, parts(first, n)))
        self.assertEqual(blob(host, self.data, REGISTRY_STALL="1"), self.data.decode())
        self.assertEqual(self.asked, [None, "bytes=20000-"])

    def test_gives_up(self):
        host = self.serve(lambda first, n: (100, b""))
        self.assertRegex(blob(host, self.data), "error 500 .*unexpected EOF")
        self.assertEqual(len(self.asked), 4)

    def test_never_ends(self):
        def parts():
            while True:
                yield b"x" * 65536

        host = self.serve(lambda first, n: (1 << 40, parts()))
        self.assertIn("error 502 the registry sends more bytes of a blob than it has", text(host, "x", "-", "blob-of-size", digest_of(b""), "1000"))

    def test_wrong_range(self):
        def handle(request):
            if request.headers.get("Range"):
                return 206, {"Content-Range": "bytes 20000-29999/30000", "Content-Length": "10000"}, self.data[20000:]
            return 200, {"Content-Length": "30000"} if "blobs" in request.path else {}, self.data[:1000] if "blobs" in request.path else b""

        server = Server(handle)
        self.addCleanup(server.close)
        self.assertIn("error 502 the registry answers with another range", blob(server.host, self.data))

    def test_redirects_in_circles(self):
        server = Server(lambda r: (302, {"Location": "/v2/again"}, b""))
        self.addCleanup(server.close)
        self.assertIn("stopped after 10 redirects", blob(server.host, self.data))

    def test_busy(self):
        answers = [(429, {}, b""), (200, {}, self.data)]
        server = Server(lambda r: answers.pop(0) if "blobs" in r.path else (200, {}, b""))
        self.addCleanup(server.close)
        self.assertEqual(blob(server.host, self.data), self.data.decode())

    def test_upload_goes_on(self):
        """A chunk whose answer got lost is there, one that got lost itself is sent again."""
        for lost in False, True:
            whole, patches = [], []

            def handle(request, lost=lost, whole=whole, patches=patches):
                here = {"Location": "/upload"}
                if request.command == "PATCH":
                    patches.append(request.headers["Content-Range"])
                    broken = len(patches) == 2
                    if not (broken and lost):
                        whole.append(request.body)
                    return 202, here | ({"Content-Length": "9"} if broken else {}), b""
                if request.command == "GET" and request.path == "/upload":
                    return 204, here | {"Range": "0-%d" % (sum(map(len, whole)) - 1)}, b""
                return {"POST": 202, "PUT": 201}.get(request.command, 200), here, b""

            server = Server(handle)
            self.addCleanup(server.close)
            data = os.urandom((20 << 20) + 7)
            p = subprocess.run([DRIVE, server.host, "x", "-", "upload"], input=data, capture_output=True, timeout=60, check=False)
            self.assertEqual(p.stdout.decode(), "%s %d\n" % (digest_of(data), len(data)))
            self.assertEqual(b"".join(whole), data)
            self.assertEqual(len(patches), 4 if lost else 3)

    def test_private_addresses(self):
        host = self.serve(lambda first, n: (len(self.data), self.data))
        out = blob(host, self.data, REGISTRY_PUBLIC_ONLY="1")
        self.assertIn("error 403 registries at private addresses are not supported here", out)
        self.assertEqual(self.asked, [])
        self.assertEqual(blob(host, self.data, REGISTRY_PUBLIC_ONLY="1", REGISTRY_INSECURE="h:1," + host), self.data.decode())


class Accounts(unittest.TestCase):
    def test_htpasswd(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "htpasswd")
            with open(path, "w", encoding="ascii") as f:
                f.write("user:%s\n" % SECRET_BY_BCRYPT)
            r = Registry("auth: {htpasswd: {realm: r, path: %s}}\n" % path)
            self.addCleanup(r.close)
            login = {"Authorization": "Basic dXNlcjpzZWNyZXQ="}
            r.put_image("a", "1", [make_tar({"x": b"1"})], headers=login)
            self.assertIn(DOCKER_MANIFEST, text(r.address, "a", "user:secret", "get", "1"))
            self.assertEqual(text(r.address, "a", "-", "get", "1"), 'error 401 Get "%s/v2/": no basic auth credentials\n' % r.url)
            self.assertIn("error 404 pull access denied", text(r.address, "a", "user:wrong", "get", "1"))

    def test_authorities_of_our_own(self):
        with tempfile.TemporaryDirectory() as directory:
            files = certificate(directory)
            r = Registry(tls=files)
            self.addCleanup(r.close)
            host = "https://" + r.address
            self.assertEqual(text(host, "x", "-", "ping"),
                             'error 500 Get "%s/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority\n' % host)
            self.assertEqual(text(host, "x", "-", "ping", env={"REGISTRY_CA": files[0]}), "")
            self.assertIn("SOCKERLESS_REGISTRY_CA can't be read", text(host, "x", "-", "ping", env={"REGISTRY_CA": files[1] + ".no"}))
            hashed = os.path.join(directory, "hashed")
            os.mkdir(hashed)
            shutil.copy(files[0], hashed)
            subprocess.run(["openssl", "rehash", hashed], check=True)
            self.assertEqual(text(host, "x", "-", "ping", env={"REGISTRY_CA": hashed}), "")


class Copies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.r = Registry()
        cls.to = Registry()

    @classmethod
    def tearDownClass(cls):
        cls.r.close()
        cls.to.close()

    def copy(self, repository, tag, into, **env):
        return text(self.r.address, repository, "-", "copy", tag, "amd64", self.to.address, into, "t", env=env)

    def stored(self, repository, accept=DOCKER_MANIFEST):
        """(manifest, config, tars) of what was copied."""
        manifest = json.loads(self.to.call("GET", "/v2/%s/manifests/t" % repository, headers={"Accept": accept})[1])
        config = json.loads(self.to.blob(repository, manifest["config"]["digest"]))
        return manifest, config, [gzip.decompress(self.to.blob(repository, layer["digest"])) for layer in manifest["layers"]]

    def check(self, repository, put, tars, accept=DOCKER_MANIFEST):
        manifest, config, stored = self.stored(repository, accept)
        self.assertEqual(stored, tars)
        self.assertEqual(manifest["config"]["digest"], put)
        self.assertEqual(config["rootfs"]["diff_ids"], [digest_of(t) for t in tars])
        self.assertEqual([layer["size"] for layer in manifest["layers"]], [len(self.to.blob(repository, layer["digest"])) for layer in manifest["layers"]])
        return manifest

    def test_zstd_by_skopeo(self):
        tars = [make_tar({"a": os.urandom(300000) + bytes(3000000)}), make_tar({"b": b"2"})]
        self.r.put_image("z", "gzip", tars)
        subprocess.run(["skopeo", "--insecure-policy", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false", "--format", "oci",
                        "--dest-compress-format", "zstd", "docker://%s/z:gzip" % self.r.address, "docker://%s/zz:zstd" % self.r.address], check=True)
        source = json.loads(self.r.call("GET", "/v2/zz/manifests/zstd", headers={"Accept": OCI_MANIFEST})[1])
        self.assertEqual({layer["mediaType"] for layer in source["layers"]}, {"application/vnd.oci.image.layer.v1.tar+zstd"})
        self.copy("zz", "zstd", "z")
        manifest = self.check("z", source["config"]["digest"], tars, OCI_MANIFEST)
        self.assertEqual({layer["mediaType"] for layer in manifest["layers"]}, {"application/vnd.oci.image.layer.v1.tar+gzip"})
        # The same bytes come out of it each time.
        self.copy("zz", "zstd", "z2")
        self.assertEqual(self.stored("z2", OCI_MANIFEST)[0], manifest)

    def test_plain(self):
        tars = [make_tar({"a": bytes(100000)})]
        put = self.r.put_image("plain", "1", tars, layer_type=PLAIN, compress=bytes)
        self.copy("plain", "1", "plain")
        manifest = self.check("plain", put["id"], tars)
        self.assertEqual(manifest["layers"][0]["mediaType"], "application/vnd.docker.image.rootfs.diff.tar.gzip")

    def test_layer_that_is_not_what_it_should_be(self):
        tar = make_tar({"a": b"1"})
        self.r.put_image("lie", "1", [tar], layer_type=PLAIN, compress=bytes, diff_ids=[digest_of(b"other")])
        self.assertIn("error 502 layer %s is not what its diff id" % digest_of(tar), self.copy("lie", "1", "lie"))
        zstd = subprocess.run(["zstd", "-c"], input=tar * 100, capture_output=True, check=True).stdout
        self.r.put_image("cut", "1", [tar], layer_type="application/vnd.oci.image.layer.v1.tar+zstd", compress=lambda _: zstd[:-4])
        self.assertIn("ends in the midst of a frame", self.copy("cut", "1", "cut"))
        wide = subprocess.run(["zstd", "-c", "--ultra", "-22", "--long=27"], input=tar, capture_output=True, check=True).stdout
        self.r.put_image("wide", "1", [tar], layer_type="application/vnd.oci.image.layer.v1.tar+zstd", compress=lambda _: wide)
        self.assertIn("error 501 zstd layers with a window", self.copy("wide", "1", "wide"))

    def test_the_same_layer_twice(self):
        tar = make_tar({"a": bytes(1000)})
        put = self.r.put_image("twice", "1", [tar, make_tar({"b": b"1"}), tar], layer_type=PLAIN, compress=bytes)
        out = self.copy("twice", "1", "twice")
        self.assertEqual(out.count("Pull complete"), 2)
        self.check("twice", put["id"], [tar, make_tar({"b": b"1"}), tar])

    def test_many_layers(self):
        tars = [make_tar({"a%d" % i: os.urandom(1000)}) for i in range(20)]
        self.r.put_image("many", "1", tars)
        out = self.copy("many", "1", "many")
        self.assertEqual((out.count("Pulling fs layer"), out.count("Waiting"), out.count("Pull complete")), (20, 17, 20))
        self.assertEqual(self.stored("many")[2], tars)

    def test_attestation(self):
        image = self.r.put_image("att", "amd64", [make_tar({"x": b"1"})])
        attestation = self.r.put_manifest("att", "att", {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json", **self.r.put_blob("att", b"{}")}, "layers": []}, OCI_MANIFEST)
        index = {"schemaVersion": 2, "mediaType": DOCKER_INDEX, "manifests": [
            {**attestation, "platform": {"os": "unknown", "architecture": "unknown"}, "annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
            {**{k: image[k] for k in ("mediaType", "digest", "size")}, "platform": {"os": "linux", "architecture": "amd64"}}]}
        self.r.put_manifest("att", "latest", index, DOCKER_INDEX)
        self.assertIn("digest %s\n" % image["digest"], text(self.r.address, "att", "-", "fetch", "latest", "amd64"))
        self.assertIn("no matching manifest for linux/unknown", text(self.r.address, "att", "-", "fetch", "latest", "unknown"))

    def test_tags(self):
        for tag in "1", "2.0", "latest":
            self.r.put_image("tags", tag, [make_tar({"x": b"1"})])
        self.assertEqual(sorted(json.loads(text(self.r.address, "tags", "-", "tags"))), ["1", "2.0", "latest"])
        self.assertIn("error 404", text(self.r.address, "nosuch", "-", "tags"))

    def test_pages_of_tags(self):
        def handle(request):
            last = request.path.partition("last=")[2]
            if "tags" not in request.path:
                return 200, {}, b""
            page = {"": ["a", "b"], "b": ["c", "not a tag", 7]}.get(last, [])
            return 200, {"Link": '</v2/x/tags/list?last=b>; rel="next"'} if last != "c" else {}, json.dumps({"tags": page}).encode()

        server = Server(handle)
        self.addCleanup(server.close)
        self.assertEqual(json.loads(text(server.host, "x", "-", "tags")), ["a", "b", "c"])
        endless = Server(lambda r: (200, {"Link": "<>; rel=next"}, json.dumps({"tags": [os.urandom(8).hex()] * 100}).encode()))
        self.addCleanup(endless.close)
        self.assertIn("error 501 repositories of more than 1000 tags", text(endless.host, "x", "-", "tags"))

    def test_turns(self):
        """Two copies of the same layer at a time: one reads it, the other one waits and shows how far it is."""
        data = gzip.compress(make_tar({"a": os.urandom(3 << 20)}))
        config = json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": [digest_of(gzip.decompress(data))]}}).encode()
        manifest = json.dumps({"schemaVersion": 2, "mediaType": DOCKER_MANIFEST,
                               "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "digest": digest_of(config), "size": len(config)},
                               "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "digest": digest_of(data), "size": len(data)}]}).encode()
        go, asked = threading.Event(), []

        def parts():
            yield data[:1 << 20]
            go.wait(30)
            yield data[1 << 20:]

        def handle(request):
            if request.path.endswith(digest_of(data)):
                asked.append(request.path)
                return 200, {"Content-Length": str(len(data))}, parts()
            return 200, {"Content-Type": DOCKER_MANIFEST}, config if "blobs" in request.path else manifest if "manifests" in request.path else b""

        server = Server(handle)
        self.addCleanup(server.close)
        self.addCleanup(go.set)
        with tempfile.TemporaryDirectory() as directory:
            env = {"COPY_TURNS": os.path.join(directory, "turns")}
            args = [server.host, "x", "-", "copy", "1", "amd64", self.to.address, "turns", "t"]
            both = [start(*args, env=env) for _ in range(2)]
            seen = [[], []]
            readers = [threading.Thread(target=lambda p=p, s=s: s.extend(iter(p.stdout.readline, ""))) for p, s in zip(both, seen)]
            for t in readers:
                t.start()
            wait_until(lambda: all(any("Downloading" in line for line in s) for s in seen), what="both copies' progress")
            go.set()
            for t in readers:
                t.join(30)
            self.assertEqual([p.wait(30) for p in both], [0, 0])
            for p in both:
                p.stdout.close()
        self.assertEqual(len(asked), 1)
        self.assertEqual(self.stored("turns")[2], [gzip.decompress(data)])

    def test_full_disk(self):
        full = Registry(size="2m")
        self.addCleanup(full.close)
        self.r.put_image("big", "1", [make_tar({"a": os.urandom(9 << 20)})])
        out = text(self.r.address, "big", "-", "copy", "1", "amd64", full.address, "big", "t")
        self.assertRegex(out, "error 5[0-9][0-9] ")

