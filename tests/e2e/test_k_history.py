#!/usr/bin/env python3
"""What was: boards and pixels of the past, asked over HTTP while placing goes on, against a replay made here.

The real placements are those of the last 89 minutes of r/place 2017; where they are missing, made-up ones."""
import bisect, datetime, gzip, os, shutil, signal, struct, subprocess, tempfile, threading, unittest, zlib
from pathlib import Path

from lib import seed
from lib.client import Client
from lib.server import PIXELD, Server, run, until

FREE = ("--cooldown-ms", "0", "--requests-per-second", "0")
HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("PIXELD_TRACES") or HERE.parents[2] / "shared/data")
WIDTH = 1000


def real_placements(made_up=100000):
    """made_up: how many there are where the real ones are missing."""
    file = DATA / "placements2017.bin.gz"
    if file.exists():
        data = gzip.decompress(file.read_bytes())
        return [((p >> 4) % WIDTH, (p >> 4) // WIDTH, p & 15) for _, p in struct.iter_unpack("<II", data)]
    rng = seed.dice(2017)
    return [(min(999, max(0, int(rng.gauss(500, 90)))), min(999, max(0, int(rng.gauss(500, 90)))), rng.randrange(16))
            for _ in range(made_up)]


class Fold:
    """A board 1000 wide, one byte a cell; packs as the bitmap does."""

    def __init__(self, cells=WIDTH * WIDTH):
        self.cells = bytearray(cells)

    def run(self, placements):
        for x, y, color in placements:
            self.cells[y * WIDTH + x] = color
        return self

    def packed(self):
        return bytes(high << 4 | low for high, low in zip(self.cells[::2], self.cells[1::2]))


def moment(ms):
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc).isoformat(timespec="milliseconds")


def patient(server, path):
    """Asks until it is not told to come again."""
    while True:
        answer = server.ask("GET", path)
        if answer.status != 503:
            return answer
        assert answer.error == "history_busy" and int(answer["retry-after"]) > 0, answer


def pixel_history(server, x, y, limit=100):
    """All of it, page by page, newest first."""
    found, before = [], ""
    while True:
        answer = patient(server, f"/boards/main/pixels/{x}/{y}/history?limit={limit}{before}")
        assert answer.status == 200, answer
        said = answer.json()
        assert (said["x"], said["y"]) == (x, y) and len(said["placements"]) <= limit, said
        found += said["placements"]
        if said["next"] is None:
            return found, said["complete"]
        before = f"&before={said['next']}"


def export(server, *flags):
    """(exit code, rows as (seq, ms, user, x, y, color), what it said)"""
    code, out, said = run("export", "--data", server.data, *flags)
    head, *lines = out.splitlines()
    assert head == "seq,time,user,x,y,color", head
    rows = []
    for line in lines:
        seq, time, user, x, y, color = line.split(",")
        ms = round(datetime.datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp() * 1000)
        rows.append((int(seq), ms, user, int(x), int(y), int(color)))
    return code, rows, said


class Apng:
    """The frames of an animated PNG of whole pictures, 4 bits a pixel, as bitmaps."""

    def __init__(self, data):
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        at, sequence, self.frames, self.delays, kinds = 8, 0, [], [], []
        while at < len(data):
            length, kind = struct.unpack_from(">I4s", data, at)
            body = data[at + 8:at + 8 + length]
            assert struct.unpack_from(">I", data, at + 8 + length)[0] == zlib.crc32(kind + body), kind
            at += 12 + length
            kinds.append(kind)
            if kind in (b"fcTL", b"fdAT"):
                assert struct.unpack_from(">I", body)[0] == sequence, "a wrong sequence number"
                sequence += 1
            if kind == b"IHDR":
                self.width, self.height, bits, color, *rest = struct.unpack(">IIBBBBB", body)
                assert (bits, color, rest) == (4, 3, [0, 0, 0])
            elif kind == b"acTL":
                self.count, plays = struct.unpack(">II", body)
            elif kind == b"fcTL":
                _, w, h, x, y, num, den, dispose, blend = struct.unpack(">IIIIIHHBB", body)
                assert (w, h, x, y, dispose, blend) == (self.width, self.height, 0, 0, 0, 0)
                self.delays.append(num / den)
                self.frames.append(b"")
            elif kind == b"IDAT":
                self.frames[-1] += body
            elif kind == b"fdAT":
                self.frames[-1] += body[4:]
        assert kinds[:4] == [b"IHDR", b"acTL", b"PLTE", b"fcTL"] and kinds[-1] == b"IEND", kinds[:5]
        assert self.count == len(self.frames)

    def bitmap(self, i):
        raw, row = zlib.decompress(self.frames[i]), self.width // 2 + 1
        assert len(raw) == row * self.height and not any(raw[::row]), "rows with a filter"
        return b"".join(raw[at + 1:at + row] for at in range(0, len(raw), row))


class RealPlacements(unittest.TestCase):
    """One server that has taken all of them; every test asks it."""

    @classmethod
    def setUpClass(cls):
        cls.placements = real_placements()
        cls.server = Server(*FREE, "--journal-segment-bytes", "8MiB", "--snapshot-interval-s", "1")
        session = cls.server.ask("POST", "/session").json()
        cls.user = session["user"]
        with Client(cls.server, session["token"]) as painter:
            seqs = painter.place_all(cls.placements)
        assert seqs == list(range(1, len(seqs) + 1))
        cls.folds = {}
        fold, done, dice = Fold(), 0, seed.dice(5)
        cls.moments = sorted(dice.sample(range(1, len(seqs)), 5))
        for seq in cls.moments:
            fold.run(cls.placements[done:seq])
            done = seq
            cls.folds[seq] = fold.packed()
        cls.last = fold.run(cls.placements[done:]).packed()

    @classmethod
    def tearDownClass(cls):
        try:
            cls.server.nothing_left()
            cls.server.stop()
        finally:
            cls.server.clear()

    def at(self, query, fields=None):
        answer = self.server.ask("GET", f"/boards/main/bitmap?{query}", fields)
        self.assertEqual(answer.status, 200, answer)
        return answer

    def test_the_board_at_five_seqs_in_the_middle(self):
        for seq in (*self.moments, *reversed(self.moments)):
            answer = self.at(f"seq={seq}")
            self.assertEqual(int(answer["x-board-seq"]), seq)
            self.assertEqual(int(answer["x-board-epoch"]), 1)
            self.assertEqual(answer.body, self.folds[seq])
        self.assertEqual(self.at(f"seq={len(self.placements)}").body, self.last)
        self.assertEqual(self.server.bitmap()[0], self.last)
        self.assertEqual(self.at("seq=0").body, bytes(500000))

    def test_the_board_at_five_times_in_the_middle(self):
        code, out, said = run("journal", "dump", self.server.data)
        self.assertEqual(code, 0, said)
        head, *lines = out.splitlines()
        column = head.split(",").index("placed_at_ms")
        times = [int(line.split(",")[column]) for line in lines]
        self.assertEqual(times, sorted(times))
        for seq in self.moments:
            ms = times[seq - 1]
            due = bisect.bisect_right(times, ms)
            for text in (str(ms), moment(ms).replace("+00:00", "Z"), moment(ms).replace("+", "%2B").replace(":", "%3A")):
                answer = self.at(f"at={text}")
                self.assertEqual(int(answer["x-board-seq"]), due)
                self.assertEqual(int(answer["x-board-time"]), times[due - 1])
            self.assertEqual(answer.body, Fold().run(self.placements[:due]).packed())

    def test_the_export_beside_the_server_is_what_was_placed(self):
        code, rows, said = export(self.server)
        self.assertEqual((code, said), (0, ""))
        # the last commit of a server that runs may be missing
        self.assertIn(len(rows), range(len(self.placements) - 1000, len(self.placements) + 1))
        self.assertEqual([row[0] for row in rows], list(range(1, len(rows) + 1)))
        self.assertEqual([row[3:] for row in rows], self.placements[:len(rows)])
        self.assertEqual({row[2] for row in rows}, {self.user})
        code, part, _ = export(self.server, "--from", str(rows[1000][1]), "--to", moment(rows[-1000][1]))
        self.assertEqual(code, 0)
        self.assertEqual(part, [row for row in rows if rows[1000][1] <= row[1] < rows[-1000][1]])

    def test_the_snapshot_is_what_the_journal_makes(self):
        code, out, said = run("verify", "--data", self.server.data)
        self.assertEqual((code, said), (0, ""))
        self.assertRegex(out, r"board main: seq \d+, epoch 1: the journal and the snapshot of record \d+ "
                              r"\(journal read from its beginning\) are equal: 31 blocks, hash [0-9a-f]{16}\n")

    def test_the_servers_memory_is_what_the_journal_makes(self):
        packed, seq = self.server.bitmap()
        code, out, said = run("verify", "--data", self.server.data, "--server", self.server.url)
        self.assertEqual(code, 0, out + said)
        self.assertIn(f"board main: seq {seq}, epoch 1: the journal and the server's memory are equal", out)

    def test_a_timelapse_ends_with_the_board(self):
        out = self.server.folder / "all.apng"
        code, _, said = run("timelapse", "--data", self.server.data, "-o", out, "--delay", "50ms")
        self.assertEqual((code, said), (0, ""))
        movie = Apng(out.read_bytes())
        self.assertIn(len(movie.frames), range(50, 102))
        self.assertEqual((movie.width, movie.height, set(movie.delays)), (1000, 1000, {0.05}))
        rows = export(self.server)[1]
        self.assertEqual(movie.bitmap(len(movie.frames) - 1), Fold().run(row[3:] for row in rows).packed())
        first = [row[3:] for row in rows if row[1] <= rows[0][1]]
        self.assertEqual(movie.bitmap(0), Fold().run(first).packed())
        self.assertFalse(out.with_name("all.apng.part").exists())

    def test_forms_of_a_past_board(self):
        seq = self.moments[2]
        answer = self.at(f"seq={seq}", {"Accept-Encoding": "gzip"})
        self.assertEqual(answer["content-encoding"], "gzip")
        self.assertEqual(gzip.decompress(answer.body), self.folds[seq])
        picture = self.server.ask("GET", f"/boards/main/image.png?seq={seq}")
        self.assertEqual((picture.status, picture["content-type"]), (200, "image/png"))
        self.assertEqual(picture["x-board-seq"], str(seq))
        self.assertEqual(picture.body[:8], b"\x89PNG\r\n\x1a\n")

    def test_pixels_have_the_placements_of_the_replay(self):
        of_cell = {}
        for seq, (x, y, color) in enumerate(self.placements, 1):
            of_cell.setdefault((x, y), []).append((seq, color))
        dice = seed.dice(7)
        cells = [max(of_cell, key=lambda cell: len(of_cell[cell])), *dice.sample(sorted(of_cell), 20)]
        for x, y in cells:
            with self.subTest(x=x, y=y):
                found, complete = pixel_history(self.server, x, y, dice.choice((1, 7, 100)) if len(of_cell[x, y]) < 50
                                                else 100)
                self.assertTrue(complete)
                self.assertEqual([(p["seq"], p["color"]) for p in reversed(found)], of_cell[x, y])
                self.assertEqual({p["user"] for p in found}, {self.user})
                newest = self.server.ask("GET", f"/boards/main/pixels/{x}/{y}").json()
                self.assertEqual({key: newest[key] for key in ("user", "placed_at", "color")},
                                 {key: found[0][key] for key in ("user", "placed_at", "color")})

    def test_what_cannot_be_answered_is_refused_with_the_remedy(self):
        now = len(self.placements)
        for path, status, code, word in (
                (f"bitmap?seq={now + 1}", 404, "not_yet", str(now)),
                ("bitmap?at=2999-01-01T00:00:00Z", 404, "not_yet", str(now)),
                ("bitmap?at=yesterday", 400, "bad_request", "2017-03-31T18:00:00Z"),
                ("bitmap?at=", 400, "bad_request", "milliseconds"),
                ("bitmap?seq=-1", 400, "bad_request", "X-Board-Seq"),
                ("bitmap?seq=99999999999999999999", 400, "bad_request", "X-Board-Seq"),
                ("bitmap?seq=1&at=1", 400, "bad_request", "both"),
                ("image.png?seq=x", 400, "bad_request", "X-Board-Seq"),
                ("pixels/1000/0/history", 400, "out_of_bounds", ""),
                ("pixels/x/0/history", 404, "not_found", ""),
                ("pixels/1/0/history?before=x", 400, "bad_request", "next"),
                ("pixels/1/0/history?limit=0", 400, "bad_request", "100"),
                ("pixels/1/0/history?limit=101", 400, "bad_request", "100")):
            with self.subTest(path):
                answer = self.server.ask("GET", f"/boards/main/{path}")
                self.assertEqual((answer.status, answer.error), (status, code))
                self.assertIn(word, answer.json()["error"]["message"])
        self.assertEqual(self.server.ask("GET", "/boards/other/bitmap?seq=1").status, 404)
        self.assertEqual(self.server.ask("PUT", "/boards/main/pixels/1/1/history", body={"color": 1}).status, 405)
        # before the first placement the board was there, and empty
        self.assertEqual(self.at("at=0").body, bytes(500000))


class BesidePlacing(unittest.TestCase):
    def test_acknowledgements_go_on_while_history_is_asked(self):
        with Server(*FREE, "--snapshot-interval-s", "1") as server:
            stop, answered, failed = threading.Event(), [], []

            def ask(number):
                dice = seed.dice(number)
                with server.http() as http:
                    while not stop.is_set():
                        seq = dice.randrange(1, 1 + int(http.ask("GET", "/boards/main").json()["seq"] or 1))
                        path = (f"/boards/main/bitmap?seq={seq}", "/boards/main/pixels/5/5/history")[number % 2]
                        answer = http.ask("GET", path)
                        if answer.status == 503:
                            if "retry-after" not in answer.fields:
                                failed.append(answer)
                        elif answer.status != 200:
                            failed.append(answer)
                        answered.append(answer.status)

            askers = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
            dice = seed.dice(11)
            placements = [(dice.randrange(WIDTH), dice.randrange(1000), dice.randrange(16)) for _ in range(60000)]
            placements[::50] = [(5, 5, i % 16) for i in range(len(placements[::50]))]
            with Client(server, server.session()) as painter:
                painter.place_all(placements[:100])
                for asker in askers:
                    asker.start()
                try:
                    seqs = painter.place_all(placements[100:])
                finally:
                    stop.set()
                    for asker in askers:
                        asker.join()
            self.assertEqual(failed, [])
            self.assertGreater(answered.count(200), 0)
            self.assertEqual(seqs, list(range(101, 60001)))
            found, complete = pixel_history(server, 5, 5)
            due = [(seq, color) for seq, (x, y, color) in enumerate(placements, 1) if (x, y) == (5, 5)]
            self.assertEqual([(p["seq"], p["color"]) for p in reversed(found)], due)
            self.assertTrue(complete)
            self.assertEqual(server.metric("history_questions_total") > 0, True)

    def test_too_many_questions_at_once_are_told_to_come_again(self):
        with Server(*FREE) as server:
            with Client(server, server.session()) as painter:
                painter.place_all([(i % WIDTH, i // WIDTH, i % 16) for i in range(50000)])
            crowd = [server.http() for _ in range(100)]
            for http in crowd:
                http.send(http.request("GET", "/boards/main/pixels/1/0/history"))
            statuses = []
            for http in crowd:
                answer = http.answer()
                statuses.append(answer.status)
                if answer.status == 503:
                    self.assertEqual(answer.error, "history_busy")
                    self.assertTrue(int(answer["retry-after"]) > 0)
                http.close()
            self.assertEqual(set(statuses) - {200, 503}, set())
            self.assertGreaterEqual(statuses.count(200), 32)
            self.assertEqual(statuses.count(503), server.metric("history_busy_total"))

    def test_who_leaves_before_the_answer_harms_nobody(self):
        with Server(*FREE) as server:
            with Client(server, server.session()) as painter:
                painter.place_all([(i % WIDTH, i // WIDTH, i % 16) for i in range(20000)])
            for i in range(40):
                http = server.http()
                http.send(http.request("GET", ("/boards/main/bitmap?seq=5", "/boards/main/pixels/1/0/history")[i % 2]))
                http.close()
            self.assertEqual(len(pixel_history(server, 1, 0)[0]), 1)


class Kept(unittest.TestCase):
    def test_what_retention_took_is_gone_and_the_answer_says_since_when_it_is_known(self):
        flags = (*FREE, "--journal-keep-bytes", "2MiB", "--snapshot-interval-s", "1", "--origin", "https://player.example")
        with Server(*flags, allowed="journal_segment_removed") as server:
            dice, placed = seed.dice(13), []
            with Client(server, server.session()) as painter:
                while "journal_segment_removed" not in server.log():
                    more = [(dice.randrange(WIDTH), dice.randrange(1000), dice.randrange(16)) for _ in range(5000)]
                    more[0] = (7, 7, 3)
                    painter.place_all(more)
                    placed += more
            answer = server.ask("GET", "/boards/main/bitmap?seq=1")
            self.assertEqual((answer.status, answer.error), (410, "history_gone"))
            gone = answer.json()["error"]
            for origin, reader in ((None, "*"), ("https://any.example", "*"), ("https://player.example", "https://player.example")):
                asked = server.ask("GET", "/boards/main/bitmap?seq=1", {"Origin": origin} if origin else {})
                self.assertEqual((asked.status, asked["access-control-allow-origin"]), (410, reader), "a page cannot read since_ms")
            said = gone["message"].split()
            since = int(said[said.index("seq") + 1])
            self.assertEqual(gone["since_seq"], since)
            self.assertEqual(moment(gone["since_ms"]).replace("+00:00", "Z"), said[said.index("at") + 1].strip(","))
            answer = server.ask("GET", f"/boards/main/bitmap?seq={since}")
            self.assertEqual(answer.status, 200, "the remedy does not work")
            self.assertEqual(answer.body, Fold().run(placed[:since]).packed())
            self.assertGreaterEqual(int(answer["x-board-time"]), gone["since_ms"] - 10000)
            answer = server.ask("GET", f"/boards/main/bitmap?at={gone['since_ms']}")
            self.assertEqual(answer.status, 200, "the remedy does not work")
            self.assertGreaterEqual(int(answer["x-board-seq"]), since)
            self.assertEqual(server.ask("GET", "/boards/main/bitmap?at=0").error, "history_gone")
            found, complete = pixel_history(server, 7, 7)
            self.assertFalse(complete)
            there = [(seq, color) for seq, (x, y, color) in enumerate(placed, 1) if (x, y) == (7, 7)]
            self.assertGreater(len(found), 0)
            self.assertEqual([(p["seq"], p["color"]) for p in found], there[:-len(found) - 1:-1])

    def test_a_restart_and_kill_9_keep_the_past(self):
        with Server(*FREE) as server:
            with Client(server, server.session()) as painter:
                painter.place_all([(i % WIDTH, i // WIDTH, i % 16) for i in range(3000)])
            server.kill()
            server.start()
            with Client(server, server.session()) as painter:
                painter.place_all([(i, 0, 9) for i in range(1000)])
            server.stop()
            server.start()
            rows = [(i % WIDTH, i // WIDTH, i % 16) for i in range(3000)]
            for seq in (1, 2999, 3000):
                self.assertEqual(server.ask("GET", f"/boards/main/bitmap?seq={seq}").body,
                                 Fold().run(rows[:seq]).packed())
            self.assertEqual([p["color"] for p in pixel_history(server, 4, 0)[0]], [9, 4])


class Tools(unittest.TestCase):
    def test_a_stopped_directory_is_exported_whole_and_is_left_as_it_is(self):
        with Server(*FREE) as server:
            dice = seed.dice(17)
            placed = [(dice.randrange(WIDTH), dice.randrange(1000), dice.randrange(16)) for _ in range(30000)]
            with Client(server, server.session()) as painter:
                painter.place_all(placed)
            server.stop()
            before = {file.name: file.read_bytes() for file in server.data.iterdir()}
            out = server.folder / "out.csv"
            self.assertEqual(run("export", "--data", server.data, "-o", out), (0, "", ""))
            self.assertEqual([tuple(map(int, line.split(",")[3:])) for line in out.read_text().splitlines()[1:]], placed)
            code, said, _ = run("verify", "--data", server.data)
            self.assertEqual(code, 0)
            self.assertIn("seq 30000", said)
            movie = server.folder / "x.apng"
            self.assertEqual(run("timelapse", "--data", server.data, "-o", movie), (0, "", ""))
            self.assertEqual(Apng(movie.read_bytes()).bitmap(-1), Fold().run(placed).packed())
            self.assertEqual(before, {file.name: file.read_bytes() for file in server.data.iterdir()})

    def test_damage_is_told(self):
        with Server(*FREE) as server:
            with Client(server, server.session()) as painter:
                painter.place_all([(i % WIDTH, i // WIDTH, i % 16) for i in range(40000)])
            server.stop()
            segment = sorted(server.data.glob("journal-*.seg"))[0]
            data = bytearray(segment.read_bytes())
            data[300000] ^= 1
            segment.write_bytes(data)
            code, rows, said = export(server)
            self.assertEqual(code, 3)
            self.assertRegex(said, r"records \d+ to \d+ are missing")
            self.assertLess(len(rows), 40000)
            code, out, said = run("verify", "--data", server.data)
            self.assertEqual(code, 3)
            self.assertIn(segment.name, said)

    def test_memory_that_differs_is_told(self):
        with Server(*FREE) as server, Server(*FREE) as other:
            for one, color in ((server, 3), (other, 4)):
                with Client(one, one.session()) as painter:
                    painter.place_all([(x, 7, color) for x in range(10)])
            code, out, _ = run("verify", "--data", server.data, "--server", other.url)
            self.assertEqual(code, 3, out)
            self.assertRegex(out, r"board main: block 0 .* differs: the journal \w+, the server's memory")
            with Client(other, other.session()) as painter:
                painter.place_all([(1, 1, 1)])
            code, out, _ = run("verify", "--data", server.data, "--server", other.url)
            self.assertEqual(code, 3, out)
            self.assertIn("the server's memory is at seq 11 of epoch 1, the journal has seq 10", out)
            server.stop()
            for url, word, due in (("http://127.0.0.1:1", "refused", 4), ("ftp://x", "give http:// and", 2), ("xx", "give http:// and", 2),
                                   ("https://127.0.0.1", "http://", 2), ("http://no.such.host.invalid:1", "not known", 4)):
                code, _, said = run("verify", "--data", server.data, "--server", url)
                self.assertEqual(code, due, url)
                self.assertIn(word, said)

    def test_while_people_place_the_memory_is_what_the_journal_makes(self):
        with Server(*FREE, "--snapshot-interval-s", "1") as server:
            ended = threading.Event()
            with Client(server, server.session()) as first:
                for color in (1, 2): # the second is behind what the journal calls durable: the board is
                    first.place_all([(0, 0, color)])

            def paint():
                with Client(server, server.session()) as painter:
                    while not ended.is_set():
                        painter.place_all([(i % 97, i % 89, i % 16) for i in range(500)])

            thread = threading.Thread(target=paint)
            thread.start()
            try:
                for _ in range(10):
                    code, out, said = run("verify", "--data", server.data, "--server", server.url)
                    self.assertEqual(code, 0, out + said)
                    self.assertIn("the journal and the server's memory are equal", out)
            finally:
                ended.set()
                thread.join()

    def test_wrong_use_and_what_is_not_there_are_told_apart(self):
        for due, uses in ((2, (("import",), ("import", "x.csv"), ("import", "--data", "/tmp"), ("export",),
                               ("import", "/nowhere.csv", "--data", "/tmp", "--board", "none"), ("export", "--data"),
                               ("export", "--data", "/tmp", "--from", "yesterday"), ("export", "--data", "/tmp", "x"),
                               ("export", "--data", "/tmp", "--step", "1m"), ("verify",), ("timelapse", "--data", "/tmp"),
                               ("timelapse", "--data", "/tmp", "-o", "/tmp/x", "--step", "0"))),
                          (1, (("import", "/nowhere.csv", "--data", "/tmp"), ("export", "--data", "/nowhere/at/all"),
                               ("verify", "--data", "/nowhere"), ("export", "--data", "/tmp", "--board", "none"))),
                          (78, (("import", "x.csv", "--data", "/tmp", "--config", "/nowhere.ini"),))):
            for arguments in uses:
                with self.subTest(arguments):
                    code, out, said = run(*arguments)
                    self.assertEqual((code, out), (due, ""), said)
                    self.assertTrue(said.startswith("pixeld: "), said)


PALETTE = ("FFFFFF E4E4E4 888888 222222 FFA7D1 E50000 E59500 A06A42 E5D900 94E044 02BE01 00D3DD 0083C7 0000EA CF6EE4 "
           "820080").split()
NOT_SERVED = "board_not_served"
SMALL = {"PIXELD_JOURNAL_SEGMENT_BYTES": "1MiB"}


class Imports(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="pixeld-e2e-"))
        self.data, self.file = self.folder / "data", self.folder / "in.csv"

    def tearDown(self):
        shutil.rmtree(self.folder)

    def ours(self, placements, ms=1490918400000):
        dice = seed.dice(19)
        users = [f"{dice.getrandbits(128):032x}" for _ in range(1000)]
        times = (ms + i * 11 for i in range(len(placements)))
        rows = [f"{i + 1},{moment(t).replace('+00:00', 'Z')},{users[i % 997]},{x},{y},{color}"
                for i, (t, (x, y, color)) in enumerate(zip(times, placements))]
        self.file.write_text("seq,time,user,x,y,color\n" + "".join(row + "\n" for row in rows))
        return rows

    def bring(self, *flags):
        return run("import", self.file, "--data", self.data, *flags, env=SMALL)

    def test_real_placements_become_a_board_and_come_out_again(self):
        placements = real_placements()
        self.ours(placements)
        self.assertEqual(self.bring(), (0, f"board main: {len(placements)} placements imported\n",
                                        f"pixeld: {self.data}: there is no such directory yet: it is created\n"))
        self.assertEqual(self.bring(), (0, f"board main has all {len(placements)} placements already\n", ""))
        out = self.folder / "out.csv"
        self.assertEqual(run("export", "--data", self.data, "-o", out), (0, "", ""))
        self.assertEqual(out.read_bytes(), self.file.read_bytes())
        board = Fold().run(placements).packed()
        with Server(*FREE, data=self.data) as server:
            self.assertEqual(server.bitmap(), (board, len(placements)))
            seq = len(placements) // 3
            self.assertEqual(server.ask("GET", f"/boards/main/bitmap?seq={seq}").body,
                             Fold().run(placements[:seq]).packed())
            with Client(server, server.session()) as painter:
                self.assertEqual(painter.place(1, 1, 1)["seq"], len(placements) + 1)
        self.assertEqual(run("verify", "--data", self.data)[0], 0)

    MADE_UP = 400000  # many more segments than those that imports are killed with

    def segments(self):
        return len(list(self.data.glob("journal-*.seg")))

    def killed_with(self, segments):
        """Kills an import when there are so many; False: it had ended before."""
        importer = subprocess.Popen([PIXELD, "import", self.file, "--data", self.data], stdout=subprocess.DEVNULL,
                                    env={**os.environ, **SMALL})
        until("segments, or the end", lambda: importer.poll() is not None or self.segments() >= segments)
        importer.kill()
        self.assertIn(importer.wait(), (0, -signal.SIGKILL))
        return (self.data / "import-main.unfinished").exists()

    def until_killed_in_time(self, segments):
        """Leaves an import that was killed in the middle. A kill may come too late where others use the machine."""
        for _ in range(20):
            if self.killed_with(segments()):
                return
            shutil.rmtree(self.data)
        self.fail("no kill came in time")

    def test_killed_in_the_middle_the_same_command_goes_on(self):
        placements, dice = real_placements(self.MADE_UP), seed.dice(23)
        self.ours(placements)
        self.until_killed_in_time(lambda: dice.randrange(1, 5))
        for _ in range(3):
            if not self.killed_with(self.segments() + dice.randrange(1, 5)):
                break  # it had ended: the rest has nothing to kill
        code, out, said = self.bring()
        self.assertEqual(code, 0, said)
        if "already" not in out:
            self.assertLess(int(out.split()[2]), len(placements), "it began again")
        out = self.folder / "out.csv"
        self.assertEqual(run("export", "--data", self.data, "-o", out), (0, "", ""))
        self.assertEqual(out.read_bytes(), self.file.read_bytes())
        self.assertEqual(run("journal", "verify", self.data)[0], 0)

    def half(self, placements):
        """An import that was killed in the middle."""
        self.ours(placements)
        self.until_killed_in_time(lambda: 3)

    def refused(self, data):
        code, _, said = run("--listen", "127.0.0.1:0", "--data", data, *FREE)
        self.assertEqual(code, 1, said)
        self.assertIn("import of the board main was not finished", said)
        self.assertIn(str(data / "import-main.unfinished"), said)

    def test_no_server_takes_half_an_import_for_a_whole_board(self):
        placements = real_placements(self.MADE_UP)
        self.half(placements)
        self.refused(self.data)
        with Server(*FREE, "--board", "other:10x10:4", data=self.data, allowed=NOT_SERVED) as server:
            self.assertEqual(server.bitmap("other")[1], 0)
        self.refused(self.data)
        copy = self.folder / "copy"
        shutil.copytree(self.data, copy)
        (copy / "import-main.unfinished").unlink()  # whoever wants the half of it
        with Server(*FREE, data=copy, allowed=NOT_SERVED) as server:
            self.assertLess(server.bitmap()[1], len(placements))
        self.assertEqual(self.bring()[0], 0)
        self.assertEqual(list(self.data.glob("import-*")), [])
        with Server(*FREE, data=self.data, allowed=NOT_SERVED) as server:
            self.assertEqual(server.bitmap(), (Fold().run(placements).packed(), len(placements)))

    def test_an_import_that_was_killed_behind_its_last_placement_is_finished_by_the_same_command(self):
        self.ours([(i, 1, 7) for i in range(50)])
        self.assertEqual(self.bring()[0], 0)
        (self.data / "import-main.unfinished").touch()  # as it was a moment ago
        self.refused(self.data)
        self.assertEqual(self.bring(), (0, "board main has all 50 placements already\n", ""))
        with Server(*FREE, data=self.data) as server:
            self.assertEqual(server.bitmap()[1], 50)

    def test_beside_another_board(self):
        with Server(*FREE, data=self.data) as server:
            with Client(server, server.session()) as painter:
                painter.place_all([(i, 0, 5) for i in range(100)])
            self.ours([(i, 1, 7) for i in range(50)])
            code, _, said = self.bring("--board", "old:100x100:4")
            self.assertEqual(code, 1)
            self.assertIn("another pixeld", said)
            server.stop()
        self.assertEqual(self.bring("--board", "old:100x100:4"), (0, "board old: 50 placements imported\n", ""))
        code, _, said = self.bring("--board", "main")
        self.assertEqual(code, 1)
        self.assertIn("choose another name", said)
        with Server(*FREE, "--board", "main:1000x1000:4", "--board", "old:100x100:4", data=self.data) as server:
            self.assertEqual(server.bitmap()[1], 100)
            self.assertEqual(server.bitmap("old")[1], 50)
            self.assertEqual(server.ask("GET", "/boards/old/pixels/3/1").json()["color"], 7)
            self.assertEqual(server.ask("GET", "/boards/main/pixels/3/0").json()["color"], 5)

    def test_the_format_of_2022(self):
        user = "yTrYCd4LUpBn4rIyNXkkW2+Fac5cQHK2lsDpNghkq0oPu9o//8oPZPlLM4CXQeEIId7l011MbHcAaLyqfhSRoA=="
        self.file.write_text("timestamp,user_id,pixel_color,coordinate\n"
                             f'2022-04-03 17:38:22.252 UTC,{user},#{PALETTE[5]},"0,0"\n'
                             f'2022-04-03 17:38:22.3 UTC,{user},#{PALETTE[3]},"10,20,12,21"\n'
                             f'2022-04-03 17:38:23 UTC,other,#{PALETTE[15].lower()},"11,20"\n')
        self.assertEqual(self.bring()[0], 0)
        with Server(*FREE, data=self.data) as server:
            due = Fold().run([(0, 0, 5), *((x, y, 3) for y in (20, 21) for x in (10, 11, 12)), (11, 20, 15)])
            self.assertEqual(server.bitmap(), (due.packed(), 8))
            found = pixel_history(server, 11, 20)[0]
            self.assertEqual([(p["seq"], p["placed_at"], p["color"]) for p in found],
                             [(8, 1649007503000, 15), (3, 1649007502300, 3)])
            self.assertNotEqual(found[0]["user"], found[1]["user"])
            self.assertEqual(found[1]["user"], pixel_history(server, 0, 0)[0][0]["user"])

    def test_a_bad_line_is_named_and_nothing_is_written(self):
        good = "1,2017-03-31T00:00:00.000Z,x,1,1,1\n"
        reddit = '2022-04-03 17:38:22.252 UTC,u,#FFFFFF,"0,0"\n'
        heads = ("seq,time,user,x,y,color\n", "timestamp,user_id,pixel_color,coordinate\n")
        for head, line, word in ((0, "2,2017-03-31T00:00:00.000Z,x,1,1\n", "six"), (0, "2,today,x,1,1,1\n", "time"),
                                 (0, "2,2017-03-31T00:00:00.000Z,x,1000,1,1\n", "outside"),
                                 (0, "2,2017-03-31T00:00:00.000Z,x,1,-1,1\n", "outside"),
                                 (0, "2,2017-03-31T00:00:00.000Z,x,1,1,16\n", "color"),
                                 (0, "2,2017-03-31T00:00:00.000Z,x,1,1,1,1\n", "six"), (0, "\n", "six"),
                                 (1, reddit.replace("FFFFFF", "FF3881"), "palette"),
                                 (1, reddit.replace("17:38", "17:37"), "sort"),
                                 (1, reddit.replace("0,0", "0,0,5"), "coordinate"),
                                 (1, reddit.replace("0,0", "5,5,4,5"), "coordinate"),
                                 (1, reddit.replace('"0,0"', "{X: 424, Y: 336, R: 3}"), "")):
            with self.subTest(line):
                self.file.write_text(heads[head] + (good, reddit)[head] * 3 + line)
                code, _, said = self.bring()
                self.assertEqual(code, 1)
                self.assertIn("line 5", said)
                self.assertIn(word, said)
                self.assertFalse(self.data.exists())
        self.file.write_text("a,b\n")
        self.assertEqual(self.bring()[0], 1)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
