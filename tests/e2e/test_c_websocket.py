#!/usr/bin/env python3
"""RFC 6455 over real sockets: what breaks it, what comes back from an echo, how it ends."""
import json, socket, struct, threading, time, unittest

from lib import seed
from lib.case import ServerCase
from lib.client import Client, encode
from lib.server import Server, until
from lib.websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Closed, WebSocket, frame

BOTH = ("pixeld.v1", "pixeld.v1.json")
LONG = 1 << 20
HUGE = b"\x82\xff"  # a binary frame whose length stands in the next eight bytes


def close_frame(code, text=b""):
    return frame(CLOSE, struct.pack(">H", code) + text)


# what a client must not send, the code that it is closed with
VIOLATIONS = [
    (1002, "unmasked", frame(BINARY, b"x", mask=False)),
    (1002, "unmasked ping", frame(PING, b"", mask=False)),
    *[(1002, f"reserved bits {rsv}", frame(BINARY, b"x", rsv=rsv)) for rsv in (1, 2, 4, 7)],
    (1002, "reserved bit on a control frame", frame(PING, b"", rsv=4)),
    *[(1002, f"reserved opcode {op}", frame(op, b"")) for op in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)],
    (1002, "ping of 126 bytes", frame(PING, b"x" * 126)),
    (1002, "close of 126 bytes", frame(CLOSE, struct.pack(">H", 1000) + b"x" * 124)),
    (1002, "pong of 64 KiB", frame(PONG, b"x" * 65536)),
    (1002, "ping in pieces", frame(PING, b"x", fin=False)),
    (1002, "close in pieces", frame(CLOSE, b"\x03\xe8", fin=False)),
    (1002, "length 5 in 2 bytes", frame(BINARY, b"hello", length=2)),
    (1002, "length 125 in 2 bytes", frame(BINARY, b"x" * 125, length=2)),
    (1002, "length 5 in 8 bytes", frame(BINARY, b"hello", length=8)),
    (1002, "length 65535 in 8 bytes", HUGE + struct.pack(">Q", 65535) + b"\0\0\0\0"),
    (1002, "length with the high bit", HUGE + struct.pack(">Q", 1 << 63) + b"\0\0\0\0"),
    (1002, "length of all bits", HUGE + b"\xff" * 8 + b"\0\0\0\0"),
    (1009, "length 2^62", HUGE + struct.pack(">Q", 1 << 62) + b"\0\0\0\0"),
    (1002, "continuation without a message", frame(CONTINUATION, b"x")),
    (1002, "last continuation without a message", frame(CONTINUATION, b"", fin=False)),
    (1002, "text inside a message", frame(TEXT, b"a", fin=False) + frame(TEXT, b"b")),
    (1002, "binary inside a message", frame(BINARY, b"a", fin=False) + frame(BINARY, b"b", fin=False)),
    (1002, "close of one byte", frame(CLOSE, b"\x03")),
    *[(1002, f"close with {code}", close_frame(code)) for code in
      (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)],
    (1007, "close reason not UTF-8", close_frame(1000, b"\xff")),
    (1007, "close reason cut inside a letter", close_frame(1000, b"\xe2\x82")),
    *[(1007, f"text {bad!r}", frame(TEXT, bad)) for bad in
      (b"\xff", b"a\x80", b"\xc0\xaf", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80",
       b"ok\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited", b"\xc3", b"\xf0\x9f\x98")],
    (1007, "a bad byte in the second piece", frame(TEXT, b"\xe2\x82", fin=False) + frame(CONTINUATION, b"\x28")),
    (1007, "a message cut inside a letter", frame(TEXT, b"\xe2", fin=False) + frame(CONTINUATION, b"\x82")),
]
GOOD_CLOSES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)


