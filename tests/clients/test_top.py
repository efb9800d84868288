"""docker top in the columns that ps would have."""
from conftest import wait_until


def test_top(docker):
    docker.ok("run", "-d", "--name", "box", "busybox", "sh", "-c", "sleep 301 & exec sleep 300")
    wait_until(lambda: "sh -c" not in docker.ok("top", "box"), 20, "the two processes")
    lines = docker.ok("top", "box").split("\n")
    assert lines[0].split() == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert sorted(line.split(None, 7)[7].strip() for line in lines[1:]) == ["sleep 300", "sleep 301"]
    pid = str(docker.inspect("box")["State"]["Pid"])
    main = next(line.split() for line in lines if "sleep 300" in line)
    assert main[1] == pid and main[5] == "?"
    lines = docker.ok("top", "box", "aux").split("\n")
    assert lines[0].split() == ["USER", "PID", "%CPU", "%MEM", "VSZ", "RSS", "TTY", "STAT", "START", "TIME", "COMMAND"]
    assert next(line.split() for line in lines if "sleep 300" in line)[7].replace("N", "") == "Ss"  # the tests may run with another niceness
    lines = docker.ok("top", "box", "-o", "pid,comm").split("\n")
    assert [lines[0].split(), lines[1].split()] == [["PID", "COMMAND"], [pid, "sleep"]]


def test_top_of_a_paused_one_and_of_a_terminal(docker):
    docker.ok("run", "-dt", "--name", "box", "busybox", "sleep", "300")
    docker.ok("pause", "box")
    line = docker.ok("top", "box", "aux").split("\n")[1].split()
    assert line[6].startswith("pts/") and line[7].startswith("T")


def test_refusals(docker):
    docker.ok("run", "-d", "--name", "box", "busybox", "sleep", "300")
    p = docker.docker("top", "box", "--forest")
    assert p.returncode == 1 and "not supported" in p.stderr
    p = docker.docker("top", "box", "-o", "comm")
    assert p.returncode == 1 and "Couldn't find PID field in ps output" in p.stderr
    docker.ok("kill", "box")
    p = docker.docker("top", "box")
    assert p.returncode == 1 and "is not running" in p.stderr
