"""Nothing is left behind, whoever is killed; and life on machines that lack something."""
import os
import shutil
import signal
import subprocess
import time

import harness
from harness import DRIVER, Base, Driver, parent, processes, traces
from support.waiting import wait_until


class Leftovers(Base):
    def busy(self):
        self.mark = "9876.%d" % time.monotonic_ns()
        for i, frozen in enumerate((False, True)):
            self.driver.ok("create b%d 256 64 / setsid sleep %s & sleep %s; true" % (i, self.mark, self.mark))
            self.driver.ok("start b%d" % i)
            wait_until(lambda: len([p for p in processes(self.mark) if p[1].startswith(b"sleep")]) == 2 * (i + 1), what="sleepers")
            if frozen:
                self.driver.ok("freeze b%d" % i)

    def test_host_kill_leaves_nothing(self):
        host = self.dir + "/host"
        self.busy()
        self.assertTrue(traces(host)["loops"])
        self.driver.process.kill()
        self.driver.process.wait()
        # Processes, mounts, loop devices and network go by themselves.
        wait_until(lambda: set(traces(host)) <= {"cgroups", "sandboxes"} and not processes(self.mark), what="an end by itself: %s" % traces(host), seconds=5)
        self.sweep()
        self.assertEqual(traces(host), {})

    def test_guard_kill_leaves_nothing(self):
        host = self.dir + "/host"
        self.busy()
        guards = [p for p in processes(host) if parent(p[0]) == self.driver.process.pid]
        self.assertEqual(len(guards), 2)
        for pid, _ in guards:
            os.kill(pid, signal.SIGKILL)
        for name in ("b0", "b1"):
            self.assertEqual(self.driver.ok("wait " + name), "signal 9")
            self.driver.ok("destroy " + name)
        wait_until(lambda: not processes(self.mark), what="the end of all")
        self.assertEqual(self.driver.close(), 0)
        wait_until(lambda: traces(host) == {}, what="nothing left: %s" % traces(host), seconds=5)

    def test_host_and_guard_killed_together(self):
        host = self.dir + "/host"
        self.busy()
        everyone = [p[0] for p in processes(host) if parent(p[0]) == self.driver.process.pid]
        os.kill(self.driver.process.pid, signal.SIGSTOP)
        for pid in everyone:
            os.kill(pid, signal.SIGSTOP)
        self.driver.process.kill()
        self.driver.process.wait()
        # The guards are stopped and see nothing: the sweep of the next start ends them.
        self.assertEqual(self.restart(), "ok")
        self.assertEqual(processes(self.mark), [])
        self.driver.ok("prepare " + harness.BUSY)
        self.assertEqual(self.driver.run("echo again")[0], ["again"])
        self.assertEqual(self.driver.close(), 0)
        wait_until(lambda: traces(host) == {}, what="nothing left: %s" % traces(host), seconds=5)

    def test_sweep_after_the_directory_is_gone(self):
        host = self.dir + "/host"
        self.busy()
        self.driver.process.kill()
        self.driver.process.wait()
        shutil.rmtree(host)
        self.sweep()
        wait_until(lambda: traces(host) == {}, what="nothing left: %s" % traces(host), seconds=5)

    def test_orderly_end_leaves_nothing(self):
        self.busy()
        self.assertEqual(self.driver.close(), 0)
        self.assertEqual(traces(self.dir + "/host"), {})

    def test_two_hosts_side_by_side(self):
        other = Driver(self.dir + "/other")
        other.ok("prepare " + harness.BUSY)
        mark = "6543.%d" % os.getpid()
        other.ok("create t 256 64 / sleep %s; true" % mark)
        other.ok("start t")
        self.busy()
        self.driver.process.kill()
        self.driver.process.wait()
        self.assertEqual(subprocess.run([DRIVER, "sweep", self.dir + "/host"]).returncode, 0)
        self.assertEqual(len([p for p in processes(mark) if p[1].startswith(b"sleep")]), 1)
        self.assertNotEqual(subprocess.run([DRIVER, "sweep", self.dir + "/other"], stderr=subprocess.DEVNULL).returncode, 0)
        late = Driver(self.dir + "/other")
        self.assertRegex(late.greeting, "error .*in use")
        self.assertEqual(late.close(), 1)
        self.assertEqual(other.close(), 0)


class Bare:
    """What must go on where the machine lacks something."""
    def test_life(self):
        d = self.driver
        mark = "5432.%d" % time.monotonic_ns()
        d.ok("create t 256 64 / echo x >>/tmp/x; cat /tmp/x; setsid sleep %s & i=0; while true; do i=$((i+1)); mkdir -p /tmp/$i; done" % mark)
        d.ok("start t")
        self.assertEqual(d.say("output t"), "ok x")
        pid = [p for p in processes(mark) if p[1].startswith(b"/bin/busybox")][0][0]

        def state():
            with open("/proc/%d/stat" % pid) as f:
                return f.read().rsplit(")", 1)[1].split()
        d.ok("freeze t")
        wait_until(lambda: state()[0] in self.frozen, what="a frozen process: %s" % state()[0])
        before = state()[11:13]
        time.sleep(0.2)
        self.assertEqual(state()[11:13], before)
        d.ok("thaw t")
        wait_until(lambda: state()[11:13] != before, what="progress")
        d.ok("freeze t")
        d.ok("kill t")
        self.assertEqual(d.ok("wait t"), "signal 9")
        self.assertEqual(processes(mark), [])
        d.ok("start t")
        self.assertEqual(d.say("output t"), "ok x")
        self.assertEqual(d.say("output t"), "ok x")
        d.ok("destroy t")
        self.assertEqual(processes(mark), [])

    def test_host_kill(self):
        mark = "4321.%d" % time.monotonic_ns()
        self.driver.ok("create t 256 64 / setsid sleep %s & sleep %s; true" % (mark, mark))
        self.driver.ok("start t")
        wait_until(lambda: len(processes(mark)) == 3, what="sleepers")
        self.driver.process.kill()
        self.driver.process.wait()
        wait_until(lambda: processes(mark) == [], what="an end by itself", seconds=5)
        self.sweep()
        self.assertEqual(traces(self.dir + "/host"), {})


class NoCgroups(Bare, Base):
    before, frozen = "umount -l /sys/fs/cgroup", "T"


class NoVersion2(Bare, Base):
    before, frozen = "umount -l /sys/fs/cgroup/unified", "DSR"


class NoVersion1(Bare, Base):
    before, frozen = "umount -l /sys/fs/cgroup/memory && umount -l /sys/fs/cgroup/pids", "DSR"


class NoLoopDevices(Bare, Base):
    before, frozen = "mount --bind /dev/null /dev/loop-control", "SRD"


class NoSlirp(Bare, Base):
    before, frozen = "mount --bind /dev/null /dev/net/tun && mount --bind /tmp /usr/sbin", "SRD"
