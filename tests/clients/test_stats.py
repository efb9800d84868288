"""docker stats: the figures of the container's processes."""
import json
import subprocess

from support.waiting import wait_until


def figures(docker, path):
    p = subprocess.run(["curl", "-sS", "-g", "--unix-socket", str(docker.socket), "http://d/v1.43" + path], stdout=subprocess.PIPE,
                       check=True, timeout=30)
    return json.loads(p.stdout)


def test_stats(docker):
    box = docker.ok("run", "-d", "--name", "box", "busybox", "sh", "-c", "while :; do :; done")
    line = docker.ok("stats", "--no-stream", "--format", "{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.PIDs}}", "box").split()
    assert line[0] == "box" and float(line[1].rstrip("%")) > 1 and line[-1] == "1"
    s = figures(docker, "/containers/box/stats?stream=0")
    assert s["cpu_stats"]["cpu_usage"]["total_usage"] > s["precpu_stats"]["cpu_usage"]["total_usage"] > 0
    assert (s["name"], s["id"], s["pids_stats"]) == ("/box", box, {"current": 1})
    assert 0 < s["memory_stats"]["usage"] < s["memory_stats"]["limit"] == 1024 << 20
    s = figures(docker, "/containers/box/stats?stream=0&one-shot=1")
    assert s["preread"] == "0001-01-01T00:00:00Z" and s["precpu_stats"]["cpu_usage"]["total_usage"] == 0 and "name" not in s
    docker.ok("kill", "box")
    s = figures(docker, "/containers/box/stats?stream=0")
    assert (s["read"], s["pids_stats"], s["memory_stats"], s["name"]) == ("0001-01-01T00:00:00Z", {}, {}, "/box")


def test_block_io(docker):
    """What children that have ended wrote counts, too."""
    docker.ok("run", "-d", "--name", "box", "busybox", "sh", "-c", "dd if=/dev/zero of=/tmp/x bs=1M count=8 conv=fsync; echo done; sleep 100")
    wait_until(lambda: docker.ok("logs", "box"), what="the end of dd")
    counted = {x["op"]: x["value"] for x in figures(docker, "/containers/box/stats?stream=0&one-shot=1")["blkio_stats"]["io_service_bytes_recursive"]}
    assert counted["write"] >= 8 << 20 and counted["read"] >= 0
    assert "/ 8." in docker.ok("stats", "--no-stream", "--format", "{{.BlockIO}}", "box")


def test_a_stream_ends_with_the_container(docker):
    docker.ok("run", "-d", "--name", "box", "busybox", "sleep", "100")
    p = subprocess.Popen(["curl", "-sS", "-N", "-g", "--unix-socket", str(docker.socket), "http://d/v1.43/containers/box/stats"],
                         stdout=subprocess.PIPE)
    first, second = json.loads(p.stdout.readline()), json.loads(p.stdout.readline())
    assert second["preread"] == first["read"]
    docker.ok("kill", "box")
    assert p.wait(20) == 0
