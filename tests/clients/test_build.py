"""docker build: the CLI, docker-py, Compose with `build:`, what contexts and RUN may not do, cancelling."""
import http.client
import io
import json
import re
import socket
import subprocess
import tarfile
import time
import urllib.error
import urllib.request

import pytest

from conftest import wait_until
from support.registry import SECRET_BY_BCRYPT, Registry, make_tar

# buildah's chroot isolation doesn't wait for what a command printed last: on a busy machine that is lost if the command ends at once.
LINGER = " && usleep 300000"
FIVE = "FROM busybox\nCOPY a /a\nRUN cat /a && echo built >/b" + LINGER + "\nENV X=1\nCMD [\"cat\",\"/b\"]\n"


def reply_of(system, entries, query="", mode="w:gz", headers={}):
    """POST /build with a tar of (name, content or target of a link[, type]): status and lines."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=mode) as tar:
        for name, content, *kind in entries:
            info = tarfile.TarInfo(name)
            if kind:
                info.type, info.linkname = kind[0], content
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    connection = http.client.HTTPConnection("docker", timeout=60)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(60)
    connection.sock.connect(str(system.socket))
    connection.request("POST", "/v1.43/build?" + query, data.getvalue(), {"Content-Type": "application/x-tar", **headers})
    reply = connection.getresponse()
    lines = [json.loads(line) for line in reply.read().split(b"\n") if line.strip()]
    connection.close()
    return reply.status, lines


def text_of(lines):
    return "".join(line.get("stream", "") for line in lines)


def build(docker, dockerfile, *args, check=0):
    """What it says; the progress of the context, which the CLI may write in the midst of it, is left out."""
    p = docker.docker("build", *args, "-", input=dockerfile, check=check)
    return re.sub(r"Sending build context to Docker daemon[^\n]*\n+", "", p.stdout) + p.stderr


@pytest.fixture
def built(docker):
    """Names of images to remove at the end."""
    names = []
    yield names
    for name in names:
        docker.docker("rmi", "-f", name)
    docker.docker("image", "prune", "-f")


def test_five_steps(docker, built, tmp_path):
    (tmp_path / "Dockerfile").write_text(FIVE)
    (tmp_path / "a").write_text("aaa\n")
    built += ["five:1", "five:2"]
    out = docker.ok("build", "--build-arg", "X=1", "--label", "l=v", "-t", "five:1", "-t", "five:2", str(tmp_path))
    lines = out[out.index("Step 1"):].split("\n")
    assert all(len(line) == 18 for line in lines if re.match(" ---> [0-9a-f]", line))
    assert lines[0] == "Step 1/6 : FROM busybox" and lines[1].startswith(" ---> ")
    assert "Step 3/6 : RUN cat /a && echo built >/b" + LINGER in lines and "aaa" in lines and "Step 6/6 : LABEL l=v" in lines
    image = docker.inspect("five:1")
    assert lines[-4:] == ["[Warning] One or more build-args [X] were not consumed", "Successfully built " + image["Id"][7:19],
                          "Successfully tagged five:1", "Successfully tagged five:2"]
    assert image["Config"]["Env"][-1] == "X=1" and image["Config"]["Labels"] == {"l": "v"} and len(image["RootFS"]["Layers"]) == 3
    assert docker.ok("run", "--rm", "five:2") == "built"
    again = docker.ok("build", "--label", "l=v", "-t", "five:1", str(tmp_path))
    assert again.count(" ---> Using cache") == 5 and "aaa" not in again
    assert docker.ok("build", "-q", "--label", "l=v", str(tmp_path)) == image["Id"]
    assert "Using cache" not in docker.ok("build", "--no-cache", "--label", "l=v", str(tmp_path))


def test_stages(docker, built):
    built.append("stages")
    out = build(docker, "ARG B=busybox\nFROM $B AS one\nRUN echo 1 >/one\nFROM busybox:latest AS two\nCOPY --from=one /one /two\n"
                "COPY --from=busybox /bin/busybox /three\nONBUILD RUN echo x\nHEALTHCHECK CMD true\nVOLUME /v\nUSER 1000\n"
                "SHELL [\"/bin/sh\",\"-ec\"]\nCMD cat /two\nFROM nosuch\n", "--target", "two", "-t", "stages")
    assert "Step 12/12 : CMD cat /two" in out
    config = docker.inspect("stages")["Config"]
    assert config["OnBuild"] == ["RUN echo x"] and config["Healthcheck"]["Test"] == ["CMD-SHELL", "true"]
    assert config["User"] == "1000" and config["Volumes"] == {"/v": {}}
    assert docker.ok("run", "--rm", "stages") == "1"


ERRORS = [
    ("FROM busybox\nRUN echo hi; exit 3\n", "The command '/bin/sh -c echo hi; exit 3' returned a non-zero code: 3"),
    ("FROM busybox\nRUN [\"false\"]\n", "The command 'false' returned a non-zero code: 1"),
    ("FROM busybox\nBOGUS x\n", "dockerfile parse error on line 2: unknown instruction: BOGUS"),
    ("FROM a b\n", "dockerfile parse error on line 1: FROM requires either one or three arguments"),
    ("RUN x\n", "dockerfile parse error on line 1: no build stage in current context"),
    ("FROM 127.0.0.1:1/x\n", "dial tcp 127.0.0.1:1: connect: connection refused"),
    ("FROM busybox\nCOPY nofile /\n", "COPY failed: file not found in build context or excluded by .dockerignore: stat nofile: file does not exist"),
    ("FROM dir:/etc\n", "invalid reference format"),
    ("FROM busybox\nRUN --mount=type=bind,target=/x true\n", "requires BuildKit, which is not supported here"),
]


@pytest.mark.parametrize("dockerfile, message", ERRORS, ids=[m[:30] for _, m in ERRORS])
def test_errors(docker, dockerfile, message):
    assert message in build(docker, dockerfile, check=1 if "non-zero" not in message else int(message[-1]))


CONTEXTS = [
    ([("Dockerfile", b"FROM busybox"), ("../x", b"1")], "", 400, "Path contains '..'"),
    ([("Dockerfile", b"FROM busybox"), ("x", "/etc/hostname", tarfile.LNKTYPE)], "", 400, "does not exist"),
    ([("Dockerfile", b"FROM busybox"), ("x", "", tarfile.FIFOTYPE)], "", 400, "not supported"),
    ([("Dockerfile", "/etc/passwd", tarfile.SYMTYPE)], "", 500, "Cannot locate specified Dockerfile: Dockerfile"),
    ([("Dockerfile", b"FROM busybox")], "dockerfile=../../../../../etc/passwd", 500, "Cannot locate specified Dockerfile"),
    ([("x", b"")], "", 500, "Cannot locate specified Dockerfile: Dockerfile"),
    ([("Dockerfile", b"")], "", 500, "the Dockerfile (Dockerfile) cannot be empty"),
    ([("Dockerfile", b"#" * 2000000)], "", 400, "not supported"),
    ([("Dockerfile", b"FROM busybox")], "version=2", 501, "DOCKER_BUILDKIT=0"),
    ([("Dockerfile", b"FROM busybox")], "target=nope", 400, "failed to reach build target nope in Dockerfile"),
    ([("Dockerfile", b"FROM busybox")], "squash=1", 400, "squash is only supported with experimental mode"),
    ([("Dockerfile", b"FROM busybox")], "networkmode=host", 501, "not supported"),
    ([("Dockerfile", b"FROM busybox")], "remote=http://127.0.0.1/x", 501, "not supported"),
    ([("Dockerfile", b"FROM busybox")], "platform=linux/s390x", 501, "not supported"),
    ([("Dockerfile", b"FROM busybox")], "t=BAD", 400, "must be lowercase"),
]


@pytest.mark.parametrize("entries, query, status, message", CONTEXTS, ids=[str(n) for n in range(len(CONTEXTS))])
def test_contexts(docker, entries, query, status, message):
    assert (lambda r: (r[0], message in r[1][0]["message"]))(reply_of(docker, entries, query)) == (status, True)


def test_links_out_of_the_context(docker, built):
    """They are followed inside of it; absolute names are in it, too."""
    for command in "COPY", "ADD":
        status, lines = reply_of(docker, [("Dockerfile", b"FROM busybox\n%s x /x\n" % command.encode()), ("x", "/etc/passwd", tarfile.SYMTYPE)], mode="w:xz")
        missing = "failed: file not found in build context or excluded by .dockerignore: stat x: file does not exist"
        assert (status, lines[-1]["error"]) == (200, "%s %s" % (command, missing))
    assert "COPY failed: stat x: file does not exist, or it can't be read" in build(
        docker, "FROM busybox AS one\nRUN ln -s /nothing /x\nFROM busybox\nCOPY --from=one /x /y\n", check=1)
    status, lines = reply_of(docker, [("Dockerfile", b"FROM busybox\nCOPY . /c\nRUN cat /c/x /c/d/y && usleep 300000\n"), ("/x", b"absolute\n"), ("d", "/tmp", tarfile.SYMTYPE),
                                      ("d/y", b"through\n")], "t=links", mode="w:bz2")
    built.append("links")
    assert "absolute\nthrough\n" in text_of(lines), lines


def test_what_dockerd_would_write(docker, system, built):
    """Nothing of buildah's stands in the image; a build from it begins with the layers that are there, without a copy from the registry."""
    built += ["written:1", "written:2", "written:3"]
    build(docker, "FROM busybox\nLABEL a=b\nRUN echo 1 >/1\nCMD true\n", "-t", "written:1")
    image = docker.inspect("written:1")
    assert (image["Comment"], image["Config"]["Hostname"], image["Parent"]) == ("", "", "")
    assert [image["Config"][k] for k in ("Volumes", "Entrypoint", "OnBuild")] == [None] * 3
    assert docker.ok("history", "--format", "{{.Comment}}", "written:1") == "Imported from -"
    out = build(docker, "FROM written:1\nRUN cat /1 && echo 2 >/2%s\n" % LINGER, "-t", "written:2")
    assert "Step 1/2 : FROM written:1\n ---> %s\n" % image["Id"][7:19] in out and "\n1\n" in out
    shown = re.findall("^ ---> ([0-9a-f]{12})$", out, re.M)
    assert docker.inspect("written:2")["Id"][7:19] == shown[-1] and "Successfully built " + shown[-1] in out
    place = system.state / "db" / "build" / "local"
    ids = [r["id"] for f in (place / "storage").glob("*-images/images.json") for r in json.loads(f.read_text())]
    # By the id that buildah gave it alone: nobody brought it there again.
    assert image["Id"][7:] not in ids and (place / "ids" / image["Id"][7:]).readlink().name in ids
    assert docker.ok("build", "-q", "-", input="FROM written:1\n") == image["Id"]
    # Without the cache it comes from the registry.
    docker.ok("builder", "prune", "-f")
    assert "\n1\n2\n" in build(docker, "FROM written:2\nRUN cat /1 /2%s\n" % LINGER, "-t", "written:3")


