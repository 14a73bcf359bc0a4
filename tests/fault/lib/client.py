"""A painter and a watcher that know docs/protocol.md and nothing of the engine.

Both run in a thread of their own, come back when the connection breaks, and keep what they saw: the
painter every placement with its answer, the watcher a board made of deltas alone.
"""
import base64, collections, hashlib, hmac, pathlib, socket, struct, sys, threading, time

from . import pixeld

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from e2e.lib import delta  # noqa: E402

PLACE, SUBSCRIBED, DELTA, STATUS, STALE, PLACED, REFUSED = 0x03, 0x43, 0x41, 0x42, 0x44, 0x45, 0x46
UNAVAILABLE, OVERLOADED = 10, 7
_, WIDTH, HEIGHT, BITS = pixeld.BOARD
CELLS = WIDTH * HEIGHT


def token(user, secret=pixeld.SECRET):
    def b64(raw):
        return base64.urlsafe_b64encode(raw).rstrip(b"=")
    now = int(time.time())
    first = b64(b"\x01" + user + struct.pack("<QQ", now, now + 86400))
    return (first + b"." + b64(hmac.new(secret, first, hashlib.sha256).digest())).decode()


class Ended(Exception):
    """The connection is gone, or is not one."""


class WebSocket:
    def __init__(self, port, user=None):
        bearer = f"Authorization: Bearer {token(user)}\r\n" if user else ""
        try:
            self.socket = socket.create_connection(("127.0.0.1", port), timeout=pixeld.PATIENCE_S)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket.sendall((
                f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                f"Sec-WebSocket-Protocol: pixeld.v1\r\n{bearer}\r\n").encode())
            head = b""
            while b"\r\n\r\n" not in head:
                head += self._some()
        except OSError as error:
            raise Ended(str(error))
        head, _, self.bytes = head.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101"):
            raise Ended(head.decode(errors="replace").split("\r\n")[0])

    def _some(self):
        some = self.socket.recv(1 << 18)
        if not some:
            raise Ended("end of stream")
        return some

    def send(self, *payloads):
        """Each is a message of at most 125 bytes; the mask is zero, so it changes nothing."""
        try:
            self.socket.sendall(b"".join(bytes((0x82, 0x80 | len(p), 0, 0, 0, 0)) + p for p in payloads))
        except OSError as error:
            raise Ended(str(error))

    def receive(self, seconds):
        """Messages that are there now, or come within `seconds`; none: an empty list."""
        self.socket.settimeout(max(seconds, 0.001))
        try:
            self.bytes += self._some()
        except socket.timeout:
            return []
        except OSError as error:
            raise Ended(str(error))
        finally:
            self.socket.settimeout(pixeld.PATIENCE_S)
        messages, at, data = [], 0, self.bytes
        while len(data) - at >= 2:
            n, body = data[at + 1], at + 2
            if n == 126:
                n, body = struct.unpack_from(">H", data, at + 2)[0] if len(data) - at >= 4 else 1 << 62, at + 4
            elif n == 127:
                n, body = struct.unpack_from(">Q", data, at + 2)[0] if len(data) - at >= 10 else 1 << 62, at + 10
            if len(data) < body + n:
                break
            if data[at] & 15 == 8:
                raise Ended("close frame")
            messages.append(data[body:body + n])
            at = body + n
        self.bytes = data[at:]
        return messages

    def close(self):
        self.socket.close()


def cell_set(board, cell, color):
    shift = 0 if cell & 1 else 4
    board[cell >> 1] = board[cell >> 1] & 0xF0 >> shift | color << shift


class Client(threading.Thread):
    def __init__(self, server, name):
        super().__init__(name=name, daemon=True)
        self.server, self.user = server, hashlib.sha256(name.encode()).digest()[:16]
        self.ending, self.error, self.connections, self.pause = threading.Event(), None, 0, False

    def run(self):
        try:
            while not self.ending.is_set():
                try:
                    self.connection()
                except Ended:
                    time.sleep(0.02)
        except BaseException as error:
            self.error = error

    def end(self):
        """Ends it, and raises what went wrong in it."""
        self.ending.set()
        self.join(pixeld.PATIENCE_S)
        if self.error is not None:
            raise self.error
        assert not self.is_alive(), f"{self.name} hangs"


