"""The registry of images and of ECR's data plane in one, and images with the members that the tests look for."""
import support.registry
from support.registry import DOCKER_INDEX, DOCKER_MANIFEST, make_tar

MADE = "2026-01-02T03:04:05Z"


class Registry(support.registry.Registry):
    def push(self, repository, tag, files, config=None, architecture="amd64", **more):
        """Returns (image id, digest of the manifest, its size)."""
        put = self.put_image(repository, tag, [make_tar(files)], architecture, config, created=MADE, history=[{"created": MADE, "comment": "made"}], **more)
        return put["id"], put["digest"], put["size"]

    def push_index(self, repository, tag, members):
        """members: architecture -> (digest, size)."""
        index = {"schemaVersion": 2, "mediaType": DOCKER_INDEX, "manifests": [
            {"mediaType": DOCKER_MANIFEST, "digest": d, "size": n, "platform": {"os": "linux", "architecture": a}} for a, (d, n) in members.items()]}
        return self.put_manifest(repository, tag, index, DOCKER_INDEX)["digest"]
