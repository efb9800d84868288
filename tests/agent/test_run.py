"""A run from the invocation to its answer: output, exit codes, failures, environment, deadline."""
import os
import shutil
import tempfile
import time

import pytest

import gateway as gw
from conftest import Output, PATH, STATIC


def finish(agent, conn, out):
    conn.send(gw.ACK, 1, bytes(8), 3)
    body = agent.answer()
    assert body["acknowledged"] is True and body["code"] == out.exit["code"]
    assert (body["stdout"], body["stderr"]) == (len(out.data[1]), len(out.data[2]))
    return body


def run_sh(agent, script, **spec):
    conn = agent.start(["sh", "-c", script], **spec)
    out = Output(conn).until_exit()
    finish(agent, conn, out)
    return out


def test_output_and_code(agent):
    before = time.time_ns()
    out = run_sh(agent, "echo one; echo two >&2; echo three; exit 7")
    assert bytes(out.data[1]) == b"one\nthree\n" and bytes(out.data[2]) == b"two\n"
    assert out.exit["code"] == 7 and out.exit["error"] == "" and out.exit["oom"] is False
    assert all(before <= t <= time.time_ns() for t in out.times)


def test_hello(agent):
    conn = agent.start(["true"])
    hello = conn.hello
    assert hello["version"] == 1 and hello["request_id"] == agent.request_id and hello["streams"] == []
    assert hello["log_stream"] == "2026/01/01/[$LATEST]abc" and hello["deadline_ms"] > time.time() * 1000
    assert conn.head[""].startswith("GET /.agent/connect?run=%s HTTP/1.1" % agent.run_id)


def test_big_output(agent):
    out = run_sh(agent, "head -c 8000000 /dev/zero; head -c 3000000 /dev/zero >&2")
    assert out.data[1] == bytes(8000000) and out.data[2] == bytes(3000000)


def test_several_runs_use_fresh_sessions(agent):
    sessions = set()
    for i in range(3):
        conn = agent.start(["sh", "-c", "exit %d" % i])
        sessions.add(gw.check_authorization(conn.head, agent.token, agent.nonce))
        finish(agent, conn, Output(conn).until_exit())
    assert len(sessions) == 3


def test_killed_by_signal(agent):
    assert run_sh(agent, "kill -9 $$").exit["code"] == 137
    assert run_sh(agent, "kill -TERM $$").exit["code"] == 143


@pytest.mark.parametrize("args, spec, code, expected", [
    (["nosuch"], {}, 127, ("exec", 2, "nosuch", "executable file not found in $PATH")),
    (["/proc/no/such"], {}, 127, ("exec", 2, "/proc/no/such", "no such file or directory")),
    (["/etc/passwd"], {}, 126, ("exec", 13, "/etc/passwd", "permission denied")),
    (["/etc"], {}, 126, ("exec", 13, "/etc", "permission denied")),
    (["NOEXEC"], {}, 126, ("exec", 8, "NOEXEC", "exec format error")),
    (["true"], {"cwd": "/proc/nosuch/dir"}, 126, ("chdir", 2, "/proc/nosuch/dir", "no such file or directory")),
    (["true"], {"cwd": "/etc/passwd"}, 126, ("chdir", 20, "/etc/passwd", "not a directory")),
    (["nosuch"], {"init": True}, 127, ("exec", 2, "nosuch", "executable file not found in $PATH")),
    (["nosuch"], {"tty": True}, 127, ("exec", 2, "nosuch", "executable file not found in $PATH")),
])
def test_failures(agent, args, spec, code, expected):
    if args == ["NOEXEC"]:
        args = [agent.dir + "/noexec"]
        expected = (expected[0], expected[1], args[0], expected[3])
        with open(args[0], "wb") as f:
            f.write(b"\x7fnothing")
        os.chmod(args[0], 0o755)
    agent.invoke(args, **spec)
    conn = agent.connect()
    failed = conn.get()
    assert failed.type == gw.FAILED and failed.stream == 1
    failed = failed.json()
    assert (failed["step"], failed["errno"], failed["path"], failed["detail"]) == expected
    conn.cut()
    # Like an exit it is repeated until it is acknowledged.
    conn = agent.connect()
    assert conn.hello["state"] == "exited"
    assert conn.expect(gw.FAILED, 1).json() == failed
    conn.send(gw.ACK, 1, bytes(8), 3)
    body = agent.answer()
    assert body["code"] == code and body["acknowledged"] and body["error"] == expected[3]


def test_working_directory_is_made(agent):
    out = run_sh(agent, "pwd", cwd=agent.tmp + "/a/b")
    assert bytes(out.data[1]).decode() == agent.tmp + "/a/b\n"


