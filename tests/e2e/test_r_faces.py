#!/usr/bin/env python3
"""What a board is (message `board`): told to whoever subscribes, and to all subscribers when it changes; in both
encodings, however long it is."""
import json, os, pathlib, re, signal, subprocess, tempfile, unittest

from lib.client import Client
from lib.server import Server, until

LOADGEN = pathlib.Path(os.environ.get("PIXELD_BUILD", "build/release")) / "tools/loadgen/loadgen"
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
                for protocol, places in zip(BOTH, (500, 100)):
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


class Changing(Server):
    """Its boards are changed by an edited file and SIGHUP."""

    def __init__(self, **boards):
        self.file = pathlib.Path(tempfile.mkdtemp(prefix="pixeld-faces-")) / "pixeld.conf"
        self.write(boards)
        super().__init__("--requests-per-second", "0", "--config", self.file)

    def write(self, boards):
        sections = [f'[board "{name}"]\nsize = 40x30:4\ncooldown-ms = 0\n{more}\n' for name, more in boards.items()]
        self.file.write_text("\n".join(sections))

    def change(self, **boards):
        def reloaded():
            return len(re.findall(r" reloaded .*\n", self.said()))
        before = reloaded()
        self.write(boards)
        self.signal(signal.SIGHUP)
        until("it goes by the new settings", lambda: reloaded() > before)

    def clear(self):
        super().clear()
        self.file.unlink()
        self.file.parent.rmdir()


TWO, THREE = "palette = a:#000001 b:#000002", "palette = a:#000001 x:#0000ff c:#000003"


class Changes(unittest.TestCase):
    def test_a_change_is_told_to_all_who_subscribed_to_the_board(self):
        with Changing(main=TWO, other=TWO) as server, Client(server) as elsewhere:
            elsewhere.subscribe("other")
            followers = [Client(server, server.session(), protocol) for protocol in BOTH]
            for client in followers:
                client.subscribe()
                self.assertEqual(client.wait("board")["version"], 1)
            server.change(main=f"{THREE}\nfrozen = on", other=TWO)
            for client in followers:
                told = client.wait("board")
                self.assertEqual((told["board"], told["version"], told["face"]["frozen"]), (0, 2, True))
                self.assertEqual(told["face"], face_of(server, "main"))
                self.assertEqual([color["rgb"] for color in told["face"]["palette"]], ["#000001", "#0000ff", "#000003"])
                self.assertEqual(client.place(1, 1, 1)["code"], "frozen")
            server.change(main=THREE, other=TWO)
            for client in followers:
                self.assertEqual(client.wait("board", version=3)["face"], face_of(server, "main"))
                self.assertEqual(client.place(2, 2, 2)["type"], "placed")
                self.assertEqual(client.place(2, 2, 3)["code"], "bad_color")
                client.close()
            elsewhere.until_now()
            self.assertEqual([m["board"] for m in elsewhere.heard if m["type"] == "board"], [1])

    def test_a_color_is_told_before_it_is_shown(self):
        with Changing(main=TWO) as server, Client(server, server.session()) as painter:
            followers = [Client(server, protocol=protocol) for protocol in BOTH]
            for client in followers:
                client.subscribe()
            for i in range(5):
                self.assertEqual(painter.place(i, 0, 1)["type"], "placed")
            server.change(main=THREE)
            seq = painter.place(7, 7, 2)["seq"]
            for client in followers:
                while client.hear().get("last", 0) < seq:
                    pass
                versions = [m["version"] for m in client.heard if m["type"] == "board"]
                self.assertEqual(versions, [1, 2])
                client.close()

    def test_loadgen_keeps_to_the_palette(self):
        with Changing(main=THREE) as server, tempfile.TemporaryDirectory() as folder:
            out, acks = pathlib.Path(folder) / "out.json", pathlib.Path(folder) / "acks.csv"
            with subprocess.Popen([LOADGEN, "--url", f"ws://{server.address}/ws", "--clients", "20", "--painters", "5",
                                   "--rate", "200/s", "--duration", "3s", "--quiet", "--json", out, "--acks", acks],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as loadgen:
                until("it places", lambda: server.ask("GET", "/boards/main").json()["seq"] > 20)
                server.change(main=f"{THREE} d:#000004 e:#000005")
                said = loadgen.communicate()[0]
            result = json.loads(out.read_text())
            self.assertEqual((loadgen.returncode, result["refused_total"], result["errors"]), (0, 0, {}), said)
            colors = {int(line.split(",")[3]) for line in acks.read_text().splitlines()}
            self.assertTrue({0, 1, 2} <= colors <= {0, 1, 2, 3, 4}, colors)

    def test_who_was_away_meanwhile_is_told_the_last_one(self):
        for protocol in BOTH:
            with self.subTest(protocol), Changing(main=TWO) as server, Client(server, server.session()) as painter:
                with Client(server, protocol=protocol) as leaves:
                    board = leaves.follow()
                server.change(main=THREE)
                seq = painter.place(1, 1, 2)["seq"]
                server.change(main=f"{THREE} d:#000004")
                with Client(server, protocol=protocol) as back:
                    said = back.subscribe(epoch=board.epoch, seq=board.seq)
                    self.assertTrue(said["resumed"])
                    back.wait("delta", last=seq)
                    back.until_now()
                    faces = {m["version"]: m["face"] for m in back.heard if m["type"] == "board"}
                    self.assertEqual((max(faces), faces[max(faces)]), (3, face_of(server, "main")))
                    self.assertEqual(said["tag"], faces[3]["tag"])
                    self.assertEqual(len(faces[3]["palette"]), 4)

    def test_missed_frames_show_a_color_that_is_gone_by_now(self):
        """And the board does not, in the end."""
        for protocol in BOTH:
            with self.subTest(protocol), Changing(main=THREE) as server, Client(server, server.session()) as painter:
                with Client(server, protocol=protocol) as leaves:
                    board = leaves.follow()
                painter.follow()
                for color in (2, 1):
                    seq = painter.place(3, 4, color)["seq"]
                    while painter.last.get(0, 0) < seq:
                        painter.hear()
                server.change(main=TWO)
                with Client(server, protocol=protocol) as back:
                    back.subscribe(epoch=board.epoch, seq=board.seq)
                    back.wait("delta", last=seq)
                    told = [m for m in back.heard if m["type"] in ("board", "delta")]
                    self.assertEqual(len(told[0]["face"]["palette"]), 2)
                    self.assertEqual([m["cells"] for m in told[1:]], [[[3, 4, 2]], [[3, 4, 1]]])

    def test_a_picture_is_another_one_in_other_colors(self):
        """Nobody placed since, and it is the same worker, who has the old one."""
        with Changing(main=TWO) as server, server.http() as http:
            path = "/boards/main/image.png"
            first = http.ask("GET", path)
            self.assertEqual(http.ask("GET", path).body, first.body)
            server.change(main=TWO.replace("#000001", "#ff0000"))
            second = http.ask("GET", path, {"If-None-Match": first["etag"]})
            self.assertEqual((second.status, second["x-board-seq"]), (200, first["x-board-seq"]))
            self.assertNotEqual((second["etag"], second.body), (first["etag"], first.body))
            self.assertIn(b"PLTE\xff\x00\x00", second.body)
            self.assertIn(b"PLTE\x00\x00\x01", first.body)
            server.change(main=TWO)
            self.assertEqual(http.ask("GET", path).body, first.body)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
