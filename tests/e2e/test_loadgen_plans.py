#!/usr/bin/env python3
"""loadgen's plans against the real server, and the checker on what they leave behind: phases, storms,
vanishing clients, slow readers, cooldowns, replays and curves. And the checker itself: each kind of damage
to an honest history is found."""
import gzip, json, os, pathlib, signal, struct, subprocess, tempfile, unittest

import checker
from lib.server import Server, run, until

LOADGEN = pathlib.Path(os.environ.get("PIXELD_BUILD", "build/release")) / "tools/loadgen/loadgen"
FAST = ("--requests-per-second", "0")


def load(server, *more, code=0):
    """One run: its JSON, what it said, its acknowledgements."""
    with tempfile.TemporaryDirectory() as folder:
        out, acks = pathlib.Path(folder) / "result.json", pathlib.Path(folder) / "acks.csv"
        done = subprocess.run([LOADGEN, "--url", f"ws://{server.address}/ws", "--quiet", "--json", out, "--acks", acks,
                               *map(str, more)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}"
        return json.loads(out.read_text()), done.stdout, checker.read_acks(acks.read_text().splitlines())


def history(server):
    """What the journal holds; also of a server that runs."""
    code, out, err = run("journal", "dump", str(server.data))
    assert code == 0, err
    return checker.read_journal(out.splitlines(), 0, 1000)


def all_holds(server, acks):
    bitmap, seq = server.bitmap()
    records = until("the journal has it", lambda: [r for r in history(server) if r.seq <= seq])
    wrong = [sentence for _, sentences in checker.check(records, acks, bitmap) for sentence in sentences]
    assert not wrong, wrong[:3]


class Plans(unittest.TestCase):
    def test_phases_open_place_and_storm_and_everybody_ends_with_the_board(self):
        with Server("--cooldown-ms", "0", *FAST) as server:
            r, said, acks = load(server, "--phase", "ramp:500ms:100..400", "--phase", "hold:500ms:rate=400",
                                 "--phase", "storm:1s:reconnect=30%:rate=400", "--phase", "burst:300ms:rate=2000")
            self.assertEqual((r["clients"], r["clients_complete"], r["clients_lost"], r["reach"]), (400, 400, 0, 1), said)
            self.assertTrue(60 < r["broken_off"] < 180 and r["resumes"] == r["broken_off"], said)
            self.assertTrue(0 < r["broken_off_reset"] < r["broken_off"], said)
            self.assertTrue(1000 < r["placed"] < 1450, said)
            # the last one before a break may be known from the server's word instead of an acknowledgement
            self.assertTrue(r["acknowledged"] <= len(acks) <= r["acknowledged"] + r["looked_up"], said)
            all_holds(server, acks)

    def test_who_vanishes_is_not_waited_for(self):
        with Server("--cooldown-ms", "0", *FAST) as server:
            r, said, acks = load(server, "-c", 300, "--painters", 10, "--rate", 200, "--phase", "hold:300ms",
                                 "--phase", "storm:700ms:vanish=20%")
            self.assertTrue(20 < r["clients_vanished"] < 110 and r["resumes"] == 0, said)
            self.assertEqual((r["clients_checked"], r["clients_lost"]), (300 - r["clients_vanished"], 0), said)
            all_holds(server, acks)

    def test_slow_and_bulk_readers_check_every_byte(self):
        with Server("--cooldown-ms", "0", *FAST) as server:
            r, said, acks = load(server, "-c", 300, "--observers", 10, "--read-mark", "2KiB", "--slow-readers", 20,
                                 "--stop-reading", 5, "--receive-buffer", "4KiB", "--rate", 1000, "-T", "1500ms")
            self.assertEqual((r["clients_complete"], r["clients_checked"], r["reach"]), (295, 295, 1), said)
            self.assertEqual((r["observers"], r["read_mark"], r["clients_slow"]), (10, 2048, 20), said)
            all_holds(server, acks)

    def test_cooldown_is_kept_or_broken_on_purpose(self):
        with Server("--cooldown-ms", "300ms", *FAST) as server:
            plan = ("-c", 100, "--painters", 60, "--rate", 100, "-T", "2s", "--cooldown")
            r, said, _ = load(server, *plan, "keep")
            self.assertEqual((r["refused_total"], r["acknowledged"]), (0, r["placed"]), said)
            self.assertTrue(r["placed"] > 100, said)
            r, said, acks = load(server, "-c", 100, "--painters", 5, "--rate", 200, "-T", "1s", "--cooldown", "break")
            self.assertTrue(r["refused"]["cooldown"] > 50, said)

    def test_curve_is_played_faster_with_all_its_placements(self):
        with Server("--cooldown-ms", "0", *FAST) as server, tempfile.TemporaryDirectory() as folder:
            curve = pathlib.Path(folder) / "curve.csv.gz"
            curve.write_bytes(gzip.compress(b"minute_unix,placements\n60,200\n120,0\n180,400\n"))
            r, said, acks = load(server, "-c", 50, "--uniform", "--profile", curve, "--speedup", 180)
            self.assertTrue(596 <= r["placed"] <= 604, said)
            all_holds(server, acks)

    def test_replay_keeps_the_recorded_order_and_times(self):
        cells = [(second, (i * 7919 % 1000000) << 4 | i % 16) for second in range(5) for i in range(50)]
        with Server("--cooldown-ms", "0", *FAST) as server, tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "placements.bin"
            file.write_bytes(b"".join(struct.pack("<II", 1000 + s, word) for s, word in cells))
            r, said, acks = load(server, "-c", 20, "--replay", file, "--speedup", 5)
            self.assertEqual((r["placed"], r["acknowledged"]), (250, 250), said)
            self.assertEqual([(x.cell, x.color) for x in history(server)], [(w >> 4, w & 15) for _, w in cells])
            all_holds(server, acks)
            r, said, acks = load(server, "-c", 20, "--replay", file, "--painters", 4, "--phase", "hold:1s:rate=600")
            self.assertTrue(r["placed"] > 400, said)  # the file begins anew

    def test_replay_that_the_settings_do_not_allow_names_those_to_set(self):
        """As a new user meets it: a server as it is, and the recording of a crowd by one painter."""
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "placements.bin"
            file.write_bytes(b"".join(struct.pack("<II", 0, (i * 7919 % 1000000) << 4 | i % 16) for i in range(50000)))
            for flags in ((), ("--cooldown-ms", "0"), FAST):
                with self.subTest(flags), Server(*flags) as server:
                    r, said, _ = load(server, "-c", 20, "--replay", file, code=1)
                    self.assertIn("--cooldown-ms 0 --requests-per-second 0", r["words"])
                    self.assertIn("--cooldown-ms 0 --requests-per-second 0", said)
                    self.assertTrue(r["placed"] <= 2 * 1024, said)  # not the whole recording, to be refused
                    self.assertEqual(r["errors_total"], 0, said)

    def test_replay_of_a_frozen_board_says_that_it_is_frozen(self):
        with tempfile.TemporaryDirectory() as folder:
            file, config = pathlib.Path(folder) / "placements.bin", pathlib.Path(folder) / "frozen.ini"
            file.write_bytes(struct.pack("<II", 0, 5))
            config.write_text('[board "main"]\nfrozen = on\n')
            with Server("--config", config, "--cooldown-ms", "0", *FAST) as server:
                r, said, _ = load(server, "-c", 2, "--replay", file, code=1)
                self.assertIn("frozen = off", r["words"])

    def test_replay_that_does_not_fit_on_the_board_fails_at_any_pace(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "placements.bin"
            file.write_bytes(b"".join(struct.pack("<II", i // 10, (i * 7919 % 1000000) << 4 | i % 16) for i in range(50)))
            for size, name in (("100x100:4", "out_of_bounds"), ("1000x1000:2", "bad_color")):
                for pace in ((), ("--speedup", 5), ("--rate", 50)):
                    with self.subTest(size, pace=pace), Server("--board", "main:" + size, "--cooldown-ms", "0", *FAST) as server:
                        r, said, _ = load(server, "-c", 2, "--replay", file, *pace, code=1)
                        self.assertIn(name, r["words"])
                        self.assertIn("start it with a board that has room for all of the recording", r["words"])
                        self.assertIn("--board NAME:1000x1000:4", said)
                        self.assertEqual(r["errors_total"], 0, said)

    def test_run_whose_terminal_closes_goes_on_to_its_end(self):
        with Server("--cooldown-ms", "0", *FAST) as server, tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "result.json"
            process = subprocess.Popen([LOADGEN, "--url", f"ws://{server.address}/ws", "-c", "5", "--rate", "50", "-T",
                                        "2s", "--uniform", "--json", out], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
            for line in process.stderr:  # it is there from the start, and said once a second
                process.send_signal(signal.SIGHUP)
            self.assertEqual(process.wait(), 0)
            self.assertTrue(99 <= json.loads(out.read_text())["placed"] <= 101)

    def test_several_addresses_on_both_sides(self):
        with Server("--cooldown-ms", "0", *FAST, listen=("127.0.0.1:0", "127.0.0.2:0")) as server:
            r, said, acks = load(server, "--url", f"ws://{server.addresses[1]}/ws", "-c", 60, "--source",
                                 "127.0.0.5-127.0.0.7", "-T", "500ms")
            self.assertEqual((r["clients_complete"], r["reach"]), (60, 1), said)

    def test_who_gets_no_socket_holds_nobody_up(self):
        with Server("--cooldown-ms", "0", *FAST) as server:
            # every other client has an address that this machine does not have
            r, said, acks = load(server, "-c", 4, "--painters", 2, "--threads", 1, "--rate", 500, "--window", 4, "-T", "1s",
                                 "--source", "127.0.0.1,10.99.99.99", code=1)
            self.assertIn("no socket", said)
            # the window of who is not there is full after four
            self.assertTrue(r["clients_lost"] > 0 and r["placed"] > 30, said)
            all_holds(server, acks)

    def test_check_system_tells_what_the_host_allows(self):
        done = subprocess.run([LOADGEN, "--check-system", "--clients", "1000"], stdout=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)
        for word in ("RLIMIT_NOFILE", "local ports", "memory", "clients as it is"):
            self.assertIn(word, done.stdout)


class Checker(unittest.TestCase):
    """An honest history of 200 placements, and one damage at a time."""

    def setUp(self):
        self.records = [checker.Record(2 * i, 1, i, f"user{i % 7}", i * 3, i * 37 % 600, i % 16) for i in range(1, 201)]
        self.acks = [(r.request, r.seq, r.cell, r.color, "client " + r.user) for r in self.records if r.seq % 5]
        self.bitmap = checker.fold(self.records, 600, 4)

    def wrong(self):
        found = checker.check(self.records, self.acks, self.bitmap, 30, 20)
        return [what for what, sentences in found if sentences]

    def test_honest_history_passes(self):
        self.assertEqual(self.wrong(), [])

    def test_new_epoch_above_all_before_passes(self):
        self.records.append(checker.Record(500, 2, 900, "user", 1, 5, self.records[-1].color))
        self.bitmap = checker.fold(self.records, 600, 4)
        self.assertEqual(self.wrong(), [])

    def test_gap_is_found(self):
        del self.records[99]  # seq 100 was not acknowledged
        self.assertIn("order", self.wrong())

    def test_lost_acknowledgement_is_found(self):
        del self.records[-2]
        self.assertIn("acknowledged", self.wrong())

    def test_seq_twice_is_found(self):
        self.records.insert(50, self.records[50]._replace(lsn=101))
        self.assertIn("once", self.wrong())

    def test_request_twice_is_found(self):
        self.records.append(self.records[0]._replace(lsn=1000, seq=201))
        self.bitmap = checker.fold(self.records, 600, 4)
        self.assertEqual(self.wrong(), ["once"])

    def test_acknowledgement_twice_is_found(self):
        self.acks.append(self.acks[3])
        self.assertEqual(self.wrong(), ["acknowledged"])

    def test_other_color_is_found(self):
        request, seq, cell, color, client = self.acks[9]
        self.acks[9] = (request, seq, cell, color ^ 1, client)
        self.assertEqual(self.wrong(), ["acknowledged"])

    def test_acknowledgement_to_another_is_found(self):
        self.acks[9] = self.acks[9][:4] + (self.acks[10][4],)
        self.assertEqual(self.wrong(), ["acknowledged"])

    def test_one_cell_of_the_board_is_found(self):
        self.bitmap = bytes([self.bitmap[0] ^ 0x10]) + self.bitmap[1:]
        self.assertEqual(self.wrong(), ["board"])

    def test_later_epoch_below_is_found(self):
        self.records.append(checker.Record(500, 2, 150, "user", 1, 5, 5))
        self.bitmap = checker.fold(self.records, 600, 4)
        self.assertIn("order", self.wrong())

    def test_what_is_no_dump_is_refused(self):
        with self.assertRaises(checker.Unreadable):
            checker.read_journal(["lsn,board\n", "1,0\n"], 0, 30)
        with self.assertRaises(checker.Unreadable):
            checker.read_acks(["1,2,3\n"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
