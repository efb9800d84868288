"""A Lambda endpoint: GetFunction says Active, an Invoke is held until the test answers it. Signatures are not looked at."""
import http.server
import json
import queue
import select
import threading


class Invocation:
    def __init__(self, function, payload):
        self.function = function
        self.payload = payload
        self.answer = queue.Queue()
        self.left = threading.Event()  # the caller closed its connection

    def finish(self, body=None, error=None, log=None, status=200, headers=()):
        self.answer.put((status, body if body is not None else {}, error, log, headers))

    def cut(self):
        """The connection ends without an answer."""
        self.answer.put(None)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, status, body, headers=()):
        data = json.dumps(body).encode()
        self.send_response(status)
        for k, v in headers:
            self.send_header(k, v)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        lam = self.server.lam
        name = self.path.split("/")[3].split("?")[0]
        state, reason = lam.states.get(name, ("Active", ""))
        if state is None:
            self.reply(404, {"Type": "User", "Message": "Function not found: " + name},
                       [("x-amzn-ErrorType", "ResourceNotFoundException")])
            return
        config = {"FunctionName": name, "State": state, "LastUpdateStatus": "Successful"}
        if reason:
            config.update(StateReason=reason, StateReasonCode="ImageAccessDenied")
        self.reply(200, {"Configuration": config, "Tags": {}})

    def log_events(self, query):
        """A page holds two events; (stream, [(ms, text)]) stand in lam.logs by group."""
        streams = self.server.lam.logs.get(query["logGroupName"], {})
        if query["logStreamName"] not in streams:
            self.reply(400, {"__type": "ResourceNotFoundException", "message": "The specified log stream does not exist."})
            return
        events = [e for e in streams[query["logStreamName"]] if e[0] >= query.get("startTime", 0)]
        at = int(query.get("nextToken", "f/0")[2:])
        page = events[at:at + 2]
        self.server.lam.log_ends += not page
        self.reply(200, {"events": [{"timestamp": t, "message": m, "ingestionTime": t} for t, m in page],
                         "nextForwardToken": "f/%d" % (at + len(page)), "nextBackwardToken": "b/%d" % at})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("X-Amz-Target") == "Logs_20140328.GetLogEvents":
            self.log_events(json.loads(body))
            return
        inv = Invocation(self.path.split("/")[3], json.loads(body))
        self.server.lam.invocations.put(inv)
        self.server.lam.count += 1
        while True:
            try:
                answer = inv.answer.get(timeout=0.05)
                break
            except queue.Empty:
                if select.select([self.connection], [], [], 0)[0]:
                    inv.left.set()
                    self.close_connection = True
                    return
        if answer is None:
            self.close_connection = True
            return
        status, body, error, log, more = answer
        headers = [("x-amzn-RequestId", "req-1"), *more]
        if error:
            headers.append(("X-Amz-Function-Error", error))
        if log:
            headers.append(("X-Amz-Log-Result", log))
        try:
            self.reply(status, body, headers)
        except OSError:
            pass


class FakeLambda:
    def __init__(self):
        self.invocations = queue.Queue()
        self.states = {}
        self.logs = {}
        self.log_ends = 0  # looks that came to the end of a log
        self.count = 0
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.lam = self
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def invocation(self, timeout=10):
        return self.invocations.get(timeout=timeout)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
