"""What the tests put between two processes: it passes bytes on, until it is told to cut, to stall, or to lie."""
import os
import re
import socket
import struct
import threading

RESET = struct.pack("ii", 1, 0)


def reset(s):
    """Ends a connection the hard way: RST over TCP; over a unix socket the peer reads ECONNRESET or its end."""
    try:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        # Wakes whoever reads from it here; only with the last reference the RST leaves.
        s.shutdown(socket.SHUT_RD)
    except OSError:
        pass
    s.close()


class Between:
    """`listen` and `to` are a port of loopback or a unix socket's path. listen 0: any port."""

    def __init__(self, listen, to):
        self.to = to
        self.flowing = threading.Event()
        self.flowing.set()
        self.pairs, self.lock = set(), threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX if isinstance(listen, str) else socket.AF_INET)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(listen if isinstance(listen, str) else ("127.0.0.1", listen))
        self.listener.listen(512)
        self.port = None if isinstance(listen, str) else self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.begin, args=(client,), daemon=True).start()

    def begin(self, client):
        try:
            server = socket.socket(socket.AF_UNIX if isinstance(self.to, str) else socket.AF_INET)
            server.connect(self.to if isinstance(self.to, str) else ("127.0.0.1", self.to))
        except OSError:
            client.close()
            server.close()
            return
        pair = (client, server)
        with self.lock:
            self.pairs.add(pair)
        back = threading.Thread(target=self.copy, args=(server, client), daemon=True)
        back.start()
        self.forward(client, server)
        back.join()
        with self.lock:
            self.pairs.discard(pair)
        client.close()
        server.close()

    def forward(self, client, server):
        self.copy(client, server)

    def copy(self, source, to):
        """Until its end, which is passed on as one."""
        buffer = memoryview(bytearray(262144))
        try:
            while True:
                n = source.recv_into(buffer)
                self.flowing.wait()
                if not n:
                    break
                to.sendall(buffer[:n])
            to.shutdown(socket.SHUT_WR)
        except OSError:
            for s in (source, to):
                reset(s)

    def cut(self):
        """All connections that are open. Returns how many."""
        with self.lock:
            pairs = list(self.pairs)
        for pair in pairs:
            for s in pair:
                reset(s)
        return len(pairs)

    def stall(self):
        self.flowing.clear()

    def resume(self):
        self.flowing.set()

    def close(self):
        self.listener.close()
        self.resume()
        self.cut()


class BetweenHttp(Between):
    """Reads the requests that pass. `rules`: functions of (head, body) that return None, or what is done with the
    client's connection in place of the server's answer: a function of (client, pass_on), where pass_on() sends the
    request to the server all the same, whose answer is lost then."""

    def __init__(self, listen, to):
        self.rules = []
        self.seen = []  # first lines
        super().__init__(listen, to)

    def forward(self, client, server):
        data = b""
        try:
            while True:
                while b"\r\n\r\n" not in data:
                    more = client.recv(262144)
                    if not more:
                        server.shutdown(socket.SHUT_WR)
                        return
                    data += more
                head, data = data.split(b"\r\n\r\n", 1)
                length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
                length = int(length.group(1)) if length else 0
                while len(data) < length:
                    more = client.recv(262144)
                    if not more:
                        raise OSError("cut within a body")
                    data += more
                body, data = data[:length], data[length:]
                self.flowing.wait()
                self.seen.append(head.split(b"\r\n")[0].decode())
                action = next(filter(None, (rule(head, body) for rule in list(self.rules))), None)
                if action:
                    self.act(action, client, server, head + b"\r\n\r\n" + body)
                    return
                server.sendall(head + b"\r\n\r\n" + body)
        except OSError:
            for s in (client, server):
                reset(s)

    def act(self, action, client, server, request):
        # The thread that copies answers ends with the server's side, and must not take the client with it.
        own = socket.socket(fileno=os.dup(client.fileno()))

        def pass_on():
            with socket.create_connection(("127.0.0.1", self.to), 30) as other:
                other.sendall(request)
                other.recv(1)
        try:
            action(own, pass_on)
        except OSError:
            pass
        reset(own)
        for s in (client, server):
            reset(s)
