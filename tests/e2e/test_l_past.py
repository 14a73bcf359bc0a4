#!/usr/bin/env python3
"""What the journal does not have any more, out of PostgreSQL: boards and pixels of the past behind retention's border,
while the database is well, gone, hanging, strange, behind or with holes. Real instances of it, private to the test."""
import bisect, json, subprocess, threading, time, unittest

from lib import seed
from lib.client import Client
from lib.postgres import Postgres
from lib.server import Server, run, until

SIZE = 200
FLAGS = ("--cooldown-ms", "0", "--requests-per-second", "0", "--postgres-batch-age-ms", "20ms", "--board",
         f"main:{SIZE}x{SIZE}:4", "--journal-keep-bytes", "2MiB", "--snapshot-interval-s", "1")
ALLOWED = r"journal_segment_(removed|unread)|receiver_(waiting|behind|stopped)|history_away|epoch_renewed|postgres_setting"
HOT = (7, 7)  # a pixel that somebody places again and again
EPOCH_GAP = 1 << 32
HANGS_S = 1.5  # an answer that took longer was asked for in vain: the database has two seconds for it


def packed(placements):
    """The board after (x, y, color), as the bitmap has it: folded here, from nothing."""
    cells = bytearray(SIZE * SIZE)
    for x, y, color in placements:
        cells[y * SIZE + x] = color
    return bytes(high << 4 | low for high, low in zip(cells[::2], cells[1::2]))


