#!/usr/bin/env python3
"""Every placement in PostgreSQL, once, whatever happens to either. Real instances of it, private to the test."""
import gzip, os, pathlib, re, shutil, struct, subprocess, tempfile, time, unittest

from lib import seed
from lib.client import Client
from lib.postgres import Postgres, Wire, dumped
from lib.reload import Reloaded
from lib.server import Server, run, until

BUILD = pathlib.Path(os.environ.get("PIXELD_BUILD", "build/release"))
MAKER = BUILD / "tests/bench_journal_make"
LOADGEN = BUILD / "tools/loadgen/loadgen"
TRACES = pathlib.Path(os.environ.get("PIXELD_TRACES") or pathlib.Path(__file__).resolve().parents[3] / "shared/data")
TRACE = TRACES / "placements2017.bin.gz"

FLAGS = ("--cooldown-ms", "0", "--requests-per-second", "0", "--postgres-batch-age-ms", "20ms")
BOARD = ("--board", "main:200x200:4")
TROUBLE = r"receiver_(waiting|behind|went_back|stopped|refused|quarantine)|postgres_setting"
SIZE = 200


class PostgresCase(unittest.TestCase):
    maxDiff = 2000
    count = 0

    @classmethod
    def setUpClass(cls):
        cls.pg = Postgres()

    @classmethod
    def tearDownClass(cls):
        cls.pg.clear()

    def setUp(self):
        PostgresCase.count += 1
        self.db = self.pg.create(f"test{PostgresCase.count}")
        self.random = seed.dice(self.id())

    def server(self, *flags, dsn=None, allowed=TROUBLE, board=BOARD, **options):
        return Server(*FLAGS, *board, "--postgres", dsn or self.pg.dsn(self.db), *flags, allowed=allowed, **options)

    def place(self, server, count):
        with Client(server, server.session()) as client:
            return client.place_all([(self.random.randrange(SIZE), self.random.randrange(SIZE), self.random.randrange(16))
                                     for _ in range(count)])

    @staticmethod
    def metric(server, name):
        return server.metric(f'receiver_{name}{{receiver="postgres"}}')

    def state(self, server, state):
        return server.metric(f'receiver_state{{receiver="postgres",state="{state}"}}') == 1

    def caught_up(self, server, seconds=60):
        until("the receiver is caught up", lambda: self.state(server, "following") and
              self.metric(server, "lag_records") == 0, seconds)

    def once(self, server, missing=()):
        """The table is the journal, row by row; the ledger counts it."""
        code, out, said = run("journal", "dump", server.data)
        self.assertEqual(code, 0, said)
        want = [row for row in dumped(out) if int(row[2]) not in missing]
        rows = self.pg.rows(self.db)
        self.assertEqual(len(rows), len(want))
        self.assertEqual(rows, want)
        self.assertEqual(int(self.pg.value("SELECT placements FROM pixeld.ledger", self.db)), len(rows))
        return rows


