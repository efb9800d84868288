"""docker-registry as ECR's data plane, with images whose process is a runtime written in shell."""
import io
import subprocess
import tarfile
from pathlib import Path

import support.registry

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
BUSYBOX = "/bin/busybox"
RUNTIME = Path(__file__).with_name("runtime.sh")


def runtime_layer():
    """busybox, its names, and the shell runtime."""
    out = io.BytesIO()
    names = subprocess.run([BUSYBOX, "--list"], check=True, capture_output=True, text=True).stdout.split()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        def add(name, kind=tarfile.DIRTYPE, mode=0o755, data=b"", link=""):
            member = tarfile.TarInfo(name)
            member.type, member.mode, member.size, member.linkname = kind, mode, len(data), link
            tar.addfile(member, io.BytesIO(data))
        for directory in ("bin", "etc", "tmp", "dev", "proc", "sys", "work"):
            add(directory)
        add("bin/busybox", tarfile.REGTYPE, data=Path(BUSYBOX).read_bytes())
        for name in names:
            if name != "busybox":
                add("bin/" + name, tarfile.SYMTYPE, link="busybox")
        add("runtime", tarfile.REGTYPE, data=RUNTIME.read_bytes())
        add("link", tarfile.SYMTYPE, link="runtime")
    return out.getvalue()


class Registry(support.registry.Registry):
    repositories = ("test/runtime",)

    def __init__(self):
        super().__init__()
        self.layer = runtime_layer()
        self.image = self.push("test/runtime")
        self.index = self.push_index("test/runtime")
        self.foreign = self.push("test/runtime", architecture="arm64")

    def put_runtime(self, repository, architecture="amd64", **config):
        defaults = {"Entrypoint": ["/runtime"], "Cmd": ["from-image"], "WorkingDir": "/work", "Env": ["PATH=/bin", "FROM_IMAGE=yes"]}
        return self.put_image(repository, None, [self.layer], architecture, defaults | config, layer_type=OCI_LAYER,
                              media_types=(OCI_MANIFEST, OCI_CONFIG), history=[{"created_by": "test"}])

    def uri(self, repository, put):
        return f"{self.address}/{repository}@{put['digest']}"

    def push(self, repository, architecture="amd64", **config):
        """An image whose process is the shell runtime; `config` replaces members of the OCI config. By digest."""
        return self.uri(repository, self.put_runtime(repository, architecture, **config))

    def push_index(self, repository):
        one = {k: v for k, v in self.put_runtime(repository).items() if k != "id"}
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [one | {"platform": {"architecture": "amd64", "os": "linux"}}]}
        return self.uri(repository, self.put_manifest(repository, None, index, OCI_INDEX))
