"""What is told of each action: all events of it, in dockerd's order and with its attributes (of dockerd 24 to 27, see
../shared/golden for those of containers). What isn't always the same is named: $box, $image, $exec, $bridge, $n."""
import json
import re
import shlex
import subprocess
import time
from urllib.parse import urlencode

import pytest

from conftest import wait_until
from raw_api import Api
from support.waiting import receive_until

# One probe soon; the next one comes long after the test.
HEALTH = ("--health-cmd", "true", "--health-start-period", "10m", "--health-start-interval", "1s", "--health-interval", "10m")


def box(action, *more):
    return "container %s $box %s" % (action, " ".join(sorted((*more, "image=busybox", "name=box"))))


def exec_of(command):
    return [box("%s: %s" % (action, command), "execID=$exec") for action in ("exec_create", "exec_start")]


def exec_end(code):
    return box("exec_die", "execID=$exec", "exitCode=%d" % code)


DOWN = "network disconnect $bridge container=$box name=bridge type=bridge"


def end(code, *between):
    """The network comes first, volumes next, then `die`."""
    return [DOWN, *between, box("die", "execDuration=$n", "exitCode=%d" % code)]


def killed(signal):
    return box("kill", "signal=%d" % signal)


class Watch:
    """A follower of all events from now on."""
    def __init__(self, docker, **filters):
        query = "?filters=" + json.dumps({k: [v] for k, v in filters.items()}).replace(" ", "").replace('"', "%22") if filters else ""
        self.docker = docker
        self.socket = Api(docker).send("GET", "/events" + query)
        self.text = receive_until(self.socket, b"\r\n\r\n")

    def until(self, text):
        """All of them up to one that holds the text, and with it."""
        self.text = receive_until(self.socket, text.encode(), self.text)
        self.socket.close()
        return [json.loads(line) for line in self.text.split(b"\n") if line.startswith(b'{"')]


def line(docker, names, e):
    attributes = dict(e["Actor"]["Attributes"])
    check_form(e)
    if "execDuration" in attributes:
        attributes["execDuration"] = re.sub(r"^\d+$", "$n", attributes["execDuration"])
    if "reclaimed" in attributes:
        attributes["reclaimed"] = re.sub(r"^\d+$", "$n", attributes["reclaimed"])
    text = " ".join([e["Type"], e["Action"], e["Actor"]["ID"], *("%s=%s" % a for a in sorted(attributes.items()))])
    if "execID" in attributes:
        text = text.replace(attributes["execID"], "$exec")
    for id, name in names:
        text = text.replace(id, name)
    return re.sub(r"sha256:[0-9a-f]{64}", "$image", text)


def check_form(e):
    """Members of old clients are those of containers and images alone, and are left out where they are empty."""
    action, id, image = e["Action"], e["Actor"]["ID"], e["Actor"]["Attributes"].get("image")
    wanted = {"Type", "Action", "Actor", "scope", "time", "timeNano"}
    if e["Type"] in ("container", "image"):
        wanted |= {"status"} | ({"id"} if id else set()) | ({"from"} if e["Type"] == "container" and image else set())
    assert set(e) == wanted and e["scope"] == "local" and e["time"] == e["timeNano"] // 10**9
    assert e.get("status", action) == action and e.get("id", id) == id and e.get("from", image) == image
    assert list(e["Actor"]["Attributes"]) == sorted(e["Actor"]["Attributes"])


def told(docker, act):
    watch = Watch(docker)
    names = act() or []
    docker.ok("volume", "create", "the-end")
    events = watch.until("the-end")
    docker.ok("volume", "rm", "the-end")
    ids = {e["Actor"]["ID"] if e["Type"] == "container" else e["Actor"]["Attributes"].get("container", "") for e in events} - {""}
    networks = [(n["ID"], "$" + n["Name"]) for n in map(json.loads, docker.ok("network", "ls", "--no-trunc", "--format", "{{json .}}").split("\n"))]
    names = [*names, *((id, "$box") for id in ids), *networks]
    return [line(docker, names, e) for e in events][:-1]


def hijack(docker, path, keys, body=b""):
    """A terminal's client that types the keys that detach it."""
    s = Api(docker).send("POST", path, body, Connection="Upgrade", Upgrade="tcp", Content_Type="application/json")
    assert b" 101 " in receive_until(s, b"\r\n\r\n")
    s.sendall(keys)
    while s.recv(65536):
        pass
    s.close()