def test_environment_is_the_specs(agent):
    out = run_sh(agent, "tr '\\0' '\\n' </proc/$$/environ", env=["A=b", PATH])
    assert sorted(bytes(out.data[1]).decode().split()) == sorted(["A=b", PATH, "HOME=/root"])
    out = run_sh(agent, "echo $HOME", env=[PATH], user="daemon:daemon")
    assert bytes(out.data[1]) == b"/usr/sbin\n"
    out = run_sh(agent, "echo $HOME", env=[PATH], user="4711")
    assert bytes(out.data[1]) == b"/\n"


def test_secrets_are_out_of_reach(agent):
    """The child has the agent's uid: neither environment, memory nor descriptors of it can be read."""
    out = run_sh(agent, "for i in environ mem maps fd/ root/ cwd/; do ls /proc/%d/$i >/dev/null 2>&1 && "
                 "head -c 1 /proc/%d/$i 2>/dev/null && echo readable $i; ls /proc/%d/$i/ 2>/dev/null; done; "
                 "ls -l /proc/self/fd | grep -c socket; env" % ((agent.process.pid,) * 3))
    text = bytes(out.data[1]).decode()
    assert "readable" not in text and agent.token not in text and "aws-" not in text
    assert text.startswith("0\n"), text


def test_init_holds_no_secret(agent):
    conn = agent.start(["sh", "-c", "cat /proc/$PPID/environ || echo refused"], init=True)
    out = Output(conn).until_exit()
    assert bytes(out.data[1]) == b"refused\n"


def test_small_writes_come_at_once(agent):
    conn = agent.start(["sh", "-c", "while read x; do echo $x; done"], open_stdin=True)
    out = Output(conn)
    took = []
    for i in range(50):
        begin = time.monotonic()
        conn.send(gw.DATA, 1, b"%d\n" % i)
        out.until(lambda o: o.data[1].endswith(b"%d\n" % i))
        took.append(time.monotonic() - begin)
    assert sorted(took)[25] < 0.05


def test_tmp_is_emptied(agent):
    os.makedirs(agent.tmp + "/a/b")
    outside = agent.dir + "/outside"
    os.mkdir(outside)
    open(outside + "/file", "w").close()
    os.symlink(outside, agent.tmp + "/link")
    os.symlink(outside, agent.tmp + "/a/link")
    deep = agent.tmp
    for _ in range(200):
        deep += "/d"
        os.mkdir(deep)
    os.mkdir(agent.tmp + "/locked")
    open(agent.tmp + "/locked/file", "w").close()
    for root, dirs, files in os.walk(agent.tmp):
        os.lchown(root, 64123, 64123)
    os.chmod(agent.tmp + "/locked", 0)
    out = run_sh(agent, "ls -A %s" % agent.tmp)
    assert bytes(out.data[1]) == b""
    assert os.listdir(outside) == ["file"]


def test_seed_is_put_into_tmp(make_agent):
    with tempfile.TemporaryDirectory() as own:
        seed = own + "/seed"
        os.chmod(own, 0o755)
        os.makedirs(seed + "/var/cache")
        os.makedirs(seed + "/tmp/made")
        with open(seed + "/var/cache/file", "wb") as f:
            f.write(bytes(200000))
        os.chmod(seed + "/var/cache/file", 0o754)
        os.utime(seed + "/var/cache/file", (1000, 2000))
        os.chmod(seed + "/var/cache", 0o555)
        os.mkdir(seed + "/locked", 0)
        os.symlink("/etc/passwd", seed + "/link")
        os.mkfifo(seed + "/fifo")
        with open(own + "/writable", "w") as f:
            f.write("/link\n/var/cache\n/srv/a/b\n/locked/x\n")
        agent = make_agent(env={"SOCKERLESS_AGENT_SEED": seed})
        for _ in range(2):
            out = run_sh(agent, "cd %s; ls -A; cd .sockerless/root; find . | sort; stat -c '%%a %%s %%Y' var/cache/file; readlink link; stat -c %%a var/cache; "
                         "touch var/cache/new && rm link && echo fine" % agent.tmp)
            assert bytes(out.data[1]).decode().split("\n") == [
                ".sockerless", "made", ".", "./link", "./locked", "./locked/x", "./srv", "./srv/a", "./srv/a/b", "./var", "./var/cache", "./var/cache/file", "754 200000 2000",
                "/etc/passwd", "755", "fine", ""]
        assert sorted(os.listdir(seed)) == ["fifo", "link", "locked", "tmp", "var"]