class Life(PostgresCase):
    def test_every_placement_is_there_once_and_sql_alone_makes_the_board(self):
        with self.server() as server:
            self.place(server, 20000)
            self.caught_up(server)
            self.once(server)
            packed, seq = server.bitmap()
            self.assertEqual(self.pg.bitmap(self.db, seq, SIZE, SIZE), packed)
            self.assertEqual(self.metric(server, "rows_total"), 20000)
            self.assertIn("the beginning of the journal", server.log())

    def test_a_rollback_is_rows_too_and_sql_alone_makes_its_board(self):
        with self.server() as server:
            self.place(server, 3000)
            token = (server.data / "admin.token").read_text().strip()
            answer = server.ask("POST", "/boards/main/rollback", {"Authorization": f"Bearer {token}"}, b'{"color":5}')
            self.assertEqual(answer.status, 200, answer)
            said = answer.json()
            self.place(server, 100)
            self.caught_up(server)
            self.once(server)
            packed, seq = server.bitmap()
            self.assertEqual(self.pg.bitmap(self.db, seq, SIZE, SIZE), packed)
            nobody = self.pg.query("SELECT count(*), min(request), max(request) FROM pixeld.placements"
                                   " WHERE user_id = '00000000-0000-0000-0000-000000000000'", self.db)
            self.assertEqual([int(n) for n in nobody[0]], [said["cells"], said["rollback"], said["rollback"]])
            server.stop()
            code, out, told = run("verify", "--data", server.data, "--postgres", self.pg.dsn(self.db))
            self.assertEqual(code, 0, out + told)

    def test_a_color_that_comes_by_a_reload_is_known_there(self):
        def text(*colors):
            return f'[board "main"]\nsize = {SIZE}x{SIZE}:4\npalette = {" ".join(colors)}\n'

        with Reloaded(text("white:#ffffff", "red:#ff0000"), *FLAGS, "--postgres", self.pg.dsn(self.db),
                      allowed=TROUBLE) as server, Client(server, server.session()) as client:
            client.subscribe()
            client.place(1, 1, 1)
            self.caught_up(server)
            server.reload(text("white:#ffffff", "scarlet:#ff2400", "gold:#ffd700"))
            client.place(2, 2, 2)
            until("the new palette is there", lambda: self.pg.value(
                "SELECT string_agg(rgb, ' ' ORDER BY color) FROM pixeld.palette", self.db) == "#FFFFFF #FF2400 #FFD700")
            self.caught_up(server)
            self.assertEqual(len(self.once(server)), 2)
            self.assertEqual(self.pg.value("SELECT string_agg(pixel_color, ' ' ORDER BY seq) FROM pixeld.reddit", self.db),
                             "#FF2400 #FFD700")
            self.assertEqual(self.metric(server, "retries_total"), 0)

    def test_a_restart_goes_on_where_it_was(self):
        with self.server() as server:
            for _ in range(3):
                self.place(server, 500)
                server.stop()
                self.assertIn("behind_records=0", server.log())
                server.start()
            self.place(server, 500)
            self.caught_up(server)
            self.once(server)
            self.assertEqual(server.log().count("receiver_attached"), 1)

    def test_kills_of_both_leave_neither_gap_nor_repetition(self):
        with self.server() as server:
            for turn in range(6):
                self.place(server, 2000)
                time.sleep(self.random.uniform(0, 0.03))
                if turn % 2 == 0:
                    server.kill()
                    server.start()
                else:
                    self.pg.kill()
                    self.place(server, 100)  # nobody waits for the database
                    self.pg.start()
            self.caught_up(server)
            self.once(server)

    def test_the_server_starts_and_serves_without_the_database(self):
        self.pg.stop()
        try:
            with self.server() as server:
                self.place(server, 1000)
                self.assertEqual(server.ask("GET", "/readyz").status, 200)
                self.assertGreater(self.metric(server, "lag_records"), 999)
                self.pg.start()
                self.caught_up(server)
                self.once(server)
        finally:
            self.pg.start()

    def test_the_end_of_the_server_does_not_wait_for_a_database_that_stands_still(self):
        with self.server() as server:
            self.place(server, 100)
            self.caught_up(server)
            self.pg.pause()
            try:
                self.place(server, 5000)
                self.assertGreater(self.metric(server, "lag_records"), 4000)
                begun = time.monotonic()
                server.stop()
                self.assertLess(time.monotonic() - begun, 60)
            finally:
                self.pg.resume()
            server.start()
            self.caught_up(server)
            self.once(server)

    def test_a_paused_database_is_left_and_found_again(self):
        with self.server("--postgres-timeout-ms", "1s") as server:
            self.place(server, 100)
            self.caught_up(server)
            self.pg.pause()
            try:
                self.place(server, 3000)
                until("it is waited for", lambda: "no sign of life" in server.log())
            finally:
                self.pg.resume()
            self.caught_up(server)
            self.once(server)


    @unittest.skipUnless(MAKER.exists(), "bench_journal_make is not built")
    def test_days_that_come_in_the_middle_of_a_batch_get_their_partitions(self):
        with tempfile.TemporaryDirectory() as place:
            data = pathlib.Path(place) / "data"
            subprocess.run([MAKER, data, "5000", "600000"], check=True, stdout=subprocess.DEVNULL)  # ten minutes apart
            with self.server(board=(), data=data) as server:
                self.caught_up(server)
                self.once(server)
                self.assertEqual(self.metric(server, "batches_total"), 1)
            names = self.pg.query("SELECT count(*) FROM pg_inherits WHERE inhparent = 'pixeld.placements'::regclass", self.db)
            self.assertGreater(int(names[0][0]), 5000 * 10 // 60 // 24)


class Connections(PostgresCase):
    def setUp(self):
        super().setUp()
        self.wire = Wire(self.pg)

    def tearDown(self):
        self.wire.close()

    def test_a_connection_cut_in_the_middle_of_copy(self):
        with self.server(dsn=self.pg.dsn(self.db, self.wire.port)) as server:
            self.place(server, 100)
            self.caught_up(server)
            for cut in range(1, 9):
                with self.wire.lock:
                    self.wire.cut_after = cut * 40000
                while self.wire.cuts < cut:
                    self.place(server, 2000)
                    self.caught_up(server)
            self.once(server)
            self.assertGreaterEqual(self.metric(server, "retries_total"), 8)

    def test_an_answer_to_commit_that_is_lost_is_asked_for(self):
        with self.server(dsn=self.pg.dsn(self.db, self.wire.port)) as server:
            self.place(server, 100)
            self.caught_up(server)
            for cut in range(1, 4):
                with self.wire.lock:
                    self.wire.swallow = b"moved_at = clock_timestamp(); COMMIT"
                self.place(server, 500)
                until("the cut", lambda: self.wire.cuts == cut)
                self.caught_up(server)
                self.once(server)

    def test_a_session_that_was_ended_by_an_administrator(self):
        with self.server() as server:
            for _ in range(5):
                self.place(server, 1000)
                self.pg.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pixeld'",
                              "postgres")
            self.place(server, 1000)
            self.caught_up(server)
            self.once(server)


