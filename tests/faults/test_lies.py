"""An AWS endpoint and a registry that answer nonsense, without end, or never, for chosen calls of the real system: each
command that needs them ends in time with a clear error, and when they are well again nothing is lost and nothing left."""
import io
import json
import random
import re
import socket
import subprocess
import tarfile
import threading
import time

from conftest import AGENT_TIMEOUT, AWS_TIMEOUT, Background, wait_until

LIMIT = 60


def say(*parts):
    def act(client, pass_on):
        for p in parts:
            client.sendall(p)
        client.shutdown(socket.SHUT_WR)
        client.settimeout(5)
        while client.recv(65536):
            pass
    return act


def endless(start, piece):
    def act(client, pass_on):
        client.sendall(start)
        while True:
            client.sendall(piece)
    return act


def never(client, pass_on):
    client.settimeout(LIMIT)
    client.recv(1)


def drop_by_drop(client, pass_on):
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{")
    while True:
        client.sendall(b" ")
        time.sleep(0.2)


def ok(body, kind=b"application/json", status=b"200 OK"):
    return say(b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (status, kind, len(body)), body)


TYPES = {"Configuration": [1], "FunctionArn": 5, "State": {}, "Functions": {"a": 1}, "code": "x", "authorizationData": {"a": []}, "NextMarker": 7}
LIES = {
    "garbage": say(b"\0\xff\xfeSSH-2.0-x\r\n"),
    "empty": say(b""),
    "html": ok(b"<html><body>Welcome</body></html>", b"text/html"),
    "broken": ok(b'{"Configuration":{"State":'),
    "deep": ok(b"[" * 500000),
    "types": ok(json.dumps(TYPES).encode()),
    "length": say(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{}"),
    "error": ok(b"\xff\xfe", status=b"403 No"),
    "head": endless(b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"y" * 1000 + b"\r\n"),
    "body": endless(b"HTTP/1.1 200 OK\r\n\r\n", b"[" * 65536),
    "never": never,
    "drops": drop_by_drop,
}
# A function that says so may be one: these aren't told from the truth before the agent comes.
MUTE = ("garbage", "empty", "length", "head", "body", "never", "drops")


def first(action):
    """The request goes to AWS all the same; the lie is told at once."""
    def act(client, pass_on):
        threading.Thread(target=pass_on, daemon=True).start()
        action(client, pass_on)
    return act


def last(action):
    """... is told when AWS has answered."""
    def act(client, pass_on):
        pass_on()
        action(client, pass_on)
    return act


class Rules:
    """Which request is answered with which lie."""

    def __init__(self, way):
        self.way, self.pairs, self.told = way, [], set()

    def add(self, pattern, action):
        self.pairs.append((pattern, action))

    def rule(self, head, body):
        for pattern, action in self.pairs:
            if re.search(pattern.encode(), head + b" " + body):
                self.told.add(pattern)
                return action
        return None

    def __enter__(self):
        self.way.rules.append(self.rule)
        return self

    def __exit__(self, *_):
        self.way.rules.remove(self.rule)


def fails(docker, *args, **kw):
    """The error's text; no longer than the limits allow."""
    begun = time.monotonic()
    p = docker.docker(*args, timeout=LIMIT, **kw)
    if isinstance(p.stderr, bytes):
        p.stderr = p.stderr.decode()
    assert p.returncode == 1 and "Error response from daemon: " in p.stderr, (args, p.returncode, p.stderr)
    assert len(p.stderr) < 3000 and p.stderr.replace("\n", "").isprintable(), p.stderr
    return p.stderr, time.monotonic() - begun


def create(docker, rules, lie, action):
    name = "create-" + lie
    rules.add(r"^POST [^ ]*/functions .*(?s:.)*LIE=?\W+%s\W" % name, action)
    text, took = fails(docker, "create", "--name", name, "-e", "LIE=" + name, "busybox", "true")
    assert "Lambda" in text and took < 3 * AWS_TIMEOUT
    return name


def made(docker, name):
    cid = docker.ok("create", "--name", name, "busybox", "sh", "-c", "echo said; exit 5")
    return cid, "skls-" + cid[:12]


def look(docker, rules, lie, action):
    """GetFunction, by which the start waits for the function."""
    name = "look-" + lie
    _, function = made(docker, name)
    rules.add(r"^GET [^ ]*/functions/%s" % function, action)
    text, took = fails(docker, "start", name)
    assert docker.inspect(name)["State"]["Error"] and took < 40, text
    return name


def invoke(docker, rules, lie, action):
    """An Invoke that never arrives."""
    name = "invoke-" + lie
    _, function = made(docker, name)
    rules.add(r"^POST [^ ]*/%s/invocations" % function, action)
    text, took = fails(docker, "start", name)
    assert docker.inspect(name)["State"]["Error"] and took < AGENT_TIMEOUT + 10
    assert lie not in MUTE or "no agent called back" in text, text
    return name


def early(docker, rules, lie, action):
    """An Invoke that arrives, with a lie for its answer while it runs."""
    name = "early-" + lie
    cid, function = made(docker, name)
    rules.add(r"^POST [^ ]*/%s/invocations" % function, first(action))
    p = docker.docker("start", name, timeout=LIMIT)
    assert p.returncode == 0 or lie not in MUTE, p.stderr
    wait_until(lambda: docker.sql("SELECT state FROM container WHERE id = '%s'" % cid) in ("exited", "created"), 40, "the end of " + name)
    if p.returncode == 0:
        assert docker.inspect(name)["State"]["ExitCode"] == 5 and docker.ok("logs", name) == "said"
    assert docker.sql("SELECT count(*) FROM run WHERE container_id = '%s'" % cid) == "1"
    return name


def late(docker, rules, lie, action):
    """... when it has run."""
    name = "late-" + lie
    _, function = made(docker, name)
    rules.add(r"^POST [^ ]*/%s/invocations" % function, last(action))
    p = docker.docker("start", "-a", name, timeout=LIMIT)
    assert (p.returncode, p.stdout) == (5, "said\n"), (name, p.returncode, p.stderr)
    return name


def test_lambda_and_registry(docker):
    names = docker.functions()
    registry = Background(registry_and_its_password, docker)
    with Rules(docker.aws_way) as rules:
        cases = [(call, lie) for call in (create, look, invoke, early, late) for lie in LIES]
        running = [(call.__name__ + "-" + lie, Background(call, docker, rules, lie, LIES[lie])) for call, lie in cases]
        for name, b in running:
            b.join(2 * LIMIT)
            assert not b.is_alive(), "%s is stuck" % name
        wrong = [(name, repr(b.error)) for name, b in running if b.error]
        assert not wrong, wrong
        assert len(rules.told) >= len(rules.pairs)
        # Nothing of a creation that failed has a name any more.
        assert "create-" not in docker.ok("ps", "-a", "--format", "{{.Names}}")
    # All of them again, with an endpoint that is well.
    kept = [b.result for _, b in running if not b.result.startswith("create-")]
    again = [Background(docker.docker, "start", "-a", name, timeout=LIMIT) for name in kept]
    again += [Background(docker.docker, "create", "--name", "create-" + lie, "busybox", "true", timeout=LIMIT) for lie in LIES]
    for b in again:
        b.join(2 * LIMIT)
    assert [b.result.returncode for b in again] == [5] * len(kept) + [0] * len(LIES), [b.result.stderr for b in again if b.result.stderr]
    registry.join(LIMIT)
    assert not registry.error and not registry.is_alive(), registry.error
    docker.check_invariants()
    assert not names


def test_deletion(docker):
    """rm is done for its client; what is left the reconciler does when it can."""
    cid, function = made(docker, "one")
    with Rules(docker.aws_way) as rules:
        rules.add(r"^DELETE [^ ]*/functions/%s" % function, LIES["garbage"])
        docker.ok("rm", "one")
        wait_until(lambda: rules.told, 20, "the first try")
        assert docker.ok("ps", "-aq") == "" and docker.functions() == [function]
        made(docker, "one")
    wait_until(lambda: docker.sql("SELECT count(*) FROM container WHERE id = '%s'" % cid) == "0", 40, "the row's end")
    docker.check_invariants()


def test_list_of_functions(docker):
    """A list that is nonsense, endless, empty or of others costs no function its life."""
    cid, function = made(docker, "one")
    other = {"FunctionName": "skls-0123456789ab", "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:skls-0123456789ab",
             "Description": "sockerless quickstart " + "0123456789ab".ljust(64, "0")}
    lists = dict({lie: LIES[lie] for lie in ("garbage", "broken", "types", "body")},
                 none=ok(b'{"Functions":[]}'), no_end=ok(json.dumps({"Functions": [], "NextMarker": "x"}).encode()), other=ok(json.dumps({"Functions": [other]}).encode()))
    for lie, action in lists.items():
        with Rules(docker.aws_way) as rules:
            rules.add(r"^GET /2015-03-31/functions/?\?", action)
            try:
                docker.reconcile()
                failed = False
            except subprocess.CalledProcessError:
                failed = True
            assert rules.told and (failed or lie in ("none", "other", "types")), lie
        assert docker.functions() == [function], lie
    assert docker.docker("start", "-a", "one").returncode == 5


def tar_of(name):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    return out.getvalue()


def imports_fail(docker, way, pattern, lies, text):
    """One import for each lie, at the same time; a repeated request may hear another one."""
    left, lock = list(lies), threading.Lock()

    def any_lie(client, pass_on):
        with lock:
            action = LIES[left.pop()] if left else LIES[random.choice(lies)]
        action(client, pass_on)
    with Rules(way) as rules:
        rules.add(pattern, any_lie)
        running = [Background(fails, docker, "import", "-", "imported%d" % n, input=tar_of("x%d" % n), text=False) for n in range(len(lies))]
        for b in running:
            b.join(LIMIT)
            assert b.result and text in b.result[0], (b.error, b.result)
        assert rules.told
    docker.docker("import", "-", "imported", input=tar_of("well"), text=False, check=0)
    docker.ok("rmi", "imported")


def registry_and_its_password(docker):
    """The layers are pushed to our own registry; ECR tells its password."""
    # What our worker alone sends; the local Lambda reads images there. A registry that is silent, and other commands: test_own_registry.py.
    imports_fail(docker, docker.registry_way, r"^(POST|PATCH|PUT) /v2/", [l for l in LIES if l not in ("never", "drops")], "")
    imports_fail(docker, docker.aws_way, r"GetAuthorizationToken", [l for l in LIES if l != "error"], "GetAuthorizationToken")
    assert "imported" not in docker.ok("images", "--format", "{{.Repository}}")