def exec_detached_by_keys(docker):
    id = Api(docker).json("POST", "/containers/box/exec", {"AttachStdin": True, "AttachStdout": True, "Tty": True, "Cmd": ["cat"]}, 201)["Id"]
    hijack(docker, "/exec/%s/start" % id, b"\x10\x11", b'{"Tty":true}')


def attach_detached_by_keys(docker):
    hijack(docker, "/containers/box/attach?stream=1&stdin=1&stdout=1&detachKeys=ctrl-a", b"\x01")
    # Other than with exec the client's end doesn't wait for the event.
    wait_until(lambda: docker.sql("SELECT 1 FROM event WHERE action = 'detach' AND actor_id IN (SELECT id FROM container)"), 20, "the event")


def exited(docker):
    wait_until(lambda: docker.inspect("box")["State"]["Status"] == "exited", 20, "the last end")


def remove_by_id(docker):
    docker.ok("rmi", "-f", docker.inspect("evt:1")["Id"])


def gone(docker):
    wait_until(lambda: not docker.ok("ps", "-aq"), 20, "the container's end")


def healthy(docker):
    docker.ok("run", "-d", "--name", "box", *HEALTH, "busybox", "sleep", "300")
    wait_until(lambda: docker.inspect("box")["State"]["Health"]["Status"] == "healthy", 20, "health")
    docker.ok("pause", "box")


UP = ["network connect $bridge container=$box name=bridge type=bridge", box("start")]