class Patience(PostgresCase):
    def test_a_locked_table_is_waited_for(self):
        with self.server("--postgres-timeout-ms", "2s") as server:
            self.place(server, 100)
            self.caught_up(server)
            lock = subprocess.Popen([self.pg.bin / "psql", "-XAtq", "-h", self.pg.folder, "-p", str(self.pg.port), "-U", "pixeld",
                                     "-d", self.db], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            lock.stdin.write("BEGIN; LOCK TABLE pixeld.placements; SELECT 'locked';\n")
            lock.stdin.flush()
            self.assertEqual(lock.stdout.readline(), "locked\n")
            self.place(server, 1000)
            until("it is waited for", lambda: "locked or cancelled" in server.log())
            lock.communicate("COMMIT;\n")
            self.caught_up(server)
            self.once(server)

    def test_a_database_that_turned_read_only_is_waited_for(self):
        with self.server() as server:
            self.place(server, 100)
            self.caught_up(server)
            self.pg.query(f"ALTER DATABASE {self.db} SET default_transaction_read_only = on", "postgres")
            self.pg.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pixeld'",
                          "postgres")
            self.place(server, 100)
            until("it is waited for", lambda: "why=\"read-only: " in server.log())
            self.pg.query(f"ALTER DATABASE {self.db} SET default_transaction_read_only = off", "postgres")
            self.caught_up(server)
            self.once(server)

    def test_a_role_that_may_not_write_stops_it(self):
        with self.server() as server:
            self.place(server, 100)
            self.caught_up(server)
        self.pg.query("CREATE ROLE guest LOGIN; GRANT USAGE ON SCHEMA pixeld TO guest; "
                      "GRANT SELECT ON ALL TABLES IN SCHEMA pixeld TO guest", self.db)
        with self.server(dsn=self.pg.dsn(self.db).replace("user=pixeld", "user=guest")) as other:
            until("it stops", lambda: self.state(other, "stopped"))
            self.assertIn("not allowed", other.log())


