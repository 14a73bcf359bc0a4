#!/usr/bin/env python3
"""The bodies of HTTP that are JSON, byte by byte: which members, in which order, and nothing between them."""
import json, unittest

from lib.case import ServerCase

ME = ("--cooldown-ms", "0", "--requests-per-second", "0")
BOARD = ["name", "number", "width", "height", "bits", "frozen", "cooldown_ms", "tag", "palette", "epoch", "seq", "online"]
AREA = ["x", "y", "width", "height"]
TOLD = ["rollback", "undoes", "placements", "cells", "took", "cells_max", "out_of_reach", "since"]


def members(value):
    """The names of all objects within, in the order of the text."""
    if isinstance(value, dict):
        return {name: members(v) for name, v in value.items()}
    return [members(v) for v in value] if isinstance(value, list) else None


class Bodies(ServerCase):
    flags = ME + ("--board", "main:40x30:4", "--board", "other:8x8:1")

    def ask(self, method, path, body=None, token=None, status=200):
        fields = {} if token is None else {"Authorization": "Bearer " + token}
        answer = self.server.ask(method, path, fields, body)
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer["content-type"], "application/json")
        value = json.loads(answer.body)
        self.assertEqual(answer.body, json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")
        return value

    def admin(self, method, path, body=None, **options):
        token = (self.server.data / "admin.token").read_text().strip()
        return self.ask(method, "/boards/main" + path, None if body is None else json.dumps(body).encode(), token, **options)

    def put(self, token, x, y, color):
        return self.ask("PUT", f"/boards/main/pixels/{x}/{y}", {"color": color}, token)

    def assertOrder(self, value, names):
        self.assertEqual(list(value), names)

    def test_about(self):
        about = self.ask("GET", "/about")
        self.assertOrder(about, ["protocol", "features", "message_bytes_max"])
        self.assertEqual(about["message_bytes_max"], {"client": 1024, "answer": 512, "board": 13920})
        self.assertTrue(all(isinstance(f, str) for f in about["features"]) and about["features"])

    def test_boards(self):
        boards = self.ask("GET", "/boards")
        self.assertEqual([b["name"] for b in boards], ["main", "other"])
        for board in boards:
            self.assertOrder(board, BOARD)
            self.assertEqual(members(board["palette"]), [{"name": None, "rgb": None}] * len(board["palette"]))
            self.assertEqual(self.ask("GET", "/boards/" + board["name"]), board)

    def test_session_and_placement(self):
        session = self.ask("POST", "/session")
        self.assertOrder(session, ["token", "user", "board", "wait_ms", "last_request", "last_seq"])
        self.assertRegex(session["user"], "^[0-9a-f]{32}$")
        self.assertRegex(session["last_request"], "^[0-9]+$")
        placed = self.put(session["token"], 1, 2, 3)
        self.assertOrder(placed, ["seq", "cooldown_ms"])

    def test_pixel(self):
        session = self.ask("POST", "/session")
        never = self.ask("GET", "/boards/main/pixels/39/29")
        self.assertEqual(never, {"x": 39, "y": 29, "color": 0, "user": None, "placed_at": None})
        self.put(session["token"], 5, 6, 7)
        pixel = self.ask("GET", "/boards/main/pixels/5/6")
        self.assertOrder(pixel, ["x", "y", "color", "user", "placed_at"])
        self.assertEqual((pixel["user"], pixel["color"]), (session["user"], 7))

    def test_history_of_a_pixel(self):
        session = self.ask("POST", "/session")
        for color in (1, 2, 3):
            self.put(session["token"], 9, 9, color)
        history = self.ask("GET", "/boards/main/pixels/9/9/history?limit=2")
        self.assertOrder(history, ["x", "y", "placements", "next", "complete"])
        self.assertEqual(members(history["placements"]), [{"seq": None, "placed_at": None, "user": None, "color": None}] * 2)
        self.assertEqual([p["color"] for p in history["placements"]], [3, 2])
        self.assertEqual(self.ask("GET", "/boards/main/pixels/8/9/history")["placements"], [])

    def test_rollbacks(self):
        self.assertEqual(self.admin("GET", "/rollbacks"), [])
        session = self.ask("POST", "/session")
        for x in range(3):
            self.put(session["token"], 20 + x, 20, 5)
        everything = {"user": session["user"], "area": {"x": 20, "y": 20, "width": 3, "height": 1}, "color": 5,
                      "from": "2001-01-01T00:00:00Z", "to": "2101-01-01T00:00:00Z"}
        tried = self.admin("POST", "/rollback", {**everything, "dry_run": True})
        self.assertOrder(tried, TOLD + ["changes"])
        self.assertOrder(tried["took"], ["upto", "user", "area", "color", "from", "to"])
        self.assertOrder(tried["took"]["area"], AREA)
        self.assertOrder(tried["changes"], AREA)
        self.assertEqual({k: v for k, v in tried["took"].items() if k != "upto"},
                         {**everything, "from": "2001-01-01T00:00:00.000Z", "to": "2101-01-01T00:00:00.000Z"})
        done = self.admin("POST", "/rollback", everything)
        self.assertOrder(done, TOLD + ["changes", "seq"])
        undone = self.admin("POST", "/rollback", {"undo": done["rollback"]})
        self.assertEqual(undone["undoes"], done["rollback"])
        nothing = self.admin("POST", "/rollback", {"from": "2100-01-01T00:00:00Z"})
        self.assertOrder(nothing, TOLD)
        self.assertEqual((nothing["rollback"], nothing["took"]["from"]), (None, "2100-01-01T00:00:00.000Z"))
        listed = self.admin("GET", "/rollbacks")
        self.assertEqual([list(r) for r in listed],
                         [["rollback", "undoes", "undone_by", "at", "placements", "cells", "took"]] * 2)
        rolled = self.ask("GET", "/boards/main/pixels/20/20/history?limit=1")["placements"][0]
        self.assertOrder(rolled, ["seq", "placed_at", "user", "rollback", "color"])
        self.assertEqual((rolled["user"], rolled["rollback"]), (None, undone["rollback"]))

    def test_errors(self):
        token = self.ask("POST", "/session")["token"]
        for method, path, body, status, code, message in (
                ("GET", "/nowhere", None, 404, "not_found", "there is nothing at this path"),
                ("PUT", "/boards/main/pixels/0/0", b"{}", 400, "bad_request", 'the body must be {"color": n}'),
                ("GET", "/boards/main/bitmap?seq=1&seq=2", None, 400, "bad_request", "the parameter seq occurs twice"),
                ("GET", "/boards/nope", None, 404, "unknown_board", None),
                ("GET", "/boards/main/pixels/40/0", None, 400, "out_of_bounds", None),
                ("DELETE", "/boards", None, 405, "method_not_allowed", None)):
            with self.subTest(path=path):
                error = self.ask(method, path, body, token, status)
                self.assertEqual(members(error), {"error": {"code": None, "message": None}})
                self.assertEqual(error["error"]["code"], code)
                if message is not None:
                    self.assertEqual(error["error"]["message"], message)


if __name__ == "__main__":
    unittest.main(verbosity=2)
