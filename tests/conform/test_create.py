"""What create is given, inspect gives back: field for field, also after a start and after a restart of everything."""
import json
import subprocess

import pytest

from fields import check
from support.waiting import wait_until

CONFIG = {
    "Hostname": "front", "Domainname": "example.test", "User": "0:0", "AttachStdout": True, "AttachStderr": True, "Tty": False, "OpenStdin": True,
    "StdinOnce": True, "Env": ["A=1", "B=two words", "EMPTY="], "Cmd": ["-c", "echo out; sleep 300"], "Image": "busybox:latest", "WorkingDir": "/tmp",
    "Entrypoint": ["sh"], "Labels": {"l1": "v1", "l2": "", "com.docker.compose.project": "p"}, "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
    "StopSignal": "SIGINT", "StopTimeout": 3, "Volumes": {"/tmp/anon": {}},
    "Healthcheck": {"Test": ["CMD-SHELL", "true"], "Interval": 2000000000, "Timeout": 1000000000, "Retries": 2},
}
HOST = {
    "Binds": ["kept1:/tmp/data:ro"], "Memory": 512 << 20, "MemorySwap": 1024 << 20, "NanoCpus": 500000000, "PidsLimit": 50,
    "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]}, "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2},
    "ExtraHosts": ["foo:1.2.3.4"], "Dns": ["1.1.1.1"], "DnsOptions": ["ndots:1"], "DnsSearch": ["example.test"], "CapAdd": ["NET_ADMIN"],
    "CapDrop": ["NET_RAW"], "ReadonlyRootfs": True, "Tmpfs": {"/tmp/t": "size=1m"}, "Ulimits": [{"Name": "nofile", "Soft": 100, "Hard": 200}],
    "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}}, "ShmSize": 1048576, "Init": True, "GroupAdd": ["audio"], "OomScoreAdj": 10,
    "CpuShares": 512, "CpusetCpus": "0-1", "BlkioWeight": 100, "MemoryReservation": 64 << 20,
    "SecurityOpt": ["no-new-privileges"], "StorageOpt": {"size": "1G"}, "Sysctls": {"net.core.somaxconn": "128"}, "CgroupParent": "/x",
    "Annotations": {"a": "b"}, "ConsoleSize": [24, 80], "CgroupnsMode": "private", "IpcMode": "private",
    "Mounts": [{"Type": "volume", "Source": "kept2", "Target": "/tmp/m"}, {"Type": "tmpfs", "Target": "/tmp/mt"}],
}
CHANGES = ("State", "RestartCount", "ExecIDs", "NetworkSettings", "SizeRw")


def same(reply, first):
    check(reply.json, "container")
    for key, value in first.items():
        if key not in CHANGES:
            assert reply.json[key] == value, key


def test_all_is_kept(stage, system):
    made = stage.post("/containers/create?name=whole", {**CONFIG, "HostConfig": HOST, "NetworkingConfig": {"EndpointsConfig": {"bridge": {"Aliases": ["al"]}}}})
    assert made.status == 201, made.raw
    check(made.json, "created")
    first = stage.get("/containers/whole/json").json
    check(first, "container")
    for key, value in CONFIG.items():
        if key == "Env":
            assert first["Config"][key][:3] == value
        else:
            assert first["Config"][key] == value, key
    for key, value in HOST.items():
        assert first["HostConfig"][key] == value, key
    assert (first["Path"], first["Args"]) == ("sh", CONFIG["Cmd"])
    mounts = {m["Destination"]: (m["Type"], m.get("Name"), m["RW"]) for m in first["Mounts"]}
    assert mounts.pop("/tmp/anon")[0] == "volume"
    assert mounts == {"/tmp/data": ("volume", "kept1", False), "/tmp/m": ("volume", "kept2", True), "/tmp/mt": ("tmpfs", None, True)}
    assert stage.post("/containers/whole/start").status == 204
    same(stage.get("/containers/whole/json"), first)
    assert stage.post("/containers/whole/kill").status == 204
    wait_until(lambda: not stage.get("/containers/whole/json").json["State"]["Running"], 20, "the end of the run")
    for service in ("api", "control", "gateway", "reconciler", "nginx"):
        pid = system.service_pid(service)
        assert subprocess.run(["sv", "-w", "20", "restart", str(system.run / "services" / service)]).returncode == 0
        assert system.service_pid(service) != pid
    wait_until(system.socket.exists, 20, "the socket")
    same(stage.get("/containers/whole/json"), first)


# (what HostConfig asks, MemorySize in MB, /tmp in MB)
@pytest.mark.parametrize("host, memory, storage", [
    ({}, 1024, 512), ({"Memory": 6 << 20}, 128, 512), ({"Memory": 200 << 20}, 200, 512), ({"Memory": (200 << 20) + 1}, 201, 512),
    ({"NanoCpus": 1000000000}, 1769, 512), ({"NanoCpus": 2000000000, "Memory": 256 << 20}, 3538, 512), ({"NanoCpus": 100000000, "Memory": 2 << 30}, 2048, 512),
    ({"StorageOpt": {"size": "2G"}}, 1024, 2048), ({"StorageOpt": {"size": "1"}}, 1024, 512)])
