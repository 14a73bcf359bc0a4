#!/usr/bin/env python3
"""pixeld.v1 and pixeld.v1.json: placing, seeing, being refused, and the cooldown that nobody outruns."""
import asyncio, base64, hashlib, hmac, json, re, shutil, struct, threading, time, unittest
from pathlib import Path

from lib import delta, seed
from lib.case import ServerCase
from lib.client import Client, decode, encode
from lib.server import Server, until
from lib.websocket import BINARY, TEXT, Closed

BOTH = ("pixeld.v1", "pixeld.v1.json")
PROTOCOL_DOC = Path(__file__).resolve().parents[2] / "docs/protocol.md"


def mint(secret, user, seconds):
    """As docs/protocol.md has it."""
    b64 = lambda raw: base64.urlsafe_b64encode(raw).rstrip(b"=")
    now = int(time.time())
    first = b64(b"\x01" + user + struct.pack("<QQ", now, now + seconds))
    return (first + b"." + b64(hmac.new(secret, first, hashlib.sha256).digest())).decode()


class Vectors(unittest.TestCase):
    """Our own reader against the document: it is the judge of the tests below."""

    def blocks(self, kind):
        for block in re.findall(rf"^```vector {kind}\n(.*?)^```", PROTOCOL_DOC.read_text(), re.M | re.S):
            for line in block.splitlines():
                fields, _, text = line.partition(" json=")
                yield {**dict(pair.split("=", 1) for pair in fields.split(" ")), **({"json": json.loads(text)} if text else {})}

    def test_messages(self):
        seen = 0
        for kind in ("message", "message-longer", "message-shorter"):
            for v in self.blocks(kind):
                data = bytes.fromhex(v["hex"])
                if v["from"] == "client":
                    said = encode(v["json"])
                    self.assertEqual(said, data if kind == "message" else data[:len(said)])
                else:
                    board = {"width": int(v.get("width", 0)), "bits": int(v.get("bits", 0))}
                    board["height"] = int(v.get("board_cells", 0)) // max(board["width"], 1)
                    self.assertEqual(decode(data, {v["json"].get("board"): board}), v["json"])
                seen += 1
        self.assertGreater(seen, 30)

    def test_deltas(self):
        seen = 0
        for v in self.blocks("delta"):
            cells = [tuple(map(int, c.split(":"))) for c in v["cells"].split(",")] if v["cells"] else []
            got = delta.decode(bytes.fromhex(v["payload"]), len(cells), int(v["board_cells"]), int(v["bits"]))
            self.assertEqual(got, cells)
            seen += 1
        for v in self.blocks("delta-refused"):
            with self.assertRaises(delta.Bad):
                delta.decode(bytes.fromhex(v["payload"]), int(v["count"]), int(v["board_cells"]), int(v["bits"]))
            seen += 1
        self.assertGreater(seen, 10)


