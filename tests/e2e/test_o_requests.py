#!/usr/bin/env python3
"""Placements that are sent again: answered from memory and placed once, whatever became of the server meanwhile; and
numbers and keys that are used for something else."""
import collections, pathlib, shutil, struct, tempfile, unittest

from lib.client import Client
from lib.server import Server, run
from lib.websocket import BINARY, frame

FLAGS = ("--cooldown-ms", "0", "--requests-per-second", "0", "--snapshot-interval-s", "86400")
WINDOW = 1100  # what one connection may have unanswered
BEFORE = pathlib.Path(__file__).parent / "data_before_requests"


def put(server, token, x, y, color, key=None):
    fields = {"Authorization": "Bearer " + token, **({} if key is None else {"Idempotency-Key": key})}
    return server.ask("PUT", f"/boards/main/pixels/{x}/{y}", fields, {"color": color})


def journal(server):
    """The placements of the journal: (user, request) and how often."""
    code, out, said = run("journal", "dump", server.data)
    assert code == 0, said
    head, *rows = (line.split(",") for line in out.splitlines())
    return collections.Counter((row[head.index("user")], row[head.index("request")]) for row in rows)


class Restart:
    """Ways for a server to go and come back."""

    @staticmethod
    def killed(server):
        server.kill()
        server.start()

    @staticmethod
    def stopped(server):
        server.stop()
        server.start()

    @staticmethod
    def stopped_and_killed(server):
        """What the snapshot of the stop knows, and what the journal has behind it."""
        server.stop()
        server.start()
        put(server, server.session(), 9, 9, 9)
        server.kill()
        server.start()


RESTARTS = (lambda server: None, Restart.killed, Restart.stopped, Restart.stopped_and_killed)


class Keys(unittest.TestCase):
    def test_every_recent_key_is_answered_also_after_restarts(self):
        with Server(*FLAGS) as server:
            token = server.session()
            keys = {f"key-{i}": put(server, token, i, 0, i % 16, f"key-{i}").json()["seq"] for i in range(30)}
            other = server.session()
            for restart in RESTARTS:
                with self.subTest(restart):
                    restart(server)
                    for i, (key, seq) in enumerate(keys.items()):
                        self.assertEqual(put(server, token, i, 0, i % 16, key).json()["seq"], seq)
            self.assertGreater(put(server, other, 0, 0, 0, "key-0").json()["seq"], max(keys.values()), "a person's own")

    def test_a_key_with_another_body_is_refused_also_after_restarts(self):
        with Server(*FLAGS) as server:
            token = server.session()
            first = put(server, token, 5, 6, 7, "a").json()["seq"]
            put(server, token, 1, 1, 1, "b")
            for restart in RESTARTS:
                with self.subTest(restart):
                    restart(server)
                    seq = server.board()["seq"]
                    for x, y, color in ((6, 6, 7), (5, 7, 7), (5, 6, 8), (5, 6, 200), (4000, 6, 7), (70000, 70000, 70000),
                                        (1005, 5, 7)):  # the last one is the same cell by its number
                        answer = put(server, token, x, y, color, "a")
                        self.assertEqual((answer.status, answer.error), (422, "key_reused"))
                    self.assertEqual(put(server, token, 5, 6, 7, "a").json()["seq"], first)
                    self.assertEqual(server.board()["seq"], seq)

    def test_without_a_key_each_put_places(self):
        with Server(*FLAGS) as server:
            token = server.session()
            seqs = [put(server, token, 1, 2, 3, key).json()["seq"] for key in (None, None, "", None, "")]
            self.assertEqual(seqs, list(range(1, 6)))
            Restart.killed(server)
            self.assertEqual(put(server, token, 1, 2, 3).json()["seq"], 6)

    def test_what_was_refused_is_not_remembered(self):
        with Server(*FLAGS) as server:
            token = server.session()
            self.assertEqual(put(server, token, 1, 2, 200, "a").error, "bad_color")
            self.assertEqual(put(server, token, 1, 2, 3, "a").json()["seq"], 1)


class Settings(unittest.TestCase):
    def test_the_check_of_the_configuration_says_what_the_memory_takes(self):
        with tempfile.TemporaryDirectory(prefix="pixeld-e2e-") as folder:
            code, out, said = run("--check-config", "--requests-max", "2m", "--data", f"{folder}/nothing")
        self.assertEqual(code, 0, said)
        self.assertIn("remembered for ten minutes: 2000000, which take 154 MiB", out)


class Rules(unittest.TestCase):
    def config(self, server, text):
        path = server.folder / "pixeld.ini"
        path.write_text(f'[board "main"]\nsize = 100x100:4\n{text}\n')
        server.flags = [*server.flags, "--config", str(path)]

    def repeated_under(self, text):
        """Places, restarts with other rules for the board, sends the same again."""
        with Server(*FLAGS, "--board", "main:100x100:4") as server:
            token = server.session()
            seqs = [put(server, token, i, 0, 15, f"{i}").json()["seq"] for i in range(3)]
            server.stop()
            server.flags = [flag for flag in server.flags if "board" not in flag and "main" not in flag]
            self.config(server, text)
            server.start()
            self.assertEqual([put(server, token, i, 0, 15, f"{i}").json()["seq"] for i in range(3)], seqs)
            self.assertEqual(put(server, token, 7, 0, 15, "0").error, "key_reused")
            return put(server, token, 7, 7, 15, "new").error

    def test_a_repeat_is_answered_on_a_frozen_board(self):
        self.assertEqual(self.repeated_under("frozen = on"), "frozen")

    def test_a_repeat_is_answered_during_the_cooldown(self):
        self.assertEqual(self.repeated_under("cooldown-ms = 1h"), "cooldown")


