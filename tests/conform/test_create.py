"""What create is given, inspect gives back: field for field, also after a start and after a restart of everything."""
import json
import re
import subprocess

import pytest

from fields import check
from support.places import TOP
from support.registry import make_tar
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
# What can't be asked for together with the above.
OTHER_CONFIG = {
    "AttachStdin": True, "Tty": True, "ArgsEscaped": True, "NetworkDisabled": True, "MacAddress": "02:42:ac:11:00:05", "OnBuild": ["RUN true"],
    "Shell": ["/bin/sh", "-c"], "Cmd": ["sleep", "300"], "Image": "busybox:latest",
    "Healthcheck": {"Test": ["CMD", "true"], "StartPeriod": 5000000000, "StartInterval": 1000000000},
}
OTHER_HOST = {
    "ContainerIDFile": "/tmp/cid", "NetworkMode": "keptnet", "PublishAllPorts": True, "BlkioWeightDevice": [{"Path": "/dev/sda", "Weight": 100}],
    "BlkioDeviceReadBps": [{"Path": "/dev/sda", "Rate": 1024}], "BlkioDeviceWriteBps": [{"Path": "/dev/sda", "Rate": 1024}],
    "BlkioDeviceReadIOps": [{"Path": "/dev/sda", "Rate": 10}], "BlkioDeviceWriteIOps": [{"Path": "/dev/sda", "Rate": 10}], "CpuPeriod": 50000,
    "CpuQuota": 75000, "CpuRealtimePeriod": 1000000, "CpuRealtimeRuntime": 950000, "CpusetMems": "0", "KernelMemory": 64 << 20, "KernelMemoryTCP": 64 << 20,
    "MemorySwappiness": 60, "OomKillDisable": True, "CpuCount": 1, "CpuPercent": 50, "MaskedPaths": ["/proc/kcore"], "ReadonlyPaths": [],
    "LogConfig": {"Type": "none", "Config": {}}, "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}, "Memory": 64 << 20, "MemorySwap": -1,
    "Mounts": [{"Type": "volume", "Source": "kept3", "Target": "/tmp/v", "ReadOnly": True, "VolumeOptions": {"NoCopy": True, "Labels": {"a": "b"}}}],
}
ENDPOINTS = {
    "whole": {"bridge": {"Aliases": ["al"]}},
    "other": {"keptnet": {"IPAMConfig": {"IPv4Address": "172.30.0.5", "LinkLocalIPs": ["169.254.9.9"]}, "Aliases": ["db"], "MacAddress": "02:42:ac:1e:00:05",
                          "DriverOpts": {"a": "b"}}},
}
BODIES = {"whole": (CONFIG, HOST), "other": (OTHER_CONFIG, OTHER_HOST)}
CHANGES = ("State", "RestartCount", "ExecIDs", "NetworkSettings", "SizeRw")


def test_no_field_is_forgotten():
    """Those that the table of fields keeps, and that hold something; dockerd on Linux refuses the last two."""
    rows = re.findall(r"FIELD\((\w+), (\w+), .*?(KEEP|WARN|OWN|REFUSE),", (TOP / "fcgi/create_fields.def").read_text())
    assert len(rows) > 90
    for place, name, policy in rows:
        held = [part[place == "HOST"].get(name) for part in BODIES.values()]
        assert policy == "REFUSE" or name in ("AutoRemove", "IOMaximumIOps", "IOMaximumBandwidth") or any(v is not None for v in held), name


def same(reply, first):
    check(reply.json, "container")
    for key, value in first.items():
        if key not in CHANGES:
            assert reply.json[key] == value, key
    for name, endpoint in first["NetworkSettings"]["Networks"].items():
        for key in ("IPAMConfig", "Links", "Aliases", "DriverOpts"):
            assert reply.json["NetworkSettings"]["Networks"][name][key] == endpoint[key], (name, key)


def made(stage, name):
    config, host = BODIES[name]
    reply = stage.post("/containers/create?name=" + name, {**config, "HostConfig": host, "NetworkingConfig": {"EndpointsConfig": ENDPOINTS[name]}})
    assert reply.status == 201, reply.raw
    check(reply.json, "created")
    first = stage.get("/containers/%s/json" % name).json
    check(first, "container")
    for key, value in config.items():
        if key == "Env":
            assert first["Config"][key][:len(value)] == value
        else:
            assert first["Config"][key] == value, key
    for key, value in host.items():
        assert first["HostConfig"][key] == value, key
    for network, endpoint in ENDPOINTS[name].items():
        shown = first["NetworkSettings"]["Networks"][network]
        # The address would be the one in use: Lambda gives none.
        assert shown["MacAddress"] == ""
        for key, value in endpoint.items():
            if key != "MacAddress":
                assert (shown[key][:len(value)] if key == "Aliases" else shown[key]) == value, key
    return first


