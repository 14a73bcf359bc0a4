"""HTTP/1.1 over a plain socket: sends any bytes, reads answers as strictly as the RFC allows."""
import json, re, socket

STATUS_LINE = re.compile(rb"HTTP/1\.1 (\d{3}) ([\x20-\x7e]+)\Z")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\x20-\x7e]*)\Z")
NO_BODY = (204, 304)


def connect(address, timeout=120, receive_bytes=None):
    """address: as pixeld prints it, 127.0.0.1:8080, [::1]:8080 or unix:PATH."""
    if address.startswith("unix:"):
        s = socket.socket(socket.AF_UNIX)
        target = address[5:]
    else:
        host, port = address.rsplit(":", 1)
        host = host.strip("[]")
        s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        target = (host, int(port))
    if receive_bytes:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    s.settimeout(timeout)
    try:
        s.connect(target)
    except OSError:
        s.close()
        raise
    return s


class Answer:
    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    def __getitem__(self, name):
        return self.fields[name]

    def get(self, name):
        return self.fields.get(name)

    def json(self):
        assert self["content-type"] == "application/json", self
        return json.loads(self.body)

    @property
    def error(self):
        """The code of a JSON error, whose form is checked."""
        said = self.json()
        gone = {"since_seq", "since_ms"} & set(said["error"]) if self.status == 410 else set()
        assert set(said) == {"error"} and set(said["error"]) - gone == {"code", "message"}, said
        assert said["error"]["message"], said
        return said["error"]["code"]

    def __repr__(self):
        return f"<{self.status} {self.fields} {self.body[:200]!r}>"


class RawHttp:
    def __init__(self, address, **options):
        self.host = "localhost" if address.startswith("unix:") else address
        self.socket = connect(address, **options)
        self.read = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def head(self, method, path, fields=None, version="HTTP/1.1"):
        lines = [f"{method} {path} {version}", f"Host: {self.host}"]
        lines += [f"{name}: {value}" for name, value in (fields or {}).items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def request(self, method, path, fields=None, body=None):
        """The bytes of a request; body: bytes, or what becomes JSON."""
        fields = dict(fields or {})
        if body is None:
            return self.head(method, path, fields)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        fields["Content-Length"] = len(data)
        return self.head(method, path, fields) + data

    def ask(self, method, path, fields=None, body=None):
        self.send(self.request(method, path, fields, body))
        return self.answer(method)

    def more(self):
        data = self.socket.recv(1 << 20)
        assert data, f"the stream ended inside an answer: {self.read!r}"
        self.read += data

    def answer(self, method="GET"):
        while b"\r\n\r\n" not in self.read:
            self.more()
        head, self.read = self.read.split(b"\r\n\r\n", 1)
        line, *lines = head.split(b"\r\n")
        status = STATUS_LINE.match(line)
        assert status, line
        fields = {}
        for line in lines:
            field = FIELD.match(line)
            assert field, line
            name = field[1].decode().lower()
            assert name not in fields, f"{name} twice"
            fields[name] = field[2].decode()
        code = int(status[1])
        if code == 101:
            return Answer(code, fields, b"")
        assert "date" in fields and fields["connection"].split(", ")[-1] in ("keep-alive", "close"), head
        if code in NO_BODY:
            assert "content-length" not in fields, head
            return Answer(code, fields, b"")
        length = 0 if method == "HEAD" else int(fields["content-length"])
        while len(self.read) < length:
            self.more()
        body, self.read = self.read[:length], self.read[length:]
        return Answer(code, fields, body)

    def at_end(self):
        """The server ended the stream, and said nothing behind the last answer."""
        data = self.read + self.socket.recv(1 << 16)
        assert data == b"", f"more than was asked for: {data[:300]!r}"
