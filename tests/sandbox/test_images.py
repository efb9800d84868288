"""Images: layers, whiteouts, hostile archives, what Lambda refuses; many at once."""
import gzip
import os
import tarfile
import tempfile
import time

import harness
from harness import Base, directory, registry, tar


class Images(Base):
    def prepare(self, layers, **how):
        return self.driver.say("prepare " + harness.REGISTRY.image("img%d" % time.monotonic_ns(), layers, **how))

    def test_a_hundred_layers(self):
        layers = [registry.busybox_layer()]
        layers += [tar([("n", directory()), ("n/%d" % i, {"data": b"%d\n" % i, "mode": 0o644}),
                        ("last", {"data": b"%d\n" % i, "mode": 0o644})]) for i in range(120)]
        self.assertEqual(self.prepare(layers), "ok 121")
        lines, _, _ = self.driver.run("cat /last; ls /n | grep -c .; cat /n/0 /n/119")
        self.assertEqual(lines, ["119", "120", "0", "119"])

    def test_whiteouts(self):
        upper = tar([("work", directory()), ("work/.wh.gone", {}), ("full", directory()), ("full/.wh..wh..opq", {}),
                     ("full/new", {"data": b"new\n"})])
        middle = tar([("work", directory()), ("work/gone", {"data": b"x"}), ("work/stays", {"data": b"x"}), ("full", directory()),
                      ("full/old", {"data": b"x"})])
        self.assertEqual(self.prepare([registry.busybox_layer(), middle, upper]), "ok 3")
        self.assertEqual(self.driver.run("ls /work /full")[0], ["/full:", "new", "", "/work:", "stays"])

    def test_plain_tar_and_owners(self):
        layer = tar([("own", {"data": b"mine\n", "mode": 0o600, "uid": 993, "gid": 990}), ("abs", directory()),
                     ("/abs/file", {"data": b"absolute\n"}), ("link", {"type": tarfile.LNKTYPE, "linkname": "abs/file"})])
        kind = "application/vnd.docker.image.rootfs.diff.tar"
        self.assertEqual(self.prepare([registry.busybox_layer(), layer], compress=bytes, layer_type=kind), "ok 2")
        self.assertEqual(self.driver.run("cat /own /abs/file /link")[0], ["mine", "absolute", "absolute"])

    def test_names_beyond_ascii(self):
        # Docker writes such names as pax records; the driver runs in the C locale.
        long = "l" * 150
        layer = tar([("Főtanús", directory()), ("Főtanús/é", {"data": b"one\n"}),
                     ("hardé", {"type": tarfile.LNKTYPE, "linkname": "Főtanús/é"}),
                     ("softé", {"type": tarfile.SYMTYPE, "linkname": "Főtanús/é"}),
                     (long, {"data": b"long\n"})], tarfile.PAX_FORMAT)
        self.assertEqual(self.prepare([registry.busybox_layer(), layer]), "ok 2")
        self.assertEqual(self.driver.run("cat /Főtanús/é /hardé /softé /%s" % long)[0], ["one"] * 3 + ["long"])

    def test_hostile_names_are_refused(self):
        for name in ("../out", "a/../../out", "a/.."):
            answer = self.prepare([registry.busybox_layer(), tar([(name, {"data": b"x"})])])
            self.assertRegex(answer, "error the layer holds a name that leads out of it", name)

    def test_links_do_not_lead_out(self):
        target = tempfile.mkdtemp(dir=self.dir)
        with open(target + "/victim", "w") as f:
            f.write("host")
        through_link = tar([("esc", {"type": tarfile.SYMTYPE, "linkname": target}), ("esc/planted", {"data": b"x"})])
        up = tar([("esc", {"type": tarfile.SYMTYPE, "linkname": "../../../../../.." + target}), ("esc/planted", {"data": b"x"})])
        over = tar([("esc", {"type": tarfile.SYMTYPE, "linkname": target + "/victim"}), ("esc", {"data": b"x"})])
        hard = tar([("esc", {"type": tarfile.LNKTYPE, "linkname": target + "/victim"})])
        hard_up = tar([("esc", {"type": tarfile.LNKTYPE, "linkname": "../../../../../../../.." + target + "/victim"})])
        hard_via = tar([("l", {"type": tarfile.SYMTYPE, "linkname": target}), ("esc", {"type": tarfile.LNKTYPE, "linkname": "l/victim"})])
        opaque = tar([("esc", {"type": tarfile.SYMTYPE, "linkname": target}), ("esc/.wh.victim", {}), ("esc/.wh..wh..opq", {})])
        for layer in (through_link, up, over, hard, hard_up, hard_via, opaque):
            self.prepare([registry.busybox_layer(), layer])
            self.assertEqual(os.listdir(target), ["victim"])
            with open(target + "/victim") as f:
                self.assertEqual(f.read(), "host")
            self.assertEqual(os.stat(target + "/victim").st_nlink, 1)

    def test_devices_are_left_out(self):
        layer = tar([("disk", {"type": tarfile.BLKTYPE, "devmajor": 254, "devminor": 0, "mode": 0o666}),
                     ("suid", {"data": b"x", "mode": 0o4755})])
        self.assertEqual(self.prepare([registry.busybox_layer(), layer]), "ok 2")
        self.assertEqual(self.driver.run("test -e /disk || echo none")[0], ["none"])

    def test_what_lambda_refuses(self):
        # A layer that is known by its diff id isn't fetched again.
        layer = tar([("new", {"data": os.urandom(100000)})])
        self.assertRegex(self.prepare([layer], architecture="arm64"), "error the image is for linux/arm64")
        self.assertRegex(self.prepare([layer], history=[]), "error the image config's history has 0 entries")
        self.assertRegex(self.prepare([layer], layer_type="application/vnd.oci.image.layer.v1.tar+zstd"), "error .*zstd")
        self.assertRegex(self.prepare([layer], compress=lambda d: b"\x28\xb5\x2f\xfd" + d), "error .*zstd")
        self.assertRegex(self.prepare([layer], diff_ids=["sha256:" + "0" * 64]), "error a layer's diff id is")
        self.assertRegex(self.prepare([layer], compress=lambda d: gzip.compress(d)[:-50000]), "error .*(damaged|diff id)")
        self.assertRegex(self.driver.say("prepare 127.0.0.1:%d/no/such@sha256:%s" % (harness.REGISTRY.port, "0" * 64)), "error .*not there")
        self.assertRegex(self.driver.say("prepare registry.example.com/x:y"), "error .*this machine only")

    def test_index_is_refused(self):
        uri = harness.REGISTRY.image("multi", [registry.busybox_layer()])
        digest = uri.split("@")[1]
        kind = "application/vnd.docker.distribution.manifest.list.v2+json"
        status_uri = harness.REGISTRY.push_manifest("multi", {
            "schemaVersion": 2, "mediaType": kind,
            "manifests": [{"mediaType": registry.DOCKER_MANIFEST, "size": 1, "digest": digest, "platform": {"architecture": "amd64", "os": "linux"}}],
        }, kind)
        self.assertRegex(self.driver.say("prepare " + status_uri), "error .*index of several images")

    def test_tag_and_cache(self):
        uri = harness.REGISTRY.image("tagged", [registry.busybox_layer()], tag="v1")
        self.assertEqual(self.driver.say("prepare " + uri.split("@")[0] + ":v1"), "ok 1")
        self.assertEqual(self.driver.say("prepare " + uri), "ok 1")
        self.assertEqual(len([n for n in os.listdir(self.dir + "/host/images/layers") if not n.endswith(".lock")]), 1)
        self.assertEqual(os.listdir(self.dir + "/host/images/tmp"), [])


class Parallel(Base):
    def test_many_threads(self):
        layers = [registry.busybox_layer()] + [tar([("p%d" % i, {"data": os.urandom(50000)})]) for i in range(5)]
        self.assertEqual(self.driver.say("parallel 16 " + harness.REGISTRY.image("parallel", layers)), "ok 16")
        self.assertEqual(os.listdir(self.dir + "/host/images/tmp"), [])
        self.assertEqual(os.listdir(self.dir + "/host/sandboxes"), [])
