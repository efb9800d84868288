"""Our own registry (ECR's stand-in) answers nonsense, without end, or never, while create, pull, import and push need
it: each ends in time with a clear error, and when it is well again the same commands work and nothing is left."""
import re
import time

import pytest

from conftest import Background
from support.registry import Registry, make_tar
from test_lies import LIES, LIMIT, Rules

# A blob's chunk that nobody answers is sent three times, and a blob that doesn't come is asked for as often.
MOST = LIMIT - 5
# Which requests of a worker are answered so, and the commands that need them.
STAGES = {"POST": (r"^POST /v2/", ("create", "pull", "import")),
          "PATCH-blob": (r"^(PATCH /v2/|GET /v2/\S*/blobs/sha)", ("pull", "import", "push")),
          "PUT-blob": (r"^PUT /v2/\S*/blobs/", ("create", "pull", "import")),
          "PUT-manifest": (r"^PUT /v2/\S*/manifests/", ("create", "pull", "import")),
          "manifest": (r"^(GET|HEAD) /v2/\S*/manifests/", ("push", "create"))}
CASES = [("POST", lie) for lie in LIES] + [(stage, lie) for stage in list(STAGES)[1:] for lie in ("garbage", "body", "never")]


@pytest.fixture(scope="module")
def other():
    """A registry that is well: images are pulled from it and pushed to it."""
    registry = Registry()
    yield registry
    registry.close()


def commands(docker, other, name):
    """Kind -> arguments and standard input; nobody has given these before, so that none finds its work done."""
    image = "%s/%s" % (other.address, name)
    other.put_image(name, "latest", [make_tar({"pulled-" + name: b"x"})])
    docker.docker("import", "-", image + ":pushed", input=make_tar({"pushed-" + name: b"x"}), text=False, check=0)
    return {"create": (("create", "--name", name, "--label", "sockerless.writable=/" + name, "busybox", "true"), None),
            "pull": (("pull", image), None),
            "import": (("import", "-", image + ":imported"), make_tar({"imported-" + name: b"x"})),
            "push": (("push", image + ":pushed"), None)}


def give(docker, args, data):
    begun = time.monotonic()
    p = docker.docker(*args, timeout=LIMIT, text=False, input=data)
    return p.returncode, p.stderr.decode(), time.monotonic() - begun


@pytest.mark.parametrize("stage,lie", CASES)
def test_lies(docker, other, stage, lie):
    name = ("%s-%s" % (stage, lie)).lower()
    pattern, kinds = STAGES[stage]
    given = {kind: c for kind, c in commands(docker, other, name).items() if kind in kinds}
    tags = set(docker.ok("images", "--format", "{{.Repository}}:{{.Tag}}").split())
    with Rules(docker.registry_way) as rules:
        rules.add(pattern, LIES[lie])
        running = {kind: Background(give, docker, *c) for kind, c in given.items()}
        for kind, b in running.items():
            b.join(LIMIT + 5)
            assert b.result, (kind, b.error)
            status, text, took = b.result
            print("%s: %.1f s: %s" % (kind, took, text.strip()))
            assert status == 1 and 20 < len(text) < 3000 and text.replace("\n", "").isprintable(), (kind, status, text)
            assert took < MOST, (kind, took)
        assert rules.told
    assert set(docker.ok("images", "--format", "{{.Repository}}:{{.Tag}}").split()) == tags
    assert docker.ok("ps", "-aq") == "" and not docker.leftovers()
    for kind, c in given.items():
        status, text, _ = give(docker, *c)
        assert status == 0, (kind, text)
    docker.ok("rmi", *re.findall(r"\S+/%s:\S+" % name, docker.ok("images", "--format", "{{.Repository}}:{{.Tag}}")))
    docker.check_invariants()
