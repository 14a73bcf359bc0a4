#!/usr/bin/env python3
"""HTTP as docs/protocol.md says it: every path, and everything that is no request."""
import gzip, hashlib, json, shutil, socket, struct, subprocess, time, unittest, zlib

from lib.case import ServerCase
from lib.client import decode, encode
from lib.server import PATIENCE_S, Server, until
from lib.websocket import BINARY, frame

CELLS, BITS = 1000 * 1000, 4


class Paths(ServerCase):
    flags = ("--cooldown-ms", "0", "--requests-per-second", "0")

    def put(self, x, y, color, token, fields=None, body=None):
        return self.server.ask("PUT", f"/boards/main/pixels/{x}/{y}",
                               {"Authorization": "Bearer " + token, **(fields or {})},
                               {"color": color} if body is None else body)

    # --- boards ---
    def test_boards(self):
        boards = self.server.ask("GET", "/boards").json()
        self.assertEqual([b["name"] for b in boards], ["main"])
        main = self.server.board()
        self.assertEqual(set(main), {"name", "number", "width", "height", "bits", "palette", "tag", "seq", "epoch",
                                     "cooldown_ms", "frozen", "online"})
        self.assertEqual((main["width"], main["height"], main["bits"], main["cooldown_ms"], main["frozen"]),
                         (1000, 1000, 4, 0, False))
        self.assertEqual(len(main["palette"]), 16)
        self.assertEqual(main["palette"][5], {"name": "red", "rgb": "#e50000"})
        self.assertEqual(main["epoch"], boards[0]["epoch"])

    def test_bitmap(self):
        answer = self.server.ask("GET", "/boards/main/bitmap")
        self.assertEqual(answer.status, 200)
        self.assertEqual(len(answer.body), CELLS * BITS // 8)
        self.assertEqual(answer["content-type"], "application/octet-stream")
        self.assertEqual(answer["cache-control"], "public, max-age=3")
        self.assertEqual(answer["vary"], "Accept-Encoding")
        self.assertRegex(answer["etag"], r'^"[^"]+"$')
        self.assertEqual(answer["x-board-epoch"], str(self.server.board()["epoch"]))
        self.assertEqual(answer["x-board-seq"], str(self.server.board()["seq"]))

    def test_bitmap_is_packed_high_bits_first(self):
        token = self.server.session()
        for x, y, color in ((0, 0, 10), (1, 0, 11), (999, 999, 12), (2, 1, 13)):
            self.assertEqual(self.put(x, y, color, token).status, 200)
        packed, _ = self.server.bitmap()
        self.assertEqual(packed[0], 0xab)
        self.assertEqual(packed[-1] & 15, 12)
        self.assertEqual(packed[(1000 + 2) // 2] >> 4, 13)

    def test_codings_are_the_same_bytes(self):
        token = self.server.session()
        for i in range(50):
            self.put(i * 7, i * 11, 1 + i % 15, token)
        plain = self.server.ask("GET", "/boards/main/bitmap")
        packed = self.server.ask("GET", "/boards/main/bitmap", {"Accept-Encoding": "gzip"})
        zstd = self.server.ask("GET", "/boards/main/bitmap", {"Accept-Encoding": "gzip;q=0.5, zstd"})
        self.assertIsNone(plain.get("content-encoding"))
        self.assertEqual(packed["content-encoding"], "gzip")
        self.assertEqual(zstd["content-encoding"], "zstd")
        self.assertEqual(gzip.decompress(packed.body), plain.body)
        self.assertLess(len(packed.body), len(plain.body) // 10)
        self.assertEqual(len({a["etag"] for a in (plain, packed, zstd)}), 3, "each coding has its own ETag")
        if shutil.which("zstd"):
            done = subprocess.run(["zstd", "-dc"], input=zstd.body, stdout=subprocess.PIPE, check=True)
            self.assertEqual(done.stdout, plain.body)

    def test_codings_are_chosen_by_weight(self):
        for accept, coding in (("", None), ("identity", None), ("gzip;q=0", None), ("br", None), ("*", "zstd"),
                               ("gzip, zstd;q=0", "gzip"), ("zstd;q=0.2, gzip;q=0.9", "gzip"), ("GZIP", "gzip"),
                               ("gzip;q=0.001", "gzip")):
            with self.subTest(accept):
                answer = self.server.ask("GET", "/boards/main/bitmap", {"Accept-Encoding": accept})
                self.assertEqual(answer.get("content-encoding"), coding)

    def test_etag(self):
        first = self.server.ask("GET", "/boards/main/bitmap")
        same = self.server.ask("GET", "/boards/main/bitmap", {"If-None-Match": f'"other", {first["etag"]}'})
        self.assertEqual(same.status, 304)
        for tag in (f'W/{first["etag"]}', "*"):
            self.assertEqual(self.server.ask("GET", "/boards/main/bitmap", {"If-None-Match": tag}).status, 304, tag)
        for name in ("etag", "x-board-seq", "x-board-epoch", "cache-control", "vary"):
            self.assertEqual(same[name], first[name], name)
        self.assertEqual(self.put(5, 5, 1, self.server.session()).status, 200)
        other = self.server.ask("GET", "/boards/main/bitmap", {"If-None-Match": first["etag"]})
        self.assertEqual(other.status, 200)
        self.assertNotEqual(other["etag"], first["etag"])

    def test_bitmap_is_never_older_than_the_request(self):
        token = self.server.session()
        with self.server.http() as http:
            for i in range(30):
                seq = self.put(i, 20, 1 + i % 15, token).json()["seq"]
                answer = http.ask("GET", "/boards/main/bitmap")
                self.assertGreaterEqual(int(answer["x-board-seq"]), seq)

    def test_picture(self):
        token = self.server.session()
        self.put(0, 0, 5, token)
        answer = self.server.ask("GET", "/boards/main/image.png")
        self.assertEqual((answer.status, answer["content-type"]), (200, "image/png"))
        data, at, kinds, pixels = answer.body, 8, [], b""
        self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
        while at < len(data):
            n, kind = struct.unpack(">I4s", data[at:at + 8])
            chunk = data[at + 8:at + 8 + n]
            self.assertEqual(struct.unpack(">I", data[at + 8 + n:at + 12 + n])[0], zlib.crc32(kind + chunk))
            if kind == b"IHDR":
                self.assertEqual(struct.unpack(">IIBB", chunk[:10])[::3], (1000, 3))
            if kind == b"PLTE":
                self.assertEqual(chunk[15:18].hex(), "e50000")
            if kind == b"IDAT":
                pixels += chunk
            kinds.append(kind)
            at += 12 + n
        self.assertEqual(kinds[-1], b"IEND")
        self.assertTrue(zlib.decompress(pixels))

    # --- pixels ---
    def test_pixel(self):
        session = self.server.ask("POST", "/session").json()
        before = int(time.time() * 1000)
        placed = self.put(7, 8, 9, session["token"])
        self.assertEqual(placed.status, 200)
        self.assertEqual(set(placed.json()), {"seq", "cooldown_ms"})
        seen = self.server.ask("GET", "/boards/main/pixels/7/8").json()
        self.assertEqual({**seen, "placed_at": None},
                         {"x": 7, "y": 8, "color": 9, "user": session["user"], "placed_at": None})
        self.assertLessEqual(before - 1000, seen["placed_at"])
        self.assertLessEqual(seen["placed_at"], int(time.time() * 1000) + 1000)
        empty = self.server.ask("GET", "/boards/main/pixels/8/7").json()
        self.assertEqual(empty, {"x": 8, "y": 7, "color": 0, "user": None, "placed_at": None})

    def test_seqs_are_without_gaps(self):
        token = self.server.session()
        seqs = [self.put(i, 0, i % 16, token).json()["seq"] for i in range(20)]
        self.assertEqual(seqs, list(range(seqs[0], seqs[0] + 20)))
        self.assertEqual(self.server.board()["seq"], seqs[-1])

    def test_repetition_with_a_key_is_placed_once(self):
        token, key = self.server.session(), {"Idempotency-Key": "0c9f-one"}
        first = self.put(1, 1, 2, token, key).json()
        self.assertEqual(self.put(1, 1, 2, token, key).json()["seq"], first["seq"])
        self.assertEqual(self.server.board()["seq"], first["seq"])
        second = self.put(1, 1, 3, token, {"Idempotency-Key": "0c9f-two"}).json()
        self.assertEqual(second["seq"], first["seq"] + 1)
        other = self.put(1, 1, 4, self.server.session(), {"Idempotency-Key": "0c9f-two"}).json()
        self.assertEqual(other["seq"], second["seq"] + 1, "a key is a person's own")

    def test_refusals(self):
        token = self.server.session()
        for x, y, color, status, code in ((1000, 0, 1, 400, "out_of_bounds"), (0, 1000, 1, 400, "out_of_bounds"),
                                          (65535, 65535, 1, 400, "out_of_bounds"), (0, 65536, 1, 400, "out_of_bounds"),
                                          (99999999999, 0, 1, 400, "out_of_bounds"),
                                          (0, 0, 16, 400, "bad_color"), (0, 0, 256, 400, "bad_color"),
                                          (0, 0, -1, 400, "bad_color"), (0, 0, 1.5, 400, "bad_color")):
            with self.subTest((x, y, color)):
                answer = self.put(x, y, color, token)
                self.assertEqual((answer.status, answer.error), (status, code))
        for body in (b"", b"{}", b"[]", b"7", b'{"color":"1"}', b'{"color":null}', b'{"color":1', b'{"color":1}x',
                     b'{"color":1,"color":2}', b"\xff\xfe", b"{" * 500):
            with self.subTest(body):
                self.assertEqual(self.put(0, 0, 0, token, body=body).status, 400)
        self.assertEqual(self.server.ask("GET", "/boards/main/pixels/1000/0").error, "out_of_bounds")
        self.assertEqual(self.server.ask("PUT", "/boards/none/pixels/0/0", {}, {"color": 1}).status, 404)
        self.assertEqual(self.server.board()["seq"], int(self.server.ask("GET", "/boards/main/bitmap")["x-board-seq"]))

    def test_placing_needs_a_session(self):
        token = self.server.session()
        last = "B" if token[-1] == "A" else "A"
        for fields in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer nonsense"},
                       {"Authorization": "Basic " + token}, {"Authorization": "Bearer " + token[:-1] + last},
                       {"Cookie": "pixeld=nonsense"}, {"Cookie": "other=" + token}):
            with self.subTest(fields):
                answer = self.server.ask("PUT", "/boards/main/pixels/0/0", fields, {"color": 1})
                self.assertEqual((answer.status, answer.error), (401, "no_session"))

    def test_session(self):
        answer = self.server.ask("POST", "/session")
        session = answer.json()
        self.assertEqual(set(session), {"token", "user", "board", "wait_ms", "last_request", "last_seq"})
        self.assertRegex(session["user"], "^[0-9a-f]{32}$")
        self.assertRegex(answer["set-cookie"],
                         rf"^pixeld={session['token']}; Path=/; HttpOnly; SameSite=Lax; Max-Age=\d+$")
        self.assertEqual(answer["cache-control"], "no-store")
        for fields in ({"Cookie": f"a=b; pixeld={session['token']}; c=d"}, {"Authorization": "Bearer " + session["token"]}):
            again = self.server.ask("POST", "/session", fields).json()
            self.assertEqual(again["user"], session["user"])
        placed = self.server.ask("PUT", "/boards/main/pixels/3/3", {"Cookie": f"pixeld={session['token']}"}, {"color": 1})
        self.assertEqual(placed.status, 200)
        again = self.server.ask("POST", "/session", {"Cookie": f"pixeld={session['token']}"}).json()
        self.assertEqual(again["last_seq"], placed.json()["seq"])
        self.assertNotEqual(self.server.ask("POST", "/session").json()["user"], session["user"])
        self.assertEqual(self.server.ask("POST", "/session?board=none").status, 404)

    def test_another_site_may_not_act_with_our_cookie(self):
        token = self.server.session()
        for origin, status in (("http://evil.example", 403), ("null", 403), (self.server.url, 200)):
            with self.subTest(origin):
                self.assertEqual(self.server.ask("PUT", "/boards/main/pixels/3/3", {
                    "Cookie": f"pixeld={token}", "Origin": origin}, {"color": 1}).status, status)
                self.assertEqual(self.server.ask("POST", "/session", {"Origin": origin}).status, status)

    # --- the rest ---
    def test_page(self):
        answer = self.server.ask("GET", "/")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer["content-type"].split(";")[0], "text/html")
        self.assertEqual(answer["cache-control"], "no-store")
        self.assertIn("pixeld=", answer["set-cookie"])
        self.assertIn("default-src 'self'", answer["content-security-policy"])
        self.assertEqual(answer["x-content-type-options"], "nosniff")
        packed = self.server.ask("GET", "/", {"Accept-Encoding": "gzip"})
        self.assertEqual(gzip.decompress(packed.body), answer.body)

    def test_metrics_health_ready(self):
        text = self.server.ask("GET", "/metrics")
        self.assertEqual(text["content-type"], "text/plain; version=0.0.4; charset=utf-8")
        kinds = {}
        for line in text.body.decode().splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split()
                self.assertNotIn(name, kinds, "a name twice")
                kinds[name] = kind
            elif not line.startswith("#"):
                self.assertRegex(line, r'^[a-z_]+(\{[a-z]+="[^"]*"\})? [-+.e0-9]+$')
                name = line.split("{")[0].split(" ")[0]
                base = name.rsplit("_", 1)[0] if name.endswith(("_bucket", "_sum", "_count")) else name
                self.assertIn(base if base in kinds else name, kinds)
        for histogram in ("pixeld_ack_seconds", "pixeld_round_seconds", "pixeld_journal_commit_seconds"):
            self.assertEqual(kinds[histogram], "histogram")
            lines = [l for l in text.body.decode().splitlines() if l.startswith(histogram)]
            buckets = [float(l.split()[-1]) for l in lines if "_bucket" in l]
            self.assertEqual(buckets, sorted(buckets))
            self.assertEqual(float(lines[-1].split()[-1]), buckets[-1])
        self.assertEqual(self.server.ask("GET", "/healthz").body, b"ok\n")
        self.assertEqual(self.server.ask("GET", "/readyz").body, b"ready\n")

    def test_not_found_and_not_allowed(self):
        for method, path, status in (("GET", "/none", 404), ("GET", "/boards/none", 404), ("GET", "/boards/", 404),
                                     ("GET", "/boardsmain", 404), ("GET", "/boards/main/none", 404),
                                     ("GET", "/boards/main/bitmap/x", 404), ("GET", "/test/echo", 404),
                                     ("POST", "/", 405), ("DELETE", "/boards/main", 405), ("POST", "/boards", 405),
                                     ("PUT", "/boards/main/bitmap", 405), ("DELETE", "/boards/main/pixels/1/1", 405),
                                     ("BREW", "/", 405)):
            with self.subTest((method, path)):
                answer = self.server.ask(method, path)
                self.assertEqual(answer.status, status)
                self.assertTrue(answer.error)
                if status == 405:
                    self.assertIn("GET", answer["allow"])

    def test_head_is_get_without_body(self):
        for path in ("/", "/boards", "/boards/main", "/boards/main/bitmap", "/boards/main/image.png",
                     "/boards/main/pixels/1/1", "/metrics", "/healthz", "/none"):
            with self.subTest(path), self.server.http() as http:
                head = http.ask("HEAD", path)
                get = http.ask("GET", path)
                self.assertEqual(head.status, get.status)
                if path not in ("/metrics", "/"):
                    self.assertEqual(head["content-length"], str(len(get.body)))
                self.assertEqual(set(head.fields), set(get.fields))

    def test_other_origins_may_read(self):
        for path in ("/boards", "/boards/main", "/boards/main/bitmap", "/boards/main/image.png", "/boards/main/pixels/1/1"):
            with self.subTest(path):
                answer = self.server.ask("GET", path, {"Origin": "http://other.example"})
                self.assertEqual(answer["access-control-allow-origin"], "*")
                self.assertIn("X-Board-Seq", answer["access-control-expose-headers"])
                self.assertIn("X-Board-Epoch", answer["access-control-expose-headers"])
                self.assertIn("ETag", answer["access-control-expose-headers"])

    def test_curl(self):
        if not shutil.which("curl"):
            self.skipTest("curl is missing")
        jar = self.server.folder / "jar"
        base = ["curl", "-sS", "--fail", "-b", jar, "-c", jar]
        subprocess.run([*base, "-X", "POST", self.server.url + "/session"], check=True, stdout=subprocess.DEVNULL)
        said = subprocess.run([*base, "-X", "PUT", "-d", '{"color": 6}', self.server.url + "/boards/main/pixels/44/55"],
                              check=True, stdout=subprocess.PIPE).stdout
        self.assertGreater(json.loads(said)["seq"], 0)
        said = subprocess.run([*base, "--compressed", self.server.url + "/boards/main/bitmap"], check=True,
                              stdout=subprocess.PIPE).stdout
        self.assertEqual(said[(55 * 1000 + 44) // 2] >> 4, 6)


class Streams(ServerCase):
    flags = ("--cooldown-ms", "0", "--requests-per-second", "0", "--test-echo")

    def test_connections_are_kept(self):
        with self.server.http() as http:
            for i in range(100):
                self.assertEqual(http.ask("GET", "/healthz")["connection"], "keep-alive")

    def test_close_is_honored(self):
        with self.server.http() as http:
            self.assertEqual(http.ask("GET", "/healthz", {"Connection": "close"})["connection"], "close")
            http.at_end()

    def test_http_1_0(self):
        with self.server.http() as http:
            http.send(b"GET /healthz HTTP/1.0\r\n\r\n")
            self.assertEqual(http.answer().status, 200)
            http.at_end()
        with self.server.http() as http:
            http.send(b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            self.assertEqual(http.answer()["connection"], "keep-alive")
            self.assertEqual(http.ask("GET", "/healthz").status, 200)

    def test_many_requests_in_one_packet_are_answered_in_order(self):
        paths = ["/healthz", "/boards/main/pixels/1/1", "/boards", "/none", "/boards/main/pixels/2000/1"] * 60
        with self.server.http() as http:
            http.send(b"".join(http.request("GET", path) for path in paths))
            statuses = [http.answer().status for _ in paths]
        self.assertEqual(statuses, [200, 200, 200, 404, 400] * 60)

    def test_ten_thousand_pipelined_requests(self):
        n = 10000
        with self.server.http() as http:
            http.socket.setblocking(False)
            data, got, sent = memoryview(http.request("GET", "/healthz") * n), bytearray(), 0
            end = time.monotonic() + PATIENCE_S
            while got.count(b"HTTP/1.1 200 OK\r\n") < n and time.monotonic() < end:
                try:
                    sent += http.socket.send(data[sent:sent + 65536]) if sent < len(data) else 0
                except BlockingIOError:
                    pass
                try:
                    got += http.socket.recv(1 << 20)
                except BlockingIOError:
                    time.sleep(0.001)
            self.assertEqual(got.count(b"HTTP/1.1 200 OK\r\n"), n)

    def test_put_and_get_pipelined_byte_by_byte(self):
        token = self.server.session()
        with self.server.http() as http:
            data = (http.request("PUT", "/boards/main/pixels/9/9", {"Authorization": "Bearer " + token}, {"color": 3}) +
                    http.request("GET", "/boards/main/pixels/9/9", {"Connection": "close"}))
            for i in range(len(data)):
                http.send(data[i:i + 1])
            self.assertEqual(http.answer().status, 200)
            self.assertEqual(http.answer().json()["color"], 3)
            http.at_end()

    def test_every_split_of_a_request_gives_the_same_answer(self):
        body = b'{"color": 4}'
        with self.server.http() as http:
            data = http.request("POST", "/test/echo", {}, body)
            for i in range(1, len(data)):
                http.send(data[:i])
                time.sleep(0.0005)
                http.send(data[i:])
                self.assertEqual(http.answer().body, body, i)

    def test_an_answer_longer_than_the_socket_holds_arrives_whole(self):
        with self.server.http(receive_bytes=4096) as http:
            http.send(http.request("GET", "/boards/main/bitmap") * 3)
            for _ in range(3):
                self.assertEqual(len(http.answer().body), CELLS * BITS // 8)

    # --- requests that are none ---
    def refused(self, data, status):
        """One answer, whatever follows the bad request, and then the end of the stream."""
        with self.server.http() as http:
            http.send(data + http.request("GET", "/healthz"))
            answer = http.answer()
            self.assertEqual(answer.status, status, answer)
            self.assertTrue(answer.error)
            self.assertEqual(answer["connection"], "close")
            http.at_end()

    def test_what_two_readers_could_understand_differently(self):
        put = "POST /test/echo HTTP/1.1\r\nHost: x\r\n"
        get = "GET /healthz HTTP/1.1\r\n"
        host = get + "Host: x\r\n"
        for status, head in (
                (400, put + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                (400, put + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
                (501, put + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
                (501, put + "Transfer-Encoding: xchunked\r\n\r\nhello"),
                (501, put + "transfer-encoding:\tidentity\r\n\r\nhello"),
                (400, put + "Transfer-Encoding : chunked\r\n\r\n"),
                (400, put + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
                (400, put + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
                (400, put + "Content-Length: 5, 5\r\n\r\nhello"),
                (400, put + "Content-Length: +5\r\n\r\nhello"),
                (400, put + "Content-Length: -5\r\n\r\nhello"),
                (400, put + "Content-Length: 0x5\r\n\r\nhello"),
                (400, put + "Content-Length: 5_0\r\n\r\nhello"),
                (400, put + "Content-Length: 5 5\r\n\r\nhello"),
                (400, put + "Content-Length:\r\n\r\nhello"),
                (400, put + "Content-Length: 99999999999999999999\r\n\r\nhello"),
                (400, put + "Content-Length: 18446744073709551621\r\n\r\nhello"),
                (400, put + "Content-Length : 5\r\n\r\nhello"),
                (400, put + " Content-Length: 5\r\n\r\nhello"),
                (400, host + "X: a\r\n b\r\n\r\n"),
                (400, host + "X: a\r\n\tb\r\n\r\n"),
                (400, host + " X: a\r\n\r\n"),
                (400, host + "X : a\r\n\r\n"),
                (400, host + ": a\r\n\r\n"),
                (400, host + "X\r\n\r\n"),
                (400, host + "X: a\0b\r\n\r\n"),
                (400, host + "X: a\rb\r\n\r\n"),
                (400, host + "X\0: a\r\n\r\n"),
                (400, host + "X: a\x7f\r\n\r\n"),
                (400, get.replace("\r\n", "\n") + "Host: x\n\n"),
                (400, get + "Host: x\n\r\n"),
                (400, host + "X: a\n\n"),
                (400, get + "\r\n"),
                (400, get + "Host: x\r\nHost: x\r\n\r\n"),
                (400, get + "Host: x\r\nHost: y\r\n\r\n"),
                (400, get + "Host: a b\r\n\r\n"),
                (400, get + "Host: x/y\r\n\r\n"),
                (400, "GET /healthz\r\n\r\n"),
                (400, "GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
                (400, " GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
                (400, "GET /healthz HTTP/1.1 \r\nHost: x\r\n\r\n"),
                (400, "GET /healthz http/1.1\r\nHost: x\r\n\r\n"),
                (400, "GET /healthz HTTP/11\r\nHost: x\r\n\r\n"),
                (400, "G(T /healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
                (505, "GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n"),
                (505, "GET /healthz HTTP/1.2\r\nHost: x\r\n\r\n"),
                (505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
                (400, "GET ftp://x/healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
                (400, "GET healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
                (400, "GET * HTTP/1.1\r\nHost: x\r\n\r\n"),
                (400, "GET //healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
                (400, "GET /./healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
                (400, "GET /boards/../healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
                (400, "GET /%2e%2e/healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
                (400, "GET /boards%2fmain HTTP/1.1\r\nHost: x\r\n\r\n"),
                (400, "GET /healthz%00 HTTP/1.1\r\nHost: x\r\n\r\n"),
                (400, "GET /healthz\0 HTTP/1.1\r\nHost: x\r\n\r\n"),
                (400, "GET /healthz#x HTTP/1.1\r\nHost: x\r\n\r\n"),
                (400, "GET /h\xe4 HTTP/1.1\r\nHost: x\r\n\r\n"),
                (400, "CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n"),
                (400, "\r\n\r\n"),
                (400, host + "Cookie: a=b\r\nCookie: c=d\r\n\r\n"),
                (417, put + "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"),
        ):
            with self.subTest(head):
                self.refused(head.encode("latin-1"), status)

    def test_limits(self):
        get = "GET /healthz HTTP/1.1\r\nHost: x\r\n"
        for status, head in (
                (431, get + "X: " + "a" * 8192 + "\r\n\r\n"),
                (431, get + "X: " + "a" * 1000000 + "\r\n\r\n"),
                (431, get + "".join(f"X{i}: a\r\n" for i in range(101)) + "\r\n"),
                (431, get + "".join(f"X{i}: a\r\n" for i in range(10000)) + "\r\n"),
                (414, "GET /" + "a" * 2048 + " HTTP/1.1\r\nHost: x\r\n\r\n"),
                (413, "POST /test/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1025\r\n\r\n"),
                (413, "POST /test/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4294967301\r\n\r\n")):
            with self.subTest(head[:80]):
                self.refused(head.encode(), status)
        with self.server.http() as http:
            self.assertEqual(http.ask("GET", "/healthz", {f"X{i}": "a" for i in range(90)}).status, 200)
            self.assertEqual(http.ask("GET", "/" + "a" * 2047).status, 404)
            self.assertEqual(http.ask("POST", "/test/echo", {}, b"x" * 1024).body, b"x" * 1024)

    def test_websocket_handshakes_that_are_none(self):
        good = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        for status, change in ((426, {"Upgrade": "h2c"}), (426, {"Connection": "close"}), (426, {"Upgrade": None}),
                               (426, {"Sec-WebSocket-Version": "8"}), (426, {"Sec-WebSocket-Version": None}),
                               (400, {"Sec-WebSocket-Key": "short"}), (400, {"Sec-WebSocket-Key": None}),
                               (400, {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ="}),
                               (400, {"Sec-WebSocket-Key": "!!!!!!!!!!!!!!!!!!!!!!=="}),
                               (400, {"Content-Length": "5"}),
                               (400, {"Sec-WebSocket-Protocol": "chat"}), (403, {"Origin": "http://evil.example"})):
            with self.subTest(change), self.server.http() as http:
                fields = {k: v for k, v in {**good, **change}.items() if v is not None}
                http.send(http.head("GET", "/ws", fields) + (b"hello" if "Content-Length" in fields else b""))
                answer = http.answer()
                self.assertEqual(answer.status, status, answer)
                if status == 426:
                    self.assertEqual(answer["sec-websocket-version"], "13")
                    self.assertEqual(answer["upgrade"], "websocket")
        with self.server.http() as http:
            self.assertEqual(http.ask("POST", "/ws", good).status, 405)
        with self.server.http() as http:
            http.send(http.head("GET", "/ws", good, version="HTTP/1.0"))
            self.assertIn(http.answer().status, (400, 426))

    def test_half_closed_clients_get_their_answer(self):
        with self.server.http() as http:
            http.send(http.request("GET", "/boards/main/bitmap"))
            http.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(len(http.answer().body), CELLS * BITS // 8)
            http.at_end()
        token = {"Authorization": "Bearer " + self.server.session()}
        with self.server.http() as http:  # what the writer is asked for too, and all of many
            http.send(b"".join(http.request("PUT", f"/boards/main/pixels/{x}/0", token, {"color": 1}) for x in range(5)))
            http.send(http.request("POST", "/session"))
            http.socket.shutdown(socket.SHUT_WR)
            self.assertEqual([http.answer().status for _ in range(6)], [200] * 6)
            http.at_end()


class Slow(ServerCase):
    """Who takes too long. Times are short, but long enough for a first byte that comes late on a busy machine."""
    flags = ("--cooldown-ms", "0", "--requests-per-second", "0", "--http-head-timeout-ms", "3s",
             "--http-idle-timeout-ms", "3s", "--test-echo")

    def test_a_slow_head_is_ended(self):
        start = time.monotonic()
        with self.server.http() as http:
            http.send(b"GET /healthz HTTP/1.1\r\n")
            self.assertEqual(http.answer().status, 408)
            http.at_end()
            self.assertGreater(time.monotonic() - start, 2.5)

    def test_a_head_that_drips_is_ended(self):
        with self.server.http() as http:
            http.socket.settimeout(0.05)
            end = time.monotonic() + PATIENCE_S
            while time.monotonic() < end:
                try:
                    http.send(b"a")
                    http.read += http.socket.recv(4096)
                    break
                except TimeoutError:
                    pass
            self.assertTrue(http.read.startswith(b"HTTP/1.1 408 "), http.read)

    def test_a_slow_body_is_ended(self):
        with self.server.http() as http:
            http.send(b"POST /test/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel")
            self.assertEqual(http.answer().status, 408)
            http.at_end()

    def test_a_second_slow_head_on_a_kept_connection_is_ended(self):
        with self.server.http() as http:
            http.ask("GET", "/healthz")
            http.send(b"GET /healthz HTTP/1.1\r\n")
            self.assertEqual(http.answer().status, 408)
            http.at_end()

    def test_who_says_nothing_is_ended_without_words(self):
        with self.server.http() as silent, self.server.http() as http:
            http.ask("GET", "/healthz")
            silent.at_end()
            http.at_end()
        self.assertGreaterEqual(self.server.closed("http_timeout"), 2)

    def test_who_does_not_read_is_ended_and_disturbs_nobody(self):
        with self.server.http(receive_bytes=2048) as http:
            http.send(http.request("GET", "/boards/main/bitmap") * 20)
            until("closed", lambda: self.server.closed("http_timeout") > 0)
            self.assertEqual(self.server.ask("GET", "/healthz").status, 200)


class Deadlines(unittest.TestCase):
    """The head's deadline begins with its first byte, on kept connections too."""

    def test_a_slow_head_on_a_kept_connection_has_no_more_time_than_a_first_one(self):
        with Server("--http-head-timeout-ms", "4s", "--http-idle-timeout-ms", "10min") as server, \
                server.http() as http, server.http() as pipelined:
            http.ask("GET", "/healthz")
            http.send(b"GET /healthz HTTP/1.1\r\n")
            pipelined.send(http.request("GET", "/healthz") + b"GET /healthz HT")  # and never finished
            self.assertEqual(pipelined.answer().status, 200)
            for slow in (http, pipelined):
                self.assertEqual(slow.answer().status, 408)
                slow.at_end()

    def test_a_head_that_begins_late_has_its_whole_time(self):
        with Server("--http-head-timeout-ms", "10min", "--http-idle-timeout-ms", "6s") as server, \
                server.http() as http, server.http() as silent:
            http.ask("GET", "/healthz")
            http.send(b"GET /healthz HTTP/1.1\r\n")  # inside the pause that is allowed
            silent.ask("GET", "/healthz")
            silent.at_end()  # and now beyond its end
            http.send(b"Host: x\r\n\r\n")
            self.assertEqual(http.answer().status, 200)


class Sessions(unittest.TestCase):
    def test_who_asked_before_on_a_connection_is_nobody_for_the_next(self):
        """A proxy sends the requests of many people over one connection."""
        with Server("--cooldown-ms", "0") as server, server.http() as http:
            self.assertEqual(http.ask("POST", "/session").status, 200)
            http.send(http.request("GET", "/ws", {"Upgrade": "websocket", "Connection": "Upgrade",
                      "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}))
            while b"\r\n\r\n" not in http.read:
                http.more()
            http.read = http.read.split(b"\r\n\r\n", 1)[1]
            http.send(frame(BINARY, encode({"type": "place", "board": 0, "x": 1, "y": 2, "color": 3, "request": 7})))
            while len(http.read) < 2 or len(http.read) < 2 + http.read[1]:
                http.more()
            said = decode(bytes(http.read[2:2 + http.read[1]]), {})
            self.assertEqual((said["type"], said["code"]), ("refused", "no_session"))


class Boards(unittest.TestCase):
    def test_bits_and_sizes(self):
        for size in ("one:1x1:1", "odd:7x3:1", "two:13x17:2", "eight:33x9:8", "wide:16384x1:4"):
            with self.subTest(size), Server("--cooldown-ms", "0", "--board", size) as server:
                name, shape = size.split(":", 1)
                shape, bits = shape.split(":")
                width, height = map(int, shape.split("x"))
                bits = int(bits)
                token = {"Authorization": "Bearer " + server.session()}
                color = min((1 << bits) - 1, 15)  # of the default palette
                path = f"/boards/{name}/pixels/{width - 1}/{height - 1}"
                self.assertEqual(server.ask("PUT", path, token, {"color": color}).status, 200)
                packed, seq = server.bitmap(name)
                self.assertEqual((len(packed), seq), ((width * height * bits + 7) // 8, 1))
                last = (width * height - 1) * bits
                self.assertEqual(packed[last // 8] >> (8 - bits - last % 8) & (1 << bits) - 1, color)
                self.assertEqual(server.ask("GET", path).json()["color"], color)
                self.assertEqual(server.ask("GET", f"/boards/{name}/image.png").status, 200)
                answer = server.ask("GET", f"/boards/{name}/bitmap", {"Accept-Encoding": "gzip"})
                body = gzip.decompress(answer.body) if answer.get("content-encoding") else answer.body
                self.assertEqual(hashlib.sha256(body).digest(), hashlib.sha256(packed).digest())


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