class Placing(ServerCase):
    def test_one_places_the_other_sees(self):
        for protocol in BOTH:
            for other in BOTH:
                with self.subTest((protocol, other)), Client(self.server, self.server.session(), protocol) as painter, \
                        Client(self.server, protocol=other) as watcher:
                    said = painter.subscribe()
                    self.assertEqual({**said, "seq": 0, "epoch": 0}, {
                        "type": "subscribed", "board": 0, "epoch": 0, "seq": 0, "width": 1000, "height": 1000,
                        "bits": 4, "resumed": False, "frozen": False, "cooldown_ms": 0, "name": "main",
                        "tag": self.server.board()["tag"]})
                    board = watcher.follow()
                    x, y = seed.dice((protocol, other)).choices(range(1000), k=2)
                    for color in (3, 3, 0, 15):
                        placed = painter.place(x, y, color)
                        self.assertEqual(placed["cooldown_ms"], 0)
                        watcher.reach(board, placed["seq"])
                    self.assertEqual(bytes(board.packed), self.server.bitmap()[0])
                    painter.close()
                    watcher.close()

    def test_a_session_is_told_who_it_is(self):
        session = self.server.ask("POST", "/session").json()
        for protocol in BOTH:
            with self.subTest(protocol), Client(self.server, protocol=protocol) as client:
                client.subscribe()
                self.assertEqual(client.place(0, 0, 1)["code"], "no_session")
                client.say("session", token="nonsense.nonsense")
                self.assertEqual(client.wait("error")["code"], "no_session")
                client.say("session", token=session["token"])
                self.assertEqual(client.wait("welcome")["user"], session["user"])
                you = client.wait("you")
                self.assertEqual((you["board"], you["wait_ms"]), (0, 0))
                placed = client.place(1, 2, 3, request=77 if protocol == BOTH[0] else 78)
                self.assertEqual(placed["type"], "placed")
                client.subscribe()
                you = client.wait("you")
                self.assertEqual((you["last_request"], you["last_seq"]), (placed["request"], placed["seq"]))

    def test_a_session_that_comes_with_the_upgrade_is_told_who_it_is_before_anything_else(self):
        session = self.server.ask("POST", "/session").json()
        for protocol in BOTH:
            for field, value in (("Cookie", "pixeld="), ("Authorization", "Bearer ")):
                with self.subTest(protocol=protocol, field=field), \
                        Client(self.server, protocol=protocol, fields={field: value + session["token"]}) as client:
                    self.assertEqual(client.hear(), {"type": "welcome", "user": session["user"]})
                    client.subscribe()
                    self.assertEqual(client.place(1, 1, 1)["type"], "placed")

    def test_without_a_session_nobody_is_welcomed(self):
        with Client(self.server) as client:
            self.assertEqual(client.subscribe()["type"], "subscribed")
            self.assertNotIn("welcome", [m["type"] for m in client.heard + client.until_now()])

    def test_a_request_sent_again_is_answered_and_not_placed_again(self):
        token = self.server.session()
        with Client(self.server, token) as first:
            placed = first.place(5, 5, 5, request=1 << 60)
        with Client(self.server, token) as second:
            again = second.place(5, 5, 5, request=1 << 60)
            self.assertEqual(again["seq"], placed["seq"])
            self.assertEqual(second.place(5, 5, 6, request=9)["seq"], placed["seq"] + 1)

    def test_a_placement_without_subscription(self):
        with Client(self.server, self.server.session()) as client:
            self.assertEqual(client.place(1, 1, 2)["type"], "placed")

    def test_what_changes_nothing_is_numbered_and_not_drawn(self):
        with Client(self.server, self.server.session()) as painter, Client(self.server) as watcher:
            board = watcher.follow()
            watcher.reach(board, painter.place(11, 11, 7)["seq"])  # its frame is cut: the next holds the other alone
            seen = len(watcher.heard)
            same = painter.place(11, 11, 7)
            watcher.reach(board, same["seq"])
            deltas = [m for m in watcher.heard[seen:] if m["type"] == "delta" and m["last"] >= same["seq"]]
            self.assertEqual([m["cells"] for m in deltas], [[]])

    def test_there_and_back_is_told_with_the_last_color(self):
        with Client(self.server, self.server.session()) as painter, Client(self.server) as watcher:
            board = watcher.follow()
            for color in (1, 2, 1, 0) * 4:
                painter.ask_place(12, 12, color)
            last = [painter.wait("placed") for _ in range(16)][-1]
            watcher.reach(board, last["seq"])
            self.assertEqual(self.server.ask("GET", "/boards/main/pixels/12/12").json()["color"], 0)
            self.assertEqual(bytes(board.packed), self.server.bitmap()[0])

    def test_unknown_types_are_answered(self):
        with Client(self.server) as client:
            for kind in (0x00, 0x06, 0x40, 0x7f, 0x80, 0xff):
                client.send(bytes([kind]) + b"anything")
                error = client.wait("error")
                self.assertEqual((error["code"], error["board"], error["request"]), ("bad_request", None, 0))
            self.assertEqual(client.subscribe()["type"], "subscribed")
        with Client(self.server, protocol="pixeld.v1.json") as client:
            client.say("dance")
            self.assertEqual(client.wait("error")["code"], "bad_request")
            self.assertEqual(client.subscribe()["type"], "subscribed")

    def test_what_a_message_has_behind_its_fields_is_skipped(self):
        for protocol in BOTH:
            with self.subTest(protocol), Client(self.server, self.server.session(), protocol) as client:
                for m in ({"type": "subscribe", "board": "main", "request": 1}, {"type": "alive"},
                          {"type": "place", "board": 0, "x": 1, "y": 2, "color": 3, "request": 4},
                          {"type": "unsubscribe", "board": 0, "request": 2}):
                    data = json.dumps({**m, "later": [1]}).encode() if client.is_json else encode(m) + b"later\xff\0"
                    client.send(data, TEXT if client.is_json else BINARY)
                self.assertEqual(client.wait("subscribed")["board"], 0)
                self.assertEqual(client.wait("placed")["request"], 4)
                self.assertEqual(client.close(), 1000)

    def test_an_error_says_what_it_is_about(self):
        for protocol in BOTH:
            with self.subTest(protocol), Client(self.server, protocol=protocol) as client:
                for request in (0, 1, (1 << 53) - 1):
                    client.say("subscribe", board="none", request=request)
                    client.say("session", token="nonsense", request=request)
                    said = [client.wait("error") for _ in range(2)]
                    self.assertEqual([(m["code"], m["board"], m["request"], m["wait_ms"]) for m in said],
                                     [("unknown_board", None, request, 0), ("no_session", None, request, 0)])
        with Server("--requests-per-second", "1") as server, Client(server) as client:
            for request in range(1, 6):
                client.say("subscribe", board="main", request=request)
            error = client.wait("error")
            self.assertEqual((error["code"], error["board"], error["wait_ms"]), ("too_fast", 0, 1000))
            self.assertIn(error["request"], range(2, 6))

    def test_about_says_what_is_spoken(self):
        about = self.server.ask("GET", "/about").json()
        self.assertEqual(about["protocol"], 1)
        self.assertTrue({"json", "history", "rollback", "error_request", "requests", "tag", "board"} <= set(about["features"]))
        self.assertEqual(about["message_bytes_max"], {"client": 1024, "answer": 512, "board": 13920})

    def test_unknown_boards_are_named_so(self):
        for protocol in BOTH:
            with Client(self.server, self.server.session(), protocol) as client:
                self.assertEqual(client.subscribe("none")["code"], "unknown_board")
                for number in (1, 7, 65535):
                    self.assertEqual(client.place(0, 0, 0, board=number)["code"], "unknown_board")
                client.say("unsubscribe", board=9)
                self.assertEqual(client.subscribe()["type"], "subscribed")

    def test_refusals(self):
        before = self.server.board()["seq"]
        for protocol in BOTH:
            with Client(self.server, self.server.session(), protocol) as client:
                client.subscribe()
                for x, y, color, code in ((1000, 0, 1, "out_of_bounds"), (0, 1000, 1, "out_of_bounds"),
                                          (65535, 65535, 1, "out_of_bounds"), (999, 65535, 1, "out_of_bounds"),
                                          (0, 0, 16, "bad_color"), (0, 0, 255, "bad_color")):
                    refused = client.place(x, y, color)
                    self.assertEqual((refused.get("code"), refused["wait_ms"]), (code, 0))
        with Client(self.server, self.server.session(), "pixeld.v1.json") as client:
            for x, y, color, code in ((-1, 0, 1, "out_of_bounds"), (0, 1.5, 1, "out_of_bounds"), (1e30, 0, 1, "out_of_bounds"),
                                      (65536, 0, 1, "out_of_bounds"), (0, 0, 256, "bad_color"), (0, 0, -1, "bad_color")):
                self.assertEqual(client.place(x, y, color)["code"], code)
            self.assertEqual(client.place(1e0, 2.0, 3)["type"], "placed")
        self.assertEqual(self.server.board()["seq"], before + 1)

    def test_corners(self):
        with Client(self.server, self.server.session()) as client, Client(self.server) as watcher:
            board = watcher.follow()
            for x, y in ((0, 0), (999, 0), (0, 999), (999, 999)):
                last = client.place(x, y, 9)
                self.assertEqual(last["type"], "placed")
            watcher.reach(board, last["seq"])
            self.assertEqual(bytes(board.packed), self.server.bitmap()[0])

    def test_unsubscribed_is_quiet(self):
        with Client(self.server, self.server.session()) as painter, Client(self.server) as watcher, \
                Client(self.server) as other:
            watcher.follow()
            watcher.say("unsubscribe", board=0)
            watcher.until_now()
            board = other.follow()
            other.reach(board, painter.place(3, 1, 4)["seq"])
            self.assertEqual(watcher.until_now(), [])
            self.assertEqual(watcher.subscribe()["type"], "subscribed")

    def test_subscribing_twice_is_one_subscription(self):
        with Client(self.server, self.server.session()) as client:
            client.subscribe()
            client.subscribe()
            until("one", lambda: self.server.metric("subscriptions") == 1)
            placed = client.place(1, 4, 1)
            client.wait("delta")
            while client.last[0] < placed["seq"]:
                client.hear()

    def test_many_pipelined_requests_on_one_connection_are_all_answered(self):
        n = 1000
        with Server("--cooldown-ms", "0", "--requests-per-second", "0") as server, \
                Client(server, server.session()) as client:
            client.subscribe()
            first = client.requests + 1
            self.assertEqual(client.place_all([(i, i, i % 16) for i in range(n)]), list(range(1, n + 1)))
            answered = [m["request"] for m in client.heard if m["type"] == "placed"]
            self.assertEqual(answered, list(range(first, first + n)))

    def test_status_comes_and_counts(self):
        with Server("--status-interval-ms", "100") as server, Client(server) as one, \
                Client(server, protocol="pixeld.v1.json") as two:
            one.subscribe()
            two.subscribe()
            for client in (one, two):
                status = client.wait("status", online=2)
                self.assertEqual(status["epoch"], server.board()["epoch"])
                self.assertLess(abs(status["time_ms"] / 1000 - time.time()), 60)