class Violations(ServerCase):
    flags = ("--test-echo",)

    def check(self, path, protocol):
        for code, name, data in VIOLATIONS:
            with self.subTest(f"{path}: {name}"):
                with WebSocket(self.server.address, path, protocol) as ws:
                    ws.send_raw(data)
                    self.assertEqual(ws.closed(), code)

    def test_ws(self):
        self.check("/ws", "pixeld.v1.json")

    def test_echo(self):
        self.check("/test/echo", None)

    def test_behind_the_handshake_in_one_packet(self):
        for code, name, data in VIOLATIONS:
            for path in ("/ws", "/test/echo"):
                with self.subTest(f"{path}: {name}"):
                    with WebSocket(self.server.address, path, behind=data) as ws:
                        self.assertEqual(ws.closed(), 1008 if path == "/ws" and data[0] == 0x81 and code != 1007
                                         else code)

    def test_byte_by_byte(self):
        for code, name, data in VIOLATIONS:
            if len(data) > 300:
                continue
            with self.subTest(name), WebSocket(self.server.address, "/test/echo") as ws:
                try:
                    for i in range(len(data)):
                        ws.send_raw(data[i:i + 1])
                except OSError:
                    pass  # told already
                self.assertEqual(ws.closed(), code)

    def test_the_first_bad_byte_of_a_text_ends_it_at_once(self):
        with WebSocket(self.server.address, "/test/echo") as ws:
            ws.send(b"abc\xff", TEXT, fin=False)  # the message never ends
            self.assertEqual(ws.closed(), 1007)
        with WebSocket(self.server.address, "/test/echo") as ws:
            ws.send_raw(frame(TEXT, b"\xf4\x90" + b"a" * 100)[:8])  # nor the frame
            self.assertEqual(ws.closed(), 1007)

    def test_a_message_too_long_is_told_as_soon_as_its_length_is_known(self):
        for data in (frame(BINARY, b"x" * 1025)[:8], HUGE + struct.pack(">Q", 1 << 40) + b"\0\0\0\0",
                     frame(BINARY, b"x" * 600, fin=False) + frame(CONTINUATION, b"x" * 425)[:8]):
            with WebSocket(self.server.address, "/ws") as ws:
                ws.send_raw(data)
                self.assertEqual(ws.closed(), 1009)

    def test_data_behind_a_close_frame_is_ignored(self):
        for path in ("/ws", "/test/echo"):
            with WebSocket(self.server.address, path) as ws:
                ws.send_raw(close_frame(1000) + frame(BINARY, b"x") + frame(3, b"") + b"\xff" * 1000)
                self.assertEqual(ws.closed(), 1000)

    def test_nothing_comes_behind_a_close_frame(self):
        with WebSocket(self.server.address, "/test/echo") as ws:
            ws.send_raw(frame(BINARY, b"x" * 10000) + close_frame(3000) + frame(BINARY, b"y") + frame(PING, b"z"))
            self.assertEqual(ws.receive()[1], b"x" * 10000)
            self.assertEqual(ws.closed(), 3000)
            self.assertEqual(ws.pongs, [])

    def test_messages_that_are_none(self):
        for protocol, opcode, data in (
                ("pixeld.v1", BINARY, b"\x02\0"), ("pixeld.v1", BINARY, b"\x03"), ("pixeld.v1", BINARY, b"\x01\x02\x04main"),
                ("pixeld.v1", BINARY, b"\x01\x00\x05main"), ("pixeld.v1", BINARY, b"\x01\x00\x04mainhalf"[:-1]), ("pixeld.v1", BINARY, b"\x01\x00\x00"),
                ("pixeld.v1", BINARY, b"\x01\x00\x21" + b"a" * 33), ("pixeld.v1", BINARY, b""),
                ("pixeld.v1", BINARY, b"\x04"), ("pixeld.v1", BINARY, b"\x04" + b"a" * 513),
                ("pixeld.v1", TEXT, b'{"type":"alive"}'), ("pixeld.v1.json", BINARY, b"\x05"),
                ("pixeld.v1.json", TEXT, b""), ("pixeld.v1.json", TEXT, b"{"), ("pixeld.v1.json", TEXT, b"[]"),
                ("pixeld.v1.json", TEXT, b'{"type":7}'), ("pixeld.v1.json", TEXT, b'{"type":"subscribe"}'),
                ("pixeld.v1.json", TEXT, b'{"type":"alive","type":"alive"}'),
                ("pixeld.v1.json", TEXT, b"[" * 1000),
                ("pixeld.v1.json", TEXT, b'{"type":"place","board":0,"x":1,"y":1,"color":1,"request":1e300}'),
                ("pixeld.v1.json", TEXT, b'{"type":"place","board":0.5,"x":1,"y":1,"color":1,"request":1}'),
                ("pixeld.v1.json", TEXT, b'{"type":"place","board":0,"x":"1","y":1,"color":1,"request":1}'),
                ("pixeld.v1.json", TEXT, b'{"type":"subscribe","board":"main","epoch":-1,"seq":0}')):
            with self.subTest((protocol, data)), WebSocket(self.server.address, "/ws", protocol) as ws:
                ws.send(data, opcode)
                self.assertEqual(ws.closed(), 1008)

    def test_a_ping_flood_is_closed_by_name(self):
        with WebSocket(self.server.address, "/ws") as ws:
            try:
                ws.send_raw(frame(PING, b"x") * 5000)
            except OSError:
                pass
            self.assertEqual(ws.closed(), 1008)
        self.assertGreater(self.server.closed("too_fast"), 0)

    def test_random_bytes_end_in_a_close_frame_or_an_end(self):
        dice = seed.dice("random bytes")
        for i in range(300):
            path = dice.choice(("/ws", "/test/echo"))
            with self.subTest(i), WebSocket(self.server.address, path) as ws:
                data = b"".join(frame(dice.choice((0, 1, 2, 8, 9, 10, 3)), dice.randbytes(dice.choice((0, 1, 5, 125, 126, 900))),
                                      fin=dice.random() < 0.7, key=dice.randbytes(4)) for _ in range(dice.randrange(1, 8)))
                data = bytearray(data)
                for _ in range(dice.randrange(3)):
                    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
                try:
                    ws.send_raw(bytes(data) + close_frame(1000))
                    ws.socket.shutdown(1)
                    code = ws.closed()  # ours, or an echo of one that the bytes happened to say
                    self.assertTrue(code in GOOD_CLOSES + (1005, 1008) or 3000 <= code <= 4999, code)
                except (EOFError, OSError):
                    pass  # a length that was flipped: the server waits, our end comes first


