#!/usr/bin/python3
"""`docker run --rm busybox true` and `docker exec C true`, step by step as the
CLI goes about it, but over bare sockets, so that the CLI's own time doesn't
count; beside them the CLI itself, and fork and exec of busybox on this machine.

usage: run.py [ROUNDS]     (against DOCKER_HOST, a unix socket)
"""
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from docker_calls import Call  # noqa: E402


class Steps:
    def __init__(self):
        self.times = {}

    def begin(self):
        self.begun = self.last = time.perf_counter()

    def step(self, name):
        now = time.perf_counter()
        self.times.setdefault(name, []).append((now - self.last) * 1000)
        self.last = now

    def total(self, name):
        self.times.setdefault(name, []).append((time.perf_counter() - self.begun) * 1000)

    def show(self, title):
        print(title)
        for name, values in self.times.items():
            print("  %-44s median %8.2f   90%% %8.2f ms" % (name, statistics.median(values), sorted(values)[int(len(values) * 0.9)]))


def run_once(s):
    s.begin()
    cid = Call("POST", "/containers/create", {"Image": "busybox", "Cmd": ["true"], "AttachStdout": True, "AttachStderr": True,
                                              "HostConfig": {"AutoRemove": True}}).end()["Id"]
    s.step("create (row, image, CreateFunction)")
    attach = Call("POST", "/containers/%s/attach?stream=1&stdout=1&stderr=1" % cid, upgrade=True).head()
    s.step("attach")
    wait = Call("POST", "/containers/%s/wait?condition=removed" % cid).head()
    s.step("wait's head")
    Call("POST", "/containers/%s/start" % cid).end()
    s.step("start (Active, Invoke, hello, started)")
    attach.end()
    s.step("the process's end at attach")
    assert wait.end()["StatusCode"] == 0
    s.step("exit and removal at wait")
    s.total("all")


def exec_once(s, cid):
    s.begin()
    eid = Call("POST", "/containers/%s/exec" % cid, {"Cmd": ["true"], "AttachStdout": True, "AttachStderr": True}).end()["Id"]
    s.step("exec create")
    c = Call("POST", "/exec/%s/start" % eid, {"Detach": False, "Tty": False}, upgrade=True).head()
    s.step("exec start's head")
    c.end()
    s.step("the process and the stream's end")
    assert Call("GET", "/exec/%s/json" % eid).end()["ExitCode"] == 0
    s.step("exec inspect")
    s.total("all")


def create_once(s):
    s.begin()
    cid = Call("POST", "/containers/create", {"Image": "busybox", "Cmd": ["true"]}).end()["Id"]
    s.step("create")
    Call("DELETE", "/containers/%s" % cid).end()
    s.step("rm")
    s.total("both")


def timed(name, s, *command):
    s.begin()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    s.total(name)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    run, execs, creates, programs = Steps(), Steps(), Steps(), Steps()
    for _ in range(rounds):
        run_once(run)
    run.show("run --rm busybox true")
    cid = Call("POST", "/containers/create", {"Image": "busybox", "Cmd": ["sleep", "800"]}).end()["Id"]
    Call("POST", "/containers/%s/start" % cid).end()
    for _ in range(rounds):
        exec_once(execs, cid)
    execs.show("exec of true")
    for _ in range(rounds):
        create_once(creates)
    creates.show("create and rm")
    print("  %.0f create and rm a second, one after the other" % (1000 / statistics.median(creates.times["both"])))
    for _ in range(rounds):
        timed("fork and exec of busybox true", programs, "busybox", "true")
        timed("docker version (the CLI itself)", programs, "docker", "version")
        timed("docker exec C true", programs, "docker", "exec", cid, "true")
        timed("docker run --rm busybox true", programs, "docker", "run", "--rm", "busybox", "true")
    programs.show("programs")
    Call("DELETE", "/containers/%s?force=1" % cid).end()


main()