class PastCase(unittest.TestCase):
    count = 0

    @classmethod
    def setUpClass(cls):
        cls.pg = Postgres()

    @classmethod
    def tearDownClass(cls):
        cls.pg.clear()

    def setUp(self):
        PastCase.count += 1
        self.db = self.pg.create(f"past{PastCase.count}")
        self.dice = seed.dice(f"case {PastCase.count}")
        self.placed = {}  # seq: (x, y, color)

    def server(self, *flags, postgres=True):
        return Server(*FLAGS, *flags, *(("--postgres", self.pg.dsn(self.db)) if postgres else ()), allowed=ALLOWED)

    def place(self, server, count):
        rows = [HOT + (i // 500 % 16,) if i % 500 == 0 else
                (self.dice.randrange(SIZE), self.dice.randrange(SIZE), self.dice.randrange(16)) for i in range(count)]
        with Client(server, server.session()) as painter:
            self.placed.update(zip(painter.place_all(rows), rows))

    @staticmethod
    def caught_up(server):
        until("the receiver is caught up", lambda: server.metric('receiver_lag_records{receiver="postgres"}') == 0 and
              server.metric('receiver_state{receiver="postgres",state="following"}') == 1)

    def border(self, server):
        """The first seq that the journal still has."""
        code, out, said = run("journal", "dump", server.data)
        self.assertEqual(code, 0, said)
        return min(int(line.split(",")[3]) for line in out.splitlines()[1:])

    def fill(self, server, receiver=True):
        """Until retention has taken the oldest files; gives the border."""
        while "journal_segment_removed" not in server.said():
            self.place(server, 10000)
            time.sleep(0.2)
        if receiver:
            self.caught_up(server)
        return self.border(server)

    def board(self, seq):
        return packed(self.placed[s] for s in sorted(self.placed) if s <= seq)

    def at(self, server, query, form="bitmap"):
        """Asks until it is not told to come again."""
        while True:
            answer = server.ask("GET", f"/boards/main/{form}?{query}")
            if answer.status != 503 or answer.error != "history_busy":
                return answer

    def same(self, server, *seqs):
        for seq in seqs:
            with self.subTest(seq=seq):
                answer = self.at(server, f"seq={seq}")
                self.assertEqual(answer.status, 200, answer)
                self.assertEqual(int(answer["x-board-seq"]), seq)
                self.assertEqual(answer.body, self.board(seq))

    def away(self, answer):
        self.assertEqual((answer.status, answer.error), (503, "history_away"), answer)
        self.assertIn("the journal does not reach back that far, and the database", answer.json()["error"]["message"])
        self.assertTrue(int(answer["retry-after"]) > 0)

    def page(self, server, x, y, limit=100, before=None):
        before = f"&before={before}" if before else ""
        while True:
            answer = server.ask("GET", f"/boards/main/pixels/{x}/{y}/history?limit={limit}{before}")
            if answer.status != 503 or answer.error != "history_busy":
                return answer

    def pixel(self, server, x, y, limit=100):
        """All of it, page by page, oldest first: (seq, color), and whether it is complete."""
        found, before = [], None
        while True:
            answer = self.page(server, x, y, limit, before)
            self.assertEqual(answer.status, 200, answer)
            said = answer.json()
            found += [(p["seq"], p["color"]) for p in said["placements"]]
            before = said["next"]
            if before is None:
                return found[::-1], said["complete"]

    def of_pixel(self, x, y):
        return [(seq, p[2]) for seq, p in sorted(self.placed.items()) if p[:2] == (x, y)]

    def nobody_is_connected(self):
        until("no connection is left", lambda: self.pg.value(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pixeld%'", "postgres") == "0")


class Reach(PastCase):
    def test_boards_before_at_and_behind_the_border_are_those_of_a_fold(self):
        with self.server() as server:
            border, now = self.fill(server), max(self.placed)
            self.assertGreater(border, 10000)
            seqs = [0, 1, 2, 777, border // 2, border - 1, border, border + 1, (border + now) // 2, now]
            self.same(server, *seqs)
            self.same(server, *reversed(seqs))
            self.same(server, *(self.dice.randrange(now + 1) for _ in range(20)))
            rows = self.pg.query("SELECT seq, (extract(epoch FROM placed_at) * 1000)::bigint FROM pixeld.placements "
                                 "ORDER BY seq", self.db)
            times = [int(ms) for _, ms in rows]
            self.assertEqual(times, sorted(times))
            for seq in (1, 500, border - 1, border, self.dice.randrange(now)):
                due = bisect.bisect_right(times, times[seq - 1])
                answer = self.at(server, f"at={times[seq - 1]}")
                self.assertEqual((answer.status, int(answer["x-board-seq"]), answer["x-board-epoch"]), (200, due, "1"))
                self.assertEqual(answer.body, self.board(due))
            answer = self.at(server, "at=0")
            self.assertEqual((answer.status, answer["x-board-seq"], answer.body), (200, "0", packed([])))
            picture = self.at(server, "seq=5", "image.png")
            self.assertEqual((picture.status, picture["x-board-seq"], picture.body[:4]), (200, "5", b"\x89PNG"))
            self.assertEqual(server.metric("history_away_total"), 0)
        self.nobody_is_connected()

    def test_a_pixel_over_the_border_has_each_placement_once(self):
        with self.server() as server:
            border, now = self.fill(server), max(self.placed)
            due = self.of_pixel(*HOT)
            self.assertTrue(due[0][0] < border < due[-1][0])
            for limit in (1, 7, 100):
                self.assertEqual(self.pixel(server, *HOT, limit), (due, True))
            for _ in range(20):
                x, y = self.dice.randrange(SIZE), self.dice.randrange(SIZE)
                self.assertEqual(self.pixel(server, x, y), (self.of_pixel(x, y), True))
            for before in (border - 1, border, border + 1, 1, 500, now + 1):
                said = self.page(server, *HOT, 100, before).json()
                want = [p for p in due if p[0] < before][-100:]
                self.assertEqual([(p["seq"], p["color"]) for p in reversed(said["placements"])], want)
                self.assertTrue(said["complete"] or said["next"] is not None)
            newest = server.ask("GET", "/boards/main/pixels/7/7").json()
            self.assertEqual(self.page(server, *HOT).json()["placements"][0]["user"], newest["user"])
            rows = self.pg.query("SELECT seq, replace(user_id::text, '-', ''), (extract(epoch FROM placed_at) * 1000)::bigint "
                                 f"FROM pixeld.placements WHERE x = 7 AND y = 7 AND seq < {border} ORDER BY seq DESC", self.db)
            said = self.page(server, *HOT, 100, border).json()["placements"]
            self.assertEqual([(str(p["seq"]), p["user"], str(p["placed_at"])) for p in said], [tuple(r) for r in rows[:100]])

    def test_a_rollback_behind_the_border_is_told_as_one(self):
        with self.server() as server:
            self.place(server, 2000)
            token = (server.data / "admin.token").read_text().strip()
            one = {"x": HOT[0], "y": HOT[1], "width": 1, "height": 1}
            answer = server.ask("POST", "/boards/main/rollback", {"Authorization": f"Bearer {token}"},
                                json.dumps({"area": one}).encode())
            self.assertEqual((answer.status, answer.json()["cells"]), (200, 1), answer)
            made = answer.json()
            self.placed[made["seq"]] = HOT + (0,)
            border = self.fill(server)
            self.assertGreater(border, made["seq"])
            self.same(server, made["seq"] - 1, made["seq"], made["seq"] + 1)
            told = self.page(server, *HOT, 1, made["seq"] + 1).json()["placements"][0]
            self.assertEqual((told["seq"], told["color"], told["user"], told["rollback"]),
                             (made["seq"], 0, None, made["rollback"]))
            self.assertEqual(self.pixel(server, *HOT), (self.of_pixel(*HOT), True))

    def test_epochs_that_begin_after_a_crash_are_no_holes(self):
        with self.server("--journal-sync", "interval") as server:
            for _ in range(3):
                self.place(server, 2000)
                self.caught_up(server)
                server.kill()
                server.start()
            border, now = self.fill(server), max(self.placed)
            seqs = sorted(self.placed)
            self.assertGreater(now, 3 * EPOCH_GAP)
            self.assertGreater(border, EPOCH_GAP)
            self.same(server, *self.dice.sample(seqs, 12), seqs[0], seqs[1999], seqs[2000], border)
            between = self.at(server, f"seq={seqs[2000] - 5}")  # was never given out
            self.assertEqual((between.status, between.body), (200, self.board(seqs[1999])))
            self.assertEqual(self.pixel(server, *HOT), (self.of_pixel(*HOT), True))

    def test_a_database_that_is_behind_is_joined_with_the_journal(self):
        with self.server() as server:
            self.fill(server)
            end = max(self.placed)
            lock = subprocess.Popen([self.pg.bin / "psql", "-XAtq", "-h", self.pg.folder, "-p", str(self.pg.port), "-U", "pixeld",
                                     "-d", self.db], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            lock.stdin.write("BEGIN; LOCK TABLE pixeld.placements IN SHARE MODE; SELECT 'locked';\n")  # readers may
            lock.stdin.flush()
            self.assertEqual(lock.stdout.readline(), "locked\n")
            for _ in range(4):  # two snapshots behind the database's end, at least
                self.place(server, 10000)
                time.sleep(1.2)
            self.assertEqual(int(self.pg.value("SELECT max(seq) FROM pixeld.placements", self.db)), end)
            border, now = self.border(server), max(self.placed)
            self.assertLessEqual(border, end + 1)
            self.same(server, 1, border - 1, end - 1, end, end + 1, end + 2, end + 3000, end + 9999, now, 5, end + 1)
            self.assertEqual(self.pixel(server, *HOT), (self.of_pixel(*HOT), True))
            self.assertEqual(int(self.pg.value("SELECT max(seq) FROM pixeld.placements", self.db)), end)
            lock.communicate("COMMIT;\n")
            self.caught_up(server)
            self.same(server, end + 1, border)


class Trouble(PastCase):
    def test_a_database_that_is_gone_and_comes_back(self):
        with self.server() as server:
            border, now = self.fill(server), max(self.placed)
            self.same(server, 5)
            self.pg.kill()
            try:
                for _ in range(5):
                    self.away(self.at(server, "seq=4"))
                    self.away(self.at(server, "at=0"))
                self.same(server, now)
                self.assertEqual(server.metric("history_away_total"), 10)
                # a pixel is told as far as the journal has it, and then is asked for where it goes on
                want, told, before = [p for p in self.of_pixel(*HOT) if p[0] >= border], [], None
                while len(told) < len(want):  # one page, or more where the server is slow
                    said = self.page(server, *HOT, 100, before).json()
                    told += [(p["seq"], p["color"]) for p in said["placements"]]
                    before = said["next"]
                self.assertEqual(told[::-1], want)
                self.assertIsNotNone(said["next"])
                self.assertFalse(said["complete"])
                self.away(self.page(server, *HOT, 100, border))
                self.place(server, 1000)
            finally:
                self.pg.start()
            until("it is asked again", lambda: self.at(server, "seq=4").status == 200)
            self.same(server, 4, 700, border - 1)
            self.assertEqual(self.pixel(server, *HOT), (self.of_pixel(*HOT), True))

    def test_a_database_that_hangs_holds_up_neither_the_journal_nor_placing_nor_the_end(self):
        with self.server() as server:
            self.fill(server)
            self.same(server, 5)
            self.pg.pause()
            try:
                until("people place while a question hangs", lambda: self.placed_beside(server, "seq=9") > 20)
                now, hung = max(self.placed), 0
                for _ in range(20):
                    hung += self.slow(server, "seq=9", HANGS_S)
                    self.same(server, now)
                self.assertLess(hung, 10, "it is asked again each time")
                until("the pause is over", lambda: self.slow(server, "seq=9", HANGS_S))
                with server.http() as http:
                    http.send(http.request("GET", "/boards/main/bitmap?seq=3"))
                    time.sleep(0.1)
                    begun = time.monotonic()
                    server.stop()
                    self.assertLess(time.monotonic() - begun, 60)
            finally:
                self.pg.resume()
            server.start()
            self.caught_up(server)
            self.same(server, 9, 3)
        self.nobody_is_connected()

    def placed_beside(self, server, query):
        """How many placements are answered while a question hangs."""
        count, told = 0, []
        with Client(server, server.session()) as painter:
            asker = threading.Thread(target=lambda: told.append(self.at(server, query)))
            asker.start()
            while asker.is_alive():
                self.placed[painter.place(3, 3, count % 16)["seq"]] = (3, 3, count % 16)
                count += 1
        self.away(told[0])
        return count

    def slow(self, server, query, seconds=0.5):
        begun = time.monotonic()
        self.away(self.at(server, query))
        return time.monotonic() - begun > seconds

    def test_the_end_while_a_question_hangs_does_not_wait_for_it(self):
        with self.server() as server:
            self.fill(server)
            self.pg.pause()
            try:
                with server.http() as http:
                    http.send(http.request("GET", "/boards/main/bitmap?seq=3"))
                    time.sleep(0.3)
                    begun = time.monotonic()
                    server.stop()
                    self.assertLess(time.monotonic() - begun, 60)
            finally:
                self.pg.resume()
        self.nobody_is_connected()

    def test_a_connection_that_an_administrator_ended_is_made_anew(self):
        with self.server() as server:
            self.fill(server)
            for seq in (5, 50, 500):
                self.same(server, seq)
                self.pg.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pixeld history'",
                              "postgres")
            self.assertEqual(self.pixel(server, *HOT), (self.of_pixel(*HOT), True))
            self.assertNotIn("history_away", server.log())

    def test_tables_that_are_locked_are_not_waited_for(self):
        with self.server() as server:
            self.fill(server)
            lock = subprocess.Popen([self.pg.bin / "psql", "-XAtq", "-h", self.pg.folder, "-p", str(self.pg.port), "-U", "pixeld",
                                     "-d", self.db], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            lock.stdin.write("BEGIN; LOCK TABLE pixeld.placements; SELECT 'locked';\n")
            lock.stdin.flush()
            self.assertEqual(lock.stdout.readline(), "locked\n")
            begun = time.monotonic()
            self.away(self.at(server, "seq=9"))
            self.assertLess(time.monotonic() - begun, 60)
            self.assertIn("history_away why=\"locked or cancelled", server.log())
            lock.communicate("COMMIT;\n")
            until("it is asked again", lambda: self.at(server, "seq=9").status == 200)
            self.same(server, 9)

    def test_questions_in_a_crowd_while_placing_goes_on(self):
        with self.server() as server:
            border = self.fill(server)
            stop, answers, wrong = threading.Event(), [], []

            def ask(number):
                dice = seed.dice(number)
                while not stop.is_set():
                    seq = dice.randrange(border)
                    answer = self.at(server, f"seq={seq}")
                    answers.append(answer.status)
                    if answer.status != 200 or int(answer["x-board-seq"]) != seq:
                        wrong.append(answer)

            askers = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
            for asker in askers:
                asker.start()
            self.place(server, 20000)
            stop.set()
            for asker in askers:
                asker.join()
            self.assertEqual(wrong, [])
            self.assertGreater(len(answers), 0)
            self.caught_up(server)


class Strange(PastCase):
    def test_the_database_of_another_journal_is_not_asked(self):
        with self.server() as server:
            border = self.fill(server)
            self.pg.query("UPDATE pixeld.ledger SET journal_id = journal_id + 1", self.db)
            self.away(self.at(server, "seq=9"))
            self.assertIn("another journal", server.log())
            self.assertNotIn("receiver_stopped", server.log())
            server.stop()
            server.start()
            until("the receiver has seen it", lambda:
                  server.metric('receiver_state{receiver="postgres",state="stopped"}') == 1)
            for _ in range(3):
                self.away(self.at(server, "seq=9"))
            self.away(self.page(server, *HOT, 100, border))
            self.same(server, max(self.placed))
            self.pg.query("UPDATE pixeld.ledger SET journal_id = journal_id - 1", self.db)
            server.stop()
            server.start()
            self.caught_up(server)
            self.same(server, 9)

    def test_a_database_that_began_later_says_that_it_did(self):
        with self.server(postgres=False) as server:
            self.fill(server, receiver=False)
            gone = self.at(server, "seq=9")
            self.assertEqual((gone.status, gone.error), (410, "history_gone"))
            server.stop()
            server.flags += ["--postgres", self.pg.dsn(self.db)]
            server.start()
            self.caught_up(server)
            began = int(self.pg.value("SELECT min(seq) FROM pixeld.placements", self.db))
            self.assertGreater(began, 1)
            border = self.fill(server)  # what the database alone has, is more now
            self.assertGreater(border, began)
            for seq in (0, 9, began - 1, began, (began + border) // 2):
                gone = self.at(server, f"seq={seq}")
                self.assertEqual((gone.status, gone.error), (410, "history_gone"), seq)
            since = int(gone.json()["error"]["message"].split("seq ")[1].split()[0])
            self.same(server, since, max(self.placed))
            self.assertEqual(self.pixel(server, *HOT), ([p for p in self.of_pixel(*HOT) if p[0] >= began], False))

    def test_an_empty_database_has_no_past(self):
        with self.server() as server:
            self.fill(server)
            other, self.db = self.db, self.pg.create(f"{self.db}empty")
            server.stop()
            server.flags[server.flags.index("--postgres") + 1] = self.pg.dsn(self.db)
            server.start()
            self.caught_up(server)
            gone = self.at(server, "seq=9")
            self.assertEqual((gone.status, gone.error), (410, "history_gone"))
            self.assertFalse(self.pixel(server, *HOT)[1])

    def test_holes_are_seen(self):
        with self.server() as server:
            border = self.fill(server)
            hole = 500
            row = self.pg.value(f"DELETE FROM pixeld.placements WHERE seq = {hole} RETURNING (placements)::text", self.db)
            self.same(server, hole - 1, 3)
            for seq in (hole, hole + 1, border - 1):
                self.assertEqual(self.at(server, f"seq={seq}").status, 410, seq)
            x, y = next(p[:2] for seq, p in self.placed.items() if seq > hole and p[:2] != HOT)
            self.assertEqual(self.pixel(server, x, y), (self.of_pixel(x, y), False))
            self.pg.query(f"INSERT INTO pixeld.placements SELECT (r).* FROM (SELECT '{row}'::pixeld.placements AS r) q", self.db)
            self.same(server, hole, border - 1)
            self.assertEqual(self.pixel(server, x, y), (self.of_pixel(x, y), True))
            # days that were dropped while the server runs
            self.pg.query("DELETE FROM pixeld.placements WHERE seq <= 100", self.db)
            self.assertEqual(self.pixel(server, x, y), ([p for p in self.of_pixel(x, y) if p[0] > 100], False))
            server.stop()
            server.start()
            self.caught_up(server)
            self.assertEqual(self.at(server, "seq=50").status, 410)
            # and those at the border: between the database and the journal something is in neither
            self.pg.query(f"DELETE FROM pixeld.placements WHERE seq > {border - 10}", self.db)
            self.assertEqual(self.at(server, f"seq={border - 5}").status, 410)
            self.assertFalse(self.pixel(server, x, y)[1])


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