class Painter(Client):
    """Places random colors on random cells: at most `window` unanswered, `rate` a second (0: no limit),
    `most` in all. A placement whose answer the connection took with it is not sent again."""

    def __init__(self, server, name="painter", window=64, rate=0, most=None, seed=1):
        super().__init__(server, name)
        self.window, self.rate, self.most, self.state = window, rate, most, seed
        self.sent, self.acks, self.refused = {}, {}, collections.Counter()
        self.open = set()
        self.last_ack = self.not_before = 0.0

    def place(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        cell, color, request = (self.state >> 33) % CELLS, self.state >> 60, len(self.sent) + 1
        self.sent[request] = cell, color
        self.open.add(request)
        return struct.pack("<BHHHBQ", PLACE, 0, cell % WIDTH, cell // WIDTH, color, request)

    def wanted(self, since, begun):
        n = self.window - len(self.open)
        if self.rate:
            n = min(n, int((time.monotonic() - since) * self.rate) - (len(self.sent) - begun))
        if self.most is not None:
            n = min(n, self.most - len(self.sent))
        return 0 if self.pause or time.monotonic() < self.not_before else max(n, 0)

    def connection(self):
        link = WebSocket(self.server.port, self.user)
        self.connections += 1
        self.open.clear()
        since, begun = time.monotonic(), len(self.sent)
        try:
            while not self.ending.is_set():
                n = self.wanted(since, begun)
                if n:
                    link.send(*[self.place() for _ in range(n)])
                for message in link.receive(0.02):
                    self.answer(message)
        finally:
            link.close()

    def answer(self, message):
        if message[0] == PLACED:
            _, board, request, seq, _ = struct.unpack("<BHQQI", message)
            assert request in self.open, f"request {request} is acknowledged, and was not open"
            self.open.discard(request)
            self.acks[request] = seq
            self.last_ack = time.monotonic()
        elif message[0] == REFUSED:
            _, board, request, code, _ = struct.unpack("<BHQBI", message)
            assert request in self.open, f"request {request} is refused, and was not open"
            self.open.discard(request)
            self.refused[code] += 1
            if code == UNAVAILABLE:
                self.not_before = time.monotonic() + 0.05
            else:
                assert code == OVERLOADED, f"refused with code {code}"

    def finished(self):
        return self.most is not None and len(self.sent) >= self.most and not self.open


class Watcher(Client):
    """Fetches the board once; from then on deltas alone, over every break."""

    def __init__(self, server, name="watcher", stale_is_fine=False):
        super().__init__(server, name)
        self.board, self.epoch, self.seq = None, 0, 0
        self.fetches = self.resumes = self.deltas = self.statuses = 0
        self.stale_is_fine, self.last_frame = stale_is_fine, 0.0

    def fetch(self, least):
        while True:
            try:
                epoch, seq, body = self.server.board()
            except AssertionError as error:
                raise Ended(str(error))
            if seq >= least:
                break
            time.sleep(0.05)
        self.fetches += 1
        self.board, self.epoch, self.seq = bytearray(body), epoch, seq

    def connection(self):
        link = WebSocket(self.server.port)
        self.connections += 1
        resume = struct.pack("<IQ", self.epoch, self.seq) if self.board is not None else b""
        held, last = [], None
        try:
            link.send(bytes((0x01, 1 if resume else 0, 4)) + b"main" + resume)
            while not self.ending.is_set():
                for message in link.receive(0.1):
                    if message[0] == SUBSCRIBED:
                        flags = message[24]
                        if resume:
                            assert flags & 1, "subscribed without resume"
                            self.resumes += 1
                        else:
                            self.fetch(struct.unpack_from("<Q", message, 7)[0])
                    elif message[0] == STALE:
                        assert self.stale_is_fine, f"stale: {message.hex()}, at {self.epoch}:{self.seq}"
                        self.board = None
                        raise Ended("stale")
                    elif message[0] == DELTA:
                        last = self.delta(message, last)
                    elif message[0] == STATUS:
                        self.status(message)
        finally:
            link.close()

    def delta(self, message, last):
        board, at = delta.varint(message, 1)
        first, at = delta.varint(message, at)
        span, at = delta.varint(message, at)
        count, at = delta.varint(message, at)
        assert last is None or first == last + 1, f"a frame begins at {first}, the one before ended with {last}"
        assert first <= self.seq + 1, f"gap: at {self.seq}, a frame begins at {first}"
        if first + span > self.seq:
            for cell, color in delta.decode(message[at:], count, CELLS, BITS):
                cell_set(self.board, cell, color)
            self.seq = first + span
        self.deltas += 1
        self.last_frame = time.monotonic()
        return first + span

    def status(self, message):
        _, board, epoch, seq, _, _ = struct.unpack("<BHIQIQ", message)
        self.statuses += 1
        self.last_frame = time.monotonic()
        assert (epoch, seq) == (self.epoch, self.seq) or seq < self.seq, f"status {epoch}:{seq}, at {self.epoch}:{self.seq}"