def test_what_the_registry_lost(docker, system, built):
    """A build from the cache sends nothing, unless the registry has the image no more (a lifecycle rule may have taken it)."""
    built.append("lost")
    dockerfile = "FROM busybox\nRUN echo found >/found\nCMD cat /found\n"
    build(docker, dockerfile, "-t", "lost")
    image = docker.inspect("lost")["Id"]
    manifest = "http://127.0.0.1:%d/v2/sockerless/local/manifests/%s" % (system.port + 2, docker.sql("SELECT manifest_digest FROM image WHERE id = '%s'" % image))
    assert urllib.request.urlopen(urllib.request.Request(manifest, method="DELETE")).status == 202
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(urllib.request.Request(manifest, method="HEAD"))
    assert "Using cache" in build(docker, dockerfile, "-t", "lost")
    assert docker.inspect("lost")["Id"] == image and docker.ok("run", "--rm", "lost") == "found"


def test_options(docker, built):
    out = build(docker, "FROM busybox\nRUN cat /etc/hosts" + LINGER + "\n", "--no-cache", "--add-host", "other.example:10.1.2.3", "--cpu-quota", "5000", "--cache-from", "x", "--cpuset-cpus", "0")
    assert re.search(r"^10\.1\.2\.3\s+other\.example", out, re.M), out
    assert re.findall(r"\[Warning\] (\S+) has no effect", out) == ["--cache-from", "--cpu-quota", "--cpuset-cpus"]
    assert "Warning" not in build(docker, "FROM busybox\n", "--network", "none")
    # A step is told whole, however long.
    assert "x" * 9000 + "\n" in build(docker, "FROM busybox\nLABEL a=" + "x" * 9000 + "\n")


