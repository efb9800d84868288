"""What the API's description says of replies: required members, their types and formats.

A shape is a dict of member -> type. Types: s string, i integer, n number, b
boolean, t time (RFC 3339), id 64 hex digits, image "sha256:" and 64 hex
digits, o any object, set an object of empty objects; [x] a list of x, {x} an
object of x; a shape's name; a trailing ? allows null, a member's leading ~
allows it to be absent.
"""
import re

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$")
HEX = re.compile(r"^[0-9a-f]{64}$")
IMAGE = re.compile(r"^sha256:[0-9a-f]{64}$")

ENDPOINT = dict(IPAMConfig="o?", Links="[s]?", Aliases="[s]?", NetworkID="s", EndpointID="s", Gateway="s", IPAddress="s", IPPrefixLen="i",
                IPv6Gateway="s", GlobalIPv6Address="s", GlobalIPv6PrefixLen="i", MacAddress="s", DriverOpts="{s}?", **{"~DNSNames": "[s]?"})
SHAPES = {
    "error": dict(message="s"),
    "endpoint": ENDPOINT,
    "version": dict(Platform="o", Components="[component]", Version="s", ApiVersion="s", MinAPIVersion="s", GitCommit="s", GoVersion="s", Os="s",
                    Arch="s", KernelVersion="s", BuildTime="s"),
    "component": dict(Name="s", Version="s", **{"~Details": "{s}"}),
    "commit": dict(ID="s", **{"~Expected": "s"}),
    "info": dict(
        ID="s", Containers="i", ContainersRunning="i", ContainersPaused="i", ContainersStopped="i", Images="i", Driver="s", DriverStatus="[[s]]",
        Plugins="o", MemoryLimit="b", SwapLimit="b", CpuCfsPeriod="b", CpuCfsQuota="b", CPUShares="b", CPUSet="b", PidsLimit="b",
        IPv4Forwarding="b", BridgeNfIptables="b", BridgeNfIp6tables="b", Debug="b", NFd="i", OomKillDisable="b", NGoroutines="i", SystemTime="t",
        LoggingDriver="s", CgroupDriver="s", CgroupVersion="s", NEventsListener="i", KernelVersion="s", OperatingSystem="s", OSVersion="s",
        OSType="s", Architecture="s", IndexServerAddress="s", RegistryConfig="o", NCPU="i", MemTotal="i", GenericResources="[o]?",
        DockerRootDir="s", HttpProxy="s", HttpsProxy="s", NoProxy="s", Name="s", Labels="[s]", ExperimentalBuild="b", ServerVersion="s",
        Runtimes="{o}", DefaultRuntime="s", Swarm="o", LiveRestoreEnabled="b", Isolation="s", InitBinary="s", ContainerdCommit="commit",
        RuncCommit="commit", InitCommit="commit", SecurityOptions="[s]", Warnings="[s]?", **{"~CDISpecDirs": "[s]"}),
    "created": dict(Id="id", Warnings="[s]"),
    "port": dict(PrivatePort="i", Type="s", **{"~IP": "s", "~PublicPort": "i"}),
    "mount": dict(Type="s", Source="s", Destination="s", Mode="s", RW="b", Propagation="s", **{"~Name": "s", "~Driver": "s"}),
    "summary": dict(Id="id", Names="[s]", Image="s", ImageID="image", Command="s", Created="i", Ports="[port]", Labels="{s}", State="s", Status="s",
                    HostConfig="o", NetworkSettings="networks", Mounts="[mount]", **{"~SizeRw": "i", "~SizeRootFs": "i"}),
    "networks": dict(Networks="{endpoint}"),
    "state": dict(Status="s", Running="b", Paused="b", Restarting="b", OOMKilled="b", Dead="b", Pid="i", ExitCode="i", Error="s", StartedAt="t",
                  FinishedAt="t", **{"~Health": "health"}),
    "health": dict(Status="s", FailingStreak="i", Log="[probe]?"),
    "probe": dict(Start="t", End="t", ExitCode="i", Output="s"),
    "container": dict(
        Id="id", Created="t", Path="s", Args="[s]", State="state", Image="image", ResolvConfPath="s", HostnamePath="s", HostsPath="s", LogPath="s",
        Name="s", RestartCount="i", Driver="s", Platform="s", MountLabel="s", ProcessLabel="s", AppArmorProfile="s", ExecIDs="[id]?",
        HostConfig="host", GraphDriver="o", Mounts="[mount]", Config="config", NetworkSettings="settings", **{"~SizeRw": "i", "~SizeRootFs": "i"}),
    "config": dict(
        Hostname="s", Domainname="s", User="s", AttachStdin="b", AttachStdout="b", AttachStderr="b", Tty="b", OpenStdin="b", StdinOnce="b",
        Env="[s]?", Cmd="[s]?", Image="s", Volumes="set?", WorkingDir="s", Entrypoint="[s]?", OnBuild="[s]?", Labels="{s}?",
        **{"~ExposedPorts": "set", "~Healthcheck": "o", "~StopSignal": "s", "~StopTimeout": "i", "~Shell": "[s]"}),
    "host": dict(
        Binds="[s]?", ContainerIDFile="s", LogConfig="log", NetworkMode="s", PortBindings="o?", RestartPolicy="restart", AutoRemove="b",
        VolumeDriver="s", VolumesFrom="[s]?", ConsoleSize="[i]", CapAdd="[s]?", CapDrop="[s]?", CgroupnsMode="s", Dns="[s]?", DnsOptions="[s]?",
        DnsSearch="[s]?", ExtraHosts="[s]?", GroupAdd="[s]?", IpcMode="s", Cgroup="s", Links="[s]?", OomScoreAdj="i", PidMode="s", Privileged="b",
        PublishAllPorts="b", ReadonlyRootfs="b", SecurityOpt="[s]?", UTSMode="s", UsernsMode="s", ShmSize="i", Isolation="s", CpuShares="i",
        Memory="i", NanoCpus="i", CgroupParent="s", BlkioWeight="i", BlkioWeightDevice="[o]?", BlkioDeviceReadBps="[o]?",
        BlkioDeviceWriteBps="[o]?", BlkioDeviceReadIOps="[o]?", BlkioDeviceWriteIOps="[o]?", CpuPeriod="i", CpuQuota="i", CpuRealtimePeriod="i",
        CpuRealtimeRuntime="i", CpusetCpus="s", CpusetMems="s", Devices="[o]?", DeviceCgroupRules="[s]?", DeviceRequests="[o]?",
        MemoryReservation="i", MemorySwap="i", MemorySwappiness="i?", OomKillDisable="b?", PidsLimit="i?", Ulimits="[o]?", CpuCount="i",
        CpuPercent="i", IOMaximumIOps="i", IOMaximumBandwidth="i", MaskedPaths="[s]?", ReadonlyPaths="[s]?", **{"~Runtime": "s"}),
    "log": dict(Type="s", Config="{s}"),
    "restart": dict(Name="s", MaximumRetryCount="i"),
    "settings": dict(
        Bridge="s", SandboxID="s", HairpinMode="b", LinkLocalIPv6Address="s", LinkLocalIPv6PrefixLen="i", Ports="o", SandboxKey="s",
        SecondaryIPAddresses="[o]?", SecondaryIPv6Addresses="[o]?", EndpointID="s", Gateway="s", GlobalIPv6Address="s", GlobalIPv6PrefixLen="i",
        IPAddress="s", IPPrefixLen="i", IPv6Gateway="s", MacAddress="s", Networks="{endpoint}"),
    "waited": dict(StatusCode="i", **{"~Error": "o?"}),
    "top": dict(Titles="[s]", Processes="[[s]]"),
    "exec created": dict(Id="id"),
    "exec": dict(ID="id", Running="b", ExitCode="i?", ProcessConfig="process", OpenStdin="b", OpenStderr="b", OpenStdout="b", CanRemove="b",
                 ContainerID="id", DetachKeys="s", Pid="i"),
    "process": dict(tty="b", entrypoint="s", arguments="[s]", **{"~privileged": "b", "~user": "s"}),
    "network created": dict(Id="id", Warning="s"),
    "network": dict(Name="s", Id="id", Created="t", Scope="s", Driver="s", EnableIPv6="b", IPAM="ipam", Internal="b", Attachable="b", Ingress="b",
                    ConfigFrom="o", ConfigOnly="b", Containers="{member}", Options="{s}?", Labels="{s}?", **{"~EnableIPv4": "b"}),
    "ipam": dict(Driver="s", Options="{s}?", Config="[pool]?"),
    "pool": {"~Subnet": "s", "~Gateway": "s", "~IPRange": "s", "~AuxiliaryAddresses": "{s}"},
    "member": dict(Name="s", EndpointID="s", MacAddress="s", IPv4Address="s", IPv6Address="s"),
    "networks pruned": dict(NetworksDeleted="[s]?"),
    "volume": dict(CreatedAt="t", Driver="s", Labels="{s}?", Mountpoint="s", Name="s", Options="{s}?", Scope="s", **{"~UsageData": "usage"}),
    "usage": dict(Size="i", RefCount="i"),
    "volumes": dict(Volumes="[volume]", Warnings="[s]?"),
    "volumes pruned": dict(VolumesDeleted="[s]?", SpaceReclaimed="i"),
    "containers pruned": dict(ContainersDeleted="[id]?", SpaceReclaimed="i"),
    "image": dict(Id="image", ParentId="s", RepoTags="[s]?", RepoDigests="[s]?", Created="i", Size="i", SharedSize="i", Labels="{s}?",
                  Containers="i", **{"~VirtualSize": "i", "~Manifests": "[manifest]"}),
    "manifest": dict(ID="image", Descriptor="descriptor", Available="b", Size="manifest size", Kind="s", ImageData="manifest data"),
    "descriptor": dict(mediaType="s", digest="image", size="i"),
    "manifest size": dict(Total="i", Content="i"),
    "manifest data": dict(Platform="o", Containers="[id]", Size="unpacked size"),
    "unpacked size": dict(Unpacked="i"),
    "image inspected": dict(
        Id="image", RepoTags="[s]", RepoDigests="[s]", Parent="s", Comment="s", Created="t", Container="s", ContainerConfig="config", DockerVersion="s",
        Author="s", Config="config", Architecture="s", Os="s", Size="i", VirtualSize="i", GraphDriver="o", RootFS="o", Metadata="o", **{"~Variant": "s"}),
    "step": dict(Comment="s", Created="i", CreatedBy="s", Id="s", Size="i", Tags="[s]?"),
    "imported": dict(status="image"),
    "committed": dict(Id="image"),
    "df": dict(LayersSize="i", Images="[image]?", Containers="[summary]?", Volumes="[volume]?", BuildCache="[o]?", **{"~BuilderSize": "i"}),
    "event": dict(Type="s", Action="s", Actor="actor", scope="s", time="i", timeNano="i", **{"~status": "s", "~id": "s", "~from": "s"}),
    "actor": dict(ID="s", Attributes="{s}"),
    "change": dict(Path="s", Kind="i"),
    "removed": {"~Untagged": "s", "~Deleted": "image"},
    "updated": dict(Warnings="[s]?"),
    "stats": dict(read="t", preread="t", pids_stats="o", blkio_stats="o", num_procs="i", storage_stats="o", cpu_stats="cpu", precpu_stats="cpu",
                  memory_stats="o", **{"~name": "s", "~id": "id", "~networks": "{o}"}),
    "cpu": dict(cpu_usage="o", throttling_data="o", **{"~system_cpu_usage": "i", "~online_cpus": "i"}),
}