def answers(stage):
    try:
        return stage.get("/containers/json").status == 200
    except OSError:
        return False


def restart_everything(stage, system):
    for service in ("api", "control", "bulk", "gateway", "reconciler", "nginx"):
        pid = system.service_pid(service)
        assert subprocess.run(["sv", "-w", "20", "restart", str(system.run / "services" / service)]).returncode == 0
        assert system.service_pid(service) != pid
    wait_until(lambda: answers(stage), 20, "the API")


def test_all_is_kept(stage, system):
    assert stage.post("/networks/create", {"Name": "keptnet", "IPAM": {"Config": [{"Subnet": "172.30.0.0/16"}]}}).status == 201
    first = {name: made(stage, name) for name in BODIES}
    whole = first["whole"]
    assert (whole["Path"], whole["Args"]) == ("sh", CONFIG["Cmd"])
    mounts = {m["Destination"]: (m["Type"], m.get("Name"), m["RW"]) for m in whole["Mounts"]}
    assert mounts.pop("/tmp/anon")[0] == "volume"
    assert mounts == {"/tmp/data": ("volume", "kept1", False), "/tmp/m": ("volume", "kept2", True), "/tmp/mt": ("tmpfs", None, True)}
    for name in BODIES:
        assert stage.post("/containers/%s/start" % name).status == 204
        same(stage.get("/containers/%s/json" % name), first[name])
    for name in BODIES:
        assert stage.post("/containers/%s/kill" % name).status == 204
        wait_until(lambda: not stage.get("/containers/%s/json" % name).json["State"]["Running"], 20, "the end of the run")
    restart_everything(stage, system)
    for name in BODIES:
        same(stage.get("/containers/%s/json" % name), first[name])


# (what HostConfig asks, MemorySize in MB, /tmp in MB)
@pytest.mark.parametrize("host, memory, storage", [
    ({}, 1024, 512), ({"Memory": 6 << 20}, 128, 512), ({"Memory": 200 << 20}, 200, 512), ({"Memory": (200 << 20) + 1}, 201, 512),
    ({"NanoCpus": 1000000000}, 1769, 512), ({"NanoCpus": 2000000000, "Memory": 256 << 20}, 3538, 512), ({"NanoCpus": 100000000, "Memory": 2 << 30}, 2048, 512),
    ({"CpuQuota": 150000}, 2654, 512), ({"CpuQuota": 50000, "CpuPeriod": 25000}, 3538, 512), ({"CpuQuota": 10000, "Memory": 300 << 20}, 300, 512),
    ({"CpuPeriod": 50000}, 1024, 512), ({"CpuQuota": -1}, 1024, 512), ({"StorageOpt": {"size": "2G"}}, 1024, 2048), ({"StorageOpt": {"size": "1"}}, 1024, 512)])
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
    ({"NanoCpus": 7000000000}, "NanoCpus"), ({"CpuQuota": 700000}, "CpuQuota"), ({"Cgroup": "x"}, "Cgroup"), ({"DeviceCgroupRules": ["c 1:1 r"]}, "DeviceCgroupRules"),
    ({"Isolation": "hyperv"}, "Isolation"), ({"VolumeDriver": "nfs"}, "VolumeDriver"), ({"PidMode": "container:x"}, "PidMode"), ({"StorageOpt": {"size": "11G"}}, "10240 MB")]


@pytest.mark.parametrize("host, word", REFUSED, ids=lambda x: str(x)[:40])
def test_refused(api, host, word):
    reply = api.post("/containers/create", {"Image": "busybox", "Cmd": ["true"], "HostConfig": host})
    assert reply.status == 400 and "not supported" in reply.message and word in reply.message, reply.raw