def test_private_base_image(docker, built, tmp_path):
    (tmp_path / "htpasswd").write_text("user:%s\n" % SECRET_BY_BCRYPT)
    registry = Registry("auth: {htpasswd: {realm: r, path: %s}}\n" % (tmp_path / "htpasswd"))
    name = registry.address + "/private:1"
    try:
        registry.put_image("private", "1", [make_tar({"x": b"private\n"})], headers={"Authorization": "Basic dXNlcjpzZWNyZXQ="})
        dockerfile = "FROM %s AS base\nFROM busybox\nCOPY --from=base /x /x\nRUN cat /x%s\n" % (name, LINGER)
        assert "no basic auth credentials" in build(docker, dockerfile, check=1)
        (tmp_path / "config.json").write_text(json.dumps({"auths": {registry.address: {"auth": "dXNlcjpzZWNyZXQ="}}}))
        built.append(name)
        p = docker.docker("build", "--no-cache", "-", input=dockerfile, check=0, env={"DOCKER_CONFIG": str(tmp_path)})
        assert "\nprivate\n" in p.stdout and "Successfully built" in p.stdout, p.stdout
    finally:
        registry.close()


def test_run_is_alone(docker, system):
    """No file, process, socket, secret of the machine; the way out leads neither to it nor to a metadata service."""
    status, lines = reply_of(docker, [("Dockerfile", (
        "FROM busybox\nRUN env; cat /proc/1/environ /proc/2/environ; ls -l /proc/1/root/ /proc/2/root/build; ls / /storage /build; cat /proc/mounts; ps | grep -c gatewa[y]; "
        "for a in '169.254.169.254 80' '127.0.0.1 %d' '10.0.2.2 %d'; do nc -w 3 $a </dev/null && echo reached $a; done; kill -9 1; echo alive && usleep 300000\n"
        % (system.port + 2, system.port + 2)).encode())], "nocache=1")
    out = text_of(lines)
    assert "alive" in out and "Successfully built" in out, out
    said = out[out.index("Running in"):]
    assert "AWS_" not in said and "SOCKERLESS_" not in said and "HOSTNAME=" in said and "sockerless.db" not in said
    assert "can't open '/proc/1/environ'" in said and "docker.sock" not in said and "reached" not in said and said.count("nc: ") == 3, said


