"""docker version, info, ps, images, inspect: complete, typed and quiet."""
import json
import os
import socket


def test_version(docker):
    p = docker.docker("version", check=0)
    assert "<nil>" not in p.stdout and "1.47" in p.stdout and p.stderr == ""


def test_info(docker):
    docker.ok("run", "-d", "busybox", "sleep", "100")
    docker.ok("create", "busybox", "true")
    p = docker.docker("info", check=0)
    assert "WARNING" not in p.stderr and "<nil>" not in p.stdout and "ERROR" not in p.stdout + p.stderr
    info = json.loads(docker.ok("info", "--format", "{{json .}}"))
    assert (info["Driver"], info["OperatingSystem"], info["NCPU"], info["MemTotal"]) == ("lambda", "AWS Lambda", 2, 4294967296)
    assert (info["Containers"], info["ContainersRunning"], info["ContainersStopped"]) == (2, 1, 1)
    assert info["Images"] == len(docker.ok("images", "-q").split())


def test_ps_images_inspect(docker):
    container = docker.ok("run", "-d", "--name", "seen", "busybox", "sleep", "100")
    p = docker.docker("ps", "-a", "--no-trunc", "--format", "{{json .}}", check=0)
    row = json.loads(p.stdout)
    assert row["ID"] == container and row["Names"] == "seen" and row["Status"].startswith("Up ") and row["Image"] == "busybox"
    assert "busybox" in docker.ok("images")
    p = docker.docker("inspect", "nosuch")
    assert p.returncode == 1 and "No such object: nosuch" in p.stderr


def test_image_tar_round(docker):
    digest = docker.ok("images", "--no-trunc", "-q", "busybox")
    image = docker.inspect("busybox")
    assert image["Id"] == digest and image["Architecture"] == "amd64" and image["RepoTags"] == ["busybox:latest"]


def test_socket_is_not_open_to_everyone(docker):
    directory = docker.socket.parent.stat()
    assert directory.st_mode & 0o007 == 0
    assert directory.st_uid == 0


def test_nothing_listens_outside_loopback(docker):
    out = os.popen("ss -Hltn").read()
    for line in out.split("\n"):
        address = line.split()[3] if line else ""
        for port in range(docker.port, docker.port + 4):
            if address.endswith(":%d" % port):
                assert address.startswith("127.0.0.1:")


def test_tls_needs_a_certificate(docker):
    assert docker.docker(*docker.tls_args(), "ps", check=0)
    bare = docker.tls_args()[:-4]
    assert docker.docker(*bare, "ps").returncode != 0
    with socket.create_connection(("127.0.0.1", docker.port)) as s:
        s.sendall(b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 400 " in s.recv(4096).split(b"\r\n")[0]