# What is done before, what is done, what is told of it. A string is a command of the docker CLI.
ACTIONS = [
    ("create", [], ["create --name box -l z=1 -l a=b busybox true"], ["container create $box a=b image=busybox name=box z=1"]),
    ("create with volumes", [], ["create --name box -v vol:/a -v /b busybox true"],
     ["volume create vol driver=local", "volume create $anonymous driver=local", box("create")]),
    ("start", ["create --name box busybox sh -c 'exit 3'"], ["start box", "wait box"], [*UP, *end(3)]),
    ("start of what isn't there", ["create --name box busybox /nosuch"], ["!start box"], [UP[0], DOWN]),
    ("run --rm of what isn't there", [], ["!run --rm --name box busybox /nosuch"], [box("create"), box("attach"), UP[0], DOWN, box("destroy")]),
    ("restarts by policy", [], ["run -d --name box --restart on-failure:2 busybox false", exited],
     [box("create"), *UP, *end(1), *UP, *end(1), *UP, *end(1)]),
    ("start with volumes", ["create --name box -v vol:/a:ro -v vol2:/b busybox true"], ["start -a box"],
     [box("attach"), UP[0], "volume mount vol container=$box destination=/a driver=local propagation= read/write=false",
      "volume mount vol2 container=$box destination=/b driver=local propagation= read/write=true", UP[1],
      *end(0, "volume unmount vol container=$box driver=local", "volume unmount vol2 container=$box driver=local")]),
    ("run --rm", [], ["run --rm --name box busybox true"], [box("create"), box("attach"), *UP, *end(0), box("destroy")]),
    ("run -d --rm with a volume", [], ["run -d --rm --name box -v /b busybox true", gone],
     ["volume create $anonymous driver=local", box("create"), UP[0], "volume mount $anonymous container=$box destination=/b driver=local propagation= read/write=true",
      UP[1], *end(0, "volume unmount $anonymous container=$box driver=local"), "volume destroy $anonymous driver=local", box("destroy")]),
    ("stop", ["run -d --name box busybox sleep 300"], ["stop -t 0 box"], [killed(15), killed(9), *end(137), box("stop")]),
    ("stop by a signal", ["run -d --name box --init busybox sleep 300"], ["stop -s INT box"], [killed(2), *end(130), box("stop")]),
    ("restart", ["run -d --name box busybox sleep 300"], ["restart -t 0 box"], [killed(15), killed(9), *end(137), box("stop"), *UP, box("restart")]),
    ("restart of what doesn't run", ["create --name box busybox sleep 300"], ["restart box"], [*UP, box("restart")]),
    ("kill", ["run -d --name box busybox sleep 300"], ["kill box", "wait box"], [killed(9), *end(137)]),
    ("a signal", ["run -d --name box busybox sleep 300"], ["kill -s USR1 box"], [killed(10)]),
    ("kill with an exec", ["run -d --name box busybox sleep 300", "exec -d box sleep 300"], ["kill box", "wait box"],
     [killed(9), exec_end(137), *end(137)]),
    ("rm -f", ["run -d --name box busybox sleep 300"], ["rm -f box"], [killed(9), *end(137), box("destroy")]),
    ("rm -v", ["create --name box -v /b busybox true"], ["rm -v box"], ["volume destroy $anonymous driver=local", box("destroy")]),
    ("pause, unpause", ["run -d --name box busybox sleep 300"], ["pause box", "unpause box"], [box("pause"), box("unpause")]),
    ("rename", ["create --name other busybox true"], ["rename other box"], [box("rename", "oldName=/other")]),
    ("update", ["create --name box busybox true"], ["update --restart always box"], [box("update")]),
    ("top", ["run -d --name box busybox sleep 300"], ["top box", "!top box --forest"], [box("top")]),
    ("exec", ["run -d --name box busybox sleep 300"], ["!exec box sh -c 'exit 2'"],
     [*exec_of("sh -c exit 2"), exec_end(2)]),
    ("exec of what isn't there", ["run -d --name box busybox sleep 300"], ["!exec box /nosuch"],
     exec_of("/nosuch ")),
    ("exec, detached by keys", ["run -d --name box busybox sleep 300"], [exec_detached_by_keys],
     [*exec_of("cat "), box("exec_detach", "execID=$exec")]),
    ("attach, detached by keys", ["run -dit --name box busybox cat"], [attach_detached_by_keys], [box("attach"), box("detach")]),
    ("resize", ["run -dit --name box busybox cat"], [lambda docker: Api(docker).call("POST", "/containers/box/resize?h=20&w=70")],
     ["container resize $box height=20 image=busybox name=box width=70"]),
    ("cp out", ["run -d --name box busybox sleep 300"], ["cp box:/etc/passwd -", "!cp box:/nosuch -"], [box("archive-path")]),
    ("cp out of what doesn't run", ["create --name box busybox true"], ["cp box:/etc/passwd -", "!cp box:/nosuch -"], [box("archive-path")]),
    ("cp in", ["run -d --name box busybox sleep 300"], ["cp /etc/hostname box:/tmp/", "!cp /etc/hostname box:/nosuch/x"], [box("extract-to-dir")]),
    ("cp in before the start", ["create --name box busybox true"], ["cp /etc/hostname box:/tmp/", "!cp /etc/hostname box:/nosuch/x"], [box("extract-to-dir")]),
    ("export", ["create --name box busybox true"], ["export box -o $dir/f.tar"], [box("export")]),
    ("diff", ["run -d --name box busybox sleep 300"], ["diff box"], []),
    ("logs, inspect, ps, stats", ["run -d --name box busybox sleep 300"], ["logs box", "inspect box", "ps", "stats --no-stream box"], []),
    ("commit", ["create --name box busybox true"], ["commit -m why box evt:1", "rmi evt:1"],
     ["image tag $image name=evt:1", "container commit $box comment=why image=busybox imageID=$image imageRef=evt:1 name=box",
      "image untag $image name=$image", "image delete $image name=$image"]),
    ("commit of one that runs", ["run -d --name box busybox sleep 300"], ["commit box", "image prune -f"],
     [box("pause"), "container commit $box comment= image=busybox imageID=$image imageRef= name=box", box("unpause"),
      "image delete $image name=$image", "image prune  reclaimed=$n"]),
    ("health", [], [healthy],
     [box("create"), *UP, *exec_of("/bin/sh -c true"), exec_end(0), box("health_status: healthy"), box("pause")]),
    ("out of memory", [], ["!run --rm --name box -m 128m busybox sh -c 'exec tail /dev/zero'"],
     [box("create"), box("attach"), *UP, box("oom"), *end(137), box("destroy")]),
    ("container prune", ["create --name box busybox true"], ["container prune -f"], [box("destroy"), "container prune  reclaimed=$n"]),
    ("network", [], ["network create --label a=b net", "network rm net"], ["network create $net name=net type=bridge", "network destroy $net name=net type=bridge"]),
    ("network connect", ["run -d --name box busybox sleep 300", "network create net"], ["network connect net box", "network disconnect net box"],
     ["network connect $net container=$box name=net type=bridge", "network disconnect $net container=$box name=net type=bridge"]),
    ("network connect of what doesn't run", ["create --name box busybox true", "network create net"], ["network connect net box", "network disconnect net box"], []),
    ("network prune", ["network create net"], ["network prune -f"], ["network destroy $net name=net type=bridge", "network prune  reclaimed=$n"]),
    ("volume", [], ["volume create vol", "volume create vol", "volume rm vol"], ["volume create vol driver=local", "volume destroy vol driver=local"]),
    ("volume prune", ["volume create vol"], ["volume prune -af"], ["volume destroy vol driver=local", "volume prune  reclaimed=$n"]),
    ("builder prune", [], ["builder prune -af"], ["builder prune  reclaimed=$n"]),
    ("tag, push, rmi, pull, rmi", [], ["tag busybox $host/evt:1", "push $host/evt:1", "rmi $host/evt:1", "pull $host/evt:1", "rmi $host/evt:1"],
     ["image tag $image name=$host/evt:1", "image push $host/evt:1 name=$host/evt", "image untag $image name=$image",
      "image pull $host/evt:1 name=$host/evt", "image untag $image name=$image"]),
    ("pull of what is here", ["tag busybox $host/evt:1", "push $host/evt:1"], ["pull $host/evt:1", "pull -a $host/evt"],
     ["image pull $host/evt:1 name=$host/evt", "image pull $host/evt name=$host/evt"]),
    ("tag of what has it", ["tag busybox evt:1"], ["tag busybox evt:1", "rmi evt:1"], ["image tag $image name=evt:1", "image untag $image name=$image"]),
    ("rmi of all names", ["create --name box busybox true", "commit box evt:1", "tag evt:1 evt:2"], [remove_by_id],
     ["image untag $image name=$image", "image untag $image name=$image", "image delete $image name=$image"]),
    ("image prune", ["create --name box busybox true", "commit box $host/evt:1", "push $host/evt:1"], ["image prune -af"],
     ["image untag $image name=$image", "image delete $image name=$image", "image prune  reclaimed=$n"]),
    ("load of what is here", ["create --name box busybox true", "commit box evt:1", "save -o $dir/i.tar evt:1"], ["load -i $dir/i.tar"],
     ["image load $image name=$image"]),
    ("what fails or changes nothing", ["run --name box busybox true", "create --name other busybox true", "volume create vol"],
     ["!kill box", "stop box", "!pause box", "!unpause box", "!exec box true", "!rename box other", "!top box", "!network connect nosuch box", "!rmi nosuch",
      "!network create bridge", "!update -m 1k box", "!commit nosuch", "!rm nosuch", "!volume rm nosuch", "!tag nosuch evt:1", "!push evt:1", "!start nosuch"], []),
    ("save, load", ["create --name box busybox true", "commit box evt:1"], ["save -o $dir/i.tar evt:1", "rmi evt:1", "load -i $dir/i.tar", "rmi evt:1"],
     ["image save $image name=$image", "image untag $image name=$image", "image delete $image name=$image", "image load $image name=$image",
      "image untag $image name=$image", "image delete $image name=$image"]),
    ("import", ["create --name box busybox true", "export -o $dir/f.tar box"], ["import -c 'LABEL a=b' $dir/f.tar evt:1", "rmi evt:1"],
     ["image tag $image a=b name=evt:1", "image import $image a=b name=$image", "image untag $image a=b name=$image", "image delete $image name=$image"]),
    ("build", [], ["build -q -t evt:1 $dir", "rmi evt:1"],
     ["image tag $image a=b name=evt:1", "image untag $image a=b name=$image", "image delete $image name=$image"]),
]


