"""Bodies of create and exec: no JSON, wrong types, odd characters, too much of everything."""
import json

from conftest import message
from raw import Raw, post_json, request

JSON = {"Content-Type": "application/json"}


def create(system, way, body, query=""):
    with Raw(system, way, timeout=40) as c:
        return c.ask(post_json("/v1.43/containers/create" + query, body))


def test_broken_json(hostile, way):
    whole = json.dumps({"Image": "busybox", "Env": ["A=b"], "HostConfig": {"Memory": 1 << 28}, "Labels": {"ä": "\\u20ac"}}).encode()
    broken = [whole[:n] for n in range(0, len(whole), 3)]
    broken += [b"{}}", b"{} {}", b"{'Image':'busybox'}", b'{"Image":"busybox",}', b'{"Image":"busybox"} x', b"nul", b"[]", b'"busybox"', b"7", b"true",
               b"\xef\xbb\xbf{}", b"\xff\xfe{\0}\0", b'{"Image":"\xff"}', b'{"Image":"\\ud800"}', b'{"Image":"\\u12"}', b'{"Image":"busybox"}\0',
               b'{"Image":1e999}', b'{"HostConfig":{"Memory":1e999}}', b"-", b"/* */{}", b'{"Image":NaN}', b'{"Image":"a\nb"}']
    for body in broken:
        reply = create(hostile, way, body)
        assert reply.status == 400, (body, reply.status, reply.body)
        assert message(reply)


def test_nested_10000_deep(hostile, way):
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")):
        deep = opening * 10000 + b"1" + closing * 10000
        for body in (deep, b'{"Image":"busybox","Labels":' + deep + b"}", b'{"Image":"busybox","HostConfig":{"Mounts":' + deep + b"}}", opening * 100000):
            reply = create(hostile, way, body)
            assert reply.status == 400 and message(reply)


VALUES = {"string": "x", "number": 7, "negative": -1, "huge": 1 << 70, "fraction": 1.5, "true": True, "array": [1, {}], "object": {"a": 1},
          "strings": ["a"], "nulls": [None], "deep": {"a": {"b": [{}]}}, "empty": ""}
CONFIG = {"Hostname": "string", "User": "string", "AttachStdin": "true", "ExposedPorts": "", "Tty": "true", "Env": "strings", "Cmd": "strings", "Healthcheck": "",
          "Image": "string", "Volumes": "", "WorkingDir": "string", "Entrypoint": "strings", "Labels": "", "StopSignal": "string", "StopTimeout": "number",
          "Shell": "strings", "MacAddress": "string", "OnBuild": "strings", "NetworkDisabled": "true", "HostConfig": "", "NetworkingConfig": ""}
HOST = {"Binds": "strings", "LogConfig": "", "NetworkMode": "string", "PortBindings": "", "RestartPolicy": "", "AutoRemove": "true", "VolumesFrom": "strings",
        "ConsoleSize": "", "CapAdd": "strings", "Dns": "strings", "ExtraHosts": "strings", "IpcMode": "string", "OomScoreAdj": "number", "PidMode": "string",
        "Privileged": "true", "StorageOpt": "", "Tmpfs": "", "ShmSize": "number", "Sysctls": "", "Memory": "number", "NanoCpus": "number", "MemorySwap": "number",
        "Devices": "", "DeviceRequests": "", "Ulimits": "", "PidsLimit": "number", "BlkioWeightDevice": "", "Mounts": "", "Init": "true", "Annotations": "",
        "MaskedPaths": "strings", "CpuShares": "number"}


def test_wrong_types(hostile):
    """Each field with each kind of value: an answer of 201 or 4xx or 501 with a message, and never a crash."""
    made, asked = [], 0
    for place, fields in (("", CONFIG), ("HostConfig", HOST)):
        for name in fields:
            with Raw(hostile, timeout=40) as c:
                for kind, value in VALUES.items():
                    inner = {name: value}
                    body = dict({"Image": "busybox"}, **({place: inner} if place else inner))
                    reply = c.ask(post_json("/v1.43/containers/create", body))
                    asked += 1
                    if reply.status == 201:
                        made.append(reply.json()["Id"])
                        assert kind == fields[name] or kind in ("empty", "true", "number", "negative", "strings", "string", "huge", "nulls", "object", "array", "deep"), (name, kind)
                    else:
                        # Of binds that it can't take apart dockerd says 500.
                        wrong_bind = (name, reply.status) == ("Binds", 500) and b"invalid volume specification" in reply.body
                        assert reply.status in (400, 404, 409, 501) or wrong_bind, (name, kind, reply.status, reply.body)
                        assert message(reply)
    assert asked > 500
    # What was taken can be shown.
    for cid in made:
        hostile.inspect(cid)
    hostile.ok("ps", "-a", "--size")
    if made:
        hostile.ok("rm", "-f", *made, timeout=120)


