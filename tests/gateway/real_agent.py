"""The real agent as a function: a Runtime API that hands it the invocations of the fake Lambda, and what stands between it and the gateway."""
import http.server
import json
import os
import queue
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from support import places

BUILD = str(places.BUILD)


class Relay:
    """nginx's part: takes the agent's connection, and sends it to the gateway's socket under the gateway's path."""

    def __init__(self, sock_path):
        self.path = sock_path
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.closed = False
        self.open = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        out = socket.socket(socket.AF_UNIX)
        try:
            out.connect(self.path)
            head = b""
            while b"\r\n" not in head:
                piece = s.recv(65536)
                if not piece:
                    raise ConnectionError("closed before its head")
                head += piece
            run = head.split()[1].split(b"run=")[1]
            line, rest = head.split(b"\r\n", 1)
            out.sendall(b"GET /.gateway/agent/" + run + b" HTTP/1.1\r\n" + rest)
            self.open += [s, out]
            t = threading.Thread(target=self.copy, args=(out, s), daemon=True)
            t.start()
            self.copy(s, out)
        except OSError:
            s.close()
            out.close()

    def copy(self, a, b):
        try:
            while True:
                data = a.recv(262144)
                if not data:
                    break
                b.sendall(data)
        except OSError:
            pass
        for x in (a, b):
            try:
                x.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        while self.open:
            try:
                self.open.pop().shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()
        self.cut()


class Function:
    """Runs until closed; takes every invocation of the fake Lambda, one after the other."""
    program, environment = BUILD + "/sockerless-agent", {}
    deadline = 60  # seconds from now, at each invocation

    def __init__(self, gw, container):
        function = self
        self.gw = gw
        self.current = None

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_GET(self):
                inv = None
                while inv is None and not function.closing:
                    try:
                        inv = gw.lam.invocations.get(timeout=0.1)
                    except queue.Empty:
                        pass
                if inv is None:
                    return
                if function.closing:
                    gw.lam.invocations.put(inv)
                    return
                function.current = inv
                payload = json.dumps(inv.payload).encode()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "req-%d" % gw.lam.count)
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + function.deadline) * 1000)))
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                # Before the agent can ask for the next one.
                if function.current:
                    function.current.finish(body)
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

        self.closing = False
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.dir = tempfile.mkdtemp(prefix="gwagent.")
        os.mkdir(self.dir + "/tmp")
        env = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:%d" % self.server.server_address[1], "SOCKERLESS_CONTAINER_ID": container,
               "SOCKERLESS_AGENT_TOKEN": "t", "SOCKERLESS_AGENT_TMP": self.dir + "/tmp", **self.environment}
        self.process = subprocess.Popen([self.program], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        cwd=self.dir)

    def close(self):
        self.closing = True
        self.process.kill()
        self.process.wait()
        self.server.shutdown()
        self.server.server_close()
        shutil.rmtree(self.dir, ignore_errors=True)