def perform(docker, step, directory):
    if callable(step):
        return step(docker)
    words = [w.replace("$host", "127.0.0.1:%d" % (docker.port + 2)).replace("$dir", str(directory)) for w in shlex.split(step.lstrip("!"))]
    p = docker.docker(*words, timeout=120, text=False)
    assert (p.returncode != 0) == step.startswith("!"), (step, p.returncode, p.stderr)


@pytest.mark.parametrize("name,before,action,expected", ACTIONS, ids=[a[0] for a in ACTIONS])
def test_events_of(docker, tmp_path, name, before, action, expected):
    (tmp_path / "Dockerfile").write_text("FROM busybox\nLABEL a=b\n")
    try:
        for step in before:
            perform(docker, step, tmp_path)
        volumes = set()

        def act():
            for step in action:
                perform(docker, step, tmp_path)

        networks = docker.ok("network", "ls", "--no-trunc", "--format", "{{.ID}} ${{.Name}}").split("\n")
        got = told(docker, act)
        for pair in networks:
            got = [l.replace(*pair.split()) for l in got]
        got = [re.sub(r"\b[0-9a-f]{64}\b", "$anonymous" if l.startswith("volume") else "$net", l) for l in got]
        assert got == [e.replace("$host", "127.0.0.1:%d" % (docker.port + 2)) for e in expected]
    finally:
        docker.docker("network", "rm", "net")
        docker.docker("rm", "-f", "box", "other")
        docker.docker("rmi", "evt:1", "127.0.0.1:%d/evt:1" % (docker.port + 2))