class Refusals(PostgresCase):
    def test_the_database_of_another_journal(self):
        with self.server() as server:
            self.place(server, 10)
            self.caught_up(server)
            with self.server() as other:
                until("it stops", lambda: self.state(other, "stopped"))
                self.assertIn("wrong database: it belongs to journal", other.log())
                self.place(other, 100)
                self.assertEqual(other.ask("GET", "/readyz").status, 200)
            self.once(server)

    def test_a_database_that_is_ahead_and_one_of_another_history(self):
        with self.server() as server:
            self.place(server, 100)
            server.stop()
            copy = server.folder / "copy"
            shutil.copytree(server.data, copy)
            server.start()
            self.place(server, 500)
            self.caught_up(server)
            server.stop()
            shutil.rmtree(server.data)
            shutil.copytree(copy, server.data)
            server.start()
            until("it stops", lambda: self.state(server, "stopped"))
            self.assertIn("it is ahead: it holds records up to", server.said())
            server.stop()
            flags, server.flags = server.flags, [*server.flags, "--postgres", ""]
            server.start()
            self.place(server, 1000)
            server.stop()
            server.flags = flags
            server.start()
            until("it stops", lambda: self.state(server, "stopped"))
            self.assertIn("it has another history", server.said())
            self.assertEqual(int(self.pg.value("SELECT count(*) FROM pixeld.placements", self.db)), 600)

    def test_a_row_that_is_refused_goes_to_the_quarantine_and_the_rest_goes_on(self):
        with self.server() as server:
            self.place(server, 1000)
            self.caught_up(server)
            self.pg.query("ALTER TABLE pixeld.placements ADD CHECK (seq <> 2345)", self.db)
            self.place(server, 3000)
            self.caught_up(server)
            self.once(server, missing=(2345,))
            lines = (pathlib.Path(server.data) / "quarantine-postgres.csv").read_text().splitlines()
            self.assertEqual(len(lines), 1)
            self.assertEqual(lines[0].split(",")[3], "2345")
            self.assertEqual(self.metric(server, "quarantined_total"), 1)
            self.assertIn("receiver_quarantine", server.log())

    def test_a_table_that_refuses_everything_stops_it(self):
        with self.server() as server:
            self.place(server, 10)
            self.caught_up(server)
            self.pg.query("ALTER TABLE pixeld.placements ADD CHECK (seq <= 10)", self.db)
            self.place(server, 1000)
            until("it stops", lambda: self.state(server, "stopped"))
            self.assertIn("so the table is at fault", server.log())
            self.assertEqual(self.metric(server, "quarantined_total"), 100)

    def test_a_schema_that_was_changed_stops_it_and_it_goes_on_when_put_back(self):
        with self.server() as server:
            self.place(server, 10)
            self.caught_up(server)
            self.pg.query("ALTER TABLE pixeld.placements RENAME color TO colour", self.db)
            self.place(server, 10)
            until("it stops", lambda: self.state(server, "stopped"))
            self.assertIn("the schema is not as expected", server.log())
            self.assertEqual(server.ask("GET", "/readyz").status, 200)
            self.pg.query("ALTER TABLE pixeld.placements RENAME colour TO color", self.db)
            server.stop()
            server.start()
            self.caught_up(server)
            self.once(server)

    def test_rows_that_the_ledger_does_not_know_stop_it(self):
        with self.server() as server:
            self.place(server, 100)
            self.caught_up(server)
            self.pg.query("UPDATE pixeld.ledger SET lsn = lsn - 50, chain = 0", self.db)
            self.place(server, 10)
            until("it stops", lambda: self.state(server, "stopped"))
            self.assertIn("a row already exists", server.log())

    def test_a_trigger_that_takes_rows_away_is_seen(self):
        with self.server() as server:
            self.place(server, 10)
            self.caught_up(server)
            self.pg.query("CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS "
                          "'BEGIN IF new.seq % 2 = 0 THEN RETURN NULL; END IF; RETURN new; END'; "
                          "CREATE TRIGGER skip BEFORE INSERT ON pixeld.placements FOR EACH ROW EXECUTE FUNCTION skip()",
                          self.db)
            self.place(server, 10)
            until("it stops", lambda: self.state(server, "stopped"))
            self.assertIn("a trigger on pixeld.placements drops rows", server.log())
            self.assertEqual(int(self.pg.value("SELECT count(*) FROM pixeld.placements", self.db)), 10)

    def test_the_schema_by_hand(self):
        with self.server("--postgres-migrate=off") as server:
            until("it stops", lambda: self.state(server, "stopped"))
            self.assertIn("run `pixeld migrate", server.log())
            code, out, said = run("migrate", "--postgres", self.pg.dsn(self.db))
            self.assertEqual((code, out), (0, "schema pixeld: version 1 (it was 0)\n"), said)
            code, out, said = run("migrate", env={"PIXELD_POSTGRES": self.pg.dsn(self.db)})
            self.assertEqual((code, out), (0, "schema pixeld: version 1 (it was 1)\n"), said)
            server.stop()
            server.start()
            self.place(server, 10)
            self.caught_up(server)
            server.stop()
            self.pg.query("INSERT INTO pixeld.migrations (version, what) VALUES (99, 'later')", self.db)
            server.start()
            until("it stops", lambda: self.state(server, "stopped"))
            self.assertIn("start the newer program", server.said())
        self.assertEqual(run("migrate")[0], 2)
        self.assertEqual(run("migrate", "--postgres", f"host={self.pg.folder}/nowhere dbname=x")[0], 4)

    def test_a_dsn_that_nobody_understands_ends_the_start(self):
        with tempfile.TemporaryDirectory() as place:
            code, _, said = run("--data", f"{place}/data", "--listen", f"unix:{place}/s", "--postgres", "hots=127.0.0.1")
        self.assertEqual(code, 2)
        self.assertIn("not a DSN", said)