class Boards(unittest.TestCase):
    def test_two_on_one_connection(self):
        with Server("--cooldown-ms", "0", "--board", "main:100x80:4", "--board", "small:16x16:1") as server:
            for protocol in BOTH:
                with Client(server, server.session(), protocol) as painter, Client(server, protocol=protocol) as watcher:
                    main, small = watcher.follow("main"), watcher.follow("small")
                    numbers = {b["name"]: b["number"] for b in server.ask("GET", "/boards").json()}
                    self.assertEqual(len(set(numbers.values())), 2)
                    for i in range(10):
                        a = painter.place(i, 1, 1 + i % 15, board=numbers["main"])
                        b = painter.place(i, 2, 1 - server.ask("GET", f"/boards/small/pixels/{i}/2").json()["color"],
                                          board=numbers["small"])
                    watcher.reach(main, a["seq"])
                    watcher.reach(small, b["seq"])
                    self.assertEqual(bytes(main.packed), server.bitmap("main")[0])
                    self.assertEqual(bytes(small.packed), server.bitmap("small")[0])
                    refused = painter.place(0, 0, 2, board=numbers["small"])
                    self.assertEqual(refused["code"], "bad_color")
                    refused = painter.place(16, 0, 1, board=numbers["small"])
                    self.assertEqual(refused["code"], "out_of_bounds")

    def test_seventeen_are_too_many(self):
        boards = [flag for i in range(17) for flag in ("--board", f"b{i}:8x8:1")]
        with Server(*boards) as server, Client(server) as client:
            for i in range(16):
                self.assertEqual(client.subscribe(f"b{i}")["type"], "subscribed")
            with self.assertRaises(Closed) as closed:
                client.subscribe("b16")
            self.assertEqual(closed.exception.code, 1008)

    def test_seventeen_at_once_get_sixteen_answers_and_the_reason(self):
        boards = [flag for i in range(17) for flag in ("--board", f"b{i}:8x8:1")]
        with Server(*boards) as server:
            for protocol in BOTH:
                for token in (None, server.session()):
                    with self.subTest((protocol, token)), Client(server, token, protocol) as client:
                        for i in range(17):
                            client.say("subscribe", board=f"b{i}")
                        self.assertEqual([client.wait("subscribed")["name"] for _ in range(16)], [f"b{i}" for i in range(16)])
                        with self.assertRaises(Closed) as closed:
                            client.wait("subscribed")
                        self.assertEqual(closed.exception.code, 1008)
            self.assertEqual((server.closed("too_many"), server.closed("overload")), (4, 0))

    def test_frozen(self):
        with Server() as outer:
            file = outer.folder / "pixeld.ini"
            file.write_text('cooldown-ms = 0\n[board "main"]\nsize = 10x10:4\nfrozen = on\n')
            with Server("--config", str(file)) as server, Client(server, server.session()) as client:
                self.assertTrue(client.subscribe()["frozen"])
                self.assertEqual(client.place(1, 1, 1)["code"], "frozen")
                self.assertEqual(client.place(10, 1, 1)["code"], "out_of_bounds")
                answer = server.ask("PUT", "/boards/main/pixels/1/1", {"Authorization": "Bearer " + server.session()},
                                    {"color": 1})
                self.assertEqual((answer.status, answer.error), (409, "frozen"))

    def test_boards_keep_their_numbers_and_cells_over_a_restart(self):
        with Server("--cooldown-ms", "0", "--board", "a:9x9:2", "--board", "b:7x7:8") as server:
            with Client(server, server.session()) as client:
                b = client.subscribe("b")["board"]
                client.place(6, 6, 15, board=b)
            server.stop()
            server.flags[-4:] = ["--board", "b:7x7:8", "--board", "a:9x9:2"]
            server.start()
            with Client(server) as client:
                again = client.subscribe("b")
                self.assertEqual((again["board"], again["seq"]), (b, 1))
                self.assertEqual(server.bitmap("b")[0][-1], 15)


