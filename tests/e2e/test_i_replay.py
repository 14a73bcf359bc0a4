#!/usr/bin/env python3
"""All real placements through loadgen: over one connection, spread over painters, and with the server killed
again and again. The board must be what independent folds make. --kills N: so many kill -9 (default 5)."""
import argparse, json, os, pathlib, subprocess, sys, tempfile, threading, time, unittest

from lib import seed
from lib.server import PIXELD, Server, run, until

HERE = pathlib.Path(__file__).resolve().parent
LOADGEN = pathlib.Path(os.environ.get("PIXELD_BUILD", "build/release")) / "tools/loadgen/loadgen"
TRACE = pathlib.Path(os.environ.get("PIXELD_TRACES") or HERE.parents[2] / "shared/data") / "placements2017.bin.gz"
FLAGS = ("--cooldown-ms", "0", "--requests-per-second", "0", "--journal-segment-bytes", "64MiB")
KILLS = 5


def fold_file(out):
    subprocess.run([sys.executable, HERE / "fold.py", TRACE, "-o", out], check=True, stdout=subprocess.DEVNULL)
    return pathlib.Path(out).read_bytes()


def fold_journal(server):
    """The board that the journal's dump makes, in the order of seq, which must have no gap."""
    code, out, said = run("journal", "dump", server.data)
    assert code == 0, said
    head, *lines = out.splitlines()
    column = {name: i for i, name in enumerate(head.split(","))}
    board, last = bytearray(500000), 0
    for line in lines:
        row = line.split(",")
        last += 1
        assert int(row[column["seq"]]) == last, f"seq {row[column['seq']]} where {last} is due"
        cell = int(row[column["y"]]) * 1000 + int(row[column["x"]])
        shift = 0 if cell & 1 else 4
        board[cell >> 1] = board[cell >> 1] & (0xf0 >> shift) | int(row[column["color"]]) << shift
    return bytes(board), last


class Replay(unittest.TestCase):
    def replay(self, server, *flags):
        with tempfile.NamedTemporaryFile() as report:
            done = subprocess.run([LOADGEN, "--url", f"ws://127.0.0.1:{server.port}/ws", "--replay", TRACE,
                                   "--json", report.name, "--quiet", *flags], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=300)
            self.assertEqual(done.returncode, 0, done.stdout)
            told = json.loads(pathlib.Path(report.name).read_text())
        self.assertEqual(told["verdict"], "pass")
        self.assertEqual(told["reach"], 1)
        self.assertEqual(told["acknowledged"] + told["looked_up"], told["placed"])
        self.assertEqual(told["refused"], {})
        self.assertEqual(told["lost"], 0)
        return told

    def test_over_one_connection_in_file_order(self):
        with Server(*FLAGS) as server, tempfile.NamedTemporaryFile() as out:
            told = self.replay(server, "--clients", "1000")
            self.assertEqual(server.bitmap()[0], fold_file(out.name))
            board, last = fold_journal(server)
            self.assertEqual(last, told["placed"])
            self.assertEqual(board, server.bitmap()[0])

    def test_spread_over_200_painters(self):
        with Server(*FLAGS) as server:
            told = self.replay(server, "--clients", "1000", "--painters", "200")
            board, last = fold_journal(server)
            self.assertEqual(last, told["placed"])
            self.assertEqual(board, server.bitmap()[0])

    def test_with_kill_9_in_between(self):
        done = threading.Event()

        def kill_and_start(server):
            dice = seed.dice("kills")
            for _ in range(KILLS):
                begun = server.board()["seq"]
                until("placing goes on", lambda: server.board()["seq"] > begun or done.is_set())
                if done.wait(dice.uniform(0, 1.2)):
                    return
                server.kill()
                server.start()

        with Server(*FLAGS) as server, tempfile.NamedTemporaryFile() as out:
            killer = threading.Thread(target=kill_and_start, args=(server,))
            killer.start()
            try:
                told = self.replay(server, "--clients", "300", "--painters", "1", "--rate", "60000/s",
                                   "--resume")
            finally:
                done.set()
                killer.join()
            self.assertGreater(told["resumes"], 0, "no kill came in time")
            self.assertEqual(told["stale"], 0, "clients resume without fetching the board")
            self.assertEqual(server.bitmap()[0], fold_file(out.name))
            board, last = fold_journal(server)
            self.assertEqual(last, told["placed"])
            self.assertEqual(board, server.bitmap()[0])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=KILLS)
    options, rest = parser.parse_known_args()
    KILLS = options.kills
    if not LOADGEN.exists() or not TRACE.exists():
        print(f"{LOADGEN} is not built, or {TRACE} is not there")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