def test_a_shell_shows_the_directory_by_its_given_name(agent):
    with tempfile.TemporaryDirectory() as own:
        os.chmod(own, 0o755)
        os.symlink("/usr/share", own + "/app")
        out = run_sh(agent, "pwd; pwd -P", cwd=own + "/app")
        assert bytes(out.data[1]).decode() == "%s/app\n/usr/share\n" % own
    out = run_sh(agent, "tr '\\0' '\\n' </proc/$$/environ | grep -c ^PWD", cwd="/usr/share")
    assert bytes(out.data[1]) == b"0\n"


def test_descendants_die_with_the_main_process(agent):
    conn = agent.start(["sh", "-c", "sleep 1000 & setsid sh -c 'trap \"\" TERM HUP; sleep 1001 & echo $!; wait' & sleep 0.2; exit 3"])
    out = Output(conn).until_exit()
    pid = int(out.data[1])
    assert out.exit["code"] == 3
    finish(agent, conn, out)
    assert not os.path.exists("/proc/%d" % pid)


def test_deadline_terminates(agent):
    conn = agent.start(["sh", "-c", "trap 'echo term; exit 5' TERM; while :; do sleep 0.05; done"], deadline=3)
    out = Output(conn).until_exit()
    assert bytes(out.data[1]) == b"term\n" and out.exit["code"] == 5
    text, ran = out.exit["error"].rsplit(" after ", 1)
    assert text == "the function's timeout of 3 s ended the run" and ran.endswith(" s") and 1 < float(ran[:-2]) < 3
    assert finish(agent, conn, out)["error"] == out.exit["error"]


def test_deadline_kills(agent):
    begin = time.monotonic()
    conn = agent.start(["sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"], deadline=3)
    out = Output(conn).until_exit()
    assert out.exit["code"] == 137 and 2 < time.monotonic() - begin < 3


def test_deadline_answers_unacknowledged(agent):
    begin = time.monotonic()
    conn = agent.start(["sh", "-c", "echo x; exit 4"], deadline=3)
    Output(conn, acknowledge=False).until_exit()
    body = agent.answer()
    assert body["acknowledged"] is False and body["code"] == 4 and body["stdout"] == 2
    assert 2 < time.monotonic() - begin < 3
    conn.ended()


def test_no_gateway_ends_the_run(make_agent):
    agent = make_agent(env={"SOCKERLESS_AGENT_TIMEOUT": "1"})
    agent.gateway.close()
    agent.invoke(["true"])
    body = agent.answer()
    assert body["acknowledged"] is False and "no gateway took the run up" in body["error"]


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"{}", b'{"version":1,"run":"x","nonce":"ab"}', b"\xff" * 1000,
                                     b'{"version":1,"run":"ab","nonce":"ab","callback":"http://x","spec":{"args":[]}}'])
def test_payload_that_is_none(agent, payload):
    agent.api.invocations.put(("r1", payload, 0))
    path, body = agent.api.answers.get(timeout=gw.TIMEOUT)
    assert path.endswith("/r1/error") and body["errorMessage"]
    # The agent goes on.
    assert run_sh(agent, "exit 3").exit["code"] == 3


def test_copy_for_the_functions_log(make_agent):
    agent = make_agent(env={"SOCKERLESS_AGENT_LOG_BYTES": "10"})
    run_sh(agent, "echo one; echo two >&2; sleep 0.05; echo three; echo four")
    assert sorted(agent.mirrored()[:8].split()) == [b"one", b"two"] and len(agent.mirrored()) == 10
    # Each run has its own share; a terminal's output isn't copied, nor is what is binary.
    run_sh(agent, "echo tty", tty=True)
    run_sh(agent, "printf 'a\\000b'; echo c >&2")
    assert len(agent.mirrored()) <= 12 and b"tty" not in agent.mirrored()


def test_static_file_runs_in_an_empty_image(make_agent):
    """Nothing but the program: no /dev, /proc, /etc or /tmp."""
    if os.getuid() != 0:
        pytest.skip("chroot needs root")
    with tempfile.TemporaryDirectory() as root:
        os.chmod(root, 0o755)
        shutil.copy("/bin/busybox", root + "/busybox")
        agent = make_agent(STATIC, root=root)
        agent.invoke(["/busybox", "sh", "-c", "read x; echo in:$x; /busybox ls -a /; exit 3"], cwd="/",
                     callback="http://127.0.0.1:%d" % agent.gateway.port)
        conn = agent.connect()
        out = Output(conn).until_exit()
        assert bytes(out.data[1]) == b"in:\n.\n..\nagent\nbusybox\n" and out.exit["code"] == 3
        finish(agent, conn, out)