HOUR_MS = 3600 * 1000  # no test takes so long


class Cooldown(unittest.TestCase):
    def test_is_told(self):
        with Server("--cooldown-ms", "1h") as server:
            token = server.session()
            with Client(server, token) as client:
                self.assertEqual(client.subscribe()["cooldown_ms"], HOUR_MS)
                self.assertEqual(client.place(1, 1, 1)["cooldown_ms"], HOUR_MS)
                refused = client.place(1, 1, 2)
                self.assertEqual(refused["code"], "cooldown")
                self.assertTrue(HOUR_MS / 2 < refused["wait_ms"] <= HOUR_MS, refused)
                client.say("session", token=token)
                self.assertTrue(HOUR_MS / 2 < client.wait("you")["wait_ms"] <= HOUR_MS)
                answer = server.ask("PUT", "/boards/main/pixels/1/1", {"Authorization": "Bearer " + token}, {"color": 2})
                self.assertEqual((answer.status, answer.error), (429, "cooldown"))
                self.assertTrue(1800 < int(answer["retry-after"]) <= 3600, answer)
                self.assertEqual(server.ask("GET", "/boards/main/pixels/1/1").json()["color"], 1)

    def test_ends(self):
        with Server("--cooldown-ms", "150") as server, Client(server, server.session()) as client:
            for color in range(4):
                placed = client.place(1, 1, color)
                while placed["type"] == "refused":
                    time.sleep(placed["wait_ms"] / 1000)
                    placed = client.place(1, 1, color)

    def test_what_is_refused_charges_nothing(self):
        with Server("--cooldown-ms", "1h") as server, Client(server, server.session()) as client:
            for x, y, color in ((1000, 0, 0), (0, 0, 16)):
                self.assertEqual(client.place(x, y, color)["type"], "refused")
            self.assertEqual(client.place(0, 0, 0)["type"], "placed", "also one that changes nothing")
            self.assertEqual(client.place(0, 0, 1)["code"], "cooldown")

    def test_is_by_board_and_person(self):
        with Server("--cooldown-ms", "1h", "--board", "a:9x9:4", "--board", "b:9x9:4") as server:
            with Client(server, server.session()) as one, Client(server, server.session()) as two:
                for client in (one, two):
                    for board in (0, 1):
                        self.assertEqual(client.place(1, 1, 1, board=board)["type"], "placed")

    def test_of_ten_at_once_one_passes(self):
        with Server("--cooldown-ms", "1h", "--workers", "4") as server:
            for _ in range(5):
                token = server.session()
                clients = [Client(server, token) for _ in range(10)]
                answers = [None] * 10

                def place(i):
                    answers[i] = clients[i].place(i, i, 1 + i, request=100 + i)

                threads = [threading.Thread(target=place, args=(i,)) for i in range(10)]
                for t in threads:
                    t.start()
                for t in threads:
                    t.join()
                for client in clients:
                    client.socket.close()
                self.assertEqual(sorted(a["type"] for a in answers), ["placed"] + ["refused"] * 9)
                self.assertEqual({a["code"] for a in answers if a["type"] == "refused"}, {"cooldown"})
            self.assertEqual(server.board()["seq"], 5)

    def test_of_ten_puts_at_once_one_passes(self):
        with Server("--cooldown-ms", "1h", "--workers", "4") as server:
            token = server.session()
            https = [server.http() for _ in range(10)]
            for i, http in enumerate(https):
                http.send(http.request("PUT", f"/boards/main/pixels/{i}/0", {"Authorization": "Bearer " + token}, {"color": 1}))
            answers = [http.answer() for http in https]
            for http in https:
                http.close()
            self.assertEqual(sorted(a.status for a in answers), [200] + [429] * 9)
            self.assertEqual(server.board()["seq"], 1)

    def test_survives_a_restart(self):
        for how in ("stop", "kill"):
            with self.subTest(how), Server("--cooldown-ms", "1h", allowed="recovery note") as server:
                token = server.session()
                with Client(server, token) as client:
                    placed = client.place(1, 1, 1, request=5)
                getattr(server, how)()
                server.start()
                with Client(server, token) as client:
                    client.subscribe()
                    you = client.wait("you")
                    self.assertEqual((you["last_request"], you["last_seq"]), (5, placed["seq"]))
                    self.assertGreater(you["wait_ms"], HOUR_MS / 2)
                    self.assertEqual(client.place(1, 1, 1, request=5)["seq"], placed["seq"], "the same request")
                    self.assertEqual(client.place(1, 1, 2, request=6)["code"], "cooldown")

    def test_too_fast(self):
        with Server("--cooldown-ms", "0", "--requests-per-second", "5") as server:
            with Client(server, server.session()) as client:
                answers = [client.place(1, 1, i % 16) for i in range(20)]
                codes = [a.get("code", "placed") for a in answers]
                self.assertEqual(set(codes), {"placed", "too_fast"})
                self.assertLess(codes.count("placed"), 15)
                self.assertGreater(next(a for a in answers if a["type"] == "refused")["wait_ms"], 0)
            with server.http() as http:
                token = {"Authorization": "Bearer " + server.session()}
                statuses = [http.ask("PUT", "/boards/main/pixels/1/1", token, {"color": 1}) for _ in range(20)]
                late = [a for a in statuses if a.status == 429]
                self.assertTrue(late and late[0].error == "too_fast")
                self.assertGreaterEqual(int(late[0]["retry-after"]), 1)


