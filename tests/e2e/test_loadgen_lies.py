#!/usr/bin/env python3
"""loadgen against servers that lie: each lie is caught, named, and has the right exit code.

The server here speaks just enough of docs/protocol.md, written from that page alone and without a line
of the engine. It tells the truth (loadgen must pass), or one lie of the table at the end.
"""
import asyncio, base64, hashlib, json, os, pathlib, struct, sys, tempfile

from lib import seed

LOADGEN = pathlib.Path(os.environ.get("PIXELD_BUILD", "build")) / "tools/loadgen/loadgen"
WIDTH, HEIGHT, BITS, BOARD, EPOCH = 100, 80, 4, 7, 3


def varint(n):
    out = bytearray()
    while n >= 128:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n])


def frame(payload, opcode=2, mask=False):
    head = bytes([0x80 | opcode])
    bit = 0x80 if mask else 0
    if len(payload) < 126:
        head += bytes([len(payload) | bit])
    else:
        head += bytes([126 | bit]) + struct.pack(">H", len(payload))
    return head + (b"\0\0\0\0" if mask else b"") + payload


def delta_payload(cells):
    """cells: sorted (cell, color)."""
    bits, low, before = [], 0, -1
    while cells and len(cells) << (low + 1) <= WIDTH * HEIGHT:
        low += 1
    for cell, color in cells:
        gap = cell - before - 1
        bits += [0] * (gap >> low) + [1]
        bits += [gap >> i & 1 for i in range(low)] + [color >> i & 1 for i in range(BITS)]
        before = cell
    bits += [0] * (-len(bits) % 8)
    return bytes(sum(bits[i + k] << k for k in range(8)) for i in range(0, len(bits), 8))


class Client:
    def __init__(self, number, writer, in_pieces):
        self.number, self.writer, self.subscribed, self.frames, self.held = number, writer, False, 0, None
        self.in_pieces, self.next_piece = in_pieces, 0

    def write(self, data):
        if not self.writer.is_closing():
            self.writer.write(data)

    def send(self, data):
        if not self.in_pieces:
            return self.write(data)
        loop = asyncio.get_running_loop()
        for at in range(0, len(data), 11):
            self.next_piece = max(self.next_piece, loop.time()) + 0.001
            loop.call_at(self.next_piece, self.write, data[at:at + 11])