def test_limits(docker, system):
    # What a RUN leaves running lives until the build's end, and may keep it from its next step.
    out = build(docker, "FROM busybox\nRUN f() { f | f & }; f 2>/dev/null; sleep 1; echo survived" + LINGER + "\n", "--no-cache", check=None)
    assert "survived" in out and "left" in build(docker, "FROM busybox\nRUN echo left $((1 + 1))" + LINGER + "\n", "--no-cache")
    status, lines = reply_of(docker, [("Dockerfile", b"FROM busybox\nRUN tail /dev/zero\n")], "memory=100000000")
    assert status == 200 and "error" in lines[-1], lines
    status, lines = reply_of(docker, [("Dockerfile", b"FROM busybox\nRUN for i in 1 2 3 4 5 6 7 8; do tail -c 200000000 /dev/zero >/dev/null & done; wait; sleep 1\n")], "memory=100000000")
    assert "MB of memory" in lines[-1].get("error", ""), lines


def test_cancel(docker, system):
    p = docker.popen("build", "--no-cache", "-", stdin=subprocess.PIPE)
    p.stdin.write(b"FROM busybox\nRUN echo started; sleep 86399\n")
    p.stdin.close()
    while b"started" not in (line := p.stdout.readline()):
        assert line
    p.kill()
    p.stdout.close()
    p.stderr.close()
    p.wait()

    def gone():
        return not subprocess.run(["pgrep", "-f", "^(sleep 86399|.*/sockerless-builder %s/)" % system.state], stdout=subprocess.PIPE).stdout

    wait_until(gone, 20)
    place = system.state / "db" / "build" / "local"
    wait_until(lambda: {p.name for p in place.iterdir()} == {"ids", "lock", "storage"}, 20)
    assert "Successfully built" in build(docker, "FROM busybox\nRUN true\n")