class Sessions(unittest.TestCase):
    def test_an_outside_site_mints_them(self):
        secret = b"0123456789abcdef-secret"
        with Server("--session-secret", secret.hex()) as server:
            user = hashlib.sha256(b"forum.example:alice").digest()[:16]
            with Client(server, mint(secret, user, 3600)) as client:
                client.subscribe()
                self.assertEqual(client.place(1, 1, 1)["type"], "placed")
            self.assertEqual(server.ask("GET", "/boards/main/pixels/1/1").json()["user"], user.hex())
            for token in (mint(secret, user, -1), mint(b"another secret 1234", user, 3600)):
                answer = server.ask("PUT", "/boards/main/pixels/1/1", {"Authorization": "Bearer " + token}, {"color": 1})
                self.assertEqual(answer.status, 401)

    def test_one_that_ends_while_the_connection_is_open_places_no_more(self):
        secret, user = b"0123456789abcdef-secret", bytes(range(16))
        with Server("--session-secret", secret.hex(), "--cooldown-ms", "0", "--requests-per-second", "0") as server:
            for protocol in BOTH:
                seconds, placed = 2, 0
                while placed == 0:  # a slow machine needs more of them to place at all
                    ends = time.time() + seconds
                    with Client(server, mint(secret, user, seconds), protocol) as client:
                        client.subscribe()
                        while (answer := client.place(placed % 1000, 1, 1))["type"] == "placed":
                            placed += 1
                            self.assertLess(time.time(), ends + 60, "it goes on placing")
                        self.assertEqual(answer["code"], "no_session")
                        if placed > 0:
                            self.assertEqual([m["code"] for m in client.heard if m["type"] == "error"], ["no_session"])
                            self.assertEqual(client.heard[-2]["type"], "error", "told right before the refusal")
                            self.assertEqual(client.place(1, 1, 1)["code"], "no_session")
                            client.subscribe()
                            self.assertEqual([m["type"] for m in client.until_now()
                                              if m["type"] in ("you", "error")], [], "told once, and nobody from then on")
                            client.say("session", token=mint(secret, user, 3600))
                            self.assertEqual(client.wait("welcome")["user"], user.hex())
                            self.assertEqual(client.place(1, 1, 2)["type"], "placed")
                        seconds *= 5

    def test_a_bad_one_at_the_upgrade_is_answered(self):
        secret, user = b"0123456789abcdef-secret", bytes(range(16))
        with Server("--session-secret", secret.hex(), "--cooldown-ms", "0") as server:
            good, late, foreign = mint(secret, user, 3600), mint(secret, user, -1), mint(b"another secret 1234", user, 3600)
            for protocol in BOTH:
                for fields, code in (({"Authorization": "Bearer " + late}, "no_session"), ({"Cookie": "pixeld=" + late}, "no_session"),
                                     ({"Authorization": "Bearer " + foreign}, "no_session"), ({"Cookie": "pixeld=x"}, "no_session"),
                                     ({"Cookie": "pixeld="}, "no_session"), ({"Cookie": f"pixeld={late}; pixeld={good}"}, None),
                                     ({"Cookie": "other=1"}, None), ({}, None)):
                    with self.subTest((protocol, fields)), Client(server, protocol=protocol, fields=fields) as client:
                        client.subscribe()
                        said = [m["code"] for m in client.heard if m["type"] == "error"]
                        self.assertEqual(said, [code] if code else [])
                        if code:
                            self.assertEqual(client.heard[0]["type"], "error", "before anything else")
                            self.assertEqual(client.place(1, 1, 1)["code"], code)

    def test_survive_a_restart(self):
        with Server("--cooldown-ms", "0") as server:
            token = server.session()
            server.stop()
            server.start()
            with Client(server, token) as client:
                client.subscribe()
                self.assertEqual(client.place(1, 1, 1)["type"], "placed")