class Verify(PostgresCase):
    def verify(self, server, dsn=None, *flags):
        code, out, said = run("verify", "--data", server.data, "--postgres", dsn or self.pg.dsn(self.db), *flags)
        return code, out + said

    def test_rows_and_journal_are_held_against_each_other(self):
        with self.server() as server:
            self.place(server, 3000)
            self.caught_up(server)
            running = self.verify(server, None, "--server", server.url)
            server.stop()
            self.assertEqual(running[0], 0, running)  # beside the server, which has no snapshot yet
            for other in ("the database", "the server's memory"):
                self.assertIn(f"board main: seq 3000, epoch 1: the journal and {other} are equal", running[1])
            code, said = self.verify(server)
            self.assertEqual(code, 0, said)
            self.assertRegex(said, r"board main: seq 3000, epoch \d+: the journal and the database are equal")
            self.assertIn("3000 rows in the database, seq 1 to 3000", said)

            self.pg.query("UPDATE pixeld.placements SET color = (color + 1) % 16 WHERE seq = 3000", self.db)
            code, said = self.verify(server)
            self.assertEqual(code, 3, said)
            self.assertRegex(said, r"board main: block \d+ .* differs: the journal \w+, the database")
            self.pg.query("UPDATE pixeld.placements SET color = (color + 15) % 16 WHERE seq = 3000", self.db)

            self.pg.query("DELETE FROM pixeld.placements WHERE seq = 1500", self.db)
            code, said = self.verify(server)
            self.assertEqual(code, 3, said)
            self.assertIn("1 in between are missing", said)

            self.pg.query("UPDATE pixeld.ledger SET journal_id = journal_id + 1", self.db)
            code, said = self.verify(server)
            self.assertEqual(code, 1, said)
            self.assertIn("another journal", said)
            code, said = self.verify(server, f"host={self.pg.folder}/nowhere dbname=x")
            self.assertEqual(code, 4, said)
            self.assertIn("PostgreSQL:", said)


