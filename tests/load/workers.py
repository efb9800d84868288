#!/usr/bin/python3
"""What a worker costs beside an empty one: requests a second of _ping, of a
container's inspect, and of lists of 1, 100 and 1000 containers, and of an
empty libfcgi worker behind the same nginx and configuration, with the same
number of processes. Everything is started here, in a directory of its own.

usage: workers.py [ROUNDS] [CONNECTIONS]     (BUILD_DIR: the build tree)
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD_DIR", TOP / "build")).resolve()
sys.path += [str(TOP / "tests"), str(TOP / "tests" / "api"), str(TOP / "tests" / "nginx")]
os.environ.update(top_srcdir=str(TOP), top_builddir=str(BUILD))
import conftest as api  # noqa: E402
import harness  # noqa: E402
from support.waiting import wait_until  # noqa: E402

PROCESSES = 4
# As create does it.
TAKE_PARTS = """UPDATE container SET args = json_extract(spec, '$.args'), labels = json_extract(config, '$.Labels'), exposed = '',
                network_mode = json_extract(host_config, '$.NetworkMode')"""


class Store(api.Worker):
    """Its rows; processes are started below."""

    def start(self):
        pass


class Bench:
    def __init__(self, where):
        self.dir = where
        self.processes = []
        for d in ("run/docker", "state/nginx"):
            (where / d).mkdir(parents=True)
        self.store = Store(str(where))

    def pool(self, name, *command):
        """As deploy/ runs them: one socket, several processes."""
        path = str(self.dir / "run" / (name + ".sock"))
        env = dict(self.store.environment, SOCKERLESS_RUN_DIR=str(self.dir / "run"))
        self.processes.append(subprocess.Popen(["spawn-fcgi", "-n", "-s", path, "-b", "4096", "--", "/usr/bin/multiwatch", "-s", "TERM",
                                                "-f", str(PROCESSES), "--", *map(str, command)], env=env, stdin=subprocess.DEVNULL))
        wait_until(lambda: os.path.exists(path), what=name)

    def nginx(self):
        conf = self.dir / "conf"
        harness.make_certificates(self.dir)
        subprocess.run(["sh", TOP / "nginx/render", conf, f"RUN_DIR={self.dir}/run", f"STATE_DIR={self.dir}/state",
                        f"MODULE={BUILD}/nginx/ngx_http_tunnel_module.so", f"CA_FILE={self.dir}/ca.pem",
                        f"CERT_FILE={self.dir}/server.pem", f"KEY_FILE={self.dir}/server.key", f"TLS_PORT={harness.free_port()}",
                        f"CALLBACK_PORT={harness.free_port()}", f"ROUTES={BUILD}/nginx/routes.conf"], check=True)
        # A second server, the same but for the worker.
        text = (conf / "docker-api.conf").read_text()
        (conf / "empty.conf").write_text(text.replace("/api.sock", "/empty.sock"))
        text = (conf / "nginx.conf").read_text().rstrip()
        server = "\tserver {\n\t\tlisten unix:%s/run/docker/empty.sock backlog=4096;\n\t\tset $sockerless_listener unix;\n" \
                 "\t\tinclude empty.conf;\n\t}\n}\n" % self.dir
        (conf / "nginx.conf").write_text(text[:-1] + server)
        self.processes.append(subprocess.Popen(["nginx", "-e", "stderr", "-c", str(conf / "nginx.conf")]))
        for name in ("docker", "empty"):
            wait_until(lambda: harness.accepts(1, str(self.dir / "run/docker" / (name + ".sock"))), what="nginx")

    def measure(self, name, uri, connections, seconds):
        out = subprocess.run([BUILD / "tests/load/http_load", str(self.dir / "run/docker" / (name + ".sock")), uri, str(connections),
                              str(seconds)], check=True, stdout=subprocess.PIPE, text=True).stdout.split()
        return [float(x) for x in out]

    def close(self):
        for p in reversed(self.processes):
            p.terminate()
        for p in self.processes:
            p.wait(20)


def median(values):
    return sorted(values)[len(values) // 2]


class Table:
    """Both sides in short turns: other work on the machine comes and goes."""

    def __init__(self, bench, connections, rounds):
        self.bench, self.connections, self.rounds = bench, connections, rounds

    def row(self, name, uri):
        turns = [(self.bench.measure("empty", "/_ping", self.connections, 1), self.bench.measure("docker", uri, self.connections, 1))
                 for _ in range(self.rounds)]
        ours = [median([t[1][i] for t in turns]) for i in range(4)]
        print("%-20s %8.0f/s  median %7.3f ms  99%% %7.3f ms %7d bytes   empty %6.0f/s   ratio %5.1f%%" % (
            name, *ours, median([t[0][0] for t in turns]), 100 * median([t[1][0] / t[0][0] for t in turns])), flush=True)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    connections = int(sys.argv[2]) if len(sys.argv) > 2 else 16
    where = pathlib.Path(tempfile.mkdtemp(prefix="sklsload", dir="/tmp"))
    where.chmod(0o755)
    b = Bench(where)
    table = Table(b, connections, rounds)
    try:
        b.pool("api", BUILD / "sockerless-worker")
        b.pool("empty", BUILD / "tests/load/empty_worker")
        b.nginx()
        print("%d connections, %d processes on either side" % (connections, PROCESSES))
        table.row("_ping", "/_ping")
        ids = []
        for count in (1, 100, 1000):
            b.store.db.execute("BEGIN")
            while len(ids) < count:
                ids.append(b.store.container("load-%d" % len(ids)))
            b.store.db.execute(TAKE_PARTS)
            b.store.db.execute("COMMIT")
            table.row("inspect, 1 of %d" % count, "/v1.43/containers/%s/json" % ids[-1])
            table.row("list of %d" % count, "/v1.43/containers/json")
    finally:
        b.close()
        shutil.rmtree(where)


main()
