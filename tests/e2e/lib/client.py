"""A client of pixeld.v1 and pixeld.v1.json, written from docs/protocol.md alone. Messages are the dicts of the JSON form."""
import json, secrets, struct

from . import delta
from .websocket import BINARY, PING, PONG, TEXT, WebSocket, frame

REFUSALS = dict(enumerate(("out_of_bounds", "bad_color", "unknown_board", "frozen", "cooldown", "too_fast", "overloaded",
                           "not_allowed", "no_session", "unavailable", "bad_request", "full"), 1))
REFUSALS[24] = "key_reused"


NO_BOARD = 65535


def encode(m):
    kind = m["type"]
    request = struct.pack("<Q", m["request"]) if m.get("request") else b""
    if kind == "subscribe":
        name = m["board"].encode()
        resume = "epoch" in m
        return bytes([1, resume, len(name)]) + name + (struct.pack("<IQ", m["epoch"], m["seq"]) if resume else b"") + request
    if kind == "unsubscribe":
        return struct.pack("<BH", 2, m["board"]) + request
    if kind == "place":
        return struct.pack("<BHHHBQ", 3, m["board"], m["x"], m["y"], m["color"], m["request"])
    if kind == "session":
        return b"\x04" + m["token"].encode() + (b"\0" + request if request else b"")
    assert kind == "alive"
    return b"\x05"


FORMS = {
    0x42: ("status", "<HIQIQ", "board epoch seq online time_ms"),
    0x44: ("stale", "<HIQQ", "board epoch seq oldest"),
    0x45: ("placed", "<HQQI", "board request seq cooldown_ms"),
    0x46: ("refused", "<HQBI", "board request code wait_ms"),
    0x48: ("you", "<HIQQ", "board wait_ms last_request last_seq"),
}


