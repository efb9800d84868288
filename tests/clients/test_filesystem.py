"""What a container's file system is like: images of many kinds run, what should be writable is, files of root's are readable."""
import gzip
import io
import json
import os
import pathlib
import subprocess
import tarfile

import pytest

from support.lambda_image import LambdaImage
from support.places import BUILD
from support.registry import Registry

BUSYBOX = pathlib.Path("/bin/busybox").read_bytes()
PASSWD = b"root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n"
APPLETS = ("sh", "cat", "ls", "echo", "mkdir", "id", "touch", "stat")


def layer(*members):
    """(name, content) of a file, (name, None) of a directory, (name, "-> target") of a link; then the mode."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, value, *mode in members:
            info = tarfile.TarInfo(name)
            info.mode = mode[0] if mode else 0o755
            if value is None:
                info.type = tarfile.DIRTYPE
            elif isinstance(value, str):
                info.type, info.linkname = tarfile.SYMTYPE, value.removeprefix("-> ")
            else:
                info.size = len(value)
            tar.addfile(info, io.BytesIO(value) if isinstance(value, bytes) else None)
    return out.getvalue()


BASE = layer(("bin/busybox", BUSYBOX), *[("bin/" + a, "-> busybox") for a in APPLETS], ("etc/passwd", PASSWD, 0o644), ("root", None, 0o700), ("root/.rc", b"rc", 0o600),
             ("run", None), ("var/run", "-> /run"), ("var/log", None), ("var/log/old", b"old", 0o640))

IMAGES = {
    "scratch": ([layer(("busybox", BUSYBOX))], {"Entrypoint": ["/busybox"], "Cmd": ["echo", "from scratch"]}),
    "hundred": ([BASE] + [layer(("srv/%d" % i, b"%d\n" % i, 0o644)) for i in range(99)], {}),
    "user": ([BASE, layer(("home/app", None, 0o700), ("home/app/.profile", b"mine", 0o600))], {"User": "app"}),
    "entry": ([BASE, layer(("entry.sh", b'#!/bin/sh\necho "<$0 $*>"\nexec "$@"\n'))], {"Entrypoint": ["/entry.sh"], "Cmd": ["echo", "usual"]}),
    "rootonly": ([BASE, layer(("opt", None, 0o700), ("opt/tool", b"#!/bin/sh\necho tool\n", 0o700), ("etc/shadow", b"secret\n", 0o600))], {}),
    "workdir": ([BASE, layer(("app", "-> usr/app"), ("usr/app", None), ("usr/app/data", b"data\n", 0o644))], {"WorkingDir": "/app"}),
    "volume": ([BASE, layer(("var/lib/db", None, 0o700), ("var/lib/db/init", b"init\n", 0o600))], {"Volumes": {"/var/lib/db": {}}}),
    "large": ([BASE, layer(("app", None), *[("app/%d" % i, b"", 0o644) for i in range(10001)])], {"WorkingDir": "/app"}),
}


@pytest.fixture(scope="module")
def registry():
    r = Registry()
    yield r
    r.close()


@pytest.fixture
def image(docker, registry):
    """Pulls an image by its name in the table; gone after the test."""
    names = []

    def pull(name, layers=None, config=None):
        layers, config = (layers, config) if layers else IMAGES[name]
        registry.put_image(name, "1", layers, compress=lambda tar: gzip.compress(tar, 1), config={"Env": ["PATH=/bin"], **config})
        names.append("%s/%s:1" % (registry.address, name))
        docker.ok("pull", "-q", names[-1], timeout=180)
        return names[-1]

    yield pull
    if names:
        docker.ok("rmi", "-f", *names)


CASES = [
    ("busybox", [], "echo x >/root/a; cat /root/a; mkdir -p /var/log/q; ls -a /var/run/; ls /var/log", "x\n.\n..\nq\n"),
    ("busybox", ["-w", "/not/there"], "pwd; touch f; ls", "/not/there\nf\n"),
    ("busybox", ["-e", "HOME=/h"], "echo 1 >~/x; cat ~/x; cd; pwd", "1\n/h\n"),
    ("busybox", ["--read-only"], "touch /root/x", "touch: /root/x: Read-only file system\n"),
    ("busybox", ["--label", "sockerless.writable=/opt/x,/usr"], "touch /opt/x/y /usr/z && touch /root/x", "touch: /root/x: Read-only file system\n"),
    ("busybox", ["--label", "sockerless.writable="], "touch /tmp/x && touch /root/x", "touch: /root/x: Read-only file system\n"),
    ("busybox", [], "ls -A /tmp; test -e /dev/shm || echo none", ".sockerless\nnone\n"),
    ("scratch", [], None, "from scratch\n"),
    ("hundred", [], "cd /srv && cat 0 50 98", "0\n50\n98\n"),
    ("user", [], "echo $HOME; cat ~/.profile; echo new >~/.profile && cat ~/.profile", "/home/app\nminenew\n"),
    ("user", ["-u", "root"], "echo $HOME; cat ~/.rc && touch ~/x", "/root\nrc"),
    ("entry", [], None, "</entry.sh echo usual>\nusual\n"),
    ("rootonly", [], "cat /etc/shadow; /opt/tool; cat /root/.rc; cat /var/log/old", "secret\ntool\nrcold"),
    ("rootonly", ["--label", "sockerless.rootonly=keep"], "cat /etc/shadow", "cat: can't open '/etc/shadow': Permission denied\n"),
    ("workdir", [], "pwd; cat data; echo more >>data; cat /app/data", "/app\ndata\ndata\nmore\n"),
    ("volume", [], "cd /var/lib/db; cat init; echo 1 >new; cat new; stat -c %a init", "init\n1\n644\n"),
    ("volume", ["--tmpfs", "/run"], "touch /run/x; ls /run", "x\n"),
    ("large", [], "touch x", "touch: x: Read-only file system\n"),
]


@pytest.mark.parametrize("name,args,script,expected", CASES)
def test_runs(docker, image, name, args, script, expected):
    reference = "busybox" if name == "busybox" else image(name)
    p = docker.docker("run", "--rm", *args, reference, *(["sh", "-c", script] if script else []))
    said = "".join(l for l in p.stderr.splitlines(True) if not l.startswith("WARNING:"))
    assert p.stdout + said == expected


def test_debian(docker, image, debian):
    reference = image("debian", [debian], {"Cmd": ["bash"], "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]})
    script = "grep -c ^root: /etc/shadow; echo hi >~/x && cat ~/x; perl -e 'print 6*7, \"\\n\"'; touch /var/cache/apt/x /var/log/new /var/tmp/x /run/x /run/lock/x && echo all; dpkg -s bash | grep ^Status"
    p = docker.docker("run", "--rm", reference, "bash", "-c", script, timeout=120)
    assert p.stdout + p.stderr == "1\nhi\n42\nall\nStatus: install ok installed\n"


@pytest.fixture(scope="module")
def debian():
    """Debian's smallest set, made once for a build tree: it takes a mirror and a while."""
    tar = BUILD / "tests" / "debian.tar"
    if not tar.exists():
        made = tar.with_suffix(".new")
        subprocess.run(["mmdebstrap", "--variant=minbase", "--format=tar", "--dpkgopt=force-unsafe-io", "--dpkgopt=path-exclude=/usr/share/doc/*",
                        "--dpkgopt=path-exclude=/usr/share/locale/*", "--aptopt=Acquire::Languages none", "bookworm", str(made)], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=400)
        os.rename(made, tar)
    return tar.read_bytes()