def test_docker_py(docker, system, built):
    import docker as client
    py = client.DockerClient("unix://%s" % system.socket, version="1.43")
    image, log = py.images.build(fileobj=io.BytesIO(b"FROM busybox\nRUN echo hi >/hi\nENV A=b\n"), tag="pybuild:1", rm=True)
    built.append("pybuild:1")
    assert image.tags == ["pybuild:1"] and any("Successfully built" in line.get("stream", "") for line in log)
    with pytest.raises(client.errors.BuildError) as failed:
        py.images.build(fileobj=io.BytesIO(b"FROM busybox\nRUN exit 3\n"))
    assert "returned a non-zero code: 3" in str(failed.value)
    tags = [e for e in py.events(since=1, until=int(time.time()) + 1, decode=True, filters={"event": "tag"}) if e["Actor"]["Attributes"]["name"] == "pybuild:1"]
    assert tags and tags[-1]["id"] == image.id


def test_compose(docker, built, tmp_path):
    (tmp_path / "docker-compose.yml").write_text("version: '3.8'\nservices:\n  one:\n    build: {context: ., args: {WORD: composed}}\n    image: composed:1\n")
    (tmp_path / "Dockerfile").write_text("FROM busybox\nARG WORD\nRUN echo $WORD >/word\nCMD cat /word\n")
    built.append("composed:1")
    p = subprocess.run(["docker-compose", "-p", "built", "build"], cwd=tmp_path, env=docker.docker_env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True, timeout=60)
    assert p.returncode == 0 and "Successfully tagged composed:1" in p.stdout, p.stdout
    assert docker.ok("run", "--rm", "composed:1") == "composed"


def test_prune(docker, system):
    dockerfile = "FROM busybox\nRUN echo cached >/cached\n"
    build(docker, dockerfile)
    # Younger than that, larger than nothing, no such part: it stays.
    for kept in ["--filter", "until=24h"], ["--keep-storage", "20GB"], ["--filter", "id=x"], ["--filter", "type=exec.cachemount", "--filter", "until=1ms"]:
        assert "Total reclaimed space: 0B" in docker.ok("builder", "prune", "-f", *kept)
        assert "Using cache" in build(docker, dockerfile)
    assert "invalid filter 'nosuch'" in docker.docker("builder", "prune", "-f", "--filter", "nosuch=1", check=1).stderr
    for dropped in [], ["-a"], ["--filter", "until=1ms"]:
        out = docker.ok("builder", "prune", "-f", *dropped)
        assert "Total reclaimed space: 0B" not in out and "Total reclaimed space:" in out
        assert "Using cache" not in build(docker, dockerfile)


def test_turned_off(docker, system):
    settings = system.state / "settings"
    text = settings.read_text()
    settings.write_text(text + "SOCKERLESS_BUILD=off\n")
    restart = lambda: subprocess.run(["sv", "-w", "20", "restart", str(system.run / "services" / "bulk")], check=True, stdout=subprocess.PIPE)
    try:
        restart()
        wait_until(lambda: reply_of(system, [("Dockerfile", b"FROM busybox")])[0] == 501, 20)
        assert "the operator turned it off" in reply_of(system, [("Dockerfile", b"FROM busybox")])[1][0]["message"]
    finally:
        settings.write_text(text)
        restart()
    wait_until(lambda: reply_of(system, [("Dockerfile", b"FROM busybox")])[0] == 200, 20)