NET = ["network create", "network connect", "network disconnect", "network destroy"]
IMAGE = ["image tag", "image untag"]
EXEC = ["container exec_create: sh -c true", "container exec_start: sh -c true", "container exec_die"]
LIFE = ["container create", "container start", *EXEC, "container health_status: healthy", "container kill", "container die", "container destroy"]

# Filters of GET /events, and what of the history below they let through. dockerd's rules: daemon/events/filter.go.
FILTERS = [
    ({"type": ["network"]}, NET),
    ({"type": ["network", "image"]}, [*NET, *IMAGE]),
    ({"type": ["net"]}, []),
    ({"event": ["create"]}, ["network create", "volume create", "container create"]),
    ({"event": ["create"], "type": ["volume"]}, ["volume create"]),
    ({"event": ["exec_start"]}, ["container exec_start: sh -c true"]),
    ({"event": ["exec_create: sh -c true"]}, ["container exec_create: sh -c true"]),
    ({"event": ["exec_start", "di"]}, ["container exec_start: sh -c true", "network disconnect", "container die"]),
    ({"event": ["exec"]}, []),
    ({"event": ["health_status"]}, ["container health_status: healthy"]),
    ({"event": ["health_status: healthy"]}, ["container health_status: healthy"]),
    ({"event": ["health_status: unhealthy"]}, []),
    ({"container": ["fbox"]}, LIFE),
    ({"container": ["fbo"]}, LIFE),
    ({"container": ["$id"]}, LIFE),
    ({"container": ["$short"]}, LIFE),
    ({"container": ["/fbox"]}, []),
    ({"container": ["fnet"]}, NET),
    ({"container": ["fbox", "fnet"], "event": ["create"]}, ["network create", "container create"]),
    ({"image": ["busybox"]}, LIFE),
    ({"image": ["busybox:latest"]}, []),
    ({"image": ["busy"]}, []),
    ({"image": ["ftag"]}, ["image tag"]),
    ({"image": ["ftag:1"]}, ["image tag"]),
    ({"image": ["$image"]}, IMAGE),
    ({"image": ["ftag", "busybox"], "type": ["image"]}, ["image tag"]),
    ({"label": ["fa"]}, LIFE),
    ({"label": ["fa=b"]}, LIFE),
    ({"label": ["fa=c"]}, []),
    ({"label": ["fa=b", "fc"]}, LIFE),
    ({"label": ["fa=b", "fd"]}, []),
    ({"network": ["fnet"]}, NET),
    ({"network": ["$net"]}, NET),
    ({"volume": ["fvol"]}, ["volume create", "volume destroy"]),
    ({"volume": ["fv"]}, ["volume create", "volume destroy"]),
    ({"daemon": ["nosuch"]}, []),
    ({"node": ["nosuch"]}, []),
    ({"plugin": ["nosuch"]}, []),
    ({"service": ["nosuch"]}, []),
    ({"secret": ["nosuch"]}, []),
    ({"config": ["nosuch"]}, []),
    ({"scope": ["swarm"]}, []),
    ({"scope": ["local"], "type": ["volume"]}, ["volume create", "volume destroy"]),
    ({"nosuch": ["x"], "type": ["volume"]}, ["volume create", "volume destroy"]),
]


def get(docker, **query):
    """All events of a closed span, as a client without a library asks for them."""
    status, body = Api(docker).call("GET", "/events?" + urlencode({k: json.dumps(v) if k == "filters" else v for k, v in query.items()}))
    assert status == 200, body
    return [json.loads(l) for l in body.split(b"\n") if l]


