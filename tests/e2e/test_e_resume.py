#!/usr/bin/env python3
"""Coming back: what was missed and nothing else, over crashes too; and what cannot be resumed is told."""
import threading, time, unittest

from lib.client import Board, Client
from lib.seed import dice
from lib.server import Server, run, until
from lib.websocket import Closed

FREE = ("--cooldown-ms", "0", "--requests-per-second", "0")
CRASH = "recovery note"
BOTH = ("pixeld.v1", "pixeld.v1.json")


def some(n, seed=0, width=1000, height=1000):
    rng = dice(f"some {seed}")
    return [(rng.randrange(width), rng.randrange(height), rng.randrange(16)) for _ in range(n)]


def deltas(client, behind=0):
    return [(m["first"], m["last"], m["cells"]) for m in client.heard if m["type"] == "delta" and m["last"] > behind]


class Resume(unittest.TestCase):
    def test_after_a_break_come_exactly_the_frames_that_were_missed(self):
        for protocol in BOTH:
            with self.subTest(protocol), Server(*FREE) as server:
                with Client(server, server.session()) as painter, Client(server, protocol=protocol) as stays:
                    whole = stays.follow()
                    with Client(server, protocol=protocol) as leaves:
                        board = leaves.follow()
                        leaves.reach(board, painter.place_all(some(50, 1))[-1])
                    for i in range(5):
                        stays.reach(whole, painter.place_all(some(40, i))[-1])
                    with Client(server, protocol=protocol) as back:
                        said = back.subscribe(epoch=board.epoch, seq=board.seq)
                        self.assertEqual((said["type"], said["resumed"]), ("subscribed", True))
                        back.following[0] = board
                        missed = board.seq
                        back.reach(board, whole.seq)
                        self.assertEqual(deltas(back), deltas(stays, missed))
                        self.assertEqual(board.packed, whole.packed)
                        stays.reach(whole, painter.place(1, 1, 1)["seq"])
                        back.reach(board, whole.seq)
                        self.assertEqual(board.packed, whole.packed)

    def test_from_every_seq(self):
        with Server(*FREE, "--cut-interval-ms", "1", "--board", "main:40x40:4") as server:
            with Client(server, server.session()) as painter:
                boards = [bytes(800)]
                board = painter.follow()
                for x, y, color in some(60, 7, 40, 40):
                    placed = painter.place(x, y, color)
                    painter.reach(board, placed["seq"])
                    boards.append(bytes(board.packed))
                for seq in range(len(boards)):
                    with self.subTest(seq), Client(server) as back:
                        said = back.subscribe(epoch=board.epoch, seq=seq)
                        self.assertEqual(said["type"], "subscribed")
                        at = back.following[0] = Board(said, boards[seq], seq)
                        back.reach(at, 60)
                        self.assertEqual(bytes(at.packed), boards[-1])

    def test_on_the_same_connection(self):
        with Server(*FREE) as server, Client(server, server.session()) as painter, Client(server) as watcher:
            board = watcher.follow()
            watcher.reach(board, painter.place_all(some(20))[-1])
            watcher.say("unsubscribe", board=0)
            last = painter.place_all(some(30, 5))[-1]
            watcher.until_now()
            self.assertTrue(watcher.subscribe(epoch=board.epoch, seq=board.seq)["resumed"])
            watcher.reach(board, last)
            self.assertEqual(bytes(board.packed), server.bitmap()[0])

    def test_with_nothing_missed(self):
        with Server(*FREE) as server, Client(server, server.session()) as painter, Client(server) as watcher:
            board = watcher.follow()
            watcher.reach(board, painter.place(1, 1, 1)["seq"])
            with Client(server) as back:
                self.assertTrue(back.subscribe(epoch=board.epoch, seq=board.seq)["resumed"])
                self.assertEqual(deltas(back, board.seq), [])

    def test_after_stale_the_board_is_fetched_and_followed_again(self):
        for protocol in BOTH:
            with self.subTest(protocol), Server(*FREE) as server, Client(server, server.session()) as painter, \
                    Client(server, protocol=protocol) as back:
                painter.place_all(some(10))
                epoch = server.board()["epoch"]
                stale = back.subscribe(epoch=epoch + 1, seq=5)
                self.assertEqual((stale["type"], stale["epoch"], stale["seq"]), ("stale", epoch, 10))
                packed, seq = server.bitmap()
                self.assertGreaterEqual(seq, stale["oldest"])
                said = back.subscribe(epoch=epoch, seq=seq)
                self.assertTrue(said["resumed"])
                board = back.following[0] = Board(said, packed, seq)
                back.reach(board, painter.place(2, 2, 9)["seq"])
                self.assertEqual(bytes(board.packed), server.bitmap()[0])

    def test_stale_ends_the_subscription_that_was(self):
        for protocol in BOTH:
            with self.subTest(protocol), Server(*FREE, "--status-interval-ms", "100") as server, \
                    Client(server, server.session()) as painter, Client(server, protocol=protocol) as client:
                epoch = client.subscribe()["epoch"]
                self.assertEqual(client.subscribe(epoch=epoch + 1, seq=5)["type"], "stale")
                self.assertEqual(server.metric("subscriptions"), 0)
                board = painter.follow()
                painter.reach(board, painter.place(1, 1, 1)["seq"])
                painter.wait("status", seq=board.seq)
                self.assertEqual(client.until_now(), [])
                self.assertTrue(client.subscribe(epoch=epoch, seq=0)["resumed"])
                client.wait("delta", first=1)

    def test_every_foreign_position_is_stale(self):
        with Server(*FREE) as server, Client(server, server.session()) as painter:
            painter.place_all(some(10))
            epoch = server.board()["epoch"]
            for asked, seq in ((epoch + 1, 10), (epoch - 1, 10), (0, 0), (epoch, 11), (epoch, (1 << 64) - 1),
                               (0xffffffff, 5)):
                with self.subTest((asked, seq)), Client(server) as back:
                    stale = back.subscribe(epoch=asked, seq=seq)
                    self.assertEqual((stale["type"], stale["epoch"], stale["seq"]), ("stale", epoch, 10))

    def test_too_old_is_stale(self):
        with Server(*FREE, "--log-bytes", "65536", "--cut-interval-ms", "1") as server, \
                Client(server, server.session()) as painter:
            epoch = server.board()["epoch"]
            painter.place_all(some(40000))
            with Client(server) as back:
                stale = back.subscribe(epoch=epoch, seq=1)
                self.assertEqual(stale["type"], "stale")
                self.assertTrue(1 < stale["oldest"] <= stale["seq"], stale)
                self.assertEqual(back.subscribe(epoch=epoch, seq=stale["oldest"] - 2)["type"], "stale")
                self.assertTrue(back.subscribe(epoch=epoch, seq=stale["seq"])["resumed"])