SUB = [{"Healthcheck": {"Test": 1}}, {"Healthcheck": {"Test": ["CMD", 1], "Interval": "x"}}, {"ExposedPorts": {"99999999/tcp": {}}}, {"ExposedPorts": {"x": {}}},
       {"ExposedPorts": {"80/tcp": 1}}, {"Volumes": {"": 1}}, {"HostConfig": {"RestartPolicy": {"Name": 7}}}, {"HostConfig": {"RestartPolicy": {"Name": "sometimes"}}},
       {"HostConfig": {"LogConfig": {"Type": [], "Config": 1}}}, {"HostConfig": {"Mounts": [{"Type": 1, "Target": {}}]}}, {"HostConfig": {"Mounts": [1]}},
       {"HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": 80}]}}}, {"HostConfig": {"PortBindings": {"80": "x"}}}, {"HostConfig": {"Binds": [1]}},
       {"HostConfig": {"Memory": -5}}, {"HostConfig": {"Memory": (1 << 63) - 1}}, {"HostConfig": {"NanoCpus": -(1 << 63)}},
       {"HostConfig": {"NanoCpus": (1 << 63) - 1}}, {"HostConfig": {"Memory": 1}}, {"HostConfig": {"ConsoleSize": [-1, 1 << 60]}}, {"StopTimeout": -(1 << 62)},
       {"HostConfig": {"StorageOpt": {"size": "99999999999999999999G"}}}, {"HostConfig": {"StorageOpt": {"size": "-1"}}}, {"HostConfig": {"StorageOpt": {"size": None}}}, {"HostConfig": {"PortBindings": {"80/tcp": None}}},
       {"HostConfig": {"Mounts": [None]}}, {"HostConfig": {"Ulimits": [None]}}, {"Labels": {"a": None}}, {"NetworkingConfig": {"EndpointsConfig": {"x": None}}}, {"StopSignal": "NOSUCH"}, {"StopSignal": "-1"},
       {"StopSignal": "99999999999999999999"}, {"NetworkingConfig": {"EndpointsConfig": {"x": 7}}}, {"NetworkingConfig": {"EndpointsConfig": [1]}},
       {"Labels": {"a": 1}}, {"Env": [{}]}, {"Env": [["a"]]}, {"Cmd": [None, 1]}, {"Entrypoint": {"a": "b"}}, {"HostConfig": {"Ulimits": [{"Name": "x", "Soft": "y"}]}},
       {"Image": "\\x00"}, {"Image": "../../etc"}, {"Image": "a" * 5000}, {"Image": "busybox@sha256:zz"}, {"Image": "BUSYBOX"}, {"Image": "http://x/y"},
       {"Labels": {"com.sockerless.x": "y" * 300000}}, {"WorkingDir": "relative"}, {"WorkingDir": "/" + "x/" * 10000}]


def test_odd_members(hostile, way):
    for body in SUB:
        reply = create(hostile, way, dict({"Image": "busybox"}, **body))
        assert reply.status in (201, 400, 404, 413, 501), (str(body)[:200], reply.status, reply.body)
        if reply.status == 201:
            cid = reply.json()["Id"]
            hostile.inspect(cid)
            hostile.ok("rm", cid)
        else:
            assert message(reply)


ODD = {"NUL": "a\0b", "newline": "a\nb", "CRLF": "a\r\nX: y", "escape": "\x1b[31m", "DEL": "\x7f", "bell": "\a", "noncharacter": "\uffff", "right to left": "\u202e", "quote": '"\\'}


def test_odd_characters(hostile):
    """What is taken comes back as it was; what isn't is refused with a reason; NUL is never cut at in silence."""
    with Raw(hostile, timeout=40) as c:
        for what, text in ODD.items():
            for body in ({"Env": ["A=" + text]}, {"Env": [text + "=b"]}, {"Labels": {text: "v"}}, {"Labels": {"k": text}}, {"Cmd": ["echo", text]}, {"Hostname": text},
                         {"WorkingDir": "/" + text}, {"User": text}, {"Entrypoint": [text]}, {"StopSignal": text}, {"HostConfig": {"Annotations": {text: text}}}):
                reply = c.ask(post_json("/v1.43/containers/create", dict({"Image": "busybox"}, **body)))
                if reply.status != 201:
                    assert reply.status == 400 and message(reply), (what, body, reply.status, reply.body)
                    continue
                cid = reply.json()["Id"]
                shown = c.ask(request("GET", "/containers/%s/json" % cid)).json()["Config"]
                for key, value in body.items():
                    if key == "Env":
                        assert value[0] in shown["Env"], (what, value, shown["Env"])
                    elif key != "HostConfig":
                        assert shown[key] == value, (what, value, shown[key])
                c.ask(request("DELETE", "/containers/" + cid))


