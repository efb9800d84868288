import json
import os
import shutil
import time

from harness import frames, until


def get(gw, cid, args):
    c = gw.get("http/logs/%s?api=1.43&%s" % (cid, args))
    assert c.head() == 200
    return c


def said(gw, lines, run=None):
    """A container that has written these (channel, text, time) and ended."""
    cid = gw.container()
    agent = gw.begin(cid)
    at = {1: 0, 2: 0}
    for channel, text, when in lines:
        agent.output(text, at[channel], channel, when)
        at[channel] += len(text)
    agent.exit(0, at[1], at[2])
    return cid


NS = 1000000000


def test_lines_in_frames(gw):
    cid = said(gw, [(1, b"out1\nou", 10 * NS), (2, b"err1\n", 11 * NS), (1, b"t2\nlast", 12 * NS)])
    c = get(gw, cid, "stdout=1&stderr=1")
    assert c.headers["Content-Type"] == "application/vnd.docker.multiplexed-stream"
    f = b"\x01\0\0\0\0\0\0\x05out1\n\x02\0\0\0\0\0\0\x05err1\n\x01\0\0\0\0\0\0\x05out2\n\x01\0\0\0\0\0\0\x04last"
    assert c.body() == f
    assert get(gw, cid, "stderr=1").body() == b"\x02\0\0\0\0\0\0\x05err1\n"
    assert get(gw, cid, "stdout=1&stderr=1&tail=2").body() == f[26:]
    assert get(gw, cid, "stdout=1&stderr=1&tail=0").body() == b""
    assert get(gw, cid, "stdout=1&tail=100").body() == f[:13] + f[26:]
    assert frames(get(gw, cid, "stdout=1&since=%d" % (11 * NS)).body())[1] == b"last"
    assert frames(get(gw, cid, "stdout=1&until=%d" % (9 * NS)).body())[1] == b""
    assert frames(get(gw, cid, "stderr=1&timestamps=1").body())[2] == b"1970-01-01T00:00:11.000000000Z err1\n"
    assert frames(get(gw, cid, "stderr=1&details=1").body())[2] == b" err1\n"


def test_tty_is_raw(gw):
    cid = gw.container(tty=True)
    agent = gw.begin(cid)
    agent.output(b"a\r\nb", 0)
    agent.exit(0, 4)
    c = get(gw, cid, "stdout=1")
    assert c.headers["Content-Type"] == "application/vnd.docker.raw-stream"
    assert c.body() == b"a\r\nb"


