#!/usr/bin/env python3
"""Pages of other sites: what those that are listed may do, what everybody may read, and what the log says."""
import re, unittest

from lib.case import ServerCase
from lib.server import Server

OURS, OTHER = "https://pixels.example", "https://other.example"
UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
           "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
PUBLIC = ("/about", "/boards", "/boards/main", "/boards/main/bitmap", "/boards/main/image.png", "/boards/main/pixels/1/1",
          "/boards/main/pixels/1/1/history", "/boards/main/bitmap?seq=0")


class Listed(ServerCase):
    flags = ("--cooldown-ms", "0", "--requests-per-second", "0", "--origin", OURS, "--origin", "HTTPS://Two.example:443")

    def readable(self, answer, origin=OURS):
        """As a browser sees an answer to fetch(…, {credentials: "include"}) of that origin."""
        self.assertEqual(answer.get("access-control-allow-origin"), origin, answer)
        self.assertEqual(answer.get("access-control-allow-credentials"), "true")
        self.assertIn("Origin", re.split(", *", answer["vary"]))
        self.assertLessEqual({"ETag", "X-Board-Seq", "X-Board-Epoch", "X-Board-Time", "Retry-After", "X-Wait-Ms"},
                             set(re.split(", *", answer["access-control-expose-headers"])))

    def test_a_page_of_a_listed_origin_can_do_all_that_it_takes_to_place(self):
        session = self.server.ask("POST", "/session", {"Origin": OURS})
        self.readable(session)
        asked = self.server.ask("OPTIONS", "/boards/main/pixels/1/2", {
            "Origin": OURS, "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "authorization,content-type,idempotency-key"})
        self.assertEqual(asked.status, 204)
        self.readable(asked)
        self.assertIn("PUT", asked["access-control-allow-methods"].split(", "))
        self.assertLessEqual({"authorization", "content-type", "idempotency-key", "if-none-match"},
                             set(asked["access-control-allow-headers"].lower().split(", ")))
        placed = self.server.ask("PUT", "/boards/main/pixels/1/2", {
            "Origin": OURS, "Authorization": "Bearer " + session.json()["token"], "Idempotency-Key": "a"}, {"color": 3})
        self.assertEqual(placed.status, 200)
        self.readable(placed)

    def test_a_page_sees_that_there_is_no_such_board(self):
        """A browser asks first, and shows the page only what comes after a preflight that went well."""
        asked = self.server.ask("OPTIONS", "/boards/none/pixels/1/2", {
            "Origin": OURS, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization,content-type"})
        self.assertEqual((asked.status, asked["allow"]), (204, "GET, HEAD, PUT, OPTIONS"))
        self.readable(asked)
        self.assertIn("PUT", asked["access-control-allow-methods"].split(", "))
        placed = self.server.ask("PUT", "/boards/none/pixels/1/2", {
            "Origin": OURS, "Authorization": "Bearer " + self.server.session()}, {"color": 3})
        self.assertEqual((placed.status, placed.error), (404, "unknown_board"))
        self.readable(placed)

    def test_a_listed_origin_may_read_every_answer_errors_too(self):
        token = {"Authorization": "Bearer " + self.server.session()}
        with self.server.http() as http:
            tag = http.ask("GET", "/boards/main/bitmap")["etag"]
        for status, method, path, fields, body in (
                (200, "GET", "/", {}, None), (200, "GET", "/metrics", {}, None), (404, "GET", "/nope", {}, None),
                (404, "GET", "/boards/none", {}, None), (405, "POST", "/boards", {}, None), (204, "OPTIONS", "/session", {}, None),
                (400, "GET", "/boards/main/bitmap?seq=x", {}, None), (404, "GET", "/boards/main/bitmap?seq=999999", {}, None),
                (304, "GET", "/boards/main/bitmap", {"If-None-Match": tag}, None),
                (401, "PUT", "/boards/main/pixels/1/1", {}, {"color": 1}), (400, "PUT", "/boards/main/pixels/1/1", token, {}),
                (400, "PUT", "/boards/main/pixels/1001/1", token, {"color": 1}), (426, "GET", "/ws", {}, None),
                (400, "PUT", "/boards/main/pixels/1/1", token, {"color": 99}), (401, "GET", "/boards/main/rollbacks", {}, None),
                (413, "PUT", "/boards/main/pixels/1/1", token, b"x" * 2000),
                (417, "PUT", "/boards/main/pixels/1/1", {**token, "Expect": "100-continue"}, {"color": 1})):
            with self.subTest((status, method, path)):
                answer = self.server.ask(method, path, {"Origin": OURS, **fields}, body)
                self.assertEqual(answer.status, status, answer)
                self.readable(answer)

    def test_origins_are_the_same_whatever_the_case_and_the_default_port(self):
        for origin in ("https://two.example", "https://two.example:443", "https://TWO.example"):
            with self.subTest(origin):
                answer = self.server.ask("POST", "/session", {"Origin": origin})
                self.assertEqual(answer.status, 200)
                self.readable(answer, "https://two.example")  # as browsers write it
        for origin in ("http://two.example", "https://two.example:8443", "https://two.example.evil", "null"):
            with self.subTest(origin):
                self.assertEqual(self.server.ask("POST", "/session", {"Origin": origin}).status, 403)

    def test_everybody_may_read_boards_and_nothing_else(self):
        for path in (*PUBLIC, "/boards/none", "/nope"):
            with self.subTest(path):
                answer = self.server.ask("GET", path, {"Origin": OTHER})
                self.assertEqual(answer["access-control-allow-origin"], "*")
                self.assertIsNone(answer.get("access-control-allow-credentials"))
                self.assertIn("Origin", answer["vary"], "what a cache keeps must not be given to a listed page")
        for method, path in (("GET", "/"), ("GET", "/metrics"), ("POST", "/session"), ("GET", "/boards/main/rollbacks"),
                             ("POST", "/boards/main/rollback"), ("OPTIONS", "/session"), ("GET", "/healthz")):
            with self.subTest(path):
                answer = self.server.ask(method, path, {"Origin": OTHER})
                self.assertFalse([name for name in answer.fields if name.startswith("access-control-")])
        asked = self.server.ask("OPTIONS", "/boards/main/pixels/1/2", {"Origin": OTHER, "Access-Control-Request-Method": "PUT"})
        self.assertNotIn("PUT", asked["access-control-allow-methods"])

    def test_what_is_said_before_a_request_is_read_may_be_read_by_everybody(self):
        for data in (b"GET / HTTP/1.1\r\n\r\n", b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"):
            with self.subTest(data[:30]):
                self.refused_for_everybody(self.server, data)
        with Server("--origin", OURS, "--requests-per-second", "0", "--http-head-timeout-ms", "5s") as server:
            self.assertEqual(self.refused_for_everybody(server, b"GET / HTTP/1.1\r\nHost").status, 408)

    def refused_for_everybody(self, server, data):
        with server.http() as http:
            self.readable(http.ask("GET", "/metrics", {"Origin": OURS}))  # nothing of it is left for the next
            http.send(data)
            answer = http.answer()
            self.assertGreaterEqual(answer.status, 400)
            self.assertEqual(answer["access-control-allow-origin"], "*")
            return answer

    def test_who_asked_before_on_a_connection_is_nobody_for_the_next(self):
        with self.server.http() as http:
            self.readable(http.ask("GET", "/boards/main/pixels/1/1", {"Origin": OURS}))
            self.assertEqual(http.ask("GET", "/boards/main/pixels/1/1")["access-control-allow-origin"], "*")


class OwnSite(ServerCase):
    flags = ("--cooldown-ms", "0", "--requests-per-second", "0")

    def post(self, fields, host):
        with self.server.http() as http:
            http.host = host
            return http.ask("POST", "/session", fields)

    def test_default_ports_make_no_other_site(self):
        for host, origin, status in (("board.example:443", "https://board.example", 200), ("board.example", "https://board.example", 200),
                                     ("board.example:80", "http://board.example", 200), ("Board.Example", "http://board.example:80", 200),
                                     ("board.example:8080", "http://board.example:8080", 200), ("[::1]:80", "http://[::1]", 200),
                                     ("board.example:80", "https://board.example", 403), ("board.example", "http://board.example:8080", 403),
                                     ("board.example", "http://board.example.evil", 403), ("board.example", "null", 403)):
            with self.subTest((host, origin)):
                self.assertEqual(self.post({"Origin": origin}, host).status, status)
                with self.server.http() as http:
                    http.host = host
                    self.assertEqual(http.ask("GET", "/ws", {**UPGRADE, "Origin": origin}).status, 101 if status == 200 else 403)

    def test_cookies_are_secure_behind_tls(self):
        for secure, fields in ((False, {}), (True, {"X-Forwarded-Proto": "https"}), (True, {"X-Forwarded-Proto": "HTTPS, http"}),
                               (False, {"X-Forwarded-Proto": "http"}), (False, {"X-Forwarded-Proto": "http, https"}),
                               (True, {"Origin": "https://board.example"}), (False, {"Origin": "http://board.example"}),
                               (False, {"X-Forwarded-Proto": "http", "Origin": "https://board.example"})):
            with self.subTest(fields):
                posted = self.post(fields, "board.example:443" if "https://" in str(fields) else "board.example")
                self.assertEqual("; Secure" in posted["set-cookie"], secure, posted["set-cookie"])
        page = self.server.ask("GET", "/", {"X-Forwarded-Proto": "https"})
        self.assertRegex(page["set-cookie"], r"; HttpOnly; SameSite=Lax; Secure; ")
        self.assertEqual("; Secure" in self.server.ask("GET", "/")["set-cookie"], False)

    def test_no_browser_guesses_what_an_answer_is(self):
        for method, path in (("GET", "/"), ("GET", "/boards"), ("GET", "/boards/main/bitmap"), ("GET", "/boards/main/image.png"),
                             ("GET", "/metrics"), ("GET", "/healthz"), ("GET", "/nope"), ("POST", "/boards"), ("POST", "/session"),
                             ("OPTIONS", "/"), ("PUT", "/boards/main/pixels/1/1"), ("GET", "/boards/main/pixels/1/1"), ("GET", "/ws"),
                             ("GET", "/boards/main/bitmap?at=x"), ("GET", "/boards/main/rollbacks")):
            with self.subTest(path):
                self.assertEqual(self.server.ask(method, path)["x-content-type-options"], "nosniff")
        with self.server.http() as http:
            http.send(b"nonsense\r\n\r\n")
            self.assertEqual(http.answer()["x-content-type-options"], "nosniff")


class Told(unittest.TestCase):
    def test_a_refused_origin_is_told_with_its_host_once(self):
        with Server("--requests-per-second", "0", "--workers", "2") as server:
            for origin, host in [("https://one.example", "board.example:8080"), ("https://two.example", "board.example")] * 20:
                with server.http() as http:
                    http.host = host
                    self.assertEqual(http.ask("POST", "/session", {"Origin": origin}).status, 403)
            with server.http() as http:
                http.ask("POST", "/session", {"Origin": 'https://three.example host="evil'})
                http.ask("POST", "/session", {"Origin": "null"})
            told = [line for line in server.log().splitlines() if " origin_refused " in line]
            self.assertEqual(len(told), 4, told)
            self.assertIn(" origin=https://one.example host=board.example:8080 ", told[0])
            self.assertIn("--origin https://one.example", told[0])
            self.assertIn(f" origin=https://three.example?host=?evil host={server.address} ", told[2])
            self.assertNotIn("--origin", told[3], "no setting takes null")



if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