class Crash(unittest.TestCase):
    def test_resume_after_a_stop_or_a_crash_without_fetching(self):
        for how in ("stop", "kill"):
            for protocol in BOTH:
                with self.subTest((how, protocol)), Server(*FREE, allowed=CRASH) as server:
                    token = server.session()
                    with Client(server, token) as painter, Client(server, protocol=protocol) as watcher:
                        board = watcher.follow()
                        watcher.reach(board, painter.place_all(some(500, 1))[-1])
                        last = painter.place_all(some(500, 2))[-1]
                    getattr(server, how)()
                    server.start()
                    with Client(server, token) as painter, Client(server, protocol=protocol) as back:
                        self.assertTrue(back.subscribe(epoch=board.epoch, seq=board.seq)["resumed"])
                        back.following[0] = board
                        back.reach(board, last)
                        self.assertEqual(bytes(board.packed), server.bitmap()[0])
                        self.assertEqual(painter.place(0, 0, 1)["seq"], last + 1)
                        back.reach(board, last + 1)
                        self.assertEqual(bytes(board.packed), server.bitmap()[0])

    def test_who_was_far_behind_resumes_after_a_kill_too(self):
        with Server(*FREE, allowed=CRASH) as server:
            token = server.session()
            with Client(server, token) as painter, Client(server) as watcher:
                board = watcher.follow()
                watcher.reach(board, painter.place_all(some(100, 1))[-1])
                for i in range(14):
                    last = painter.place_all(some(25000, i))[-1]
            server.kill()
            server.start()
            with Client(server) as back:
                self.assertTrue(back.subscribe(epoch=board.epoch, seq=board.seq)["resumed"])
                back.following[0] = board
                back.reach(board, last)
                self.assertEqual(bytes(board.packed), server.bitmap()[0])

    def place_until_killed(self, painter, rng):
        """{seq: request} of what was acknowledged."""
        acknowledged, asked = {}, 0
        try:
            while True:
                if asked - len(acknowledged) < 200:
                    x, y, color = rng.randrange(1000), rng.randrange(1000), rng.randrange(16)
                    painter.ask_place(x, y, color, request=rng.getrandbits(63))
                    asked += 1
                else:
                    m = painter.wait("placed")
                    acknowledged[m["seq"]] = m["request"]
        except (OSError, EOFError):
            pass
        try:  # what came before the end
            while True:
                m = painter.wait("placed")
                acknowledged[m["seq"]] = m["request"]
        except (OSError, EOFError):
            return acknowledged

    def test_killed_at_random_moments_nothing_acknowledged_is_lost(self):
        rng, acknowledged = dice("kills"), {}
        with Server(*FREE, allowed=CRASH) as server:
            token = server.session()
            with Client(server) as first:
                board = first.follow()

            def kill_later(seconds, at_any_time):
                if not at_any_time:  # once at least when something has been acknowledged
                    until("placements", lambda: server.board()["seq"] > 100)
                time.sleep(seconds)
                server.signal(9)

            for turn in range(8):
                with Client(server, token) as painter, Client(server) as watcher:
                    watcher.following[0] = board
                    said = watcher.subscribe(epoch=board.epoch, seq=board.seq)
                    self.assertTrue(said["type"] == "subscribed" and said["resumed"], said)
                    killer = threading.Thread(target=kill_later, args=(rng.random() * 0.4, turn > 0))
                    killer.start()
                    got = self.place_until_killed(painter, rng)
                    killer.join()
                    self.assertFalse(set(got) & set(acknowledged), "a seq given twice")
                    acknowledged.update(got)
                    try:
                        while True:
                            watcher.hear()
                    except (OSError, EOFError):
                        pass
                server.wait()
                server.start()
            with Client(server) as watcher:
                watcher.following[0] = board
                self.assertTrue(watcher.subscribe(epoch=board.epoch, seq=board.seq)["resumed"])
                watcher.reach(board, server.board()["seq"])
                self.assertEqual(bytes(board.packed), server.bitmap()[0])
            server.stop()
            code, out, said = run("journal", "dump", server.data)
            self.assertEqual(code, 0, said)
            rows = [line.split(",") for line in out.splitlines()[1:]]
            self.assertEqual([int(r[3]) for r in rows], list(range(1, len(rows) + 1)), "no gap, none twice")
            kept = {int(r[3]): int(r[9]) for r in rows}
            self.assertGreater(len(acknowledged), 0)
            self.assertEqual({seq: kept.get(seq) for seq in acknowledged}, acknowledged)

    def test_what_was_not_synced_begins_a_new_epoch(self):
        for sync in ("off", "interval"):
            with self.subTest(sync), Server(*FREE, "--journal-sync", sync,
                                            allowed=CRASH + "|epoch_renewed") as server:
                with Client(server, server.session()) as painter:
                    board = painter.follow()
                    painter.reach(board, painter.place_all(some(300))[-1])
                server.kill()
                server.start()
                with Client(server) as back:
                    stale = back.subscribe(epoch=board.epoch, seq=board.seq)
                    self.assertEqual(stale["type"], "stale")
                    self.assertGreater(stale["epoch"], board.epoch)
                    self.assertGreater(stale["seq"], 300)
                    packed, seq = server.bitmap()
                    self.assertGreaterEqual(seq, stale["oldest"])
                    self.assertTrue(back.subscribe(epoch=stale["epoch"], seq=seq)["resumed"])

    def test_a_stop_in_order_keeps_the_epoch_without_sync(self):
        with Server(*FREE, "--journal-sync", "off") as server:
            with Client(server, server.session()) as painter:
                board = painter.follow()
                painter.reach(board, painter.place_all(some(300))[-1])
            server.stop()
            server.start()
            with Client(server) as back:
                self.assertTrue(back.subscribe(epoch=board.epoch, seq=board.seq)["resumed"])


