#!/usr/bin/env python3
"""Which paths there are, what they allow, and what is told apart: 404, 405 and OPTIONS say the same."""
import unittest

from lib.case import ServerCase

READ, BOTH, ACT = "GET, HEAD, OPTIONS", "GET, HEAD, PUT, OPTIONS", "POST, OPTIONS"
PATHS = {
    "/": READ, "/boards": READ, "/boards/main": READ, "/boards/main/bitmap": READ, "/boards/main/image.png": READ,
    "/boards/main/pixels/1/2": BOTH, "/boards/main/pixels/1/2/history": READ, "/boards/main/rollback": ACT,
    "/boards/main/rollback/preview.png": ACT, "/boards/main/rollbacks": READ, "/session": ACT, "/ws": READ,
    "/about": READ, "/metrics": READ, "/healthz": READ, "/readyz": READ,
}
NO_PATHS = ("/nope", "/boards/", "/boardsmain", "/boards/none", "/boards/none/bitmap", "/boards/none/pixels/1/1",
            "/boards/main/", "/boards/main/none", "/boards/main/bitmap/", "/boards/main/bitmap/x", "/boards/main/pixels",
            "/boards/main/pixels/", "/boards/main/pixels/1", "/boards/main/pixels/1/", "/boards/main/pixels/a/b",
            "/boards/main/pixels/1/b", "/boards/main/pixels/-1/0", "/boards/main/pixels/01/0", "/boards/main/pixels/1.5/0",
            "/boards/main/pixels/1/2/", "/boards/main/pixels/1/2/x", "/boards/main/pixels/1/history",
            "/boards/main/pixels/1/2/history/", "/boards/main/rollback/", "/session/", "/test/echo", "/index.html/x")


class Paths(ServerCase):
    flags = ("--cooldown-ms", "0", "--requests-per-second", "0")

    def test_a_method_that_a_path_does_not_know_is_405_with_what_it_allows(self):
        for path, allow in PATHS.items():
            for method in ("GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "BREW"):
                if method in allow.split(", "):
                    continue
                with self.subTest((method, path)):
                    answer = self.server.ask(method, path)
                    self.assertEqual((answer.status, answer["allow"]), (405, allow))
                    if method != "HEAD":
                        self.assertEqual(answer.error, "method_not_allowed")

    def test_a_path_that_there_is_not_is_404_for_every_method(self):
        for path in NO_PATHS:
            for method in ("GET", "PUT", "POST", "DELETE", "OPTIONS", "BREW"):
                no_board = path.startswith("/boards/none")
                if no_board and method == "OPTIONS":
                    continue  # which says what a path allows, of any board
                with self.subTest((method, path)):
                    answer = self.server.ask(method, path)
                    self.assertEqual(answer.status, 404)
                    self.assertEqual(answer.error, "unknown_board" if no_board else "not_found")
                    self.assertIsNone(answer.get("allow"))

    def test_options_says_what_the_path_allows(self):
        for path, allow in PATHS.items():
            with self.subTest(path):
                answer = self.server.ask("OPTIONS", path)
                self.assertEqual((answer.status, answer["allow"]), (204, allow))
        self.assertEqual(self.server.ask("OPTIONS", "*")["allow"], "GET, HEAD, PUT, POST, OPTIONS")

    def test_pixels_beyond_every_board_are_out_of_bounds_however_large_the_number(self):
        token = {"Authorization": "Bearer " + self.server.session()}
        for x in (1000, 65536, 999999999, 4294967296, 18446744073709551616, 10**60):
            with self.subTest(x):
                self.assertEqual(self.server.ask("GET", f"/boards/main/pixels/{x}/0").error, "out_of_bounds")
                self.assertEqual(self.server.ask("GET", f"/boards/main/pixels/0/{x}/history").error, "out_of_bounds")
                answer = self.server.ask("PUT", f"/boards/main/pixels/{x}/0", token, {"color": 1})
                self.assertEqual((answer.status, answer.error), (400, "out_of_bounds"))

    def test_a_parameter_that_comes_twice_is_refused(self):
        for path in ("/boards/main/bitmap?seq=0&seq=0", "/boards/main/image.png?at=1&seq=0&at=1",
                     "/boards/main/pixels/1/1/history?limit=1&limit=2", "/boards/main/pixels/1/1/history?before=1&before",
                     "/boards/main/bitmap?seq&seq"):
            with self.subTest(path):
                answer = self.server.ask("GET", path)
                self.assertEqual((answer.status, answer.error), (400, "bad_request"))
        answer = self.server.ask("POST", "/session?board=main&board=main")
        self.assertEqual((answer.status, answer.error), (400, "bad_request"))
        for path in ("/?a=1&a=2", "/boards/main?a=1&a=2", "/boards/main/bitmap?seq=0&a=1&a=2"):  # of no meaning here
            with self.subTest(path):
                self.assertEqual(self.server.ask("GET", path).status, 200)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