def test_update_of_cpus(api, docker):
    """In one way alone, as with create; the function's memory follows while nothing runs."""
    api.create("cpus", HostConfig={"CpuQuota": 50000})
    assert docker.memory_sizes() == [885]
    assert api.post("/containers/cpus/update", {"CpuQuota": 200000}).status == 200
    assert docker.memory_sizes() == [3538] and api.get("/containers/cpus/json").json["HostConfig"]["CpuQuota"] == 200000
    reply = api.post("/containers/cpus/update", {"NanoCpus": 1000000000})
    assert (reply.status, reply.message) == (409, "Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set")
    api.create("swap", HostConfig={"Memory": 64 << 20})
    assert api.post("/containers/swap/update", {"MemorySwap": 256 << 20}).status == 200
    # The docker CLI sends every member, and what has no effect is told.
    for swap in (256 << 20, 20 << 30):
        reply = api.post("/containers/swap/update", {"CpuShares": 0, "Memory": 0, "NanoCpus": 0, "MemorySwap": swap, "RestartPolicy": {"Name": ""}})
        assert reply.status == 200 and "MemorySwap" in "".join(reply.json["Warnings"]), reply.raw
        host = api.get("/containers/swap/json").json["HostConfig"]
        assert (host["Memory"], host["MemorySwap"]) == (64 << 20, swap)
    api.create("nano", HostConfig={"NanoCpus": 1000000000})
    for member, name in (("CpuPeriod", "CPU Period"), ("CpuQuota", "CPU Quota")):
        reply = api.post("/containers/nano/update", {member: 100000})
        assert (reply.status, reply.message) == (409, "Conflicting options: %s cannot be updated as NanoCPUs has already been set" % name)


# What dockerd itself refuses, in its words.
@pytest.mark.parametrize("host, text", [
    ({"Memory": 1024}, "Minimum memory limit allowed is 6MB"),
    ({"Memory": 64 << 20, "MemorySwap": 32 << 20}, "Minimum memoryswap limit should be larger than memory limit, see usage"),
    ({"MemorySwap": 64 << 20}, "You should always set the Memory limit when using Memoryswap limit, see usage"),
    ({"MemorySwappiness": 101}, "Invalid value: 101, valid memory swappiness range is 0-100"),
    ({"MemoryReservation": 1024}, "Minimum memory reservation allowed is 6MB"),
    ({"Memory": 64 << 20, "MemoryReservation": 65 << 20}, "Minimum memory limit can not be less than memory reservation limit, see usage"),
    ({"NanoCpus": 1000000000, "CpuPeriod": 100000}, "Conflicting options: Nano CPUs and CPU Period cannot both be set"),
    ({"NanoCpus": 1000000000, "CpuQuota": 100000}, "Conflicting options: Nano CPUs and CPU Quota cannot both be set"),
    ({"NanoCpus": -1}, "range of CPUs is from 0.01 to 5.00, as there are only 5 CPUs available"),
    ({"CpuPeriod": 999}, "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)"),
    ({"CpuPeriod": 1000001}, "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)"),
    ({"CpuQuota": 999}, "CPU cfs quota can not be less than 1ms (i.e. 1000)"),
    ({"BlkioWeight": 9}, "Range of blkio weight is from 10 to 1000"),
    ({"IOMaximumIOps": 1}, "Invalid QoS settings: Linux does not support Maximum IO Bandwidth or Maximum IO IOps"),
    ({"OomScoreAdj": 1001}, "Invalid value 1001, range for oom score adj is [-1000, 1000]"),
    ({"ShmSize": -1}, "SHM size can not be less than 0"),
    ({"CapAdd": ["net_admin", "FOO"]}, 'invalid CapAdd: unknown capability: "CAP_FOO"'),
    ({"CapDrop": ["cap_bar"]}, 'invalid CapDrop: unknown capability: "CAP_BAR"'),
    ({"RestartPolicy": {"Name": "foo"}}, "invalid restart policy 'foo'"),
    ({"RestartPolicy": {"Name": "always", "MaximumRetryCount": 1}}, "maximum retry count cannot be used with restart policy 'always'"),
    ({"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": -1}}, "maximum retry count cannot be negative"),
    ({"RestartPolicy": {"Name": "always"}, "AutoRemove": True}, "can't create 'AutoRemove' container with restart policy"),
    ({"ExtraHosts": ["foo"]}, 'bad format for add-host: "foo"'),
    ({"PortBindings": {"80/tcp": [{"HostPort": "x"}]}}, 'invalid port specification: "x"'),
    ({"LogConfig": {"Type": "foo"}}, "logger: no log driver named 'foo' is registered"),
], ids=lambda x: str(x)[:50])
def test_dockerd_refuses(api, host, text):
    reply = api.post("/containers/create", {"Image": "busybox", "Cmd": ["true"], "HostConfig": host})
    assert (reply.status, reply.message) == (400, text)