class Own(Registry):
    """The system's own registry, as a place to read from."""

    def __init__(self, docker):
        self.url = "http://127.0.0.1:%d" % (docker.port + 2)


@pytest.mark.parametrize("name", ["busybox", "debian", "scratch", "hundred", "entry"])
def test_every_kind_keeps_lambdas_rules(request, docker, image, name):
    reference = "busybox" if name == "busybox" else image(name, [request.getfixturevalue("debian")], {"Cmd": ["bash"]}) if name == "debian" else image(name)
    container = docker.ok("create", reference, "true", timeout=120)
    derived = derived_of(docker, container)
    assert derived.unreadable() == [] and sorted(derived.links()) == derived.writable()
    # What the image has is still there, layer for layer, beneath the agent's and one more.
    (own,) = json.loads(docker.ok("image", "inspect", reference))
    assert derived.config["rootfs"]["diff_ids"][:-2] == own["RootFS"]["Layers"]


def derived_of(docker, container):
    repository, digest = docker.sql("SELECT image_uri FROM container WHERE id = '%s'" % container).split("/", 1)[1].split("@")
    return LambdaImage(Own(docker), repository, digest)


def test_images_keep_lambdas_rules(docker, image):
    wanted = {"user": ["/home/app", "/run", "/var/cache", "/var/log", "/var/tmp"], "workdir": ["/root", "/run", "/usr/app", "/var/cache", "/var/log", "/var/tmp"],
              "volume": ["/root", "/run", "/var/cache", "/var/lib/db", "/var/log", "/var/tmp"], "rootonly": ["/root", "/run", "/var/cache", "/var/log", "/var/tmp"]}
    for name, writable in wanted.items():
        derived = derived_of(docker, docker.ok("create", image(name), "true"))
        assert (derived.writable(), derived.unreadable()) == (writable, [])
        assert sorted(derived.links()) == writable


def test_told_only_when_asked(docker, image):
    reference = image("large")
    assert docker.docker("create", reference, "true").stderr == ""
    p = docker.docker("create", "--label", "sockerless.writable=/etc,workdir", "-l", "x=y", reference, "true")
    assert p.stderr == "WARNING: /etc can't be made writable in a Lambda function\n"
    p = docker.docker("create", "--label", "sockerless.writable=var", reference, "true")
    assert p.returncode == 1 and '"var" is neither an absolute path nor home or workdir' in p.stderr