PLAIN = {
    "s": lambda v: isinstance(v, str),
    "i": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "n": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "b": lambda v: isinstance(v, bool),
    "t": lambda v: isinstance(v, str) and TIME.match(v),
    "id": lambda v: isinstance(v, str) and HEX.match(v),
    "image": lambda v: isinstance(v, str) and IMAGE.match(v),
    "o": lambda v: isinstance(v, dict),
    "set": lambda v: isinstance(v, dict) and all(x == {} for x in v.values()),
}


def members_wrong(value, shape, place):
    if not isinstance(value, dict):
        return ["%s is no object but %r" % (place, value)]
    wrong = []
    for key, kind in SHAPES[shape].items():
        name = key.lstrip("~")
        if name in value:
            wrong += what_is_wrong(value[name], kind, place + "." + name)
        elif key == name:
            wrong.append("%s.%s is missing" % (place, name))
    return wrong


def what_is_wrong(value, kind, place="body"):
    """A list of complaints."""
    if kind.endswith("?"):
        return [] if value is None else what_is_wrong(value, kind[:-1], place)
    if kind[0] in "[{":
        if not isinstance(value, list if kind[0] == "[" else dict):
            return ["%s should be %s and is %r" % (place, kind, value)]
        items = enumerate(value) if kind[0] == "[" else value.items()
        return [w for k, v in items for w in what_is_wrong(v, kind[1:-1], "%s[%s]" % (place, k))]
    if kind in PLAIN and not (kind == "image" and isinstance(value, dict)):
        return [] if PLAIN[kind](value) else ["%s should be %s and is %r" % (place, kind, value)]
    return members_wrong(value, kind, place)


def check(value, kind):
    wrong = what_is_wrong(value, kind)
    assert not wrong, "\n".join(wrong)
