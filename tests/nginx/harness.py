"""An nginx of its own with test workers behind it, and clients for it."""
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile

from support.places import BUILD, TOP
from support.waiting import free_port, wait_until

DEADLINE = 30


def accepts(family, address):
    with socket.socket(family) as s:
        return s.connect_ex(address) == 0


def make_certificates(where):
    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=where, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
            "-subj", "/CN=test ca", "-days", "2")
    for name in ("server", "client"):
        (where / "ext").write_text("subjectAltName=IP:127.0.0.1\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", f"{name}.pem", "-days", "2", "-extfile", "ext")


class Conn:
    """A client's connection: bytes, and HTTP replies read from them."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(DEADLINE)
        self.buf = b""

    def send(self, data):
        self.sock.sendall(data)

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()

    def recv_raw(self, size=1 << 18):
        return self.sock.recv(size)

    def recv(self):
        if self.buf:
            data, self.buf = self.buf, b""
            return data
        return self.recv_raw()

    def read_until(self, end):
        while end not in self.buf:
            data = self.recv_raw()
            assert data, f"closed after {self.buf[-500:]!r}"
            self.buf += data
        head, _, self.buf = self.buf.partition(end)
        return head + end

    def read_exactly(self, size):
        while len(self.buf) < size:
            data = self.recv_raw()
            assert data, f"closed after {len(self.buf)} of {size} bytes"
            self.buf += data
        data, self.buf = self.buf[:size], self.buf[size:]
        return data

    def read_all(self):
        parts = []
        while True:
            data = self.recv()
            if not data:
                return b"".join(parts)
            parts.append(data)

    def read_head(self):
        return Head(self.read_until(b"\r\n\r\n"))

    def read_chunk(self):
        size = int(self.read_until(b"\r\n"), 16)
        return self.read_exactly(size + 2)[:-2]

    def read_reply(self):
        head = self.read_head()
        if "content-length" in head.headers:
            head.body = self.read_exactly(int(head.headers["content-length"]))
        elif head.headers.get("transfer-encoding") == "chunked":
            while chunk := self.read_chunk():
                head.body += chunk
        else:
            head.body = self.read_all()
        return head

    def request(self, method, uri, body=None, **headers):
        text = f"{method} {uri} HTTP/1.1\r\n"
        headers = {"Host": "docker", **{k.replace("_", "-"): v for k, v in headers.items()}}
        if body is not None:
            headers.setdefault("Content-Length", str(len(body)))
        text += "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        self.send(text.encode() + b"\r\n" + (body or b""))
        return self

    def ask(self, *args, **kwargs):
        return self.request(*args, **kwargs).read_reply()


class TlsConn(Conn):
    """TLS over memory buffers, since Python's sockets can't half-close."""

    def __init__(self, sock, context):
        super().__init__(sock)
        self.inn, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.inn, self.out, server_hostname="127.0.0.1")
        self.drive(self.tls.do_handshake)

    def flush(self):
        if self.out.pending:
            self.sock.sendall(self.out.read())

    def feed(self):
        data = self.sock.recv(1 << 18)
        if data:
            self.inn.write(data)
        else:
            self.inn.write_eof()

    def drive(self, call):
        while True:
            try:
                value = call()
                self.flush()
                return value
            except ssl.SSLWantReadError:
                self.flush()
                self.feed()

    def send(self, data):
        view = memoryview(data)
        while view:
            n = self.tls.write(view[:1 << 16])
            view = view[n:]
            self.flush()

    def half_close(self):
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self.flush()

    def recv_raw(self, size=1 << 18):
        try:
            return self.drive(lambda: self.tls.read(size))
        except ssl.SSLZeroReturnError:
            return b""


class Head:
    def __init__(self, raw):
        self.raw = raw
        lines = raw.decode("latin1").split("\r\n")
        self.first = lines[0]
        self.headers = {}
        for line in lines[1:-2]:
            name, _, value = line.partition(":")
            assert name.lower() not in self.headers, f"twice: {line}"
            self.headers[name.lower()] = value.strip()
        self.body = b""

    @property
    def status(self):
        return int(self.first.split()[1])

    @property
    def env(self):
        """What echo_worker saw."""
        return dict(line.split("=", 1) for line in self.body.decode("latin1").splitlines())


class Site:
    def __init__(self, certificates):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="skngx"))
        self.run = self.dir / "run"
        (self.run / "docker").mkdir(parents=True)
        (self.dir / "state/nginx").mkdir(parents=True)
        self.certificates = certificates
        self.tls_port, self.callback_port = free_port(), free_port()
        self.conf = self.dir / "conf/nginx.conf"
        self.workers = {}
        self.conns = []
        self.gateway_listener = None
        self.nginx = None

    def start(self):
        self.gateway_open()
        for pool in ("api", "control", "bulk"):
            self.worker_start(pool)
        c = self.certificates
        subprocess.run(["sh", TOP / "nginx/render", self.dir / "conf", f"RUN_DIR={self.run}",
                        f"STATE_DIR={self.dir}/state", f"MODULE={BUILD}/nginx/ngx_http_tunnel_module.so",
                        f"CA_FILE={c}/ca.pem", f"CERT_FILE={c}/server.pem", f"KEY_FILE={c}/server.key",
                        f"TLS_PORT={self.tls_port}", f"CALLBACK_PORT={self.callback_port}",
                        f"ROUTES={BUILD}/nginx/routes.conf"], check=True)
        self.stderr = open(self.dir / "nginx.stderr", "w+")
        self.nginx = subprocess.Popen(["nginx", "-e", "stderr", "-c", self.conf], stderr=self.stderr)
        wait_until(lambda: self.nginx.poll() is not None or
                   accepts(socket.AF_UNIX, str(self.run / "docker/docker.sock")), what="nginx accepts")
        assert self.nginx.poll() is None, (self.dir / "nginx.stderr").read_text()
        wait_until(self.workers_ready, what="nginx's workers are set up")
        return self

    def stop(self):
        for conn in self.conns:
            conn.close()
        if self.nginx is not None and self.nginx.poll() is None:
            # Told to quit, and with all clients gone, it must end by itself, and tells what it still holds.
            self.nginx.send_signal(signal.SIGQUIT)
            try:
                self.nginx.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.nginx.terminate()
                self.nginx.wait(DEADLINE)
                raise
        for pool in list(self.workers):
            self.worker_stop(pool)
        if self.gateway_listener is not None:
            self.gateway_listener.close()
        if self.nginx is not None:
            self.stderr.close()
        log = self.error_log()
        shutil.rmtree(self.dir)
        # What nginx calls an alert is a bug of the module: connections left open, no room in a buffer.
        bad = [line for line in log.splitlines() if "[alert]" in line or "[emerg]" in line]
        assert not bad, bad

    def error_log(self):
        path = self.dir / "state/nginx/error.log"
        return path.read_text() if path.exists() else ""

    def worker_start(self, pool):
        path = str(self.run / f"{pool}.sock")
        self.workers[pool] = subprocess.Popen([BUILD / "tests/nginx/echo_worker", path])
        wait_until(lambda: os.path.exists(path) and accepts(socket.AF_UNIX, path), what=f"{pool} accepts")

    def worker_stop(self, pool):
        worker = self.workers.pop(pool)
        worker.kill()
        worker.wait()
        (self.run / f"{pool}.sock").unlink()

    def gateway_open(self):
        self.gateway_listener = socket.socket(socket.AF_UNIX)
        self.gateway_listener.bind(str(self.run / "gateway.sock"))
        self.gateway_listener.listen(128)
        self.gateway_listener.settimeout(DEADLINE)

    def gateway_close(self):
        self.gateway_listener.close()
        self.gateway_listener = None
        (self.run / "gateway.sock").unlink()

    def gateway_accept(self):
        return self.keep(Conn(self.gateway_listener.accept()[0]))

    def keep(self, conn):
        self.conns.append(conn)
        return conn

    def unix(self):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(self.run / "docker/docker.sock"))
        return self.keep(Conn(sock))

    def callback(self):
        return self.keep(Conn(socket.create_connection(("127.0.0.1", self.callback_port))))

    def tls_plain_socket(self):
        return self.keep(Conn(socket.create_connection(("127.0.0.1", self.tls_port))))

    def tls(self, certificate=True):
        context = ssl.create_default_context(cafile=self.certificates / "ca.pem")
        # Without close_notify an end is an error.
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
        if certificate:
            context.load_cert_chain(self.certificates / "client.pem", self.certificates / "client.key")
        return self.keep(TlsConn(socket.create_connection(("127.0.0.1", self.tls_port)), context))

    def connect(self, transport):
        return getattr(self, transport)()

    def nginx_workers(self):
        path = f"/proc/{self.nginx.pid}/task/{self.nginx.pid}/children"
        return {int(pid) for pid in pathlib.Path(path).read_text().split()}

    def workers_ready(self):
        """A worker takes its title when its setup, descriptors included, is done."""
        titles = [pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() for pid in self.nginx_workers()]
        return len(titles) == 2 and all(t.startswith(b"nginx: worker process") for t in titles)

    def nginx_descriptors(self):
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.nginx_workers())

    def nginx_memory(self):
        """Resident bytes of all nginx workers."""
        total = 0
        for pid in self.nginx_workers():
            total += int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
        return total

    def tunnel(self, transport, body=b"", args=""):
        """A client and the gateway's end of its tunnel, heads exchanged."""
        client = self.connect(transport)
        client.request("POST", "/v1.43/containers/ab/attach?stream=1", body,
                       X_Test_Accel=f"/.gateway/tunnel/attach/ab12{args}", Upgrade="tcp", Connection="Upgrade",
                       Content_Type="application/json")
        gateway = self.gateway_accept()
        head = gateway.read_head()
        gateway.send(b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
                     b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
        assert client.read_head().first == "HTTP/1.1 101 UPGRADED"
        return client, gateway, head
