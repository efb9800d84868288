#!/usr/bin/python3
"""How long a line takes from standard input through the container into `docker
logs -f`, beside the same way through a plain pipe to busybox on this machine.

usage: log_delay.py [ROUNDS]     (against DOCKER_HOST)
"""
import statistics
import subprocess
import sys
import time

ECHO = 'while read line; do echo "$line"; done'


def measure(writer, reader, rounds):
    delays = []
    for n in range(rounds):
        line = b"%d\n" % n
        begun = time.perf_counter()
        writer.write(line)
        writer.flush()
        assert reader.readline() == line
        delays.append((time.perf_counter() - begun) * 1000)
    return delays


def report(name, delays, base=None):
    middle = statistics.median(delays)
    print("%-16s median %7.3f ms   99%% %7.3f ms%s" % (name, middle, sorted(delays)[int(len(delays) * 0.99)],
                                                       "   %.1f times the pipe" % (middle / base) if base else ""))
    return middle


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    pipe = subprocess.Popen(["busybox", "sh", "-c", ECHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    base = report("pipe", measure(pipe.stdin, pipe.stdout, rounds))
    pipe.stdin.close()

    name = "log-delay-%d" % time.time()
    run = subprocess.Popen(["docker", "run", "--rm", "-i", "--name", name, "busybox", "sh", "-c", "echo; " + ECHO],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert run.stdout.readline() == b"\n"
    logs = subprocess.Popen(["docker", "logs", "-f", "--tail", "0", name], stdout=subprocess.PIPE)
    # The first lines find out when the follower has begun.
    report("attach", measure(run.stdin, run.stdout, rounds), base)
    run.stdin.write(b"mark\n")
    run.stdin.flush()
    while logs.stdout.readline() != b"mark\n":
        pass
    report("logs -f", measure(run.stdin, logs.stdout, rounds), base)
    run.stdin.close()
    run.stdout.read()
    run.wait()
    logs.wait()


main()
