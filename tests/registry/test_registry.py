"""lib/registry against docker-registry (open, and with token authentication) and against a server that misbehaves."""
import base64
import datetime
import gzip
import io
import json
import lzma
import os
import shutil
import subprocess
import tarfile
import tempfile
import unittest
import urllib.parse

import jwt
import requests

from support.places import BUILD
from support.hostile import Server
from support.registry import DOCKER_INDEX, DOCKER_MANIFEST, Registry, digest_of, make_tar

DRIVE = str(BUILD / "tests/registry/drive")


def run(*args, stdin=b"", env=None):
    p = subprocess.run([DRIVE, *args], input=stdin, stdout=subprocess.PIPE, env=os.environ | (env or {}), timeout=120)
    return p.stdout


def text(*args, **kw):
    return run(*args, **kw).decode()


class Open(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.r = Registry()
        cls.to = Registry()

    @classmethod
    def tearDownClass(cls):
        cls.r.close()
        cls.to.close()

    def drive(self, repo, *args, **kw):
        return text(self.r.address, repo, "-", *args, **kw)

    def test_manifest(self):
        put = self.r.put_image("a/b", "1", [make_tar({"x": b"1"})])
        self.assertEqual(self.drive("a/b", "get", "1"), f"{DOCKER_MANIFEST} {put['digest']} {put['size']}\n")
        self.assertEqual(self.drive("a/b", "get", put["digest"]), f"{DOCKER_MANIFEST} {put['digest']} {put['size']}\n")
        self.assertEqual(self.drive("a/b", "head", "1"), f"1 {put['digest']}\n")
        self.assertEqual(self.drive("a/b", "head", "2"), "0 \n")

    def test_missing(self):
        self.r.put_image("gold", "1", [make_tar({"x": b"1"})])
        tail = "not found: manifest unknown: manifest unknown\n"
        self.assertEqual(self.drive("gold", "get", "nosuch"), f"error 404 manifest for {self.r.address}/gold:nosuch {tail}")
        self.assertEqual(self.drive("nosuch", "get", "1"), f"error 404 manifest for {self.r.address}/nosuch:1 {tail}")
        self.assertEqual(self.drive("gold", "get", "a/b"), "error 400 invalid reference format\n")
        self.assertIn("error 404", self.drive("gold", "blob", "sha256:" + "0" * 64))

    def test_unreachable(self):
        self.assertEqual(text("127.0.0.1:1", "x", "-", "get", "1"),
                         'error 500 Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused\n')
        self.assertEqual(text("nosuch.invalid", "x", "-", "get", "1"),
                         'error 500 Get "https://nosuch.invalid/v2/": dial tcp: lookup nosuch.invalid: no such host\n')

    def test_index(self):
        images = {}
        for arch in "arm64", "amd64":
            images[arch] = self.r.put_image("multi", arch, [make_tar({arch: b"1"})], architecture=arch)
        index = {"schemaVersion": 2, "mediaType": DOCKER_INDEX,
                 "manifests": [{**images[a], "platform": {"os": "linux", "architecture": a}} for a in images]}
        top = self.r.put_manifest("multi", "latest", index, DOCKER_INDEX)
        for arch, image in images.items():
            out = self.drive("multi", "fetch", "latest", arch)
            self.assertIn(f"digest {image['digest']}\nindex {top['digest']}\n", out)
        self.assertEqual(self.drive("multi", "fetch", "latest", "s390x"),
                         "error 404 no matching manifest for linux/s390x in the manifest list entries\n")
        self.assertIn("error 501", self.drive("multi", "fetch", "arm64", "amd64"))

    def test_copy(self):
        layers = [make_tar({"x": os.urandom(3 << 20)}), make_tar({"y": b"2"})]
        put = self.r.put_image("src", "1", layers)
        out = self.drive("src", "copy", "1", "amd64", self.to.address, "dst/x", "t")
        self.assertIn("Pulling fs layer", out)
        self.assertEqual(out.count("Pull complete"), 2)
        size = len(gzip.compress(layers[0], mtime=0))
        self.assertIn(f"Downloading {size}/{size}", out)
        self.assertEqual(text(self.to.address, "dst/x", "-", "head", "t"), f"1 {put['digest']}\n")
        again = self.drive("src", "copy", "1", "amd64", self.to.address, "dst/x", "t")
        self.assertEqual(again.count("Already exists"), 2)
        self.assertNotIn("Downloading", again)

    def test_copy_mounts_what_another_repository_has(self):
        """It is read at its source all the same; where the registry mounts nothing (202, as ECR may answer) it is uploaded."""
        put = self.r.put_image("src2", "1", [make_tar({"x": os.urandom(1000)})])
        layer = self.r.manifest("src2", "1")["layers"][0]["digest"]
        self.drive("src2", "copy", "1", "amd64", self.to.address, "owner", "t")
        for beside in "owner", "nobody":
            name = "beside-" + beside
            out = self.drive("src2", "copy", "1", "amd64", self.to.address, name, "t", env={"COPY_ELSEWHERE": beside})
            self.assertIn("Downloading", out)
            self.assertIn("kept %s %s" % (layer, layer), out)
            self.assertEqual(self.to.manifest(name, put["digest"])["layers"][0]["digest"], layer)
            self.to.blob(name, layer)

    def test_import(self):
        tar = make_tar({"etc/x": b"hello" * 1000})
        ids = set()
        for packed in tar, gzip.compress(tar), lzma.compress(tar):
            out = self.drive("imp", "import", "1", 'CMD ["a","b"]', "ENV X=1 Y='2 3'", "LABEL l m n", "EXPOSE 80 53/udp", "WORKDIR /w",
                             "USER u", "VOLUME /v", "STOPSIGNAL 9", "ENTRYPOINT run it", stdin=packed)
            config = json.loads(out.split("\nconfig ")[1].split("\n")[0])
            ids.add(out.split()[1])
        self.assertEqual(len(ids), 1)
        self.assertEqual(config["config"], {
            "Cmd": ["a", "b"], "Env": ["X=1", "Y=2 3"], "Labels": {"l": "m n"}, "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
            "WorkingDir": "/w", "User": "u", "Volumes": {"/v": {}}, "StopSignal": "9", "Entrypoint": ["/bin/sh", "-c", "run it"]})
        self.assertEqual(config["history"], [{"created": "2023-11-14T22:13:20Z", "comment": "Imported from -"}])
        self.assertEqual(config["rootfs"]["diff_ids"], [digest_of(tar)])
        manifest = self.r.manifest("imp", "1")
        self.assertEqual(gzip.decompress(self.r.blob("imp", manifest["layers"][0]["digest"])), tar)
        self.assertEqual(self.drive("imp", "fetch", "1", "amd64").split()[1], ids.pop())

    def test_import_refuses(self):
        self.assertIn("error 400 Error processing tar file", self.drive("imp", "import", "1", stdin=b"no tar at all" * 100))
        self.assertIn("error 400 Error processing tar file", self.drive("imp", "import", "1", stdin=b""))
        self.assertIn("error 400 Error processing tar file", self.drive("imp", "import", "1", stdin=gzip.compress(os.urandom(90000))[:50000]))
        whole = make_tar({"x": os.urandom(100000)})
        for cut in whole[:50000], gzip.compress(whole[:50000]), whole[:512]:
            self.assertIn("error 400 Error processing tar file: Truncated", self.drive("imp", "import", "1", stdin=cut))
        self.assertIn("error 400 Error processing tar file: ../x is outside", self.drive("imp", "import", "1", stdin=make_tar({"../x": b"1"})))
        self.assertEqual(self.drive("imp", "import", "1", "RUN x"), "error 400 RUN is not a valid change command\n")
        self.assertIn("unknown instruction: FOO", self.drive("imp", "import", "1", "FOO x"))
        bomb = gzip.compress(make_tar({"z": bytes(5 << 20)}))
        self.assertIn("error 413", self.drive("imp", "import", "1", stdin=bomb, env={"IMPORT_LIMIT": str(1 << 20)}))

    def test_upload_in_parts(self):
        data = os.urandom((17 << 20) + 5)
        self.assertEqual(self.drive("up", "upload", stdin=data), f"{digest_of(data)} {len(data)}\n")
        self.assertEqual(run(self.r.address, "up", "-", "blob", digest_of(data)), data)
        with tempfile.NamedTemporaryFile() as f:
            f.write(b"file")
            f.flush()
            self.assertEqual(self.drive("up", "upload-file", f.name, digest_of(b"file")), "")
            self.assertIn("error 502", self.drive("up", "upload-file", f.name, digest_of(b"other")))
        self.assertEqual(run(self.r.address, "up", "-", "blob", digest_of(b"file")), b"file")
        self.assertEqual(self.drive("up", "upload", stdin=b""), f"{digest_of(b'')} 0\n")

    def test_mount(self):
        self.r.put_blob("from", b"mount me")
        self.assertEqual(self.drive("into", "mount", digest_of(b"mount me"), "from"), "1\n")
        self.assertEqual(run(self.r.address, "into", "-", "blob", digest_of(b"mount me")), b"mount me")
        self.assertEqual(self.drive("into", "mount", digest_of(b"nowhere"), "from"), "0\n")


class Token(unittest.TestCase):
    """docker-registry that takes tokens, and the server that gives them to user:secret (all) and to nobody (pull of public). With a login's goes an identity token, in whose place the password needn't be sent."""
    IDENTITY = "identity of user"

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="test-token-")
        cls.key = os.path.join(cls.dir, "key.pem")
        cert = os.path.join(cls.dir, "cert.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", cls.key, "-out", cert, "-days", "2",
                        "-subj", "/CN=test"], check=True, stderr=subprocess.DEVNULL)
        with open(cert, encoding="ascii") as f:
            cls.cert = "".join(f.read().split("-----")[2].split())
        cls.asked = []
        cls.tokens = Server(cls.give)
        cls.r = Registry(f"auth: {{token: {{realm: 'http://{cls.tokens.host}/token', service: svc, issuer: iss, rootcertbundle: {cert}}}}}\n")
        headers = {"Authorization": "Bearer " + cls.sign([{"type": "repository", "name": n, "actions": ["pull", "push"]}
                                                         for n in ("public", "private")])}
        for name in "public", "private":
            cls.r.put_image(name, "1", [make_tar({"x": b"1"})], headers=headers)

    @classmethod
    def tearDownClass(cls):
        cls.r.close()
        cls.tokens.close()
        shutil.rmtree(cls.dir)

    @classmethod
    def sign(cls, access):
        now = datetime.datetime.now(datetime.timezone.utc)
        with open(cls.key, encoding="ascii") as f:
            return jwt.encode({"iss": "iss", "sub": "u", "aud": "svc", "exp": now + datetime.timedelta(seconds=300),
                               "nbf": now - datetime.timedelta(seconds=10), "iat": now, "jti": "1", "access": access},
                              f.read(), algorithm="RS256", headers={"x5c": [cls.cert]})

    @classmethod
    def give(cls, request):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query)
        cls.asked.append((query, request.headers.get("Authorization")))
        good = "Basic " + base64.b64encode(b"user:secret").decode()
        given = request.headers.get("Authorization")
        if request.command == "POST":
            query = urllib.parse.parse_qs(request.body.decode())
            given = good if query["grant_type"] == ["refresh_token"] and query["refresh_token"] == [cls.IDENTITY] and query["service"] == ["svc"] else "no"
        if given and given != good:
            return 401, {}, b"{}"
        access = []
        for scope in query.get("scope", []):
            kind, name, actions = scope.split(":")
            allowed = ["pull", "push"] if given else ["pull"] if name == "public" else []
            access.append({"type": kind, "name": name, "actions": [a for a in actions.split(",") if a in allowed]})
        more = {"refresh_token": cls.IDENTITY} if given and query.get("offline_token") == ["true"] else {}
        return 200, {}, json.dumps({"access_token" if request.command == "POST" else "token": cls.sign(access), **more}).encode()

    def test_anonymous(self):
        self.assertIn(DOCKER_MANIFEST, text(self.r.address, "public", "-", "get", "1"))
        self.assertIn("repository:public:pull,push", self.asked[-1][0]["scope"])
        out = text(self.r.address, "private", "-", "get", "1")
        self.assertIn(f"error 404 pull access denied for {self.r.address}/private, repository does not exist or may require 'docker login'", out)

    def test_login(self):
        self.assertIn(DOCKER_MANIFEST, text(self.r.address, "private", "user:secret", "get", "1"))
        self.assertEqual(text(self.r.address, "private", "user:secret", "ping"), "")
        self.assertIn("error 401", text(self.r.address, "private", "user:wrong", "ping"))
        self.assertIn("uri ", text(self.r.address, "private", "user:secret", "derive", "1", "amd64", "/bin/true", self.r.directory))

    def test_push_is_refused(self):
        self.assertIn("error 401", text(self.r.address, "public", "-", "upload", stdin=b"x"))

    def test_mount_asks_for_both(self):
        digest = self.manifest_layer()
        self.assertEqual(text(self.r.address, "mine", "user:secret", "mount", digest, "private"), "1\n")
        self.assertIn("repository:private:pull", self.asked[-1][0]["scope"])

    def manifest_layer(self):
        out = text(self.r.address, "private", "user:secret", "fetch", "1", "amd64")
        return out.split("\nlayer ")[1].split()[0]


