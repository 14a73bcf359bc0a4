#!/usr/bin/env python3
"""The tools beside the server, and real placements: what the journal tells is the board."""
import gzip, os, struct, subprocess, sys, unittest
from pathlib import Path

from lib.client import Client
from lib.seed import dice
from lib.server import Server, run

FREE = ("--cooldown-ms", "0", "--requests-per-second", "0")
HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("PIXELD_TRACES") or HERE.parents[2] / "shared/data")
FAILED, USAGE, DATA_WRONG = 1, 2, 3
COLUMNS = "lsn,board,epoch,seq,placed_at_ms,user,x,y,color,request".split(",")


def fold(rows, width=1000, cells=1000000):
    board = bytearray(cells // 2)
    for x, y, color in rows:
        cell = y * width + x
        shift = 0 if cell & 1 else 4
        board[cell >> 1] = board[cell >> 1] & (0xf0 >> shift) | color << shift
    return bytes(board)


def dump(server):
    code, out, said = run("journal", "dump", server.data)
    assert code == 0, said
    head, *lines = out.splitlines()
    assert head.split(",") == COLUMNS
    return [dict(zip(COLUMNS, line.split(","))) for line in lines]


def real_placements(n):
    """The first of r/place 2017's last 89 minutes, or made up where that file is missing."""
    file = DATA / "placements2017.bin.gz"
    if file.exists():
        with gzip.open(file) as f:
            data = f.read(8 * n)
    else:
        rng = dice("placements")
        data = b"".join(struct.pack("<II", 0, min(999999, int(rng.gauss(500000, 90000))) << 4 | rng.randrange(16))
                        for _ in range(n))
    return data, [((p >> 4) % 1000, (p >> 4) // 1000, p & 15) for _, p in struct.iter_unpack("<II", data)]


class Journal(unittest.TestCase):
    def test_dump_is_what_was_placed(self):
        with Server(*FREE) as server:
            users, placed = {}, []
            for i in range(3):
                session = server.ask("POST", "/session").json()
                users[session["token"]] = session["user"]
            rng = dice("dump")
            for token in users:
                with Client(server, token) as client:
                    for _ in range(50):
                        x, y, color = rng.randrange(1000), rng.randrange(1000), rng.randrange(16)
                        seq = client.place(x, y, color, request=rng.getrandbits(60))["seq"]
                        placed.append((seq, x, y, color, users[token]))
            for when in ("running", "stopped"):
                with self.subTest(when):
                    rows = [(int(r["seq"]), int(r["x"]), int(r["y"]), int(r["color"]), r["user"]) for r in dump(server)]
                    self.assertEqual(rows, placed)
                if when == "running":
                    bitmap = server.bitmap()[0]
                    server.stop()
            self.assertEqual(fold((x, y, color) for _, x, y, color, _ in rows), bitmap)

    def test_list_and_verify(self):
        with Server(*FREE) as server:
            with Client(server, server.session()) as client:
                client.place_all([(i % 1000, i // 1000, i % 16) for i in range(20000)])
            server.stop()
            code, out, said = run("journal", "verify", server.data)
            self.assertEqual((code, said), (0, ""))
            self.assertRegex(out, r"^whole: records up to \d+, newest snapshot of record \d+, stopped cleanly$")
            code, out, said = run("journal", "list", server.data)
            self.assertEqual((code, said), (0, ""))
            self.assertGreater(out.count(" good "), 1, "more than one segment")
            self.assertRegex(out, r"record \d+")

    def test_damage_is_found_and_named(self):
        with Server(*FREE) as server:
            with Client(server, server.session()) as client:
                client.place_all([(i % 1000, i // 1000, i % 16) for i in range(2000)])
            server.stop()
            listed = run("journal", "list", server.data)[1].splitlines()
            segment = server.data / next(line.split()[0] for line in listed if " good " in line)
            data = bytearray(segment.read_bytes())
            data[20000] ^= 1
            segment.write_bytes(data)
            code, _, said = run("journal", "verify", server.data)
            self.assertEqual(code, DATA_WRONG)
            self.assertIn(segment.name, said)

    def test_wrong_use(self):
        for arguments, due in (((), USAGE), (("list",), USAGE), (("nonsense", "/"), USAGE), (("cut", "/tmp"), USAGE),
                               (("cut", "/tmp", "5x"), USAGE), (("list", "/nowhere/at/all"), FAILED)):
            with self.subTest(arguments):
                code, _, said = run("journal", *arguments)
                self.assertEqual(code, due)
                self.assertTrue(said)


class Verify(unittest.TestCase):
    def test_a_board_younger_than_the_newest_snapshot_is_compared(self):
        with Server(*FREE, "--board", "main:64x64:4") as server:
            server.stop()  # with a snapshot, of main alone
            server.flags += ["--board", "late:32x32:4"]
            server.start()
            for _ in range(2):  # the second time there is a snapshot that has it
                answer = server.ask("PUT", "/boards/late/pixels/1/2", {"Authorization": "Bearer " + server.session()}, {"color": 3})
                self.assertEqual(answer.status, 200)
                code, out, said = run("verify", "--data", server.data, "--server", server.url)
                self.assertEqual(code, 0, out + said)
                for board in ("main", "late"):
                    self.assertRegex(out, rf"board {board}: seq \d+, epoch 1: the journal and the server's memory are equal")
                server.stop()
                server.start()


class Check(unittest.TestCase):
    def test_the_system(self):
        code, out, _ = run("--check-system")
        self.assertEqual(code, 0, out)
        for word in ("kernel", "io_uring", "RLIMIT_NOFILE", "memory", "clients"):
            self.assertIn(word, out)

    def test_a_crowd_that_does_not_fit_is_told_what_to_do(self):
        code, out, _ = run("--check-system", "--clients-max", "4000000")
        self.assertNotEqual(code, 0, out)
        self.assertRegex(out, r"(?i)sysctl|ulimit|raise|memory")


class Replay(unittest.TestCase):
    def test_20000_real_placements_over_one_pipelined_connection(self):
        data, placements = real_placements(20000)
        with Server(*FREE) as server, Client(server) as watcher, \
                Client(server, protocol="pixeld.v1.json") as reader:
            boards = [watcher.follow(), reader.follow()]
            with Client(server, server.session()) as painter:
                seqs = painter.place_all(placements)
            self.assertEqual(seqs, list(range(1, 20001)))
            for client, board in zip((watcher, reader), boards):
                client.reach(board, 20000)
            bitmap, seq = server.bitmap()
            self.assertEqual(seq, 20000)
            file = server.folder / "placements.bin"
            file.write_bytes(data)
            subprocess.run([sys.executable, HERE / "fold.py", file, "-o", server.folder / "folded"], check=True,
                           stdout=subprocess.DEVNULL)
            folded = (server.folder / "folded").read_bytes()
            self.assertEqual(bitmap, folded)
            self.assertEqual(bytes(boards[0].packed), folded)
            self.assertEqual(bytes(boards[1].packed), folded)
            rows = dump(server)
            self.assertEqual([(int(r["x"]), int(r["y"]), int(r["color"])) for r in rows], placements)
            self.assertEqual(server.metric("placements_total"), 20000)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