class Echo(ServerCase):
    flags = ("--test-echo",)

    def echo(self):
        return WebSocket(self.server.address, "/test/echo")

    def test_sizes(self):
        with self.echo() as ws:
            for n in (0, 1, 124, 125, 126, 127, 128, 65535, 65536, 65537, LONG):
                for opcode, data in ((BINARY, seed.dice(n).randbytes(n)), (TEXT, ("\u20ac" * (n // 3) + "x" * (n % 3)).encode())):
                    with self.subTest((n, opcode)):
                        ws.send(data, opcode)
                        self.assertEqual(ws.receive(), (opcode, data))
            self.assertEqual(ws.close(), 1000)

    def test_16_mib(self):
        data = seed.dice("16 MiB").randbytes(1 << 20) * 16
        with self.echo() as ws:
            sender = threading.Thread(target=ws.send, args=(data,))
            sender.start()
            self.assertTrue(ws.receive() == (BINARY, data))
            sender.join()

    def test_in_pieces_with_pings_between(self):
        with self.echo() as ws:
            data = bytes(range(256)) * 20
            parts = [data[i:i + 500] for i in range(0, len(data), 500)]
            for i, part in enumerate(parts):
                ws.send(part, BINARY if i == 0 else CONTINUATION, fin=i == len(parts) - 1)
                ws.send(b"%d" % i, PING)
            self.assertEqual(ws.receive(), (BINARY, data))
            ws.send(b"last", PING)
            ws.send(b"end")
            self.assertEqual(ws.receive()[1], b"end")
            self.assertEqual(ws.pongs, [b"%d" % i for i in range(len(parts))] + [b"last"])

    def test_a_letter_in_two_pieces(self):
        with self.echo() as ws:
            euro = "\u20ac".encode()
            ws.send_raw(frame(TEXT, euro[:1], fin=False) + frame(CONTINUATION, b"", fin=False) +
                        frame(PING, b"p") + frame(CONTINUATION, euro[1:2], fin=False) + frame(CONTINUATION, euro[2:]))
            self.assertEqual(ws.receive(), (TEXT, euro))

    def test_a_megabyte_in_pieces_of_a_byte(self):
        n = 100000
        with self.echo() as ws:
            data = seed.dice("pieces").randbytes(n)
            ws.send(data[:1], BINARY, fin=False)
            ws.send_raw(b"".join(b"\x00\x81\0\0\0\0" + data[i:i + 1] for i in range(1, n - 1)))
            ws.send(data[-1:], CONTINUATION)
            self.assertEqual(ws.receive(), (BINARY, data))

    def test_many_small_messages_in_one_packet(self):
        with self.echo() as ws:
            messages = [b"%d" % i for i in range(3000)]
            ws.send_raw(b"".join(frame(BINARY, m) for m in messages))
            self.assertEqual([ws.receive()[1] for _ in messages], messages)

    def test_every_split_of_a_short_stream(self):
        stream = (frame(TEXT, "h\u20acllo".encode()) + frame(PING, b"ping") + frame(BINARY, b"a", fin=False) +
                  frame(PONG, b"") + frame(CONTINUATION, b"b" * 130) + close_frame(4000, b"bye"))
        for i in range(1, len(stream)):
            with self.echo() as ws:
                ws.send_raw(stream[:i])
                time.sleep(0.001)
                ws.send_raw(stream[i:])
                self.assertEqual(ws.receive(), (TEXT, "h\u20acllo".encode()), i)
                self.assertEqual(ws.receive(), (BINARY, b"a" + b"b" * 130), i)
                self.assertEqual(ws.closed(), 4000, i)
                self.assertEqual(ws.pongs, [b"ping"], i)

    def test_frames_right_behind_the_handshake(self):
        for n in (1, 2, 100):
            with WebSocket(self.server.address, "/test/echo", behind=frame(BINARY, b"early") * n) as ws:
                self.assertEqual([ws.receive()[1] for _ in range(n)], [b"early"] * n)
        with WebSocket(self.server.address, "/test/echo", behind=frame(BINARY, b"x" * 8000)[:900]) as ws:
            ws.send_raw(b"")
            self.assertEqual(ws.pongs, [])

    def test_a_frame_half_behind_the_handshake(self):
        whole = frame(TEXT, b"half and half")
        for i in range(1, len(whole)):
            with WebSocket(self.server.address, "/test/echo", behind=whole[:i]) as ws:
                ws.send_raw(whole[i:])
                self.assertEqual(ws.receive(), (TEXT, b"half and half"))

    def test_who_does_not_read_is_not_read_from(self):
        with WebSocket(self.server.address, "/test/echo", receive_bytes=4096) as ws:
            ws.socket.settimeout(1)
            sent = 0
            block = frame(BINARY, b"x" * 60000)
            with self.assertRaises(TimeoutError):
                while sent < 200 << 20:
                    ws.send_raw(block)
                    sent += len(block)
            self.assertEqual(self.server.ask("GET", "/healthz").status, 200)

    # --- the end ---
    def test_close_codes_come_back(self):
        for path in ("/test/echo", "/ws"):
            for code in GOOD_CLOSES:
                with self.subTest((path, code)), WebSocket(self.server.address, path) as ws:
                    self.assertEqual(ws.close(code, "gr\u00fc\u00dfe".encode()), code)
            with self.subTest((path, "none")), WebSocket(self.server.address, path) as ws:
                self.assertEqual(ws.close(None), 1005)

    def test_an_end_without_a_close_frame(self):
        before = self.server.closed("peer_gone")
        for path in ("/test/echo", "/ws"):
            ws = WebSocket(self.server.address, path)
            ws.send(b"\x05")
            ws.socket.close()
        until("both counted", lambda: self.server.closed("peer_gone") >= before + 2)

    def test_a_ping_of_125_bytes_byte_by_byte(self):
        for path in ("/test/echo", "/ws"):
            with WebSocket(self.server.address, path) as ws:
                for byte in frame(PING, b"p" * 125):
                    ws.send_raw(bytes([byte]))
                self.assertEqual(ws.frame(), (True, PONG, b"p" * 125))


class Endings(ServerCase):
    """What is owed to a client that ends: the answers, the rest of a frame, and why."""
    flags = ("--cooldown-ms", "0", "--requests-per-second", "0", "--cut-interval-ms", "1", "--round-interval-ms", "1")

    def places(self, client, n):
        form = encode if not client.is_json else lambda m: json.dumps(m).encode()
        return b"".join(frame(TEXT if client.is_json else BINARY, form(
            {"type": "place", "board": 0, "x": i, "y": 1, "color": 1 + i % 15, "request": i})) for i in range(1, n + 1))

    def answered(self, client, n):
        """Reads n placed, whatever comes between."""
        self.assertEqual([client.wait("placed")["request"] for _ in range(n)], list(range(1, n + 1)))

    def both(self):
        for protocol in BOTH:
            with self.subTest(protocol), Client(self.server, self.server.session(), protocol) as client:
                yield client

    def test_frames_a_close_and_the_end_in_one_go_are_all_answered(self):
        for client in self.both():
            client.send_raw(self.places(client, 50) + close_frame(4001))
            client.socket.shutdown(socket.SHUT_WR)
            self.answered(client, 50)
            with self.assertRaises(Closed) as closed:
                client.hear()
            self.assertEqual((closed.exception.code, client.socket.recv(1)), (4001, b""))

    def test_a_close_waits_for_the_answers_before_it(self):
        for client in self.both():
            client.say("subscribe", board="main")
            client.send_raw(self.places(client, 50) + close_frame(1000))
            self.assertEqual(client.wait("subscribed")["board"], 0)
            self.answered(client, 50)
            self.assertEqual(client.closed(), 1000)

    def test_an_end_without_a_close_waits_for_the_answers_before_it(self):
        for client in self.both():
            client.send_raw(self.places(client, 50))
            client.socket.shutdown(socket.SHUT_WR)
            self.answered(client, 50)
            with self.assertRaises(EOFError):
                client.hear()

    def test_a_violation_waits_for_the_answers_before_it(self):
        for client in self.both():
            client.send_raw(self.places(client, 50) + frame(3, b""))
            client.socket.shutdown(socket.SHUT_WR)
            self.answered(client, 50)
            self.assertEqual(client.closed(), 1002)

    def test_all_of_it_behind_the_handshake_in_one_packet(self):
        behind = frame(BINARY, encode({"type": "subscribe", "board": "main"})) + close_frame(1000)
        for ends in (False, True):
            with self.subTest(ends), WebSocket(self.server.address, "/ws", behind=behind, ends=ends) as ws:
                self.assertEqual(ws.receive()[1][0], 0x43)
                self.assertEqual(ws.closed(), 1000)

    def stuck(self, protocol):
        """A subscriber whose sends have come out short, so that it stands inside a delta frame, or has caught up since."""
        client = Client(self.server, protocol=protocol, receive_bytes=2048)
        client.subscribe()
        with Client(self.server, self.server.session()) as painter:
            rng, before = seed.dice(protocol), self.server.metric("broadcast_short_sends_total")
            while self.server.metric("broadcast_short_sends_total") < before + 5:
                painter.place_all([(rng.randrange(1000), rng.randrange(1000), rng.randrange(16)) for _ in range(3000)])
        return client

    def inside_a_frame(self, protocol):
        """A client that stands inside a delta frame: unsubscribe, which it has sent, is answered with an error."""
        while True:
            until("nobody is subscribed", lambda: self.server.metric("subscriptions") == 0)
            client = self.stuck(protocol)
            heard = self.server.metric("messages_in_total")
            client.say("unsubscribe", board=0)
            until("it is read", lambda: self.server.metric("messages_in_total") > heard)
            if self.server.metric("subscriptions") == 1:
                return client
            client.socket.close()

    def test_inside_a_frame_it_is_finished_and_the_reason_told(self):
        binary, text = BOTH
        # What differs: the kind of frame, who begins to close and why, whether the client can still answer.
        for protocol, code, ends, data in ((binary, 1000, False, close_frame(1000)), (text, 1000, True, close_frame(1000)),
                                           (binary, 1002, True, frame(3, b"")), (text, 1002, False, frame(3, b"")),
                                           (binary, 1009, False, frame(BINARY, b"x" * 1025)[:8]),
                                           (binary, 1008, True, frame(TEXT, b"{}")), (text, 1008, False, frame(BINARY, b"{}"))):
            with self.subTest((protocol, code, ends)), self.inside_a_frame(protocol) as client:
                client.send_raw(data)
                if ends:
                    client.socket.shutdown(socket.SHUT_WR)
                self.assertEqual(client.wait("error")["code"], "overloaded", "it stood inside a frame")
                self.assertEqual(client.closed(), code)

    def test_who_lets_too_many_answers_lie_is_told_behind_the_last_whole_one(self):
        with WebSocket(self.server.address, "/ws", receive_bytes=2048) as ws:
            before = self.server.closed("too_slow")
            while self.server.closed("too_slow") == before:
                ws.send_raw(frame(PING, b"p" * 125) * 100)
            self.assertEqual(ws.closed(), 1008)
            self.assertEqual(set(ws.pongs), {b"p" * 125})

    def test_who_takes_nothing_is_cut(self):
        with self.inside_a_frame(BOTH[0]) as client:
            client.send_raw(frame(3, b""))
            until("it is gone", lambda: self.server.metric("connections_websocket") == 0 and
                  self.server.metric("connections_closing") == 0)


class Origins(unittest.TestCase):
    def status(self, server, origin):
        try:
            with Client(server, fields={"Origin": origin} if origin else {}) as client:
                client.close()
                return 101
        except ConnectionRefusedError as refused:
            self.assertTrue(refused.args[0].error)
            return refused.args[0].status

    def test_same_host_only(self):
        with Server() as server:
            for origin, status in ((None, 101), (server.url, 101), (f"https://{server.address}", 101),
                                   ("http://evil.example", 403), ("null", 403), (f"http://{server.address}.evil", 403),
                                   ("http://127.0.0.1", 403), (f"http://127.0.0.1:{server.port}1", 403), ("", 101)):
                with self.subTest(origin):
                    self.assertEqual(self.status(server, origin), status)

    def test_those_of_the_settings(self):
        with Server("--origin", "https://good.example", "--origin", "https://fine.example:8443") as server:
            for origin, status in (("https://good.example", 101), ("https://fine.example:8443", 101),
                                   ("https://fine.example", 403), ("http://good.example", 403), ("https://evil.example", 403)):
                with self.subTest(origin):
                    self.assertEqual(self.status(server, origin), status)


class Subprotocols(ServerCase):
    def test_chosen(self):
        for offered, chosen in ((None, None), ("pixeld.v1", "pixeld.v1"), ("pixeld.v1.json", "pixeld.v1.json"),
                                ("chat, pixeld.v1.json", "pixeld.v1.json"), ("pixeld.v1.json, pixeld.v1", "pixeld.v1.json")):
            with self.subTest(offered), WebSocket(self.server.address, "/ws", offered) as ws:
                self.assertEqual(ws.answer.get("sec-websocket-protocol"), chosen)

    def test_none_of_ours_is_refused(self):
        for offered in ("pixeld.v2", "chat, superchat", "pixeld.v1.jso", "pixeld", ","):
            with self.subTest(offered), self.assertRaises(ConnectionRefusedError) as refused:
                WebSocket(self.server.address, "/ws", offered)
            self.assertEqual(refused.exception.args[0].status, 400)

    def test_none_is_binary(self):
        with WebSocket(self.server.address, "/ws") as ws:
            ws.send(encode({"type": "subscribe", "board": "main"}))
            opcode, data = ws.receive()
            self.assertEqual((opcode, data[0]), (BINARY, 0x43))

    def test_no_extension_is_taken(self):
        with WebSocket(self.server.address, "/ws", fields={
                "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}) as ws:
            self.assertIsNone(ws.answer.get("sec-websocket-extensions"))

    def test_idle_clients_are_closed_by_name(self):
        with Server("--ws-idle-timeout-ms", "8s") as server, Client(server) as client, Client(server) as silent:

            def silent_is_closed():
                client.say("alive")
                time.sleep(0.05)  # who says it too often is closed for that
                return server.closed("idle")

            until("the silent one is closed", silent_is_closed)
            self.assertEqual(silent.closed(), 1008)
            self.assertEqual(server.closed("idle"), 1, "who is alive is closed too")
            self.assertEqual(client.closed(), 1008)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
