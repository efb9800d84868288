"""The derived image, read back from the registry and held against Lambda's rules."""
import io
import os
import stat
import subprocess
import tarfile

import pytest

from support.lambda_image import LambdaImage
from support.places import BUILD
from support.registry import Registry, make_tar

DRIVE = str(BUILD / "tests/registry/drive")


def tar(*members):
    """(name, kind, value[, mode]): kind f (content), d, l (target), h (target), c, p."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as t:
        for name, kind, value, *mode in members:
            m = tarfile.TarInfo(name)
            m.mode = mode[0] if mode else 0o755 if kind == "d" else 0o644
            m.type = {"f": tarfile.REGTYPE, "d": tarfile.DIRTYPE, "l": tarfile.SYMTYPE, "h": tarfile.LNKTYPE, "c": tarfile.CHRTYPE, "p": tarfile.FIFOTYPE}[kind]
            m.mtime = 1000
            if kind == "f":
                m.size = len(value)
                t.addfile(m, io.BytesIO(value))
            else:
                m.linkname = value or ""
                t.addfile(m)
    return out.getvalue()


class Deriver:
    def __init__(self, directory):
        self.registry, self.state, self.made = Registry(), directory / "state", 0
        self.state.mkdir()
        self.agent = directory / "agent"
        self.agent.write_bytes(b"\x7fELF" + os.urandom(300000))

    def run(self, repository, tag, *dirs, agent=None, state=None, keep=False):
        env = dict(os.environ, **({"KEEP_ROOT_ONLY": "1"} if keep else {}))
        out = subprocess.run([DRIVE, self.registry.address, repository, "-", "derive", tag, "amd64", str(agent or self.agent), str(state or self.state), *dirs],
                             stdout=subprocess.PIPE, env=env, timeout=60, text=True).stdout
        return out.splitlines()

    def derive(self, layers, *dirs, config=None, keep=False, **more):
        """The image, and what is told about it."""
        self.made += 1
        repository = "r%d" % self.made
        self.registry.put_image(repository, "1", layers, config=config, **more)
        uri, *notes = self.run(repository, "1", *dirs, keep=keep)
        assert uri.startswith("uri %s/%s@" % (self.registry.address, repository)), uri
        return LambdaImage(self.registry, repository, uri.split("@")[1]), [n.removeprefix("note ") for n in notes]


@pytest.fixture(scope="module")
def d(tmp_path_factory):
    d = Deriver(tmp_path_factory.mktemp("derive"))
    yield d
    d.registry.close()


def test_form(d):
    history = [{"created_by": "one"}, {"created_by": "meta", "empty_layer": True}]
    image, notes = d.derive([make_tar({"x": b"1"})], config={"Cmd": ["sh"], "Env": ["A=b"]}, history=history)
    assert image.config["config"] == {"Env": ["A=b"], "Entrypoint": ["/.sockerless/agent"], "WorkingDir": "/"} and notes == []
    assert [h["created_by"] for h in image.config["history"]] == ["one", "meta", "sockerless agent", "sockerless files"]
    assert image.files[".sockerless/agent"].data == d.agent.read_bytes()
    with tarfile.open(fileobj=io.BytesIO(image.tars[1])) as t:
        assert [(m.name, m.mode, m.uid, m.gid, m.uname, m.mtime) for m in t] == [
            (".sockerless", 0o755, 0, 0, "root", 0), (".sockerless/agent", 0o755, 0, 0, "root", 0)]
    with tarfile.open(fileobj=io.BytesIO(image.tars[2])) as t:
        assert [m.name for m in t] == [".sockerless", ".sockerless/writable", ".sockerless/seed"]


def test_same_input_gives_the_same_image(d, tmp_path):
    layers = [tar(("var/log/a", "f", b"1"), ("secret", "f", b"s", 0o600)), tar(("var/log/b", "f", b"2"))]
    for repository in "same1", "same2":
        d.registry.put_image(repository, "1", layers)
    lines = d.run("same1", "1", "/var/log")
    digest = lines[0].split("@")[1]
    assert d.run("same1", "1", "/var/log") == lines
    assert d.run("same2", "1", "/var/log", state=tmp_path)[0].split("@")[1] == digest
    others = [d.run("same1", "1", *dirs, keep=keep)[0].split("@")[1] for dirs, keep in (([], False), (["/var"], False), (["/var/log"], True))]
    changed = tmp_path / "agent"
    changed.write_bytes(d.agent.read_bytes() + b"x")
    others.append(d.run("same1", "1", "/var/log", agent=changed)[0].split("@")[1])
    assert len({digest, *others}) == 5
    first, second = (LambdaImage(d.registry, "same1", x).manifest["layers"] for x in (digest, others[0]))
    assert first[2] == second[2], "the agent is packed once"


def test_history_that_does_not_fit_is_replaced(d):
    image, _ = d.derive([make_tar({"x": b"1"}), make_tar({"y": b"1"})], history=[{"created_by": "one"}])
    assert len(image.config["history"]) == 4


def test_links_and_seeds(d):
    image, notes = d.derive(
        [tar(("run", "d", None), ("run/lock", "d", None, 0o1777), ("var", "d", None, 0o775), ("var/run", "l", "/run"), ("var/log", "d", None),
             ("var/log/old", "f", b"old"), ("var/log/gone", "f", b"x"), ("usr/lib/long/" + "n" * 200, "f", b"long"), ("app", "l", "usr/lib/long")),
         tar(("var/log/.wh.gone", "f", b""), ("var/log/new", "f", b"new", 0o600), ("var/log/ln", "l", "new"), ("var/log/same", "h", "var/log/new"),
             ("var/log/fifo", "p", None), ("tmp", "d", None, 0o1777), ("tmp/there", "f", b"t"))],
        "/run", "/var/run", "/var/log", "/var/cache/x", "/app", "/var/log/below", "/var/log/")
    assert notes == []
    assert sorted(image.writable()) == sorted(image.links()) == ["/run", "/usr/lib/long", "/var/cache/x", "/var/log"]
    assert all(target == "/tmp/.sockerless/root" + path for path, target in image.links().items())
    assert image.files["var/run"].target == "/run" and image.files["app"].target == "usr/lib/long"
    assert image.seed() == {
        "run": None, "run/lock": None, "usr": None, "usr/lib": None, "usr/lib/long": None, "usr/lib/long/" + "n" * 200: b"long", "var": None, "var/log": None,
        "var/log/old": b"old", "var/log/new": b"new", "var/log/ln": "new", "var/log/same": b"new", "tmp": None, "tmp/there": b"t"}
    assert image.files["var"].mode & 0o7777 == 0o775 and image.files[".sockerless/seed/run/lock"].mode & 0o7777 == 0o1777
    assert stat.S_ISDIR(image.files["var/cache"].mode) and image.unreadable() == []


def test_what_only_root_may_read(d):
    layer = tar(("etc", "d", None), ("etc/shadow", "f", b"s", 0o640), ("etc/key", "h", "etc/shadow"), ("etc/open", "f", b"o"), ("opt", "d", None, 0o700),
                ("opt/in", "d", None, 0o750), ("opt/in/tool", "f", b"#!", 0o700), ("opt/in/plain", "f", b"p"), ("sbin/su", "f", b"su", 0o4711),
                ("root", "d", None, 0o700), ("root/.rc", "f", b"rc", 0o600), ("none", "f", b"n", 0), ("dev/x", "f", b"x", 0o600))
    image, notes = d.derive([layer], "/root")
    assert notes == [] and image.unreadable() == ["dev/x"]
    modes = {n: f.mode & 0o7777 for n, f in image.files.items() if f.layer == 2 and not n.startswith(".sockerless")}
    assert modes == {"etc": 0o755, "etc/shadow": 0o644, "etc/key": 0o644, "opt": 0o755, "opt/in": 0o755, "opt/in/tool": 0o755, "sbin": 0o755, "sbin/su": 0o4755, "root": 0o777}
    assert image.files["etc/key"].data == b"s" and image.files["opt/in/tool"].data == b"#!" and image.seed() == {"root": None, "root/.rc": b"rc"}
    image, _ = d.derive([layer], "/root", keep=True)
    assert image.unreadable() == [".sockerless/seed/root", ".sockerless/seed/root/.rc", "dev/x", "etc/key", "etc/shadow", "opt", "opt/in", "opt/in/tool", "sbin/su"]
    assert image.links() == {"/root": "/tmp/.sockerless/root/root"}


@pytest.mark.parametrize("layer,path,note", [
    ([("a", "l", "b"), ("b", "l", "a")], "/a/x", "/a/x can't be made writable: too many levels of symbolic links"),
    ([("f", "f", b"1")], "/f", "/f can't be made writable: it is no directory"),
    ([("f", "f", b"1")], "/f/x", "/f/x can't be made writable: not a directory"),
    ([("l", "l", "../../../dev")], "/l/shm", "/l/shm can't be made writable in a Lambda function"),
    ([("\udcff", "f", b"1"), ("l", "l", "\udcff")], "/\udcff", "/? can't be made writable: it is no directory"),
    ([("f", "f", b"1")], "/", "/ can't be made writable in a Lambda function"),
    ([("f", "f", b"1")], "/x/" + "n" * 300, "/x/%s can't be made writable: file name too long" % ("n" * 197)),
    ([("etc/x", "f", b"1")], "/etc", "/etc can't be made writable in a Lambda function"),
])
def test_what_cannot_be_writable(d, layer, path, note):
    image, notes = d.derive([tar(*layer)], path)
    assert (notes, image.links(), image.writable()) == ([note], {}, [])
    # Once more, with what the registry remembers.
    assert d.run("r%d" % d.made, "1", path)[1:] == ["note " + note]


def test_a_directory_below_one_that_is_too_large_has_its_chance(d):
    image, notes = d.derive([tar(("big/log/x", "f", b"1"), *[("big/%d" % i, "d", None) for i in range(50001)])], "/big", "/big/log")
    assert (image.writable(), notes) == (["/big/log"], ["/big stays read-only: the image holds more than 256 MB or 50000 files there"])


def test_below_tmp(d):
    image, notes = d.derive([make_tar({"x": b"1"})], "/tmp", "/tmp/work/dir")
    assert (notes, image.links(), image.writable()) == ([], {}, []) and list(image.seed()) == ["tmp", "tmp/work", "tmp/work/dir"]


def test_no_home_without_a_passwd(d):
    image, notes = d.derive([make_tar({"x": b"1"})], "~")
    assert image.links() == {} and notes == []


def test_root_home(d):
    image, _ = d.derive([tar(("root", "d", None, 0o700), ("root/x", "f", b"1"))], "~")
    assert image.links() == {"/root": "/tmp/.sockerless/root/root"}
    image, _ = d.derive([tar(("etc/passwd", "f", b"root:x:0:0::/var/roothome:/bin/sh\n"))], "~")
    assert image.writable() == ["/var/roothome"]


def test_too_many_layers(d):
    layers = [make_tar({"f%d" % (i % 4): b"%d" % (i % 8)}) for i in range(125)]
    image, _ = d.derive(layers, "/f")
    assert len(image.manifest["layers"]) == 127 and [image.files["f%d" % i].data for i in range(4)] == [b"4", b"1", b"2", b"3"]
    d.registry.put_image("toomany", "1", layers + layers[:1])
    assert d.run("toomany", "1") == ["error 501 images of more than 125 layers are not supported: there is no room for the agent's"]


@pytest.mark.parametrize("layer,text", [
    (tar(("../x", "f", b"1")), "../x is no path within the image"), (tar(("x", "h", "../../etc/passwd")), "../../etc/passwd is no path within the image"),
    (b"no tar at all" * 100, "can't be read"), (tar(("x", "f", b"1" * 5000))[:2000], "can't be read"),
])
def test_hostile_layers(d, layer, text):
    d.made += 1
    d.registry.put_image("r%d" % d.made, "1", [layer])
    (line,) = d.run("r%d" % d.made, "1")
    assert line.startswith("error 502 layer sha256:") and text in line


def test_damaged_index_is_made_again(d, tmp_path):
    layer = tar(("var/log/a", "f", b"1"))
    for repository in "index1", "index2":
        d.registry.put_image(repository, "1", [layer])
    d.run("index1", "1", "/var/log", state=tmp_path)
    (index,) = (tmp_path / "index").iterdir()
    whole = index.read_bytes()
    index.write_bytes(whole[:-1] + b"\1")
    lines = d.run("index2", "1", "/var/log", state=tmp_path)
    assert LambdaImage(d.registry, "index2", lines[0].split("@")[1]).seed()["var/log/a"] == b"1" and index.read_bytes() == whole