def test_odd_names(hostile, way):
    for name in ("%00", "a%00b", "a%0ab", "%0d%0aX:y", "%ff%fe", "..", ".", "a%2fb", "/a/b", "%2e%2e%2fx", "-a", "_a", "a%20b", "a" * 70000, "%e2%82%ac", "a%22", "%25s%25n"):
        with Raw(hostile, way) as c:
            reply = c.ask(post_json("/v1.43/containers/create?name=" + name, {"Image": "busybox"}))
            assert reply.status in (400, 414), (name[:50], reply.status, reply.body)
            assert message(reply)
    # dockerd knows no limit.
    long = "a" * 20000
    with Raw(hostile, way) as c:
        assert c.ask(post_json("/v1.43/containers/create?name=" + long, {"Image": "busybox"})).status == 201
        assert c.ask(request("GET", "/containers/%s/json" % long)).json()["Name"] == "/" + long
        assert c.ask(request("DELETE", "/containers/" + long)).status == 204
    cid = hostile.ok("create", "--name", "fine", "busybox")
    for name in ("%00", "a%00b", "a%0ab", "%ff", "..", "a/b", "", "a" * 70000):
        with Raw(hostile, way) as c:
            reply = c.ask(request("POST", "/containers/%s/rename?name=%s" % (cid, name)))
            assert reply.status in (400, 414, 500), (name[:50], reply.status, reply.body)
            assert message(reply)
    assert hostile.inspect(cid)["Name"] == "/fine"


def test_much_of_everything(hostile):
    """Within 16 MiB: a clear answer, and what was taken can be started."""
    for body in ({"Env": ["A%d=b" % i for i in range(100000)]}, {"Labels": {"k%d" % i: "v" for i in range(50000)}}, {"Cmd": ["x"] * 200000},
                 {"Env": ["A=" + "x" * (8 << 20)]}, {"HostConfig": {"Binds": ["/a:/b"] * 50000}}, {"ExposedPorts": {"%d/tcp" % i: {} for i in range(1, 60000)}}):
        reply = create(hostile, "unix", dict({"Image": "busybox"}, **body))
        assert reply.status in (201, 400, 413, 501), (list(body), reply.status, reply.body[:300])
        if reply.status == 201:
            cid = reply.json()["Id"]
            hostile.inspect(cid)
            p = hostile.docker("start", cid, timeout=90)
            assert p.returncode == 0 or p.stderr.strip()
            hostile.ok("rm", "-f", cid)
        else:
            assert message(reply)


def test_exec_bodies(hostile, way):
    cid = hostile.ok("run", "-d", "busybox", "sleep", "100")
    bodies = [b"", b"{", b"[" * 10000, b"null", b"7", {"Cmd": []}, {"Cmd": None}, {"Cmd": "x"}, {"Cmd": [1]}, {"Cmd": ["a\0b"]}, {"Cmd": ["true"], "Env": "x"},
              {"Cmd": ["true"], "Env": [1]}, {"Cmd": ["true"], "Env": ["A\0=b"]}, {"Cmd": ["true"], "User": 7}, {"Cmd": ["true"], "WorkingDir": []}, {"Cmd": ["true"], "Tty": "yes"},
              {"Cmd": ["true"], "DetachKeys": 1}, {"Cmd": ["true"], "DetachKeys": "ctrl-"}, {"Cmd": ["true"], "DetachKeys": "ctrl-a" + ",b" * 5000},
              {"Cmd": ["true"], "Privileged": {}}, {"Cmd": ["x"] * 100000}, {"Cmd": ["x" * (2 << 20)]}, {"Cmd": ["true"], "ConsoleSize": [1]}]
    for body in bodies:
        with Raw(hostile, way) as c:
            reply = c.ask(post_json("/containers/%s/exec" % cid, body))
            assert reply.status in (201, 400, 413, 501), (str(body)[:100], reply.status, reply.body)
            if reply.status != 201:
                assert message(reply)
                continue
            c.send(post_json("/exec/%s/start" % reply.json()["Id"], {"Detach": False}))
            assert c.until(b"\r\n").split()[1] in (b"200", b"400", b"409"), str(body)[:100]
            c.rest()
    assert hostile.ok("exec", cid, "echo", "alive") == "alive"