def decode(data, boards):
    """What stands behind the fields that we know is skipped; what an older server leaves out is 0, or no board."""
    kind, rest = data[0], data[1:]
    if kind == 0x41:
        board, at = delta.varint(data, 1)
        first, at = delta.varint(data, at)
        more, at = delta.varint(data, at)
        count, at = delta.varint(data, at)
        b = boards[board]
        cells = delta.decode(data[at:], count, b["width"] * b["height"], b["bits"])
        return {"type": "delta", "board": board, "first": first, "last": first + more,
                "cells": [[cell % b["width"], cell // b["width"], color] for cell, color in cells]}
    if kind == 0x43:
        names = "board epoch seq width height bits flags cooldown_ms".split()
        m = dict(zip(names, struct.unpack_from("<HIQIIBBI", rest)))
        flags = m.pop("flags")
        at = struct.calcsize("<HIQIIBBI")
        end = at + 1 + rest[at]
        assert len(rest) == end or len(rest) >= end + 4, "a wrong length"
        return {"type": "subscribed", **m, "resumed": bool(flags & 1), "frozen": bool(flags & 2),
                "name": rest[at + 1:end].decode("ascii"),
                "tag": struct.unpack_from("<I", rest, end)[0] if len(rest) > end else 0}
    if kind == 0x47:
        assert len(rest) >= 16
        return {"type": "welcome", "user": rest[:16].hex()}
    if kind == 0x49:
        end = 2 + rest[1]
        board, request, wait_ms = struct.unpack_from("<HQI", rest, end) if len(rest) > end else (NO_BOARD, 0, 0)
        return {"type": "error", "code": REFUSALS[rest[0]], "text": rest[2:end].decode("ascii"),
                "board": None if board == NO_BOARD else board, "request": request, "wait_ms": wait_ms}
    if kind == 0x4d:
        board, version = struct.unpack_from("<HI", rest)
        return {"type": "board", "board": board, "version": version, "face": json.loads(rest[6:])}
    name, form, fields = FORMS[kind]
    m = {"type": name, **dict(zip(fields.split(), struct.unpack_from(form, rest)))}
    if "code" in m:
        m["code"] = REFUSALS[m["code"]]
    return m


class Board:
    """The board of a client that follows: bytes as the bitmap has them, and a seq."""

    def __init__(self, subscribed, packed, seq):
        self.width, self.bits = subscribed["width"], subscribed["bits"]
        self.epoch, self.seq = subscribed["epoch"], seq
        self.packed = bytearray(packed)

    def set(self, x, y, color):
        bit = (y * self.width + x) * self.bits
        shift = 8 - self.bits - bit % 8
        mask = (1 << self.bits) - 1
        self.packed[bit // 8] = self.packed[bit // 8] & ~(mask << shift) & 0xff | color << shift

    def apply(self, m):
        if m["last"] <= self.seq:
            return
        assert m["first"] <= self.seq + 1, f"a gap: at {self.seq}, delta {m['first']}..{m['last']}"
        for x, y, color in m["cells"]:
            self.set(x, y, color)
        self.seq = m["last"]


class Client(WebSocket):
    """One connection. Every message read is kept in `heard`; deltas move the boards that are followed."""

    def __init__(self, server, token=None, protocol="pixeld.v1", fields=None, **options):
        fields = dict(fields or {})
        if token:
            fields["Authorization"] = "Bearer " + token
        super().__init__(server.address, "/ws", protocol, fields, **options)
        assert self.answer.get("sec-websocket-protocol") == protocol, self.answer
        self.server, self.is_json = server, protocol == "pixeld.v1.json"
        self.heard, self.boards, self.following, self.last = [], {}, {}, {}
        self.requests = secrets.randbits(48)  # counts from there: a person's numbers are used once

    def say(self, kind, **fields):
        m = {"type": kind, **fields}
        if self.is_json:
            self.send(json.dumps(m).encode(), TEXT)
        else:
            self.send(encode(m))

    def hear(self):
        """The next message. A board's deltas must follow each other without a gap."""
        opcode, data = self.receive()
        assert opcode == (TEXT if self.is_json else BINARY), opcode
        return self.take(data)

    def take(self, data):
        m = json.loads(data) if self.is_json else decode(data, self.boards)
        self.heard.append(m)
        if m["type"] == "subscribed":
            self.boards[m["board"]] = m
            self.last.pop(m["board"], None)
        elif m["type"] == "delta":
            b = m["board"]
            assert m["last"] >= m["first"] >= 1, m
            assert m["first"] == self.last.get(b, m["first"] - 1) + 1, (m, self.last)
            self.last[b] = m["last"]
            if b in self.following:
                self.following[b].apply(m)
        elif m["type"] == "status" and m["board"] in self.last:
            assert m["seq"] <= self.last[m["board"]], (m, self.last)
        return m

    def wait(self, kind, **fields):
        """Reads up to a message of this kind with these fields."""
        while True:
            m = self.hear()
            if m["type"] == kind and all(m[name] == value for name, value in fields.items()):
                return m

    def subscribe(self, board="main", **resume):
        self.say("subscribe", board=board, **resume)
        while True:
            m = self.hear()
            if m["type"] in ("subscribed", "stale", "error"):
                return m

    def follow(self, name="main"):
        """Subscribes, fetches the board, joins both by seq."""
        m = self.subscribe(name)
        packed, seq = self.server.bitmap(name)
        assert seq >= m["seq"], "a bitmap older than the subscription"
        board = Board(m, packed, seq)
        for d in self.heard:
            if d["type"] == "delta" and d["board"] == m["board"]:
                board.apply(d)
        self.following[m["board"]] = board
        return board

    def reach(self, board, seq):
        """Reads until the followed board stands at seq or above."""
        while board.seq < seq:
            self.hear()
        return board

    def place(self, x, y, color, board=0, request=None):
        """Sends a placement and gives its answer, placed or refused."""
        request = self.ask_place(x, y, color, board, request)
        while True:
            m = self.hear()
            if m["type"] in ("placed", "refused") and m["request"] == request:
                return m

    def ask_place(self, x, y, color, board=0, request=None):
        self.requests += 1
        request = self.requests if request is None else request
        self.say("place", board=board, x=x, y=y, color=color, request=request)
        return request

    def until_now(self):
        """A ping comes back: what the server said before it, read as messages."""
        pongs, before = len(self.pongs), len(self.heard)
        self.send(b"now", PING)
        while len(self.pongs) == pongs:
            fin, opcode, payload = self.frame()
            if opcode == PONG:
                self.pongs.append(payload)
            else:
                assert fin and opcode in (TEXT, BINARY), opcode
                self.take(payload)
        return self.heard[before:]

    def place_all(self, placements, board=0, window=1000):
        """Many (x, y, color), pipelined; gives their seqs in order."""
        assert not self.is_json
        seqs, sent, asked = [], 0, {}
        while len(seqs) < len(placements):
            packet = []
            while sent < len(placements) and sent - len(seqs) < window:
                x, y, color = placements[sent]
                self.requests += 1
                asked[self.requests] = None
                packet.append(frame(BINARY, struct.pack("<BHHHBQ", 3, board, x, y, color, self.requests)))
                sent += 1
            if packet:
                self.send_raw(b"".join(packet))
            m = self.hear()
            if m["type"] in ("placed", "refused"):
                assert m["type"] == "placed" and m["request"] in asked, m
                seqs.append(m["seq"])
        return seqs
