"""kill -9 of the worker between the row and the function's answer: the reconciler undoes it."""
import threading

from support.waiting import wait_until


def test_killed_while_creating(service):
    s = service
    s.pull("busybox")
    release = s.aws.hold["CreateFunction"] = threading.Event()

    def attempt():
        try:
            s.call("POST", "/containers/create?name=halfway", {"Image": "busybox"})
        except (EOFError, OSError):
            pass
    thread = threading.Thread(target=attempt)
    thread.start()
    try:
        wait_until(lambda: s.aws.functions, what="CreateFunction")
        s.process.kill()
        s.process.wait(20)
    finally:
        release.set()
        thread.join(20)
        s.aws.hold.clear()
        s.start()
    assert s.db.execute("SELECT name, state FROM container").fetchall() == [("halfway", "creating")]
    assert s.call("GET", "/containers/halfway/json").status == 404
    s.db.execute("UPDATE container SET state_since = state_since - 130 * 1000000000")
    assert s.ctl("reconcile", "--once").returncode == 0
    assert s.db.execute("SELECT count(*) FROM container").fetchone() == (0,) and not s.aws.functions
    assert s.call("POST", "/containers/create?name=halfway", {"Image": "busybox"}).status == 201
