#!/usr/bin/python3
"""Memory (PSS: shared pages divided by their users) of all processes of an
idle sockerless started by deploy/quickstart, by program.

usage: memory.py     (SOCKERLESS_RUN_DIR as for deploy/quickstart)
"""
import os
import pathlib
import sys

RUN = os.environ.get("SOCKERLESS_RUN_DIR", "/run/sockerless")
# Of others: what ECR and AWS are in production, and the supervision.
OTHERS = ("docker-registry", "sockerless-lamb", "runsv", "runsvdir", "svlogd")


def processes():
    """{pid: (name, parent)} of all that stand below the supervisor."""
    table = {}
    for p in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            name, rest = (p / "stat").read_text().split("(", 1)[1].rsplit(")", 1)
            table[int(p.name)] = (name, int(rest.split()[1]))
        except OSError:
            pass
    top = int((pathlib.Path(RUN) / "supervisor.pid").read_text())
    below = {top}
    grown = True
    while grown:
        more = {p for p, (_, parent) in table.items() if parent in below} - below
        below |= more
        grown = bool(more)
    return {p: table[p][0] for p in below if p in table}


def pss(pid):
    try:
        return sum(int(l.split()[1]) for l in open("/proc/%d/smaps_rollup" % pid) if l.startswith("Pss:")) * 1024
    except OSError:
        return 0


def main():
    if not (pathlib.Path(RUN) / "supervisor.pid").exists():
        sys.exit("no sockerless runs in %s" % RUN)
    programs = {}
    for pid, name in processes().items():
        count, size = programs.get(name, (0, 0))
        programs[name] = (count + 1, size + pss(pid))
    for ours in (True, False):
        total = 0
        for name, (count, size) in sorted(programs.items(), key=lambda p: -p[1][1]):
            if (name not in OTHERS) == ours:
                print("%-18s %3d processes %7.1f MB" % (name, count, size / 1e6))
                total += size
        print("%-18s               %7.1f MB\n" % ("ours" if ours else "local stand-ins", total / 1e6))


main()