def test_follow(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    agent.output(b"one\n", 0)
    c = get(gw, cid, "stdout=1&follow=1")
    assert c.chunk() == b"\x01\0\0\0\0\0\0\x04one\n"
    tail = get(gw, cid, "stdout=1&follow=1&tail=0")
    agent.output(b"tw", 4)
    agent.output(b"o\nthr", 6)
    assert c.chunk() == b"\x01\0\0\0\0\0\0\x04two\n"
    agent.exit(0, 11)
    assert c.chunk() == b"\x01\0\0\0\0\0\0\x03thr"
    assert c.chunk() == b""
    assert frames(tail.body())[1].endswith(b"two\nthr")


def test_a_spool_that_is_gone_is_replaced_by_the_functions_log(gw):
    cid = gw.container()
    agent = gw.begin(cid)
    agent.output(b"one\ntwo\n", 0)
    agent.exit(0, 8)
    silent = gw.container()
    gw.begin(silent).exit(0)
    gw.stop()
    assert os.path.isdir("%s/spool/%s" % (gw.dir, silent))
    shutil.rmtree("%s/spool/%s" % (gw.dir, cid))
    gw.start()
    assert get(gw, cid, "stdout=1").body() == b""
    at = time.time_ns() // 1000000
    texts = ["INIT_START Runtime Version", "sockerless-agent[9] info one", "START RequestId: req-0 Version: $LATEST\n", "another's\n",
             "END RequestId: req-0\n", "REPORT RequestId: req-0\tDuration: 1 ms\n", "START RequestId: req-1 Version: $LATEST\n", "one\n",
             "sockerless-agent[9] info two\n", "END RequestId: none", "two", "END RequestId: req-1\n", "REPORT RequestId: req-1\tDuration: 1 ms\n",
             "START RequestId: req-2 Version: $LATEST\n", "a later one's\n"]
    lines = [(at + i, t) for i, t in enumerate(texts)]
    for c in (cid, silent):
        gw.lam.logs["/aws/lambda/skls-" + c[:12]] = {"2026/11/23/[$LATEST]ab": lines}
    f = b"\x01\0\0\0\0\0\0\x04one\n\x01\0\0\0\0\0\0\x14END RequestId: none\n\x01\0\0\0\0\0\0\x04two\n"
    assert get(gw, cid, "stdout=1&stderr=1").body() == f
    assert get(gw, cid, "stdout=1&follow=1").body() == f
    assert get(gw, cid, "stdout=1&tail=1").body() == f[-12:]
    assert get(gw, cid, "stderr=1").body() == b""
    assert get(gw, cid, "stdout=1&since=%d" % ((at + 10) * 1000000)).body() == f[-12:]
    assert get(gw, silent, "stdout=1").body() == b""


def test_log_limit(gw):
    gw.stop()
    gw.settings["SOCKERLESS_LOG_LIMIT"] = 20 << 20
    gw.start()
    cid = gw.container()
    agent = gw.begin(cid)
    line = b"%010d" % 0 + b"x" * 65525 + b"\n"
    at = 0
    for i in range(60 * 16):
        agent.output(b"%010d" % i + b"x" * 65525 + b"\n", at)
        at += 65536
        agent.acked(at)
    agent.exit(0, at)
    text = frames(get(gw, cid, "stdout=1").body())[1]
    assert text.endswith(b"%010d" % 959 + b"x" * 65525 + b"\n")
    assert len(text) < 40 << 20


def test_events_of_many_bytes(gw):
    """More than one look can bring."""
    cid = gw.container()
    text = "exec_create: " + "\x01" * 300000
    gw.db.executemany("INSERT INTO event (tenant, time, type, action, actor_id, attributes) VALUES ('local', 5, 'container', ?, ?, '{}')", [(text, cid)] * 12)
    c = gw.get("http/events/0?api=1.43&tenant=local&since=1&until=9")
    c.head()
    assert [json.loads(line)["Action"] for line in c.body().splitlines()] == [text] * 12


def test_events(gw):
    live = gw.get("http/events/0?api=1.43&tenant=local")
    assert live.head() == 200
    cid = gw.container(labels={"l1": "v1"}, name="box")
    other = gw.get("http/events/0?api=1.43&tenant=other&since=1")
    other.head()
    agent = gw.begin(cid)
    ev = json.loads(live.chunk())
    assert ev["status"] == ev["Action"] == "start" and ev["id"] == cid and ev["from"] == "busybox" and ev["Type"] == "container"
    assert list(ev["Actor"]["Attributes"].items()) == [("image", "busybox"), ("l1", "v1"), ("name", "box")]
    assert ev["timeNano"] // NS == ev["time"] and ev["scope"] == "local"
    agent.exit(7)
    ev = json.loads(live.chunk())
    assert ev["Action"] == "die" and ev["Actor"]["Attributes"]["exitCode"] == "7"
    now = time.time_ns()
    for filters, n in (({"event": ["die"]}, 1), ({"container": {"box": True}}, 2), ({"type": ["image"]}, 0), ({"label": ["l1=v1"]}, 2),
                       ({"label": ["l1=v2"]}, 0), ({"image": ["busybox"]}, 2), ({"event": ["die"], "container": ["nobox"]}, 0)):
        import urllib.parse
        c = gw.get("http/events/0?api=1.43&tenant=local&since=1&until=%d&filters=%s" % (now, urllib.parse.quote(json.dumps(filters))))
        c.head()
        assert len(c.body().splitlines()) == n, filters
    assert other.buf == b""