class Hostile(unittest.TestCase):
    def serve(self, handle):
        server = Server(handle)
        self.addCleanup(server.close)
        return server

    def test_authorization_stays_at_its_host(self):
        seen = []

        def other(request):
            seen.append(request.headers.get("Authorization"))
            return 200, {}, b"data"

        there = self.serve(other)

        def first(request):
            if request.headers.get("Authorization") is None:
                return 401, {"WWW-Authenticate": 'Basic realm="x"'}, b""
            if "blobs" in request.path:
                return 307, {"Location": f"http://{there.host}/blob"}, b""
            return 200, {}, b""

        out = run(self.serve(first).host, "x", "u:p", "blob", digest_of(b"data"))
        self.assertEqual(out, b"data")
        self.assertEqual(seen, [None])

    def test_upload_elsewhere_gets_no_authorization(self):
        seen = []

        def other(request):
            seen.append(request.headers.get("Authorization"))
            return (201, {}, b"") if request.command == "PUT" else (202, {"Location": "/more"}, b"")

        there = self.serve(other)

        def first(request):
            if request.headers.get("Authorization") is None:
                return 401, {"WWW-Authenticate": 'Basic realm="x"'}, b""
            return (202, {"Location": f"http://{there.host}/upload"}, b"") if request.command == "POST" else (200, {}, b"")

        self.assertIn(digest_of(b"data"), text(self.serve(first).host, "x", "u:p", "upload", stdin=b"data"))
        self.assertEqual(seen, [None, None])

    def test_manifest_refused_for_a_moment(self):
        """As docker-registry does while the same blob comes once more. What is refused for good is told after some tries."""
        for code, refusals, told in ("DIGEST_INVALID", 2, "id sha256:"), ("MANIFEST_BLOB_UNKNOWN", 1, "id sha256:"), ("DIGEST_INVALID", 9, "digest invalid"), ("MANIFEST_INVALID", 1, "manifest invalid"):
            asked = []

            def handle(request):
                if "/manifests/" in request.path:
                    asked.append(request.body)
                    body = json.dumps({"errors": [{"code": code, "message": code.lower().replace("_", " ")}]}).encode()
                    return (400, {}, body) if len(asked) <= refusals else (201, {}, b"")
                return {"POST": 202, "PATCH": 202, "PUT": 201, "HEAD": 404}.get(request.command, 200), {"Location": "/v2/x/blobs/uploads/1"}, b""

            out = text(self.serve(handle).host, "x", "-", "import", "1", stdin=make_tar({"x": b"1"}))
            self.assertIn(told, out)
            self.assertEqual(len(asked), 1 if code == "MANIFEST_INVALID" else min(refusals + 1, 3))
            self.assertEqual(len(set(asked)), 1)

    def test_immutable_tags(self):
        """A tag that is there and may not be moved (ECR) is no error if it names the same manifest."""
        for same in True, False:
            put = []

            def handle(request):
                if "/manifests/" in request.path and request.command == "PUT":
                    put.append(request.body)
                    return 400, {}, json.dumps({"errors": [{"code": "TAG_INVALID", "message": "The image tag '1' already exists and cannot be overwritten"}]}).encode()
                if "/manifests/" in request.path:
                    there = put[0] if same else b"{}"
                    return 200, {"Content-Type": DOCKER_MANIFEST, "Docker-Content-Digest": digest_of(there)}, b"" if request.command == "HEAD" else there
                return {"POST": 202, "PATCH": 202, "PUT": 201, "HEAD": 404}.get(request.command, 200), {"Location": "/v2/x/blobs/uploads/1"}, b""

            out = text(self.serve(handle).host, "x", "-", "import", "1", stdin=make_tar({"x": b"1"}))
            self.assertIn("id sha256:" if same else "cannot be overwritten", out)

    def test_plain_http(self):
        """For loopback and what is named alone; a name that begins like an address of loopback is none."""
        for host, named, scheme in (("registry.invalid:5000", "", "https"), ("registry.invalid:5000", "a:1,registry.invalid:5000", "http"), ("registry.invalid:5000", "registry.invalid", "https"),
                                    ("127.0.0.1:1", "", "http"), ("127.9.9.9:1", "", "http"), ("[::1]:1", "", "http"), ("localhost:1", "", "http"),
                                    ("127.registry.invalid:1", "", "https"), ("127.0.0.1.registry.invalid", "", "https"), ("localhost.invalid:1", "", "https")):
            self.assertIn(f'Get "{scheme}://{host}/v2/": dial tcp', text(host, "x", "-", "ping", env={"REGISTRY_INSECURE": named}), (host, named))

    def test_no_credentials(self):
        server = self.serve(lambda r: (401, {"WWW-Authenticate": 'Basic realm="x"'}, b""))
        self.assertEqual(text(server.host, "x", "-", "get", "1"), f'error 401 Get "http://{server.host}/v2/": no basic auth credentials\n')
        self.assertIn("error 401", text(server.host, "x", "u:p", "ping"))

    def test_wrong_bytes(self):
        server = self.serve(lambda r: (200, {}, b"other"))
        self.assertIn("error 502 filesystem layer verification failed", text(server.host, "x", "-", "blob", digest_of(b"data")))
        self.assertIn("error 502 manifest verification failed", text(server.host, "x", "-", "get", digest_of(b"data")))

    def test_large_manifest(self):
        server = self.serve(lambda r: (200, {}, b"{}" if r.path == "/v2/" else b" " * (5 << 20)))
        self.assertIn("error 502", text(server.host, "x", "-", "get", "1"))

    def test_malformed_manifests(self):
        for body in (b"", b"[" * 100000, b"[]", b"{}", b'{"schemaVersion":2}', b'{"schemaVersion":1}',
                     b'{"schemaVersion":2,"config":7,"layers":[1]}',
                     b'{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.list.v2+json","manifests":[1,{"digest":"x"}]}'):
            server = self.serve(lambda r, b=body: (200, {"Content-Type": DOCKER_MANIFEST}, b))
            self.assertIn("error ", text(server.host, "x", "-", "fetch", "1", "amd64"), body)

    def test_refused_layers(self):
        for kind, extra in (("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", {}),
                            ("application/vnd.docker.image.rootfs.diff.tar.gzip", {"urls": ["http://x/"]}), ("text/plain", {})):
            manifest = {"schemaVersion": 2, "mediaType": DOCKER_MANIFEST,
                        "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 2, "digest": digest_of(b"{}")},
                        "layers": [{"mediaType": kind, "size": 1, "digest": digest_of(b"x"), **extra}]}
            server = self.serve(lambda r, m=manifest: (200, {}, json.dumps(m).encode()))
            self.assertIn("error 501", text(server.host, "x", "-", "fetch", "1", "amd64"))

    def test_redirect_loop(self):
        server = self.serve(lambda r: (302, {"Location": "/v2/again"}, b""))
        self.assertIn("error 500", text(server.host, "x", "-", "blob", digest_of(b"data")))

    def test_redirect_to_file(self):
        server = self.serve(lambda r: (302, {"Location": "file:///etc/passwd"}, b""))
        self.assertIn("error ", text(server.host, "x", "-", "blob", digest_of(b"data")))

    def test_rate_limit(self):
        body = json.dumps({"errors": [{"code": "TOOMANYREQUESTS", "message": "slow down"}]}).encode()
        server = self.serve(lambda r: (200, {}, b"") if r.path == "/v2/" else (429, {}, body))
        self.assertEqual(text(server.host, "x", "-", "get", "1"), "error 429 toomanyrequests: slow down\n")

    def test_bad_names(self):
        for host, repo in (("a b", "x"), ("h", "../x"), ("h", "A"), ("ftp://h", "x"), ("h@i", "x")):
            self.assertIn("error 400", text(host, repo, "-", "get", "1"))