@pytest.mark.parametrize("config, text", [
    ({"StopSignal": "FOO"}, "invalid signal: FOO"), ({"StopSignal": "99"}, "invalid signal: 99"),
    ({"WorkingDir": "rel"}, "the working directory 'rel' is invalid, it needs to be an absolute path"),
    ({"Env": ["=x"]}, "invalid environment variable: =x"), ({"Env": [""]}, "invalid environment variable: "),
    ({"Healthcheck": {"Test": ["CMD", "x"], "Interval": 1000}}, "Interval in Healthcheck cannot be less than 1ms"),
    ({"Healthcheck": {"Test": ["CMD", "x"], "Retries": -1}}, "Retries in Healthcheck cannot be negative"),
], ids=lambda x: str(x)[:50])
def test_dockerd_refuses_of_the_config(api, config, text):
    reply = api.post("/containers/create", {"Image": "busybox", "Cmd": ["true"], **config})
    assert (reply.status, reply.message) == (400, text)


# Warned about, in the order of the fields; each says why.
@pytest.mark.parametrize("config, words", [
    ({"Domainname": "d"}, ["Domainname"]), ({"User": "nobody:nogroup"}, ["User"]), ({"NetworkDisabled": True}, ["NetworkDisabled"]),
    ({"MacAddress": "02:42:ac:11:00:05"}, ["MacAddress"]),
    ({"HostConfig": {"CpuShares": 512, "CpusetCpus": "0", "BlkioWeight": 100}}, ["CpuShares", "BlkioWeight", "CpusetCpus"]),
    ({"HostConfig": {"CapAdd": ["ALL"]}}, ["CapAdd"]), ({"HostConfig": {"Dns": ["1.1.1.1"]}}, ["Dns"]), ({"HostConfig": {"Sysctls": {"a": "b"}}}, ["Sysctls"]),
    ({"HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "80"}]}}}, ["PortBindings"]), ({"HostConfig": {"Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 1}]}}, ["Ulimits"]),
    ({"HostConfig": {"PidsLimit": 10, "OomKillDisable": True}}, ["OomKillDisable", "PidsLimit"]), ({"HostConfig": {"NetworkMode": "none"}}, ["NetworkMode"]),
    ({"HostConfig": {"CpuQuota": 50000, "CpuPeriod": 100000}}, []), ({"StopTimeout": 1, "OnBuild": ["RUN x"]}, []),
], ids=lambda x: str(x)[:50])
def test_warned_about(api, config, words):
    reply = api.post("/containers/create?name=warned", {"Image": "busybox", "Cmd": ["true"], **config})
    assert (reply.status, [w.split()[0] for w in reply.json["Warnings"]]) == (201, words), reply.raw


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


@pytest.mark.parametrize("body, kind, status, message", [
    (b'{"Image":"busybox"}', "text/plain", 400, "unsupported Content-Type header (text/plain): must be 'application/json'"),
    (b'{"Image":"busybox"} {"x":1}', "application/json", 400, "unexpected content after JSON"),
    (b'{"Image":', "application/json", 400, "invalid JSON: unexpected EOF"),
    (b"", "application/json", 400, "invalid JSON: got EOF while reading request body"),
    (b'{"Image":"busybox","HostConfig":{"Binds":["/a:b:c:d"]}}', "application/json", 500, "invalid volume specification: '/a:b:c:d'"),
    (b'{"Image":"busybox","HostConfig":{"Binds":["x:relative"]}}', "application/json", 500,
     "invalid volume specification: 'x:relative': invalid mount config for type \"volume\": invalid mount path: 'relative' mount path must be absolute"),
    (b'{"Image":"busybox","HostConfig":{"Binds":["x:/x:odd"]}}', "application/json", 500, "invalid mode: odd")])
def test_bodies(api, body, kind, status, message):
    reply = api.post("/containers/create", body, headers={"Content-Type": kind})
    assert (reply.status, reply.json) == (status, {"message": message}), reply.raw


def test_no_command(api):
    assert api.post("/images/create?fromSrc=-&repo=silent&tag=1", make_tar({"a": b"b"}), headers={"Content-Type": "application/x-tar"}).status == 200
    reply = api.post("/containers/create", {"Image": "silent:1"})
    assert (reply.status, reply.json) == (400, {"message": "No command specified"})
    assert api.delete("/images/silent:1").status == 200


def test_network_that_is_not_there(api):
    made = api.post("/containers/create?name=netless", {"Image": "busybox", "Cmd": ["true"], "HostConfig": {"NetworkMode": "nosuchnet"}})
    check(made.json, "created")
    reply = api.post("/containers/netless/start")
    assert (made.status, reply.status, reply.json) == (201, 404, {"message": "network nosuchnet not found"})
    assert api.get("/containers/netless/json").json["State"]["Status"] == "created"
    assert api.post("/containers/create", {"Image": "busybox", "Cmd": ["true"], "ExposedPorts": {"xx/tcp": {}}}).status == 201