class Slow(unittest.TestCase):
    flags = (*FREE, "--log-bytes", "65536", "--cut-interval-ms", "1", "--round-interval-ms", "1")

    def read_on(self, client):
        """What a client that had stopped reading finds: stale, or the end of the stream."""
        try:
            while True:
                if client.hear()["type"] == "stale":
                    return "stale"
        except Closed as closed:
            return closed.code
        except (EOFError, ConnectionResetError):
            return "end"

    def test_who_stops_reading_is_told_or_closed_and_disturbs_nobody(self):
        with Server(*self.flags) as server, Client(server, server.session()) as painter:
            stalled = [Client(server, protocol=BOTH[i % 2], receive_bytes=2048) for i in range(6)]
            for client in stalled:
                client.subscribe()
            with Client(server) as watcher:
                board, last = watcher.follow(), 0
                for i in range(40):
                    last = painter.place_all(some(3000, i))[-1]
                    watcher.reach(board, last)
                    metrics = server.metrics()
                    if metrics["pixeld_subscriptions"] == 1:
                        break
                self.assertEqual(metrics["pixeld_subscriptions"], 1, "all the others have fallen out of the log")
                self.assertEqual(bytes(board.packed), server.bitmap()[0])
                self.assertEqual([m for m in watcher.heard if m["type"] == "stale"], [])
            ends = [self.read_on(client) for client in stalled]
            self.assertTrue(set(ends) <= {"stale", "end"}, ends)
            metrics = server.metrics()
            self.assertEqual(metrics["pixeld_stale_total"], ends.count("stale"), ends)
            self.assertEqual(metrics['pixeld_connections_closed_total{reason="lagged"}'], ends.count("end"), ends)
            for client in stalled:
                client.socket.close()

    def test_who_reads_slowly_gets_all_or_is_told(self):
        with Server(*FREE, "--cut-interval-ms", "1", "--round-interval-ms", "1") as server, \
                Client(server, server.session()) as painter, Client(server, receive_bytes=2048) as slow:
            board = slow.follow()
            feeder = threading.Thread(target=lambda: painter.place_all(some(30000, 3)))
            feeder.start()
            until("a send is cut short", lambda: server.metric("broadcast_short_sends_total") > 0)
            while board.seq < 2000:  # by sips, each ending somewhere inside a frame
                while len(slow.data) < 600:
                    slow.data += slow.socket.recv(300)
                    time.sleep(0.001)
                slow.hear()
            feeder.join()
            slow.reach(board, 30000)
            self.assertEqual(bytes(board.packed), server.bitmap()[0])

    def test_answers_go_on_while_frames_are_cut_short(self):
        with Server(*FREE, "--cut-interval-ms", "1", "--round-interval-ms", "1") as server, \
                Client(server, server.session()) as painter, \
                Client(server, server.session(), receive_bytes=2048) as slow:
            board = slow.follow()
            for i in range(30):
                painter.place_all(some(1500, i))
                for k in range(20):
                    slow.ask_place(i, k, 1)
            last = [slow.wait("placed")["seq"] for _ in range(600)]
            self.assertEqual(last, sorted(last))
            slow.reach(board, server.board()["seq"])
            self.assertEqual(bytes(board.packed), server.bitmap()[0])
            self.assertGreater(server.metric("broadcast_short_sends_total"), 0, "the test does what it says")


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