class Tag(unittest.TestCase):
    """What tells those who knew a board that it is another one."""

    def seen(self, server):
        with Client(server) as client, Client(server, protocol=BOTH[1]) as text:
            tag = client.subscribe()["tag"]
            self.assertEqual(text.subscribe()["tag"], tag)
        self.assertEqual(server.board()["tag"], tag)
        return tag, server.ask("GET", "/boards/main/bitmap")["etag"]

    def config(self, server, palette, size="64x64:4"):
        (server.folder / "conf").write_text(f"[board \"main\"]\nsize = {size}\npalette = {palette}\n")
        server.flags = ["--config", str(server.folder / "conf"), "--cooldown-ms", "0"]

    def test_a_restart_keeps_it_and_another_palette_size_or_directory_does_not(self):
        with Server("--cooldown-ms", "0") as server:
            seen = [self.seen(server)]
            server.stop()
            server.start()
            self.assertEqual(self.seen(server), seen[0])
            for palette, size, fresh in (("a:#000000, b:#ffffff", "1000x1000:4", False),
                                         ("a:#000000, b:#fffffe", "1000x1000:4", False),
                                         ("a:#000000, c:#fffffe", "1000x1000:4", False),
                                         ("a:#000000, c:#fffffe", "1000x1000:4", True),
                                         ("a:#000000, c:#fffffe", "1000x999:4", True)):
                server.stop()
                if fresh:
                    shutil.rmtree(server.data)
                self.config(server, palette, size)
                server.start()
                seen.append(self.seen(server))
            for kind in zip(*seen):
                self.assertEqual(len(set(kind)), len(kind), kind)


