"""docker run -it in a real terminal, played by tmux."""
import subprocess
import time

import pytest

from conftest import wait_until


class Terminal:
    """A tmux server of its own with one 80x24 window that runs a shell."""

    def __init__(self, system):
        self.socket = str(system.root / "tmux")
        env = dict(system.docker_env, TERM="xterm", LANG="C.UTF-8", PS1="host$ ")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "env", "PS1=host$ ", "sh", env=env)
        self.wait_for("host$")

    def tmux(self, *args, env=None):
        return subprocess.run(["tmux", "-S", self.socket, *args], env=env, stdout=subprocess.PIPE, text=True, check=True, timeout=20).stdout

    def screen(self):
        return self.tmux("capture-pane", "-p", "-S", "-200")

    def type(self, text):
        self.tmux("send-keys", "-l", text)
        self.tmux("send-keys", "Enter")

    def key(self, *keys):
        self.tmux("send-keys", *keys)

    def wait_for(self, text, seconds=20):
        try:
            wait_until(lambda: text in self.screen(), seconds, repr(text))
        except pytest.fail.Exception:
            pytest.fail("%r isn't on the screen:\n%s" % (text, self.screen()))

    def wait_for_prompt(self, number):
        """Until the host's shell has asked for the number-th command: what is typed earlier goes to docker."""
        wait_until(lambda: self.screen().count("host$") >= number, 20, "prompt %d" % number)

    def close(self):
        self.tmux("kill-server")


@pytest.fixture
def terminal(docker):
    t = Terminal(docker)
    yield t
    t.close()


def test_prompt_resize_keys(docker, terminal):
    terminal.type("docker run --rm -it --name tty busybox sh")
    terminal.wait_for("/ $")
    terminal.type("stty size; tty; echo T=$TERM")
    terminal.wait_for("24 80")
    terminal.wait_for("/dev/pts/")
    terminal.wait_for("T=xterm")
    terminal.tmux("resize-window", "-x", "100", "-y", "40")

    def resized():
        terminal.type("stty size")
        time.sleep(0.2)
        return "40 100" in terminal.screen()
    wait_until(resized, 20, "the new size")
    terminal.type("sleep 1000")
    terminal.key("C-c")
    terminal.type("echo status $?")
    terminal.wait_for("status 130")
    terminal.type("exit 7")
    terminal.wait_for_prompt(2)
    terminal.type("echo left with $?")
    terminal.wait_for("left with 7")


@pytest.mark.parametrize("command,shown", [
    ("sleep 1000", "left with 130"),
    ("sh -c 'trap \"exit 9\" INT; echo be\"\"gun; while :; do sleep 0.1; done'", "left with 9"),
    # A program that reads raw bytes gets the key as one.
    ("sh -c 'stty raw -echo; echo be\"\"gun; dd bs=1 count=1 2>/dev/null | od -An -tx1; stty sane'", " 03\n"),
])
def test_control_c(docker, terminal, command, shown):
    terminal.type("docker run --rm -it --name tty busybox " + command)
    terminal.wait_for("begun") if "gun" in command else wait_until(lambda: docker.ok("ps", "-q", "--filter", "name=tty"), 20, "the start")
    terminal.key("C-c")
    terminal.wait_for_prompt(2)
    terminal.type("echo left with $?")
    terminal.wait_for(shown)


def test_control_d(docker, terminal):
    terminal.type("docker run --rm -it busybox sh")
    terminal.wait_for("/ $")
    terminal.key("C-d")
    terminal.wait_for_prompt(2)
    terminal.type("echo left with $?")
    terminal.wait_for("left with 0")


def test_detach_and_attach_again(docker, terminal):
    terminal.type("docker run -it --name detach busybox sh")
    terminal.wait_for("/ $")
    terminal.type("A=kept")
    terminal.key("C-p", "C-q")
    terminal.wait_for_prompt(2)
    terminal.type("echo left with $?")
    terminal.wait_for("left with 0")
    assert docker.inspect("detach")["State"]["Running"]
    terminal.type("docker attach detach")
    terminal.wait_for("docker attach detach\n/ $")
    terminal.type("echo A=$A")
    terminal.wait_for("A=kept")
    terminal.type("exit 3")
    terminal.wait_for_prompt(4)
    terminal.type("echo then $?")
    terminal.wait_for("then 3")


@pytest.mark.parametrize("command", ["attach --detach-keys ctrl-x,x keyed", "exec -it --detach-keys ctrl-x,x keyed sh"])
def test_detach_keys_of_ones_own(docker, terminal, command):
    docker.ok("run", "-dit", "--name", "keyed", "busybox", "sh")
    terminal.type("docker " + command)
    terminal.key("Enter")
    terminal.wait_for("/ $")
    terminal.key("C-p", "C-q")
    terminal.key("Enter")
    terminal.type("echo still the''re")
    terminal.wait_for("still there")
    terminal.key("C-x", "x")
    terminal.wait_for_prompt(2)
    assert docker.inspect("keyed")["State"]["Running"]


def test_exec_in_a_terminal(docker, terminal):
    docker.ok("run", "-d", "--name", "execd", "busybox", "sleep", "1000")
    terminal.type("docker exec -it execd sh")
    terminal.wait_for("/ $")
    terminal.type("stty size; exit 5")
    terminal.wait_for("24 80")
    terminal.wait_for_prompt(2)
    terminal.type("echo left with $?")
    terminal.wait_for("left with 5")