def test_memory_and_storage_of_the_function(api, docker, host, memory, storage):
    import boto3
    cid = api.create("sized", HostConfig=host)
    secret = (docker.state / "lambda.secret").read_text().strip()
    client = boto3.client("lambda", endpoint_url="http://127.0.0.1:%d" % (docker.port + 3), region_name="us-east-1",
                          aws_access_key_id="AKIASOCKERLESSLOCAL0", aws_secret_access_key=secret)
    f = client.get_function_configuration(FunctionName="skls-" + cid[:12])
    assert (f["MemorySize"], f["EphemeralStorage"]["Size"]) == (memory, storage)


REFUSED = [
    ({"Privileged": True}, "Privileged"), ({"Devices": [{"PathOnHost": "/dev/x"}]}, "Devices"), ({"PidMode": "host"}, "PidMode"),
    ({"IpcMode": "host"}, "IpcMode"), ({"UTSMode": "host"}, "UTSMode"), ({"UsernsMode": "host"}, "UsernsMode"), ({"NetworkMode": "host"}, "NetworkMode"),
    ({"NetworkMode": "container:x"}, "NetworkMode"), ({"Binds": ["/etc:/x"]}, "bind mounts"), ({"Binds": ["/var/run/docker.sock:/var/run/docker.sock"]}, "bind mounts"),
    ({"Mounts": [{"Type": "bind", "Source": "/a", "Target": "/b"}]}, "bind mounts"), ({"VolumesFrom": ["x"]}, "VolumesFrom"), ({"Links": ["x:y"]}, "Links"),
    ({"DeviceRequests": [{"Count": -1}]}, "DeviceRequests"), ({"Runtime": "kata"}, "Runtime"), ({"Memory": 11 << 30}, "10240 MB"),
    ({"NanoCpus": 7000000000}, ""), ({"StorageOpt": {"size": "11G"}}, "10240 MB")]


@pytest.mark.parametrize("host, word", REFUSED, ids=lambda x: str(x)[:40])
def test_refused(api, host, word):
    reply = api.post("/containers/create", {"Image": "busybox", "Cmd": ["true"], "HostConfig": host})
    assert reply.status == 400 and "not supported" in reply.message and word in reply.message, reply.raw


# What clients send with nearly every run warns of nothing.
@pytest.mark.parametrize("config", [
    {}, {"HostConfig": {}}, {"User": "root"}, {"WorkingDir": "/tmp"}, {"Tty": True, "OpenStdin": True}, {"Labels": {"a": "b"}}, {"Hostname": "h"},
    {"HostConfig": {"AutoRemove": True, "Init": True, "NetworkMode": "default", "RestartPolicy": {"Name": "no"}, "CapDrop": ["ALL"],
                    "LogConfig": {"Type": "", "Config": {}}, "MemorySwappiness": -1, "ConsoleSize": [24, 80], "OomKillDisable": False,
                    "BlkioWeightDevice": [], "PidsLimit": 0, "Memory": 64 << 20, "CgroupnsMode": "", "IpcMode": "", "ReadonlyRootfs": True}}])
def test_no_warning(api, config):
    reply = api.post("/containers/create?name=quiet", {"Image": "busybox", "Cmd": ["true"], **config})
    assert (reply.status, reply.json["Warnings"]) == (201, []), reply.raw


def test_user_named_in_the_request_warns(api):
    reply = api.post("/containers/create?name=user", {"Image": "busybox", "Cmd": ["true"], "User": "1000"})
    assert reply.status == 201 and any("User" in w for w in reply.json["Warnings"]), reply.raw
    assert api.get("/containers/user/json").json["Config"]["User"] == "1000"


def test_generated_names(api):
    names = set()
    for _ in range(5):
        cid = api.post("/containers/create", {"Image": "busybox", "Cmd": ["true"]}).json["Id"]
        names.add(api.get("/containers/%s/json" % cid).json["Name"])
    assert len(names) == 5 and all(len(n[1:].split("_")) == 2 and n[1:].replace("_", "").isalpha() and n.islower() for n in names), names


@pytest.mark.parametrize("entrypoint, cmd, expected", [
    (None, ["echo", "1"], ["echo", "1"]), (["echo"], ["1"], ["echo", "1"]), ("echo", None, ["echo"]), ([""], ["echo", "1"], ["echo", "1"]), ([], ["echo"], ["echo"])])
def test_command(api, entrypoint, cmd, expected):
    assert api.post("/containers/create?name=merged", {"Image": "busybox", "Entrypoint": entrypoint, "Cmd": cmd}).status == 201
    c = api.get("/containers/merged/json").json
    assert [c["Path"], *c["Args"]] == expected, json.dumps(c["Config"])