def test_filters_and_times(docker):
    watch = Watch(docker)
    net = docker.ok("network", "create", "fnet")
    docker.ok("volume", "create", "fvol")
    id = docker.ok("create", "--name", "fbox", "-l", "fa=b", "-l", "fc=", "--network", "fnet", "--health-cmd", "exit 0", "--health-interval", "1s", "busybox", "sleep", "300")
    docker.ok("start", "fbox")
    docker.ok("exec", "fbox", "sh", "-c", "true")
    wait_until(lambda: docker.inspect("fbox")["State"]["Health"]["Status"] == "healthy", 20, "health")
    docker.ok("rm", "-f", "fbox")
    docker.ok("tag", "busybox", "ftag:1")
    image = docker.inspect("ftag:1")["Id"]
    docker.ok("rmi", "ftag:1")
    docker.ok("network", "rm", "fnet")
    docker.ok("volume", "rm", "fvol")
    docker.ok("volume", "create", "the-end")
    told = watch.until("the-end")
    first, last = told[0]["timeNano"], told[-1]["timeNano"]
    seconds = lambda ns: "%d.%09d" % (ns // 10**9, ns % 10**9)
    span = {"since": seconds(first), "until": seconds(last - 1)}
    # Health probes are execs as well.
    of_interest = lambda events: ["%s %s" % (e["Type"], e["Action"]) for e in events if "exit 0" not in e["Action"]]
    probes = {e["Actor"]["Attributes"]["execID"] for e in told if "exit 0" in e["Action"]}
    known = {"$id": id, "$short": id[:12], "$image": image, "$net": net}

    for filters, expected in FILTERS:
        filled = {k: [known.get(v, v) for v in values] for k, values in filters.items()}
        got = [e for e in get(docker, filters=filled, **span) if e["Actor"]["Attributes"].get("execID") not in probes]
        assert sorted(of_interest(got)) == sorted(expected), filters
        assert [e["timeNano"] for e in got] == sorted(e["timeNano"] for e in got)
        # The older shape.
        got_old = get(docker, filters={k: {v: True for v in values} for k, values in filled.items()}, **span)
        assert [e for e in got_old if e["Actor"]["Attributes"].get("execID") not in probes] == got

    # Both ends count; a fraction is one of a second, whatever its length; `until` alone begins with the oldest.
    assert get(docker, since=seconds(first), until=seconds(last)) == told
    assert get(docker, since=seconds(first + 1), until=seconds(last - 1)) == told[1:-1]
    assert get(docker, since=seconds(first), until=seconds(first)) == told[:1]
    tenth = first // 10**8
    assert get(docker, since="%d.%d" % (tenth // 10, tenth % 10), until=seconds(last))[-len(told):] == told
    assert get(docker, until=seconds(last))[-len(told):] == told
    assert get(docker, since=0, until=seconds(last))[-len(told):] == told
    # It ends at its time, not at the next whole second.
    late = []
    for _ in range(5):
        until = time.time() + 0.2
        get(docker, since=until, until=until)
        late.append(time.time() - until)
    assert -0.01 < min(late) < 0.4, late
    # Relative times are the client's work: of whole seconds, so that what happens now comes with the next one.
    last_of = lambda: docker.ok("events", "--since", "5m", "--until", "0s", "--filter", "container=fbox", "--format", "{{.ID}} {{.Action}}").split("\n")[-1]
    wait_until(lambda: last_of() == id + " destroy", 10, "the last event")
    docker.ok("volume", "rm", "the-end")


def test_retention(docker):
    """SOCKERLESS_EVENT_RETENTION: what is older is forgotten by the reconciler."""
    docker.ok("volume", "create", "kept")
    docker.ok("volume", "rm", "kept")
    assert get(docker, since=1, until=int(time.time()) + 1, filters={"volume": ["kept"]})
    command = ["chpst", "-u", "sockerless", str(docker.state / "install" / "sbin" / "sockerlessctl"), "reconcile", "--once"]
    hidden = ("SOCKERLESS_STATE_DIR", "SOCKERLESS_RUN_DIR", "SOCKERLESS_PORT_BASE")
    env = {k: v for k, v in docker.env.items() if k not in hidden}
    env.update(SOCKERLESS_SETTINGS=str(docker.state / "settings"), SOCKERLESS_EVENT_RETENTION="0")
    subprocess.run(command, env=env, check=True, timeout=60)
    assert get(docker, since=1, until=int(time.time()) + 1, filters={"volume": ["kept"]}) == []
