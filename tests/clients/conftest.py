"""The whole system, started by deploy/quickstart in a place of its own, and the
real clients that are pointed at it. After each test nothing may be left."""
import hashlib
import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import tempfile

import pytest

from support.places import TOP
from support.waiting import wait_until


def free_port_base():
    """Four free ports in a row on loopback."""
    while True:
        base = random.randrange(20000, 30000)
        try:
            for port in range(base, base + 4):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue


class System:
    def __init__(self):
        # Sockets' paths are short, and users other than root pass through.
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="skls", dir="/tmp"))
        self.root.chmod(0o755)
        self.state, self.run = self.root / "state", self.root / "run"
        self.port = free_port_base()
        self.socket = self.run / "docker" / "docker.sock"
        (self.root / "docker-config").mkdir()
        self.env = dict(os.environ, SOCKERLESS_STATE_DIR=str(self.state), SOCKERLESS_RUN_DIR=str(self.run),
                        SOCKERLESS_PORT_BASE=str(self.port), ASAN_OPTIONS="detect_leaks=0:abort_on_error=1:quarantine_size_mb=2:thread_local_quarantine_size_kb=64",
                        UBSAN_OPTIONS="print_stacktrace=1")
        self.docker_env = {k: v for k, v in os.environ.items() if not k.startswith("DOCKER_")}
        self.docker_env.update(DOCKER_HOST="unix://%s" % self.socket, DOCKER_BUILDKIT="0",
                               DOCKER_CONFIG=str(self.root / "docker-config"))

    def quickstart(self, *args):
        command = [str(TOP / "deploy" / "quickstart"), *args]
        if args[0] == "up" and "BUILD_DIR" in os.environ:
            command += ["--build", os.environ["BUILD_DIR"]]
        return subprocess.run(command, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=600)

    def docker(self, *args, input=None, timeout=60, check=None, text=True, env=None):
        """Runs the docker CLI; check is the expected exit status."""
        p = subprocess.run(["docker", *args], env=dict(self.docker_env, **(env or {})), input=input,
                           stdin=subprocess.DEVNULL if input is None else None,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, text=text)
        if check is not None:
            assert p.returncode == check, "docker %s: %s\n%s\n%s" % (" ".join(args)[:200], p.returncode, p.stdout[-2000:], p.stderr[-2000:])
        return p

    def ok(self, *args, **kw):
        """stdout of a docker command that has to succeed."""
        return self.docker(*args, check=0, **kw).stdout.strip()

    def popen(self, *args, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(["docker", *args], env=self.docker_env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)

    def tls_args(self):
        certs = self.state / "certs" / "client"
        return ["-H", "tcp://127.0.0.1:%d" % self.port, "--tlsverify", "--tlscacert", str(certs / "ca.pem"),
                "--tlscert", str(certs / "cert.pem"), "--tlskey", str(certs / "key.pem")]

    def inspect(self, name):
        return json.loads(self.ok("inspect", name))[0]

    def sql(self, statement):
        return subprocess.run(["sqlite3", "-readonly", str(self.state / "db" / "sockerless.db"), statement],
                              check=True, stdout=subprocess.PIPE, text=True, timeout=20).stdout.strip()

    def service_pid(self, name):
        out = subprocess.run(["sv", "status", str(self.run / "services" / name)], stdout=subprocess.PIPE, text=True).stdout
        return int(out.split("(pid ")[1].split(")")[0]) if out.startswith("run:") else None

    def lambda_client(self):
        import boto3
        secret = (self.state / "lambda.secret").read_text().strip()
        return boto3.client("lambda", endpoint_url="http://127.0.0.1:%d" % (self.port + 3), region_name="us-east-1",
                            aws_access_key_id="AKIASOCKERLESSLOCAL0", aws_secret_access_key=secret)

    def functions(self):
        return [f["FunctionName"] for f in self.lambda_client().list_functions()["Functions"]]

    def memory_sizes(self):
        return [f["MemorySize"] for f in self.lambda_client().list_functions()["Functions"]]

    def leftovers(self):
        left = self.functions()
        left += self.sql("SELECT id || ' ' || state FROM container").split("\n")
        left += [p.name for p in (self.state / "db" / "spool").glob("*")]
        return [x for x in left if x]

    def remnants(self):
        """What of the system is still on the machine after `down`."""
        left = []
        for p in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                # runsv and nginx's workers don't name the place, but stand in it.
                known_by = (p / "cmdline").read_bytes().replace(b"\0", b" ").decode() + " in " + os.readlink(p / "cwd")
                if str(self.root) in known_by and int(p.name) != os.getpid():
                    left.append("process " + known_by)
            except OSError:
                pass
        left += ["mount " + l for l in open("/proc/self/mountinfo") if str(self.root) in l]
        left += ["loop " + l for l in subprocess.run(["losetup", "-l"], stdout=subprocess.PIPE, text=True).stdout.split("\n")
                 if str(self.root) in l]
        name = hashlib.sha256(os.path.realpath(self.state / "lambda" / "sandboxes").encode()).hexdigest()[:12]
        left += ["cgroup %s" % p for p in pathlib.Path("/sys/fs/cgroup").glob("**/sockerless-lambda-" + name)]
        ports = range(self.port, self.port + 4)
        listening = subprocess.run(["ss", "-Hltn"], stdout=subprocess.PIPE, text=True).stdout
        left += ["port %d" % p for p in ports if ":%d " % p in listening]
        left += ["run dir"] if self.run.exists() else []
        return left


@pytest.fixture(scope="session")
def system():
    s = System()
    up = s.quickstart("up")
    try:
        assert up.returncode == 0, up.stdout
        assert "hello from lambda" in up.stdout
        yield s
    finally:
        keep = os.environ.get("KEEP_LOGS")
        if keep:
            shutil.copytree(s.state / "logs", keep, dirs_exist_ok=True)
        down = s.quickstart("down")
        remnants = s.remnants()
        sanitizer = [l for f in (s.state / "logs").glob("*/current") for l in open(f, errors="replace")
                     if "AddressSanitizer" in l or "runtime error:" in l]
        shutil.rmtree(s.root, ignore_errors=True)
    assert down.returncode == 0, down.stdout
    assert not remnants
    assert not sanitizer


@pytest.fixture
def docker(system):
    """The system, with the promise that a test leaves nothing in it."""
    yield system
    ids = system.docker("ps", "-aq").stdout.split()
    if ids:
        system.docker("rm", "-fv", *ids)
    # What images and clients made by the way.
    system.docker("volume", "prune", "-af")
    wait_until(lambda: not system.leftovers(), 30, "nothing left of the test's containers")