class Numbers(unittest.TestCase):
    def place_again(self, client, *numbers):
        return [client.place(number % 100, 1, 2, request=number)["seq"] for number in numbers]

    def test_zero_is_a_number_like_others(self):
        for protocol in ("pixeld.v1", "pixeld.v1.json"):
            with self.subTest(protocol), Server(*FLAGS) as server:
                token = server.session()
                with Client(server, token, protocol) as client:
                    client.subscribe()
                    self.assertEqual(self.place_again(client, 0, 0, 5, 0, 5), [1, 1, 2, 1, 2])
                    self.assertEqual(client.place(1, 1, 1, request=0)["code"], "key_reused")
                for restart in RESTARTS[1:]:
                    restart(server)
                    with Client(server, token, protocol) as client:
                        client.subscribe()
                        self.assertEqual(self.place_again(client, 0, 5, 0), [1, 2, 1])
                        self.assertEqual(client.place(0, 1, 3, request=0)["code"], "key_reused")

    def test_zero_as_the_last_one_is_told(self):
        with Server(*FLAGS) as server:
            token = server.session()
            with Client(server, token) as client:
                client.subscribe()
                client.place(1, 1, 1, request=9)
                client.place(1, 1, 2, request=0)
            Restart.killed(server)
            with Client(server, token) as client:
                client.subscribe()
                you = client.wait("you")
                self.assertEqual((you["last_request"], you["last_seq"]), (0, 2))

    def test_another_pixel_under_the_last_number_is_refused_also_when_others_pushed_it_out(self):
        with Server(*FLAGS, "--requests-max", "16384") as server, Client(server, server.session()) as client:
            client.subscribe()
            seq = client.place(1, 1, 1, request=5)["seq"]
            for _ in range(10):
                with Client(server, server.session()) as other:
                    other.place_all([(i % 100, 2, i % 16) for i in range(3300)])
            self.assertGreater(server.metric("placements_forgotten_early_total"), 0)
            self.assertEqual(client.place(9, 9, 7, request=5)["code"], "key_reused")
            self.assertEqual(client.place(1, 1, 1, request=5)["seq"], seq)

    def send_all(self, client, placements):
        client.send_raw(b"".join(frame(BINARY, struct.pack("<BHHHBQ", 3, 0, x, y, color, request))
                                 for request, (x, y, color) in placements.items()))

    def test_all_that_was_in_flight_is_sent_again_and_placed_once(self):
        """1,100 on a connection, the server killed somewhere among them; all are sent again, and again."""
        with Server(*FLAGS) as server:
            token = server.session()
            placements = {2 ** 63 + i: (i % 100, i // 100, i % 16) for i in range(WINDOW)}
            client = Client(server, token)
            self.send_all(client, placements)
            before = {}
            while len(before) < 100:  # some are acknowledged, others are on their way
                m = client.wait("placed")
                before[m["request"]] = m["seq"]
            server.kill()
            client.socket.close()
            seqs = {}
            for restart in (lambda server: server.start(), *RESTARTS):
                restart(server)
                with Client(server, token) as client:
                    self.send_all(client, placements)
                    answers = [client.wait("placed") for _ in placements]
                again = {m["request"]: m["seq"] for m in answers}
                self.assertEqual(again.keys(), placements.keys())
                self.assertEqual({request: again[request] for request in before}, before)
                self.assertEqual(again, seqs or again)
                seqs = again
            self.assertEqual(len(set(seqs.values())), WINDOW)
            server.stop()
            self.assertEqual(set(journal(server).values()), {1})

    def test_more_than_the_last_of_a_person_are_forgotten(self):
        with Server(*FLAGS) as server:
            token = server.session()
            with Client(server, token) as client:
                client.requests = 0
                client.place_all([(i % 1000, 7, i % 16) for i in range(5 * WINDOW)])
                for restart in RESTARTS:
                    restart(server)
                    with Client(server, token) as client:
                        for i in range(4 * WINDOW, 5 * WINDOW, 99):
                            self.assertEqual(client.place(i % 1000, 7, i % 16, request=i + 1)["seq"], i + 1)
            with Client(server, token) as client:
                self.assertGreater(client.place(0, 7, 0, request=1)["seq"], 5 * WINDOW)


class Before(unittest.TestCase):
    """A directory that the version before wrote: boards, people and journal without memory of requests."""

    @staticmethod
    def versions(server):
        """Of the snapshots that lie there."""
        code, out, said = run("journal", "list", server.data)
        assert code == 0, said
        return {line.split()[-1] for line in out.splitlines() if line.startswith("snapshot-")}

    def test_where_nothing_is_remembered_snapshots_stay_of_version_1(self):
        with Server(*FLAGS) as server:
            server.session()
            server.stop()
            self.assertEqual(self.versions(server), {"1"})
            server.start()

    def test_its_directory_starts_and_goes_on(self):
        with Server(*FLAGS, "--board", "main:20x10:4") as server:
            server.stop()
            shutil.rmtree(server.data)
            shutil.copytree(BEFORE, server.data)
            server.start()
            self.assertEqual(self.versions(server), {"1"})
            board = server.board()
            self.assertEqual((board["seq"], board["epoch"]), (40, 1))
            packed, _ = server.bitmap()
            self.assertEqual(packed[:20].hex(), "0123456789abcdef01230123456789abcdef0123")
            token = server.session()
            self.assertEqual(put(server, token, 1, 1, 1, "a").json()["seq"], 41)
            Restart.stopped(server)
            self.assertEqual(put(server, token, 1, 1, 1, "a").json()["seq"], 41)
            self.assertEqual(self.versions(server), {"1", "2"})
            server.stop()
            code, _, said = run("verify", "--data", server.data)
            self.assertEqual(code, 0, said)
            server.start()


if __name__ == "__main__":
    unittest.main(verbosity=2)
