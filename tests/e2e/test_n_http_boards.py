#!/usr/bin/env python3
"""Boards over HTTP: what the client has already is not sent again, and nothing is sent larger than it is."""
import gzip, shutil, subprocess, tempfile, unittest

from lib.case import ServerCase
from lib.server import Server


class Boards(ServerCase):
    flags = ("--cooldown-ms", "0", "--requests-per-second", "0", "--board", "main:1000x1000:4", "--board", "one:1x1:1",
             "--board", "few:3x3:8")

    def place(self, x, y, color):
        token = self.server.session()
        return self.server.ask("PUT", f"/boards/main/pixels/{x}/{y}", {"Authorization": "Bearer " + token},
                               {"color": color}).json()["seq"]

    # --- conditional requests ---
    def test_a_board_of_the_past_that_the_client_has_is_not_sent_again(self):
        seq = self.place(1, 1, 5)
        at = self.server.ask("GET", "/boards/main/pixels/1/1").json()["placed_at"]
        for form in ("bitmap", "image.png"):
            for query in (f"seq={seq}", f"at={at}", "seq=0"):
                for fields in ({}, {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "zstd"}):
                    path = f"/boards/main/{form}?{query}"
                    with self.subTest((path, fields)):
                        first = self.server.ask("GET", path, fields)
                        self.assertEqual(first.status, 200)
                        tag = first["etag"]
                        for tags in (tag, f"W/{tag}", f'"other", {tag}', "*"):
                            again = self.server.ask("GET", path, {**fields, "If-None-Match": tags})
                            self.assertEqual(again.status, 304, tags)
                            for name in ("etag", "cache-control", "vary", "x-board-seq", "x-board-epoch"):
                                self.assertEqual(again[name], first[name], name)
                            self.assertEqual(again.get("x-board-time"), first.get("x-board-time"))
                        self.assertEqual(self.server.ask("HEAD", path, {**fields, "If-None-Match": tag}).status, 304)
                        self.assertEqual(self.server.ask("GET", path, {**fields, "If-None-Match": tag.upper()}).status, 200)
        later = self.place(1, 1, 6)
        tag = self.server.ask("GET", f"/boards/main/bitmap?seq={seq}")["etag"]
        with self.server.http() as http:
            self.assertEqual(http.ask("GET", f"/boards/main/bitmap?seq={later}", {"If-None-Match": tag}).status, 200)
            self.assertEqual(http.ask("GET", f"/boards/main/bitmap?seq={seq}", {"If-None-Match": tag}).status, 304)
            self.assertEqual(http.ask("GET", f"/boards/main/bitmap?seq={seq}").status, 200)

    def test_tags_over_several_lines_are_one_list_for_the_past_too(self):
        seq = self.place(2, 2, 7)
        tag = self.server.ask("GET", f"/boards/main/bitmap?seq={seq}")["etag"]
        with self.server.http() as http:
            http.send(f'GET /boards/main/bitmap?seq={seq} HTTP/1.1\r\nHost: x\r\nIf-None-Match: "a"\r\nX: y\r\n'
                      f'If-None-Match: "b", "c"\r\nIf-None-Match: {tag}\r\n\r\n'.encode())
            self.assertEqual(http.answer().status, 304)

    def test_tags_of_a_question_that_is_refused_are_forgotten(self):
        with self.server.http() as http:
            self.assertEqual(http.ask("GET", "/boards/main/bitmap?seq=99999999", {"If-None-Match": "*"}).status, 404)
            self.assertEqual(http.ask("GET", "/boards/main/bitmap?seq=0").status, 200)

    # --- codings ---
    def test_a_coding_that_makes_a_board_no_smaller_is_not_used(self):
        for board, size in (("one", 1), ("few", 9)):
            for query in ("", "?seq=0"):
                for coding in ("gzip", "zstd", "gzip, zstd", "*"):
                    with self.subTest((board, query, coding)):
                        answer = self.server.ask("GET", f"/boards/{board}/bitmap{query}", {"Accept-Encoding": coding})
                        self.assertIsNone(answer.get("content-encoding"))
                        self.assertEqual((answer["vary"], answer.body), ("Accept-Encoding", bytes(size)))
                        self.assertEqual(answer["etag"], self.server.ask("GET", f"/boards/{board}/bitmap{query}")["etag"])
                        again = self.server.ask("GET", f"/boards/{board}/bitmap{query}",
                                                {"Accept-Encoding": coding, "If-None-Match": answer["etag"]})
                        self.assertEqual(again.status, 304)

    def test_a_coding_that_makes_a_board_smaller_is_used(self):
        for query in ("", "?seq=0"):
            answer = self.server.ask("GET", f"/boards/main/bitmap{query}", {"Accept-Encoding": "gzip"})
            self.assertEqual(answer["content-encoding"], "gzip")
            self.assertEqual(len(gzip.decompress(answer.body)), 500000)
            answer = self.server.ask("GET", f"/boards/main/bitmap{query}", {"Accept-Encoding": "zstd"})
            self.assertEqual(answer["content-encoding"], "zstd")
            if shutil.which("zstd"):
                done = subprocess.run(["zstd", "-dc"], input=answer.body, stdout=subprocess.PIPE, check=True)
                self.assertEqual(len(done.stdout), 500000)

    def test_who_has_the_plain_board_needs_no_packed_one(self):
        for query in ("", "?seq=0"):
            tag = self.server.ask("GET", f"/boards/main/bitmap{query}")["etag"]
            again = self.server.ask("GET", f"/boards/main/bitmap{query}", {"Accept-Encoding": "gzip", "If-None-Match": tag})
            self.assertEqual((again.status, again["etag"], again.get("content-encoding")), (304, tag, None))


class Palettes(unittest.TestCase):
    def test_a_picture_of_another_palette_has_another_tag(self):
        tags = []
        for colors in ("white:#ffffff, red:#e50000", "white:#ffffff, blue:#0000ea"):
            with tempfile.NamedTemporaryFile("w", suffix=".ini") as config:
                config.write(f'[board "main"]\nsize = 4x4:1\npalette = {colors}\n')
                config.flush()
                with Server("--config", config.name) as server:
                    answer = server.ask("GET", "/boards/main/image.png")
                    self.assertEqual(server.ask("GET", "/boards/main/image.png", {"If-None-Match": answer["etag"]}).status, 304)
                    tags.append(answer["etag"])
                    self.assertEqual(server.ask("GET", "/boards/main/image.png", {"If-None-Match": tags[0]}).status,
                                     304 if len(tags) == 1 else 200)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
