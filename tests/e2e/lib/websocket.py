"""WebSocket of RFC 6455 from the client's side, over a plain socket; every rule for servers is checked."""
import base64, hashlib, os, socket, struct

from .raw_http import RawHttp

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Closed(Exception):
    def __init__(self, code, text):
        super().__init__(f"closed with {code}: {text}")
        self.code, self.text = code, text


def masked(payload, key):
    if not payload:
        return b""
    whole = (key * (len(payload) // 4 + 1))[:len(payload)]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(whole, "little")).to_bytes(len(payload), "little")


def frame(opcode, payload=b"", fin=True, rsv=0, mask=True, length=None, key=None):
    """length: None, or the bytes of the length form to use, 0, 2 or 8, also where the RFC forbids it.
    key: None, or the one to mask with."""
    n = len(payload)
    if length is None:
        length = 0 if n < 126 else 2 if n < 65536 else 8
    first = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    bit = 0x80 if mask else 0
    if length == 0:
        head = first + bytes([bit | n])
    elif length == 2:
        head = first + bytes([bit | 126]) + struct.pack(">H", n)
    else:
        head = first + bytes([bit | 127]) + struct.pack(">Q", n)
    if not mask:
        return head + payload
    key = key or os.urandom(4)
    return head + key + masked(payload, key)


class WebSocket:
    """raises Closed when the server's close frame comes; its answer is sent before."""

    def __init__(self, address, path="/ws", protocol=None, fields=None, behind=b"", ends=False, **options):
        """behind: bytes to send in one packet with the handshake; ends: and nothing after them."""
        self.http = RawHttp(address, **options)
        self.socket = self.http.socket
        key = base64.b64encode(os.urandom(16))
        send = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": key.decode(), **(fields or {})}
        if protocol:
            send["Sec-WebSocket-Protocol"] = protocol
        try:
            self.http.send(self.http.head("GET", path, send) + behind)
            if ends:
                self.socket.shutdown(socket.SHUT_WR)
            self.answer = self.http.answer()
            if self.answer.status != 101:
                raise ConnectionRefusedError(self.answer)
            want = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
            assert self.answer["sec-websocket-accept"] == want, self.answer
            assert self.answer["upgrade"].lower() == "websocket", self.answer
            assert self.answer["connection"].lower() == "upgrade", self.answer
            assert self.answer.get("sec-websocket-extensions") is None, self.answer
        except BaseException:
            self.http.close()
            raise
        self.data = self.http.read
        self.pongs = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send_raw(self, data):
        self.socket.sendall(data)

    def send(self, payload, opcode=BINARY, **how):
        self.send_raw(frame(opcode, payload, **how))

    def need(self, n):
        while len(self.data) < n:
            more = self.socket.recv(1 << 20)
            if not more:
                raise EOFError(f"ended with {self.data[:100]!r}")
            self.data += more

    def frame(self):
        """(fin, opcode, payload)."""
        self.need(2)
        a, b = self.data[0], self.data[1]
        assert a & 0x70 == 0, "a reserved bit"
        assert b & 0x80 == 0, "servers do not mask"
        opcode, n, head = a & 15, b & 127, 2
        assert opcode in (0, 1, 2, 8, 9, 10), opcode
        if n == 126:
            self.need(4)
            n, head = struct.unpack_from(">H", self.data, 2)[0], 4
            assert n >= 126, "the length is not minimal"
        elif n == 127:
            self.need(10)
            n, head = struct.unpack_from(">Q", self.data, 2)[0], 10
            assert 65536 <= n < 1 << 63, "the length is not minimal"
        assert opcode < 8 or (n < 126 and a & 0x80), "a control frame too long, or in pieces"
        self.need(head + n)
        payload, self.data = self.data[head:head + n], self.data[head + n:]
        return bool(a & 0x80), opcode, payload

    def receive(self):
        """(opcode, payload) of the next whole message; pings are answered, pongs kept."""
        kind, parts = None, []
        while True:
            fin, opcode, payload = self.frame()
            if opcode == PING:
                self.send(payload, PONG)
            elif opcode == PONG:
                self.pongs.append(payload)
            elif opcode == CLOSE:
                assert len(payload) != 1, "half a close code"
                code = struct.unpack(">H", payload[:2])[0] if payload else 1005
                raise Closed(code, payload[2:].decode())
            else:
                assert (opcode == CONTINUATION) == (kind is not None), "a piece in the wrong place"
                kind = opcode if kind is None else kind
                parts.append(payload)
                if fin:
                    return kind, b"".join(parts)

    def closed(self):
        """Reads to the server's close frame and the end of the stream; gives the code."""
        try:
            while True:
                self.receive()
        except Closed as end:
            assert self.data == b"", "bytes behind the close frame"
            assert self.socket.recv(1) == b"", "bytes behind the close frame"
            return end.code

    def close(self, code=1000, text=b""):
        """The close handshake; gives the server's code."""
        self.send(b"" if code is None else struct.pack(">H", code) + text, CLOSE)
        got = self.closed()
        self.socket.close()
        return got
