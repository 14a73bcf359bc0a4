#!/usr/bin/env python3
"""What a board is (message `board`): told to whoever subscribes, in both encodings, however long it is."""
import pathlib, tempfile, unittest

from lib.client import Client
from lib.server import Server

FREE = ("--cooldown-ms", "0", "--requests-per-second", "0")
BOTH = ("pixeld.v1", "pixeld.v1.json")
PALETTE = "\n ".join(f"{i:03}-{'long-color-name'.ljust(19, '-')}:#{i * 65793:06x}" for i in range(256))


def config(boards):
    """A file with so many boards of 256 colors with the longest names."""
    sections = [f'[board "{"b" * 28}{i:04}"]\nsize = 20x10:8\npalette = {PALETTE}\n' for i in range(boards)]
    file = tempfile.NamedTemporaryFile("w", suffix=".conf", delete=False)
    file.write("\n".join(sections))
    file.close()
    return file.name


def face_of(server, name):
    """What GET /boards/{board} tells, without what changes all the time."""
    info = server.ask("GET", f"/boards/{name}").json()
    return {key: value for key, value in info.items() if key not in ("seq", "epoch", "online")}


class Faces(unittest.TestCase):
    def test_board_follows_subscribed(self):
        with Server(*FREE, "--board", "main:40x30:4", "--board", "other:8x8:1") as server:
            for protocol in BOTH:
                with self.subTest(protocol), Client(server, protocol=protocol) as client:
                    for name in ("other", "main", "main"):
                        said = client.subscribe(name)
                        told = client.hear()
                        self.assertEqual((told["type"], told["board"]), ("board", said["board"]))
                        self.assertEqual(told["face"], face_of(server, name))
                        self.assertEqual(told["version"], 1)
                        for field in ("width", "height", "bits", "frozen", "cooldown_ms", "tag", "name"):
                            self.assertEqual(told["face"][field], said[field])

    def test_board_follows_a_resume(self):
        for protocol in BOTH:
            with self.subTest(protocol), Server(*FREE) as server, Client(server, server.session()) as painter:
                seq = painter.place(1, 2, 3)["seq"]
                with Client(server, protocol=protocol) as client:
                    said = client.subscribe(epoch=1, seq=0)
                    self.assertTrue(said["resumed"])
                    self.assertEqual(client.wait("board")["face"], face_of(server, "main"))
                    client.wait("delta", last=seq)

    def test_who_is_refused_or_stale_is_told_nothing(self):
        with Server(*FREE) as server, Client(server) as client:
            self.assertEqual(client.subscribe("none")["type"], "error")
            self.assertEqual(client.subscribe(epoch=1, seq=1 << 40)["type"], "stale")
            client.until_now()
            self.assertNotIn("board", {m["type"] for m in client.heard})

    def test_long_faces_beside_many_answers_are_no_flood(self):
        """All at once they would be many times what a client may leave unread."""
        path = config(16)
        try:
            with Server(*FREE, "--config", path) as server:
                names = [board["name"] for board in server.ask("GET", "/boards").json()]
                self.assertEqual(len(names), 16)
                for protocol, places in zip(BOTH, (1000, 150)):
                    with self.subTest(protocol), Client(server, server.session(), protocol) as client:
                        for name in names:
                            client.say("subscribe", board=name)
                        asked = {client.ask_place(i % 20, i % 10, i % 256, board=i % 16) for i in range(places)}
                        faces, answered = {}, set()
                        while len(faces) < 16 or answered != asked:
                            m = client.hear()
                            if m["type"] == "board":
                                self.assertNotIn(m["board"], faces)
                                self.assertIn(m["board"], client.boards, "a face before its subscribed")
                                faces[m["board"]] = m["face"]
                            elif m["type"] == "placed":
                                answered.add(m["request"])
                            else:
                                self.assertIn(m["type"], ("welcome", "subscribed", "you", "delta", "status"))
                        for number, face in faces.items():
                            self.assertEqual(face, face_of(server, face["name"]))
                            self.assertEqual((face["number"], len(face["palette"])), (number, 256))
        finally:
            pathlib.Path(path).unlink()


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
