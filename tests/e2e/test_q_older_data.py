#!/usr/bin/env python3
"""Data directories that older versions left behind, after a kill and with a torn tail (tests/fixture): the present
server finds all of it, and goes on. Its wall clock stands where it stood when the directory was left, so
that cooldowns run and requests are remembered."""
import json, os, pathlib, re, tarfile, tempfile, time, unittest

from lib.client import Board, Client
from lib.server import Server, run

FIXTURES = pathlib.Path(__file__).parent.parent / "fixture"
CLOCK = pathlib.Path(os.environ.get("PIXELD_BUILD", "build/release")).resolve() / "tests/e2e/clock_shift.so"
PARTS = ("data", "journal.csv", "told.json")


def kept(got, want):
    """Of an answer what was in it then: later versions add fields."""
    if isinstance(got, dict) and isinstance(want, dict):
        return {name: kept(got.get(name), value) for name, value in want.items()}
    if isinstance(got, list) and isinstance(want, list) and len(got) == len(want):
        return [kept(one, other) for one, other in zip(got, want)]
    return got


class Older:
    """What every such directory must give; the classes below name the version."""
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        cls.found = json.loads((FIXTURES / f"{cls.commit}.json").read_text())
        cls.people, cls.boards = cls.found["people"], cls.found["boards"]

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pixeld-older-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        with tarfile.open(FIXTURES / f"{self.commit}.tar.xz") as tar:
            for member in tar:
                assert member.name.split("/")[0] in PARTS and ".." not in member.name, member.name
                tar.extract(member, self.folder)
        self.data, self.csv = self.folder / "data", (self.folder / "journal.csv").read_text()
        self.told = json.loads((self.folder / "told.json").read_text())
        self.shift_ms = (self.found["left_at_ms"] // 1000 - int(time.time())) * 1000
        (self.folder / "ini").write_text(
            f'[board "main"]\nsize = {self.boards["main"]["size"]}\ncooldown-ms = {self.found["cooldown_ms"]}\n'
            f'[board "side"]\nsize = {self.boards["side"]["size"]}\ncooldown-ms = 0\n')

    def server(self):
        env = {"LD_PRELOAD": str(CLOCK), "CLOCK_SHIFT_MS": str(self.shift_ms)}
        return Server("--config", str(self.folder / "ini"), "--requests-per-second", "0", data=self.data, env=env,
                      allowed='warn recovery note=".*a write was cut short')

    def now_ms(self):
        return time.time() * 1000 + self.shift_ms

    def board_is(self, server, name, seq=None):
        want, board = self.boards[name], server.board(name)
        self.assertEqual((board["number"], board["epoch"], board["seq"]), (want["number"], want["epoch"], seq or want["seq"]))

    def put(self, server, person, x, y, color, board="main", key=None):
        fields = {"Authorization": "Bearer " + self.people[person]["token"], **({"Idempotency-Key": key} if key else {})}
        return server.ask("PUT", f"/boards/{board}/pixels/{x}/{y}", fields, {"color": color})

    def roll(self, server, **body):
        fields = {"Authorization": "Bearer " + (self.data / "admin.token").read_text().strip()}
        return server.ask("POST", "/boards/main/rollback", fields, body)

    def verified(self):
        """Of each board, what `pixeld verify` finds at the journal's end: seq, epoch, hash."""
        code, out, said = run("verify", "--data", self.data)
        self.assertEqual(code, 0, out + said)
        ends = re.findall(r"^board (\w+): at the journal's end: seq (\d+), epoch (\d+), hash (\w+)$", out, re.M)
        return {name: (int(seq), int(epoch), hash) for name, seq, epoch, hash in ends}

    def at_the_end(self):
        return {name: (board["seq"], board["epoch"], board["hash"]) for name, board in self.boards.items()}

    def test_it_is_whole_as_it_was_left(self):
        code, out, said = run("journal", "dump", self.data)
        self.assertEqual((code, out), (0, self.csv), said)
        self.assertIn("a write was cut short", said)
        self.assertEqual(self.verified(), self.at_the_end())

    def test_boards_are_recovered_without_loss(self):
        with self.server() as server:
            self.assertIn("a write was cut short", server.said())
            for name, board in self.boards.items():
                self.board_is(server, name)
                self.assertEqual(server.bitmap(name), (bytes.fromhex(board["bitmap"]), board["seq"]))

    def test_boards_are_the_same_from_an_older_snapshot_and_from_none(self):
        """Over the record of the epoch, and over rollbacks."""
        for snapshot in sorted(self.data.glob("snapshot-*.snap"), reverse=True)[:2]:
            snapshot.unlink()
            with self.server() as server:
                for name, board in self.boards.items():
                    self.board_is(server, name)
                    self.assertEqual(server.bitmap(name)[0].hex(), board["bitmap"])
                server.kill()

    def test_history_and_boards_of_the_past_are_read(self):
        with self.server() as server, server.http() as http:
            token = (self.data / "admin.token").read_text().strip()
            for want in self.found["answers"]:
                with self.subTest(want["path"]):
                    answer = http.ask("GET", want["path"], {"Authorization": "Bearer " + token})
                    self.assertEqual(answer.status, 200, answer)
                    self.assertEqual({field: answer.get(field) for field in want["fields"]}, want["fields"])
                    is_json = answer["content-type"] == "application/json"
                    self.assertEqual(kept(answer.json(), want["body"]) if is_json else answer.body.hex(), want["body"])

    def test_a_client_that_resumes_is_told_what_rollbacks_changed(self):
        with self.server() as server:
            for name, want in self.boards.items():
                epoch, seq = want["resume"]["epoch"], want["resume"]["seq"]
                before = server.ask("GET", f"/boards/{name}/bitmap?seq={seq}").body
                with self.subTest(name), Client(server) as client:
                    m = client.subscribe(name, epoch=epoch, seq=seq)
                    self.assertTrue(m["resumed"])
                    board = client.following[m["board"]] = Board(m, before, seq)
                    self.assertEqual(client.reach(board, want["seq"]).packed.hex(), want["bitmap"])

    def test_people_in_cooldown_still_are(self):
        waiting = [name for name, person in self.people.items() if person["cooldown_until_ms"]]
        self.assertGreater(len(waiting), 5)
        with self.server() as server:
            for name, person in self.people.items():
                with self.subTest(name):
                    before = self.now_ms()
                    said = server.ask("POST", "/session?board=main", {"Authorization": "Bearer " + person["token"]}).json()
                    after = self.now_ms()
                    self.assertEqual(said["user"], person["user"])
                    answer = self.put(server, name, 1, 1, 1)
                    if name in waiting:
                        # As exact as the two clocks and a turn that was late allow.
                        self.assertGreater(said["wait_ms"] + after, person["cooldown_until_ms"] - 1000)
                        self.assertLess(said["wait_ms"] + before, person["cooldown_until_ms"] + 60000)
                        self.assertEqual((answer.status, answer.error), (429, "cooldown"))
                    else:
                        self.assertEqual((said["wait_ms"], answer.status), (0, 200), answer)

    def remembered(self):
        """The placements that must be answered and not placed again."""
        last = {(board, name): seq for board, seq, name, *_ in self.told}  # a person's very last one always is
        from_lsn = 0
        if not self.remembers:
            from_lsn = max(int(path.stem.split("-")[1], 16) for path in self.data.glob("snapshot-*.snap"))
        lsns = {tuple(map(int, row.split(",")[1:4:2])): int(row.split(",")[0]) for row in self.csv.splitlines()[1:]}
        return [row for row in self.told if lsns[row[0], row[1]] > from_lsn or last[row[0], row[2]] == row[1]]

    def test_what_is_sent_again_is_answered_and_not_placed(self):
        again = self.remembered()
        self.assertGreater(len(again), 80)
        with self.server() as server:
            for person in self.people:
                mine = [row for row in again if row[2] == person]
                if not mine:
                    continue
                with self.subTest(person), Client(server, self.people[person]["token"]) as client:
                    for board, seq, _, x, y, color, request in mine:
                        m = client.place(x, y, color, board, request)
                        self.assertEqual((m["type"], m.get("seq")), ("placed", seq), m)
            key = self.found["key"]
            answer = self.put(server, key["person"], key["x"], key["y"], key["color"], key=key["key"])
            self.assertEqual(answer.json()["seq"], key["seq"], answer)
            for name in self.boards:
                self.board_is(server, name)

    def test_a_rollback_of_then_is_undone_now(self):
        rollbacks = next(answer["body"] for answer in self.found["answers"] if answer["path"] == "/boards/main/rollbacks")
        rows = [row.split(",") for row in self.csv.splitlines()[1:]]
        people = [(int(x), int(y), int(color)) for _, board, _, _, _, user, x, y, color, _ in rows if board == "0" and user.strip("0")]
        want = Board({"width": 40, "bits": 4, "epoch": 2}, bytes(600), 0)
        for cell in people:
            want.set(*cell)
        with self.server() as server:
            for one in rollbacks:
                if not one["undoes"] and not one["undone_by"]:
                    answer = self.roll(server, undo=one["rollback"])
                    self.assertEqual((answer.status, answer.json()["undoes"]), (200, one["rollback"]), answer)
            self.assertEqual(server.bitmap()[0], want.packed, "the newest placement of each cell")

    def test_the_journal_goes_on_over_two_more_starts(self):
        seq = self.boards["side"]["seq"]
        with self.server() as server:
            for end in (server.kill, server.stop, server.kill):
                self.assertEqual(self.put(server, "ann", 3, 3, 2, "side").json()["seq"], seq + 1)
                seq += 1
                end()
                self.assertEqual(self.verified()["side"][:2], (seq, self.boards["side"]["epoch"]))
                server.start()
                self.board_is(server, "main")
                self.board_is(server, "side", seq)
                self.assertEqual(self.put(server, "bob", 1, 1, 1).error, "cooldown")


class Before(Older, unittest.TestCase):
    """Before placements were remembered: snapshots of version 1."""
    commit, remembers = "26adf4b", False


class Remembering(Older, unittest.TestCase):
    """With a memory of requests: snapshots of version 2."""
    commit, remembers = "1a8a028", True


if __name__ == "__main__":
    unittest.main(verbosity=2)
