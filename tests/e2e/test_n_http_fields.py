#!/usr/bin/env python3
"""Fields of requests that have more than one right form, and those of answers that HTTP asks for."""
import re, unittest

from lib.case import ServerCase
from lib.server import Server

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": KEY}


class Fields(ServerCase):
    flags = ("--cooldown-ms", "0", "--requests-per-second", "0", "--test-echo")

    def said(self, data, method="GET"):
        with self.server.http() as http:
            http.send(data)
            return http.answer(method)

    def lines(self, line, *fields, body=b""):
        """A request of whole lines: fields may come twice, and Host may be missing."""
        return self.said("\r\n".join([line, *fields, "", ""]).encode() + body, line.split()[0])

    # --- bodies and HEAD ---
    BAD = {400: b"GET /healthz HTTP/1.1\r\n\r\n",
           413: b"PUT /boards/main/pixels/1/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n",
           414: b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
           417: b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
           431: b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 9000 + b"\r\n\r\n",
           501: b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
           505: b"GET / HTTP/2.0\r\nHost: x\r\n\r\n"}

    def test_what_is_refused_after_a_head_has_the_body_that_it_announces(self):
        for status, data in self.BAD.items():
            with self.subTest(status), self.server.http() as http:
                self.assertEqual(http.ask("HEAD", "/healthz").status, 200)
                http.send(data)
                answer = http.answer()
                self.assertEqual(answer.status, status)
                self.assertTrue(answer.error)
                http.at_end()

    def test_a_head_that_is_refused_has_no_body(self):
        for status, data in self.BAD.items():
            with self.subTest(status), self.server.http() as http:
                http.send(re.sub(rb"^[A-Z]+", b"HEAD", data))
                answer = http.answer("HEAD")
                self.assertEqual(answer.status, status)
                self.assertGreater(int(answer["content-length"]), 0)
                http.at_end()

    def test_what_is_refused_for_its_slowness_has_a_body_where_the_slow_one_is_no_head(self):
        with Server("--requests-per-second", "0", "--http-head-timeout-ms", "5s") as server, \
                server.http() as get, server.http() as head:
            self.assertEqual(get.ask("HEAD", "/healthz").status, 200)
            get.send(b"GET /healthz HTTP/1.1\r\nHost")
            head.send(b"HEAD /healthz HTTP/1.1\r\nHost")
            answer = get.answer()
            self.assertEqual(answer.status, 408)
            self.assertTrue(answer.error)
            get.at_end()
            answer = head.answer("HEAD")
            self.assertEqual(answer.status, 408)
            self.assertGreater(int(answer["content-length"]), 0)
            head.at_end()

    # --- sessions ---
    def test_a_401_says_how_to_show_who_one_is(self):
        for method, path, body in (("PUT", "/boards/main/pixels/1/1", {"color": 1}), ("POST", "/boards/main/rollback", {}),
                                   ("GET", "/boards/main/rollbacks", None)):
            with self.subTest(path):
                answer = self.server.ask(method, path, {}, body)
                self.assertEqual((answer.status, answer["www-authenticate"]), (401, 'Bearer realm="pixeld"'))

    def test_the_scheme_of_a_token_has_no_case_and_any_number_of_blanks(self):
        token = self.server.session()
        for value in (f"bearer {token}", f"BEARER  {token}", f"Bearer    {token}"):
            with self.subTest(value[:10]):
                self.assertEqual(self.server.ask("PUT", "/boards/main/pixels/1/1", {"Authorization": value},
                                                 {"color": 1}).status, 200)
        admin = self.server.folder / "data" / "admin.token"
        self.assertEqual(self.server.ask("GET", "/boards/main/rollbacks", {
            "Authorization": "bEARER   " + admin.read_text().strip()}).status, 200)

    def test_of_several_cookies_the_first_valid_one_counts(self):
        first, second = (self.server.ask("POST", "/session").json() for _ in range(2))
        for cookie in (f"pixeld=old; pixeld={first['token']}; pixeld={second['token']}",
                       f"pixeld=; a=b; pixeld={first['token'][:-4]}AAAA; pixeld={first['token']}"):
            with self.subTest(cookie[:12]):
                said = self.server.ask("POST", "/session", {"Cookie": cookie}).json()
                self.assertEqual(said["user"], first["user"])

    def test_an_empty_idempotency_key_is_none(self):
        token = self.server.session()
        seqs = [self.server.ask("PUT", "/boards/main/pixels/2/2", {"Authorization": "Bearer " + token,
                "Idempotency-Key": ""}, {"color": 1}).json()["seq"] for _ in range(3)]
        self.assertEqual(seqs, list(range(seqs[0], seqs[0] + 3)))

    # --- upgrades and lists ---
    def test_a_426_lists_the_upgrade_in_connection(self):
        for line, wanted in (("GET /ws HTTP/1.1", {"upgrade", "keep-alive"}), ("GET /ws HTTP/1.0", {"upgrade", "close"})):
            with self.subTest(line):
                answer = self.lines(line, "Host: x")
                self.assertEqual((answer.status, answer["upgrade"]), (426, "websocket"))
                self.assertEqual({token.strip().lower() for token in answer["connection"].split(",")}, wanted)

    def test_several_lines_of_a_field_count_as_one_list(self):
        answer = self.lines("GET /boards/main/bitmap HTTP/1.1", "Host: x", "Accept-Encoding: br",
                            "Accept-Encoding: gzip")
        self.assertEqual(answer["content-encoding"], "gzip")
        answer = self.lines("GET /boards/main/bitmap HTTP/1.1", "Host: x", 'If-None-Match: "other"',
                            f"If-None-Match: {self.server.ask('GET', '/boards/main/bitmap')['etag']}")
        self.assertEqual(answer.status, 304)
        answer = self.lines("GET /ws HTTP/1.1", "Host: x", *(f"{k}: {v}" for k, v in UPGRADE.items()),
                            "Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: pixeld.v1.json")
        self.assertEqual((answer.status, answer["sec-websocket-protocol"]), (101, "pixeld.v1.json"))

    def test_the_first_subprotocol_that_is_known_is_taken_and_its_case_counts(self):
        for offered, taken in (("pixeld.v1, pixeld.v1.json", "pixeld.v1"), ("pixeld.v1.json, pixeld.v1", "pixeld.v1.json"),
                               ("pixeld.v2, pixeld.v1.json", "pixeld.v1.json"), ("PIXELD.V1.JSON, pixeld.v1", "pixeld.v1"),
                               ("Pixeld.v1", None), ("pixeld.v2", None)):
            with self.subTest(offered):
                answer = self.said(self.server.http().head("GET", "/ws", {**UPGRADE, "Sec-WebSocket-Protocol": offered}))
                self.assertEqual(answer.status, 101 if taken else 400)
                self.assertEqual(answer.get("sec-websocket-protocol"), taken)

    # --- hosts and targets ---
    def test_hosts_are_those_of_the_grammar(self):
        for status, host in ((400, "a:-1"), (400, "::1"), (400, "[abcd::1"), (400, "h:80x"), (400, ""), (400, ":80"),
                             (400, "u@a"), (400, "[::1]8"), (200, "a,b"), (200, "[::1]:80"), (200, "a:"), (200, "1.2.3.4:1")):
            with self.subTest(host):
                self.assertEqual(self.lines("GET /healthz HTTP/1.1", f"Host: {host}").status, status)

    def test_absolute_targets_are_requests_to_their_host(self):
        self.assertEqual(self.lines("GET http://board.example/healthz HTTP/1.1", "Host: other").body, b"ok\n")
        self.assertEqual(self.lines("GET HTTPS://board.example:443/boards/main?x=y HTTP/1.1", "Host: x").status, 200)
        self.assertIn(b"<html", self.lines("GET http://board.example HTTP/1.1", "Host: x").body)
        upgrade = [f"{k}: {v}" for k, v in UPGRADE.items()]
        self.assertEqual(self.lines("GET http://board.example/ws HTTP/1.1", "Host: x", *upgrade).status, 101)
        for origin, status in (("http://board.example", 101), ("http://other.example", 403)):
            answer = self.lines("GET http://board.example/ws HTTP/1.1", "Host: other.example", f"Origin: {origin}", *upgrade)
            self.assertEqual(answer.status, status, origin)

    # --- Expect ---
    def test_expect_without_a_body_or_in_an_old_version_is_ignored(self):
        self.assertEqual(self.lines("GET /healthz HTTP/1.1", "Host: x", "Expect: 100-continue").status, 200)
        self.assertEqual(self.lines("POST /test/echo HTTP/1.1", "Host: x", "Expect: 100-continue",
                                    "Content-Length: 0").status, 200)
        self.assertEqual(self.lines("POST /test/echo HTTP/1.0", "Expect: 100-continue", "Content-Length: 2",
                                    body=b"hi").body, b"hi")


class Waiting(unittest.TestCase):
    def test_retry_after_is_in_whole_seconds_that_are_not_too_short(self):
        with Server("--cooldown-ms", "59500", "--requests-per-second", "0") as server, server.http() as http:
            token = {"Authorization": "Bearer " + server.session()}
            self.assertEqual(http.ask("PUT", "/boards/main/pixels/1/1", token, {"color": 1}).status, 200)
            answer = http.ask("PUT", "/boards/main/pixels/1/1", token, {"color": 2})
            self.assertEqual((answer.status, answer.error), (429, "cooldown"))
            self.assertTrue(0 < int(answer["x-wait-ms"]) <= 59500)
            self.assertEqual(int(answer["retry-after"]), -(-int(answer["x-wait-ms"]) // 1000))


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
