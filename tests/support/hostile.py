"""An HTTP server of loopback whose answers a test makes up: what no real registry would say."""
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """handle: request -> (status, headers, body). A body that is no bytes gives them one by one; its Content-Length must be among the headers."""
    daemon_threads = True

    def __init__(self, handle):
        super().__init__(("127.0.0.1", 0), Handler)
        self.handle = handle
        self.host = f"127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, *args):
        pass  # clients that hang up are part of the tests

    def close(self):
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def handle_any(self):
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, headers, body = self.server.handle(self)
        self.send_response_only(status)
        for k, v in headers.items():
            self.send_header(k, v)
        self.close_connection = "Content-Length" in headers
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            for part in [body] if isinstance(body, bytes) else body:
                self.wfile.write(part)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any
