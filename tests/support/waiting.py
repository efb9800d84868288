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


def receive_until(s, text, data=b"", times=1, seconds=60):
    """Reads from a socket, on behind `data`, until the text is there that often; all that is there then is returned."""
    end = time.monotonic() + seconds
    while data.count(text) < times:
        piece = s.recv(65536)
        assert piece, "closed before %r: %r" % (text, data[-500:])
        assert time.monotonic() < end, "%r: not within %s s" % (text, seconds)
        data += piece
    return data


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