class Websockets(unittest.TestCase):
    """The websockets package, a client that is not ours."""

    def test_place_and_see(self):
        try:
            import websockets
        except ImportError:
            self.skipTest("python3-websockets is missing")

        async def run(server):
            token = server.session()
            url = f"ws://{server.address}/ws"
            headers = {"Authorization": "Bearer " + token}
            name = "additional_headers" if int(websockets.__version__.split(".")[0]) >= 14 else "extra_headers"
            async with websockets.connect(url, subprotocols=["pixeld.v1"], **{name: headers}) as painter, \
                    websockets.connect(url, subprotocols=["pixeld.v1.json"]) as watcher:
                self.assertEqual((painter.subprotocol, watcher.subprotocol), ("pixeld.v1", "pixeld.v1.json"))
                await watcher.send('{"type":"subscribe","board":"main"}')
                self.assertIn('"subscribed"', await watcher.recv())
                await painter.send(encode({"type": "place", "board": 0, "x": 3, "y": 4, "color": 5, "request": 1}))
                self.assertEqual((await painter.recv())[0], 0x47)
                self.assertEqual((await painter.recv())[0], 0x45)
                while '"delta"' not in (said := await watcher.recv()):
                    pass
                self.assertIn("[[3,4,5]]", said)
                pong = await painter.ping(b"hello")
                await pong

        with Server("--cooldown-ms", "0") as server:
            asyncio.run(asyncio.wait_for(run(server), 20))


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
