"""What the function's process may and may not do, its limits, its life."""
import os
import re
import subprocess
import time

import harness
from harness import Base, directory, processes, registry, tar
from support.waiting import wait_until


class Inside(Base):
    def test_identity_and_capabilities(self):
        lines, end, _ = self.driver.run("id -u; id -g; grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status; hostname")
        self.assertEqual(end, "exit 0")
        self.assertEqual(lines[:2], ["993", "990"])
        status = dict(line.split(":\t") for line in lines[2:-1])
        for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[kind], 16), 0, kind)
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))

    def test_root_is_read_only(self):
        lines, _, _ = self.driver.run("touch /x; mkdir /work/x; cat /secret; touch /dev/x; echo x >/dev/null && echo null; "
                                      "test -e /dev/shm || echo no shm; test -d /sys || echo no sys; cat /etc/hosts")
        text = "\n".join(lines)
        self.assertRegex(text, "/x: Read-only file system")
        self.assertRegex(text, "/secret.*Permission denied")
        self.assertIn("null", lines)
        self.assertIn("no shm", lines)
        self.assertIn("no sys", lines)
        self.assertIn("127.0.0.1 localhost", lines)

    def test_tmp_survives_and_has_its_size(self):
        d = self.driver
        d.ok("create t 256 100 / df -k /tmp | grep /tmp; stat -c %a /tmp; cat /tmp/kept; echo kept >>/tmp/kept; "
             "dd if=/dev/zero of=/tmp/full bs=1M count=200 2>&1 | grep -o 'No space.*'; true")
        d.ok("start t")
        first = d.lines("t")
        self.assertEqual(d.ok("wait t"), "exit 0")
        size = int(first[0].split()[1])
        self.assertTrue(90 * 1024 <= size <= 100 * 1024, size)
        self.assertEqual(first[1], "1777")
        self.assertIn("No space left on device", first)
        self.assertRegex(first[2], "can't open")
        d.ok("start t")
        self.assertEqual(d.lines("t")[2], "kept")
        d.ok("wait t")

    def test_two_runs_share_no_tmp(self):
        self.driver.run("echo x > /tmp/x", name="a")
        self.assertEqual(self.driver.run("ls /tmp", name="a")[0], [])

    def test_namespaces_are_refused(self):
        for flag in ("-U", "-m", "-n", "-p", "-i", "-u"):
            lines, _, _ = self.driver.run("unshare %s true" % flag)
            self.assertRegex(lines[0], "Operation not permitted", flag)

    def test_refused_calls(self):
        program = os.path.join(self.dir, "calls")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "calls.c")
        subprocess.run(["cc", "-static", "-O1", "-o", program, source], check=True)
        with open(program, "rb") as f:
            layer = tar([("bin", directory()), ("bin/calls", {"data": f.read()})])
        self.driver.ok("prepare " + harness.REGISTRY.image("calls", [registry.busybox_layer(), layer]))
        lines, end, _ = self.driver.run("exec /bin/calls")
        self.assertEqual(end, "exit 0", lines)
        self.assertEqual([line for line in lines if not line.endswith("as wanted")], [])
        self.assertGreater(len(lines), 10)

    def test_limits_of_files_and_processes(self):
        lines, _, _ = self.driver.run("ulimit -n; ulimit -Hn; ulimit -c; i=0; while [ $i -lt 900 ]; do sleep 30 >/dev/null 2>&1 & i=$((i+1)); "
                                      "done 2>&1 | grep -o \"can't fork.*\"; echo end")
        self.assertEqual(lines[:3], ["1024", "1024", "0"])
        self.assertRegex("\n".join(lines), "can't fork")

    def test_output_can_be_opened_again(self):
        self.assertEqual(self.driver.run("echo one >/dev/stdout; echo two >/dev/stderr; cat /dev/stdin; echo $?")[0], ["one", "two", "0"])

    def test_entrypoint_and_workdir(self):
        d = self.driver
        self.assertEqual(d.run("pwd", workdir="/work")[0], ["/work"])
        d.ok("create w 128 64 /nowhere true")
        self.assertRegex(d.say("start w"), "error Runtime.InvalidWorkingDir: chdir /nowhere: No such file")
        d.ok("exec e 128 64 / /bin/nothing")
        self.assertRegex(d.say("start e"), "error Runtime.InvalidEntrypoint: .*/bin/nothing: No such file")
        self.assertRegex(d.say("start e"), "error Runtime.InvalidEntrypoint")
        for path in ("/bin/true", "bin/busybox", "/bin", "/secret"):
            d.ok("exec %s 128 64 / %s" % (path.replace("/", "_"), path))
            self.assertRegex(d.say("start " + path.replace("/", "_")), "error Runtime.InvalidEntrypoint: fork/exec " + path)

    def test_exit_codes(self):
        self.assertEqual(self.driver.run("exit 7")[1], "exit 7")
        self.assertEqual(self.driver.run("kill -TERM $$")[1], "signal 15")

    def test_memory_limit(self):
        lines, end, stat = self.driver.run("exec dd if=/dev/zero of=/dev/null bs=400M count=1", memory=128)
        self.assertEqual(end, "signal 9")
        peak, oom = re.match(r"peak (\d+) oom (\d)", stat).groups()
        self.assertEqual(oom, "1")
        self.assertTrue(100 <= int(peak) <= 128, stat)
        self.assertRegex(self.driver.run("true", memory=128)[2], "oom 0")

    def test_descendants_end_with_the_process(self):
        mark = "7654.%d" % os.getpid()
        lines, _, _ = self.driver.run("setsid sleep %s & (sleep %s &) ; echo started" % (mark, mark))
        self.assertEqual(lines, ["started"])
        self.assertEqual(processes(mark), [])

    def test_kill_ends_everything(self):
        mark = "8765.%d" % os.getpid()
        d = self.driver
        d.ok("create t 256 64 / setsid sleep %s & (setsid setsid sleep %s &) ; echo started; sleep %s; sleep 1" % (mark, mark, mark))
        for frozen in (False, True):
            d.ok("start t")
            self.assertEqual(d.say("output t"), "ok started")
            wait_until(lambda: len([p for p in processes(mark) if b"sh\0" not in p[1]]) >= 3, what="three sleepers")
            if frozen:
                d.ok("freeze t")
            d.ok("kill t")
            self.assertEqual(d.ok("wait t"), "signal 9")
            self.assertEqual(processes(mark), [])

    def test_freeze_and_thaw(self):
        d = self.driver
        d.ok("create t 256 64 / i=0; while true; do i=$((i+1)); echo $i > /tmp/n; mkdir -p /tmp/$i; done")
        d.ok("start t")

        def ticks():
            with open("/proc/%d/stat" % pid) as f:
                return int(f.read().rsplit(")", 1)[1].split()[11])
        pid = processes("i=$((i+1)); echo $i > /tmp/n", exact=False)[0][0]
        before = ticks()
        wait_until(lambda: ticks() > before, what="progress")
        d.ok("freeze t")
        stopped = ticks()
        time.sleep(0.3)
        self.assertEqual(ticks(), stopped)
        d.ok("thaw t")
        wait_until(lambda: ticks() > stopped, what="progress after the thaw")
        d.ok("kill t")
        self.assertEqual(d.ok("wait t"), "signal 9")

    def test_create_and_start_are_fast(self):
        d = self.driver
        times = []
        for i in range(5):
            times.append(float(d.ok("create s%d 128 512 / true" % i)) + float(d.ok("start s%d" % i)))
        print("create + start: %s ms" % times)