class Server:
    """lie: a name that the methods below ask for. The victim of most lies is one client."""

    def __init__(self, lie, seq=1000):
        self.lie, self.seq, self.oldest = lie, seq, seq
        self.board = bytearray(seed.dice(lie).randbytes(WIDTH * HEIGHT * BITS // 8))
        self.changed, self.cut, self.log, self.clients, self.numbers = {}, seq, [], [], 0
        self.last, self.broke, self.forgot = {}, False, None
        self.tells_face, self.version, self.colors = "face" in (lie or ""), 1, 10 if lie == "faces" else 16

    # --- HTTP ---
    async def connection(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, path, _ = head.split("\r\n")[0].split(" ")
                fields = {k.lower(): v.strip() for k, v in (f.split(":", 1) for f in head.split("\r\n")[1:] if f)}
                if path == "/ws":
                    return await self.websocket(reader, writer, fields)
                body, more = b'{"error":{}}', ""
                if (method, path) == ("POST", "/session"):
                    if self.lie == "killed":
                        return writer.transport.abort()
                    body = json.dumps({"token": base64.urlsafe_b64encode(os.urandom(16)).decode()}).encode()
                elif path == "/about" and self.tells_face:
                    body = json.dumps({"protocol": 1, "features": ["json", "board"]}).encode()
                elif path == "/boards/main" and self.tells_face:
                    body = self.face()
                elif path == "/boards/main/bitmap":
                    self.cut_frame()
                    body, more = bytes(self.board), f"X-Board-Seq: {self.seq}\r\nX-Board-Epoch: {EPOCH}\r\n"
                writer.write(f"HTTP/1.1 200 OK\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def websocket(self, reader, writer, fields):
        guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1((fields["sec-websocket-key"] + guid).encode()).digest()).decode()
        if self.lie == "accept":
            accept = accept.swapcase()
        writer.write(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: pixeld.v1\r\n\r\n").encode())
        client = Client(self.numbers, writer, self.numbers == 11 and (self.lie or "").startswith("pieces"))
        self.numbers += 1
        self.clients.append(client)
        user = None
        try:
            while True:
                a, b = await reader.readexactly(2)
                n = b & 127
                if n == 126:
                    n = struct.unpack(">H", await reader.readexactly(2))[0]
                key = await reader.readexactly(4)
                data = bytes(c ^ key[i % 4] for i, c in enumerate(await reader.readexactly(n)))
                if a & 15 == 8:
                    client.send(frame(data, 8))
                    break
                if data[0] == 4:
                    user = data[1:]
                    client.send(frame(b"\x47" + hashlib.sha256(user).digest()[:16]))
                elif data[0] == 1:
                    self.subscribe(client, data, user)
                elif data[0] == 3:
                    self.place(client, data, user)
        finally:
            self.clients.remove(client)

    # --- messages ---
    def face(self, is_lie=False):
        palette = [{"name": f"color {i}", "rgb": f"#{i:06x}"} for i in range(self.colors)]
        return json.dumps({"name": "main", "number": BOARD, "width": WIDTH, "height": HEIGHT + is_lie, "bits": BITS, "frozen": False,
                           "cooldown_ms": 0, "tag": self.version, "palette": palette, "later": None}).encode()

    def face_frame(self, is_lie=False):
        return frame(b"\x4d" + struct.pack("<HI", BOARD, self.version) + self.face(is_lie))

    def subscribe(self, client, data, user):
        self.cut_frame()
        flags, start = 0, self.seq
        if data[1] & 1:
            epoch, start = struct.unpack_from("<IQ", data, 3 + data[2])
            if epoch != EPOCH or start < self.oldest:
                return client.send(frame(struct.pack("<BHIQQ", 0x44, BOARD, EPOCH, self.seq, self.oldest)))
            flags = 1
        client.send(frame(struct.pack("<BHIQIIBBIB", 0x43, BOARD, EPOCH, self.seq, WIDTH, HEIGHT, BITS, flags, 0, 4)
                          + b"main" + bytes(4)))
        if self.tells_face and (self.lie != "faceless" or client.number != 11):
            client.send(self.face_frame(self.lie == "other_face" and client.number == 11))
        if user is not None:
            client.send(frame(struct.pack("<BHIQQ", 0x48, BOARD, 0, *self.last.get(user, (0, 0)))))
        client.subscribed = True
        for last, whole in self.log:
            if last > start:
                client.send(whole)

    def place(self, client, data, user):
        _, _, x, y, color, request = struct.unpack("<BHHHBQ", data)
        if request % 10 == 0:
            return client.send(frame(struct.pack("<BHQBI", 0x46, BOARD, request, 5, 1000)))
        if color >= self.colors:
            return client.send(frame(struct.pack("<BHQBI", 0x46, BOARD, request, 2, 0)))
        self.seq += 1
        cell, self.last[user] = y * WIDTH + x, (request, self.seq)
        old = self.board[cell // 2]
        now = old >> 4 if cell % 2 == 0 else old & 15
        if self.lie == "forget" and self.seq >= 1050 and self.forgot is None and now != color:
            self.forgot = cell  # what comes to this cell later is forgotten, too: it must not hide the lie
        if cell != self.forgot:
            self.board[cell // 2] = old & 0x0f | color << 4 if cell % 2 == 0 else old & 0xf0 | color
            self.changed[cell] = color
        seq = 1060 if self.lie == "same_seq" and self.seq in (1060, 1061) else self.seq
        if self.lie == "no_answer" and self.seq == 1050:
            return
        client.send(frame(struct.pack("<BHQQI", 0x45, BOARD, request + (self.lie == "other_request" and seq == 1050),
                                      seq, 0)))

    # --- broadcast ---
    def cut_frame(self):
        if self.seq == self.cut:
            return
        cells = sorted(self.changed.items())
        first, last = self.cut + 1, self.seq
        head = b"\x41" + varint(BOARD) + varint(first) + varint(last - first) + varint(len(cells))
        payload = delta_payload(cells)
        self.cut, self.changed = self.seq, {}
        if self.lie == "undecodable" and len(self.log) == 5:
            payload = payload[:-1]
        if self.lie == "wrong_for_all" and len(self.log) == 5:
            cells[0] = (cells[0][0], cells[0][1] ^ 1)
            payload = delta_payload(cells)
        self.log.append((last, frame(head + payload)))
        for client in list(self.clients):
            if client.subscribed:
                self.deliver(client, head, payload)

    def deliver(self, client, head, payload):
        client.frames += 1
        whole, lie = frame(head + payload), self.lie
        if client.number != 11 or client.frames < 6:
            return client.send(whole)
        now = client.frames == 6
        if lie == "drop" and now or lie == "stall":
            return
        if lie in ("corrupt", "pieces_corrupt") and now:
            whole = frame(head + payload[:-1] + bytes([payload[-1] ^ 1]))
        if lie == "duplicate" and now:
            whole += whole
        if lie == "masked" and now:
            whole = frame(head + payload, mask=True)
        if lie == "reorder" and now:
            client.held = whole
            return
        client.send(whole)
        if client.held:
            client.send(client.held)
            client.held = None
        if lie == "close" and now:
            client.send(frame(struct.pack(">H", 1001), 8))
            client.writer.close()

    async def beat(self):
        for turn in range(1 << 30):
            await asyncio.sleep(0.03)
            self.cut_frame()
            if turn % 10 == 9:
                ahead = self.lie == "status" and self.seq > 1020
                for client in [c for c in self.clients if c.subscribed]:
                    seq = self.seq + (1 if ahead else 0)
                    client.send(frame(struct.pack("<BHIQIQ", 0x42, BOARD, EPOCH, seq, len(self.clients), 0)))
            if self.lie == "faces" and self.seq > 1050 and self.version == 1:
                older = self.face_frame()
                self.version, self.colors = 2, 14
                for client in [c for c in self.clients if c.subscribed]:
                    client.send(self.face_frame() + older)
            if self.lie in ("break", "break_stale") and self.seq > 1100 and not self.broke:
                self.broke = True
                if self.lie == "break_stale":
                    self.board[0] ^= 1  # others place, and the log forgets it
                    self.seq += 5
                    self.log, self.cut, self.oldest = [], self.seq, self.seq
                for client in list(self.clients):
                    client.writer.transport.abort()


async def loadgen(lie, *more, settle="2m"):
    """settle: until when what did not come is waited for; it is over when all is there."""
    server = Server(lie)
    listener = await asyncio.start_server(server.connection, "127.0.0.1", 0, backlog=1000)
    port = listener.sockets[0].getsockname()[1]
    beat = asyncio.create_task(server.beat())
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "result.json"
        acks = pathlib.Path(folder) / "acks.csv"
        process = await asyncio.create_subprocess_exec(
            LOADGEN, "--url", f"ws://127.0.0.1:{port}/ws", "--clients", "20", "--painters", "5", "--rate", "200/s",
            "--duration", "1500ms", "--settle", settle, "--quiet", "--json", out, "--acks", acks, *more,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
        said = (await process.communicate())[0].decode()
        result = json.loads(out.read_text()) if out.exists() else {}
        lines = acks.read_text().splitlines() if acks.exists() else []
    beat.cancel()
    listener.close()
    return process.returncode, result, said, lines


LIES = [  # lie, exit code, the name it gets in the report
    ("drop", 3, "gap"),
    ("duplicate", 3, "repeated"),
    ("reorder", 3, "gap"),
    ("corrupt", 3, "bytes_differ"),
    ("pieces_corrupt", 3, "bytes_differ"),
    ("wrong_for_all", 3, "board_differs"),
    ("undecodable", 3, "undecodable"),
    ("masked", 3, "websocket"),
    ("status", 3, "status"),
    ("stall", 3, "behind"),
    ("forget", 3, "ack_lost"),
    ("same_seq", 3, "ack_twice"),
    ("other_request", 3, "ack_unknown"),
    ("faceless", 3, "face"),
    ("other_face", 3, "face"),
    ("close", 1, "closed"),
    ("accept", 4, "upgrade"),
]


def check(what, fact, *evidence):
    if not fact:
        print(f"FAILED: {what}", *evidence, sep="\n")
        sys.exit(1)
    print(f"ok: {what}")


async def main():
    code, result, said, acks = await loadgen(None)
    check("an honest server passes", code == 0 and result["verdict"] == "pass" and result["reach"] == 1, said)
    check("every client received everything", result["clients_complete"] == 20 and result["errors"] == {}, said)
    check("placements are answered, refusals counted by name",
          result["placed"] == result["acknowledged"] + result["refused"]["cooldown"] and result["acknowledged"] > 100, said)
    check("the acknowledgements alone make the server's board", result["folded"] and result["lost"] == 0, said)
    check("the list of acknowledgements is whole",
          sorted(int(line.split(",")[1]) for line in acks) == list(range(1001, 1001 + result["acknowledged"])), said)
    check("visibility was measured", result["visible_ms"]["count"] >= result["acknowledged"], said)

    code, result, said, _ = await loadgen("pieces")
    check("frames that come in pieces are as good", code == 0 and result["clients_complete"] == 20, code, said)

    code, result, said, acks = await loadgen("faces")
    colors = {int(line.split(",")[3]) for line in acks}
    check("colors are those of the palette, and of the next one",
          code == 0 and set(result["refused"]) == {"cooldown"} and max(colors) in range(10, 14), code, colors, said)
    check("a board that changed is told, and an older face does not replace it", "faces      2:" in said, said)

    for lie, exit_code, name in LIES:
        code, result, said, _ = await loadgen(lie, settle="2s")
        check(f"the lie {lie} is told as {name}, exit {exit_code}",
              code == exit_code and result["verdict"] == "fail" and name in result["errors"], code, said)
        if lie in ("drop", "stall"):
            check(f"the lie {lie} lowers the reach", result["reach"] < 1, said)

    code, result, said, _ = await loadgen("no_answer", settle="5s")
    check("a placement without an answer is counted", code == 0 and result["unanswered"] == 1, code, said)
    code, result, said, _ = await loadgen("break", "--resume")
    check("after a break everybody resumes", code == 0 and result["resumes"] == 20 and result["stale"] == 0, code, said)
    code, result, said, _ = await loadgen("break_stale", "--resume")
    check("a stale client fetches the board and goes on", code == 0 and result["stale"] > 0, code, said)
    code, result, said, _ = await loadgen("break", settle="2s")
    check("without --resume a break loses clients", code == 1 and result["clients_lost"] == 20, code, said)

    code, _, said, _ = await loadgen("killed")
    check("a server that is killed before it gave a session cannot be reached: exit 4", code == 4, code, said)
    process = await asyncio.create_subprocess_exec(LOADGEN, "--url", "ws://127.0.0.1:1/ws", stderr=asyncio.subprocess.DEVNULL)
    check("nobody listens: exit 4", await process.wait() == 4)
    process = await asyncio.create_subprocess_exec(LOADGEN, "--rate", "fast", stderr=asyncio.subprocess.DEVNULL)
    check("wrong use: exit 2", await process.wait() == 2)


if not LOADGEN.exists():
    print(f"{LOADGEN} is not built")
    sys.exit(77)
asyncio.run(main())
