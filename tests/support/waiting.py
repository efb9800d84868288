"""Conditions with a deadline. The pause between two looks is the only sleep of the tests."""
import socket
import time


def wait_until(condition, seconds=30, what="the condition"):
    """Polls until condition() is true; that value is returned."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, "%s: not within %s s" % (what, seconds)
        time.sleep(0.01)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