class Storage(PostgresCase):
    def test_a_database_that_was_restored_to_an_older_state_gets_what_it_lacks(self):
        with Postgres() as pg:
            self.pg, self.db = pg, pg.create("old")
            with self.server() as server:
                self.place(server, 1000)
                self.caught_up(server)
                pg.stop()
                subprocess.run(["cp", "-a", pg.data, pg.folder / "copy"], check=True)
                pg.start()
                self.place(server, 1000)
                self.caught_up(server)
                pg.stop()
                shutil.rmtree(pg.data)
                (pg.folder / "copy").rename(pg.data)
                pg.start()
                self.place(server, 1000)
                self.caught_up(server)
                self.once(server)
                self.assertIn("receiver_went_back", server.log())

    def test_settings_that_endanger_it_are_warned_about(self):
        with Postgres(fsync="off", synchronous_commit="off") as pg:
            self.pg, self.db = pg, pg.create("weak")
            with self.server() as server:
                self.place(server, 10)
                self.caught_up(server)
                self.assertIn("postgres_setting fsync=off", server.log())
                self.assertIn("postgres_setting synchronous_commit=off", server.log())

    @unittest.skipUnless(os.geteuid() == 0, "needs root for a disk of its own")
    def test_a_full_disk_is_waited_for(self):
        place = pathlib.Path(tempfile.mkdtemp(prefix="pixeld-pgdisk-"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128m", "tmpfs", place], check=True)
        try:
            with Postgres(folder=place) as pg:
                self.pg, self.db = pg, pg.create("small")
                with self.server() as server:
                    self.place(server, 1000)
                    self.caught_up(server)
                    with open(place / "fill", "wb") as fill:
                        try:
                            while True:
                                fill.write(bytes(1 << 16))
                                fill.flush()
                        except OSError:
                            pass
                    until("the disk is full", lambda: self.place(server, 2000) and
                          self.metric(server, "retries_total") > 0)
                    self.place(server, 2000)
                    (place / "fill").unlink()
                    if pg.process.poll() is not None:
                        pg.start()
                    self.caught_up(server)
                    self.once(server)
        finally:
            subprocess.run(["umount", "-l", place], check=False)
            place.rmdir()

    def test_journal_stays_until_it_is_received(self):
        self.pg.stop()
        try:
            with self.server("--journal-keep-bytes", "2MiB", "--snapshot-interval-s", "1",
                             allowed=TROUBLE + "|journal_segment_(unread|removed)") as server:
                for _ in range(6):
                    self.place(server, 20000)
                    time.sleep(0.6)
                until("retention has looked", lambda: "journal_segment_unread" in server.log())
                self.assertNotIn("journal_segment_removed", server.log())
                self.pg.start()
                self.caught_up(server)
                self.assertEqual(int(self.pg.value("SELECT count(*) FROM pixeld.placements", self.db)), 120000)
                until("then the oldest go", lambda: "journal_segment_removed" in server.log() or
                      self.place(server, 100) is None)
        finally:
            self.pg.start()

    def test_journal_may_be_dropped_unread_where_that_was_chosen(self):
        with self.server("--journal-free-bytes", "1000000GiB", "--journal-unread", "drop", "--snapshot-interval-s", "1",
                         allowed=TROUBLE + "|journal_segment_(unread|removed)|history_begins") as server:
            self.place(server, 100)
            self.caught_up(server)
            self.pg.stop()
            try:
                for _ in range(6):
                    self.place(server, 20000)
                    time.sleep(0.6)
                until("the oldest go", lambda: "unread: a receiver does not have it yet" in server.log())
            finally:
                self.pg.start()
            until("it stops", lambda: self.state(server, "stopped"))
            self.assertIn("those in between are gone", server.log())
            server.stop()
            server.flags += ["--journal-unread", "keep", "--journal-free-bytes", "0"]
            server.start()  # nothing goes any more; the gap is accepted as operations.md says
            until("it stops", lambda: self.state(server, "stopped"))
            first = int(re.search(r"begins with (\d+)", server.said())[1])
            self.pg.query(f"UPDATE pixeld.ledger SET lsn = {first} - 1, chain = 0", self.db)
            server.stop()
            server.start()
            self.caught_up(server)
            rows = int(self.pg.value("SELECT count(*) FROM pixeld.placements", self.db))
            self.assertTrue(100 < rows < 120100, rows)


@unittest.skipUnless(LOADGEN.exists() and TRACE.exists(), "no recorded placements, or no loadgen")
class Real(PostgresCase):
    def test_all_recorded_placements_make_their_board_by_sql_at_any_moment(self):
        words = [word for _, word in struct.iter_unpack("<II", gzip.decompress(TRACE.read_bytes()))]
        board, at = bytearray(500000), 0
        with self.server(board=()) as server:
            load = subprocess.Popen([LOADGEN, "--url", f"ws://127.0.0.1:{server.port}/ws", "--replay", TRACE, "--clients", "100",
                                     "--quiet"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            until("many are there", lambda: self.metric(server, "lsn") > 50000)
            self.pg.kill()
            self.pg.start()
            said = load.communicate(timeout=300)[0]
            self.assertEqual(load.returncode, 0, said)
            self.caught_up(server)
            self.once(server)
            for seq in sorted(self.random.sample(range(1, len(words)), 5)) + [len(words)]:
                for word in words[at:seq]:
                    cell, shift = word >> 4, 0 if word & 16 else 4
                    board[cell >> 1] = board[cell >> 1] & 0xf0 >> shift | (word & 15) << shift
                at = seq
                self.assertEqual(self.pg.bitmap(self.db, seq), bytes(board), f"at seq {seq}")
            self.assertEqual(server.bitmap(), (bytes(board), len(words)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
