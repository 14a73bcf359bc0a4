#!/usr/bin/env python3
"""Placements taken back through the front door, beside people who go on placing, killed in the middle,
against the promise: of each cell the newest placement that no rollback in force takes."""
import http.client, json, threading, time, unittest

from lib import seed
from lib.client import Client
from lib.server import PATIENCE_S, Server, run, until

FREE = ("--cooldown-ms", "0", "--requests-per-second", "0")
SMALL = ("--board", "main:40x40:4")
SIDE = 40


class Operator:
    """Whoever has the admin token."""

    def __init__(self, server, token=None):
        self.server = server
        self.token = token or (server.data / "admin.token").read_text().strip()

    def ask(self, method, path, body=None, token=None):
        fields = {"Authorization": f"Bearer {token or self.token}"}
        return self.server.ask(method, "/boards/main" + path, fields, None if body is None else json.dumps(body).encode())

    def roll(self, path="", **body):
        """Again while another one is at work."""
        while True:
            answer = self.ask("POST", "/rollback" + path, body)
            if answer.status != 503 or answer.error != "rollback_busy":
                return answer
            time.sleep(0.01)

    def done(self, **body):
        answer = self.roll(**body)
        assert answer.status == 200, answer
        return answer.json()

    def list(self):
        answer = self.ask("GET", "/rollbacks")
        assert answer.status == 200, answer
        return answer.json()


class Person:
    def __init__(self, server):
        answer = server.ask("POST", "/session").json()
        self.token, self.user = answer["token"], answer["user"]


def rows(server):
    """What the journal has: (seq, ms, user, x, y, color), nobody's as user None."""
    code, out, said = run("journal", "dump", server.data)
    assert code == 0, said
    found = []
    for line in out.splitlines()[1:]:
        _, _, _, seq, ms, user, x, y, color, _ = line.split(",")
        found.append((int(seq), int(ms), None if set(user) == {"0"} else user, int(x), int(y), int(color)))
    return found


def takes(filter, row):
    """Whether what was asked for, with the seq up to which it counts, takes a placement."""
    seq, ms, user, x, y, color = row
    area = filter.get("area")
    return (seq <= filter["upto"] and filter.get("from", 0) <= ms < filter.get("to", 1 << 62)
            and filter.get("user", user) == user and filter.get("color", color) == color
            and (not area or (0 <= x - area["x"] < area["width"] and 0 <= y - area["y"] < area["height"])))


def promised(placements, filters, side=SIDE):
    """The board by the promise, a byte a cell."""
    cells = bytearray(side * side)
    for row in placements:
        if row[2] is not None and not any(takes(f, row) for f in filters):
            cells[row[4] * side + row[3]] = row[5]
    return bytes(cells)


def unpacked(packed):
    return bytes(n for byte in packed for n in (byte >> 4, byte & 15))


class Model(unittest.TestCase):
    def draw(self, dice, people, filters, now_ms, began_ms):
        """A rollback that somebody might ask for."""
        filter = {}
        if dice.random() < 0.5:
            filter["user"] = dice.choice(people).user
        if dice.random() < 0.4:
            x, y = dice.randrange(SIDE), dice.randrange(SIDE)
            filter["area"] = {"x": x, "y": y, "width": 1 + dice.randrange(SIDE - x), "height": 1 + dice.randrange(SIDE - y)}
        if dice.random() < 0.3:
            filter["color"] = dice.randrange(16)
        if dice.random() < 0.3:
            filter["from"] = dice.randrange(began_ms, now_ms + 1)
        if dice.random() < 0.3 or not filter:
            filter["to"] = dice.randrange(filter.get("from", began_ms) + 1, now_ms + 50)
        return filter

    def test_any_rollbacks_and_undoings_with_kills_between_them(self):
        dice, began_ms = seed.dice("any"), int(time.time() * 1000)
        filters = {}  # in force, by number
        with Server(*FREE, *SMALL, "--snapshot-interval-s", "1") as server:
            operator, people = Operator(server), [Person(server) for _ in range(4)]
            for turn in range(60):
                with Client(server, people[turn % 4].token) as painter:
                    painter.place_all([(dice.randrange(SIDE), dice.randrange(SIDE), dice.randrange(16))
                                       for _ in range(dice.randrange(300))])
                if filters and dice.random() < 0.4:
                    number = dice.choice([*filters])
                    answer = operator.done(undo=number)
                    self.assertEqual(answer["undoes"], number)
                    if answer["rollback"]:
                        del filters[number]
                else:
                    filter = self.draw(dice, people, filters, int(time.time() * 1000), began_ms)
                    answer = operator.done(**filter)
                    if answer["rollback"]:
                        filters[answer["rollback"]] = {**filter, "upto": answer["took"]["upto"]}
                packed, seq = server.bitmap()
                self.assertEqual(unpacked(packed), promised(rows(server), filters.values()), f"turn {turn} {answer}")
                self.assertTrue(answer["rollback"] is None or answer["seq"] == seq)
                if dice.random() < 0.2:
                    server.kill()
                    server.start()
                    self.assertEqual(server.bitmap(), (packed, seq))
            listed = {r["rollback"] for r in operator.list() if not r["undoes"] and not r["undone_by"]}
            self.assertEqual(listed, set(filters))

    def test_nobody_sees_half_of_one_after_a_kill_either(self):
        """Its cells come in one frame, however many placements stand right before it."""
        with Server(*FREE, "--board", "main:100x100:4", "--log-bytes", "65536") as server:
            taken, kept = Person(server), Person(server)
            cells = [(i % 100, i // 100, 1 + i % 15) for i in range(1300)]
            with Client(server, taken.token) as painter:
                board = painter.follow()
                painter.place_all(cells[:800])
            with Client(server, kept.token) as painter:
                before = painter.place_all(cells[800:1300])[-1]
            answer = Operator(server).done(user=taken.user)
            self.assertEqual(answer["seq"], before + 800)
            server.kill()
            server.start()
            with Client(server) as back:
                back.following[0] = board
                self.assertTrue(back.subscribe(epoch=board.epoch, seq=board.seq)["resumed"])
                back.reach(board, answer["seq"])
                self.assertEqual(bytes(board.packed), server.bitmap()[0])
                ends = [m["last"] for m in back.heard if m["type"] == "delta"]
                self.assertEqual([seq for seq in ends if before < seq < answer["seq"]], [])

    def test_beside_people_who_go_on_placing(self):
        """Cells that somebody places on while it is planned are theirs; every client has the board."""
        with Server(*FREE, *SMALL, "--snapshot-interval-s", "1") as server:
            operator, people = Operator(server), [Person(server) for _ in range(3)]
            ended, filters, failed, dice = threading.Event(), {}, [], seed.dice("operator")

            def paint(person, number):
                dice = seed.dice(f"painter {number}")
                try:
                    with Client(server, person.token) as painter:
                        while not ended.is_set():
                            painter.place_all([(dice.randrange(SIDE), dice.randrange(SIDE), dice.randrange(16))
                                               for _ in range(200)])
                except Exception as error:
                    failed.append(error)

            with Client(server) as watcher:
                board = watcher.follow()
                threads = [threading.Thread(target=paint, args=(p, i)) for i, p in enumerate(people)]
                for thread in threads:
                    thread.start()
                for i in range(40):
                    filter = {"user": people[i % 3].user}
                    answer = operator.done(**filter)
                    if answer["rollback"]:
                        filters[answer["rollback"]] = {**filter, "upto": answer["took"]["upto"]}
                    if i % 3 == 2 and filters:
                        number = dice.choice([*filters])
                        if operator.done(undo=number)["rollback"]:
                            del filters[number]
                ended.set()
                for thread in threads:
                    thread.join()
                self.assertEqual(failed, [])
                packed, seq = server.bitmap()
                self.assertEqual(bytes(watcher.reach(board, seq).packed), packed)
            self.assertEqual(unpacked(packed), promised(rows(server), filters.values()))


class OneChange(unittest.TestCase):
    flags = (*FREE, "--board", "main:100x100:4", "--journal-segment-bytes", "4MiB")

    def vandalize(self, server, color=9):
        """All of the board in one color, over what somebody had made of it."""
        artist, vandal = Person(server), Person(server)
        with Client(server, artist.token) as painter:
            painter.place_all([(i % 100, i // 100, 1 + i % 7) for i in range(10000)])
        art = server.bitmap()[0]
        with Client(server, vandal.token) as painter:
            painter.place_all([(i % 100, i // 100, color) for i in range(10000)])
        return vandal, art, server.bitmap()[0]

    def test_watchers_see_all_of_it_in_one_frame(self):
        with Server(*self.flags) as server:
            vandal, art, before = self.vandalize(server)
            operator = Operator(server)
            with Client(server) as watcher, Client(server, protocol="pixeld.v1.json") as json_watcher:
                board, json_board = watcher.follow(), json_watcher.follow()
                first = server.bitmap()[1] + 1
                answer = operator.done(user=vandal.user)
                self.assertEqual((answer["placements"], answer["cells"]), (10000, 10000))
                for client, one in ((watcher, board), (json_watcher, json_board)):
                    frame = client.wait("delta", last=answer["seq"])
                    self.assertEqual((frame["first"], frame["last"], len(frame["cells"])), (first, answer["seq"], 10000))
                    self.assertEqual(bytes(one.packed), art)

    def test_who_was_away_gets_it_when_it_comes_back(self):
        with Server(*self.flags) as server:
            vandal, art, _ = self.vandalize(server)
            with Client(server) as watcher:
                board = watcher.follow()
            Operator(server).done(user=vandal.user)
            for again in range(2):  # from the log, and from the log as a start fills it
                with Client(server) as watcher:
                    self.assertEqual(watcher.subscribe(epoch=board.epoch, seq=board.seq)["type"], "subscribed")
                    watcher.following[0] = board
                    watcher.reach(board, server.bitmap()[1])
                self.assertEqual(bytes(board.packed), art)
                server.kill()
                server.start()

    def test_kill_9_in_the_middle_leaves_all_or_nothing(self):
        with Server(*self.flags, "--snapshot-interval-s", "1") as server:
            vandal, art, before = self.vandalize(server)
            operator, made, seen = Operator(server), [], set()
            dice, wait_s = seed.dice(17), 0.03
            for turn in range(200):
                if turn >= 16 and len(seen) == 2:
                    break
                body = {"undo": made[-1]} if len(made) % 2 else {"user": vandal.user}
                connection = http.client.HTTPConnection(server.address, timeout=PATIENCE_S)
                connection.request("POST", "/boards/main/rollback", json.dumps(body),
                                   {"Authorization": f"Bearer {operator.token}"})
                time.sleep(dice.random() * wait_s)
                server.kill()
                connection.close()
                server.start()
                packed = server.bitmap()[0]
                was, made = len(made), [r["rollback"] for r in operator.list()]
                self.assertEqual(packed, art if len(made) % 2 else before, f"turn {turn}: half of it")
                seen.add(len(made) > was)
                wait_s *= 0.8 if len(made) > was else 1.25  # the middle is found, however fast the machine is
            self.assertEqual(seen, {False, True}, "the kills came all before it was made, or all behind")

    def test_more_than_changes_at_once_is_refused_with_the_number(self):
        with Server(*self.flags, "--log-bytes", "64KiB") as server:
            vandal, art, before = self.vandalize(server)
            operator = Operator(server)
            most = operator.done(user=vandal.user, area={"x": 0, "y": 0, "width": 1, "height": 1}, dry_run=True)["cells_max"]
            for dry_run in (True, False):  # what the real one is refused with is not news behind a dry run
                answer = operator.roll(user=vandal.user, dry_run=dry_run)
                self.assertEqual((answer.status, answer.error), (413, "too_large"))
                self.assertIn("it would change 10000 cells", answer.json()["error"]["message"])
                self.assertIn(f"at most {most} ", answer.json()["error"]["message"])
            self.assertEqual(server.bitmap()[0], before)
            height = most // 100
            for y in range(0, 100, height):
                operator.done(user=vandal.user, area={"x": 0, "y": y, "width": 100, "height": min(height, 100 - y)})
            self.assertEqual(server.bitmap()[0], art)


    def test_smaller_logs_at_the_next_start_do_not_split_it(self):
        """It is one frame or none: who stands before it fetches the board, and nobody gets half of it."""
        with Server(*self.flags) as server:
            vandal, art, _ = self.vandalize(server)
            before = server.board()
            Operator(server).done(user=vandal.user)
            server.flags += type(server.flags)(("--log-bytes", "64KiB"))
            for stop in (server.kill, server.stop):  # behind the rollback no snapshot, and one
                stop()
                server.start()
                now = server.board()
                self.assertEqual(server.bitmap()[0], art)
                with Client(server) as watcher:
                    for seq in (before["seq"], before["seq"] + 1, now["seq"] - 1):
                        self.assertEqual(watcher.subscribe(epoch=now["epoch"], seq=seq)["type"], "stale")
                    self.assertTrue(watcher.subscribe(epoch=now["epoch"], seq=now["seq"])["resumed"])


class Tried(unittest.TestCase):
    def test_a_dry_run_counts_and_shows_and_changes_nothing(self):
        with Server(*FREE, *SMALL) as server:
            artist, vandal, operator = Person(server), Person(server), Operator(server)
            with Client(server, artist.token) as painter:
                painter.place_all([(x, 5, 3) for x in range(10)])
            wanted = server.ask("GET", "/boards/main/image.png").body
            with Client(server, vandal.token) as painter:
                painter.place_all([(x, 5, 9) for x in range(2, 8)] + [(3, 5, 8)])
            before = server.bitmap()
            tried = operator.done(user=vandal.user, dry_run=True)
            self.assertEqual((tried["rollback"], tried["placements"], tried["cells"]), (None, 7, 6))
            self.assertEqual(tried["changes"], {"x": 2, "y": 5, "width": 6, "height": 1})
            shown = operator.roll("/preview.png", user=vandal.user)
            self.assertEqual((shown.status, shown["content-type"], shown.body), (200, "image/png", wanted))
            self.assertEqual((server.bitmap(), operator.list()), (before, []))
            with Client(server, vandal.token) as painter:
                painter.place_all([(0, 0, 9)])
            # what was looked at is what is taken: not what came since
            done = operator.done(user=vandal.user, upto=tried["took"]["upto"])
            self.assertEqual((done["placements"], done["cells"]), (7, 6))
            self.assertEqual(server.ask("GET", "/boards/main/pixels/0/0").json()["color"], 9)

    def test_a_color_that_the_palette_lost_is_not_brought_back(self):
        with Server(*FREE, *SMALL) as server:
            artist, vandal, operator = Person(server), Person(server), Operator(server)
            for person, color in ((artist, 9), (vandal, 1)):
                with Client(server, person.token) as painter:
                    painter.place_all([(4, 4, color), (5, 5, color - 1)])
            server.stop()
            config = server.folder / "fewer.ini"
            config.write_text('[board "main"]\nsize = 40x40:4\npalette = ' + " ".join(f"c{i}:#0000{i:02x}" for i in range(9)))
            at = server.flags.index("--board")
            server.flags[at:at + 2] = ["--config", config]
            server.start()
            before = server.bitmap()
            for dry_run in (True, False):
                answer = operator.roll(user=vandal.user, dry_run=dry_run)
                self.assertEqual((answer.status, answer.error), (409, "no_color"))
            self.assertEqual((server.bitmap(), operator.list()), (before, []))
            self.assertEqual(operator.done(area={"x": 5, "y": 5, "width": 1, "height": 1}, user=vandal.user)["cells"], 1)

    def test_the_history_of_a_pixel_says_what_a_rollback_did(self):
        with Server(*FREE, *SMALL) as server:
            artist, vandal, operator = Person(server), Person(server), Operator(server)
            for person, color in ((artist, 3), (vandal, 9)):
                with Client(server, person.token) as painter:
                    painter.place_all([(4, 4, color)])
            number = operator.done(area={"x": 4, "y": 4, "width": 1, "height": 1}, color=9)["rollback"]
            for again in range(2):
                found = server.ask("GET", "/boards/main/pixels/4/4/history").json()["placements"]
                self.assertEqual([(p["user"], p["color"], p.get("rollback")) for p in found],
                                 [(None, 3, number), (vandal.user, 9, None), (artist.user, 3, None)])
                pixel = server.ask("GET", "/boards/main/pixels/4/4").json()
                self.assertEqual((pixel["color"], pixel["user"], pixel["placed_at"]), (3, None, None))
                server.stop()
                server.start()
            self.assertEqual(server.metric("rollbacks_total"), 0)  # of this run

    def test_what_takes_nothing_makes_nothing(self):
        with Server(*FREE, *SMALL) as server:
            operator, nobody = Operator(server), Person(server)
            before = server.bitmap()
            self.assertIsNone(operator.done(user=nobody.user)["rollback"])
            self.assertEqual((operator.list(), server.bitmap()), ([], before))

    def test_what_is_wrong_is_said(self):
        with Server(*FREE, *SMALL) as server:
            operator = Operator(server)
            with Client(server, server.session()) as painter:
                painter.place_all([(1, 1, 3)])
            area = {"x": 0, "y": 0, "width": 40, "height": 40}
            for body, word in (({}, "name what"), ({"upto": 5}, "name what"), ({"users": "x"}, "known"), ({"user": "abc"}, "32 hex"),
                               ({"user": "A" * 32}, "32 hex"), ({"color": 16}, "palette"), ({"color": "red"}, "color"),
                               ({"area": {**area, "width": 41}}, "within"), ({"area": {**area, "depth": 1}}, "area"),
                               ({"area": {**area, "height": 0}}, "area"), ({"area": [0, 0, 1, 1]}, "area"),
                               ({"from": "yesterday"}, "from"), ({"to": -1}, "to"), ({"from": 9, "to": 9}, "before"),
                               ({"undo": 1, "color": 3}, "alone"), ({"undo": 0}, "undo"), ({"color": 3, "dry_run": 1}, "dry_run"),
                               ([1], "object")):
                answer = operator.ask("POST", "/rollback", body)
                self.assertEqual((answer.status, answer.error), (400, "bad_request"), body)
                self.assertIn(word, answer.json()["error"]["message"], body)
            self.assertEqual(operator.roll(undo=7).error, "unknown_rollback")
            number = operator.done(color=3)["rollback"]
            operator.done(undo=number)
            self.assertEqual((operator.roll(undo=number).status, operator.roll(undo=number).error), (409, "is_undone"))
            self.assertEqual(operator.ask("GET", "/rollback").status, 405)
            self.assertEqual(operator.ask("POST", "/rollbacks", {}).status, 405)
            self.assertEqual(operator.ask("PUT", "/rollback/preview.png", {}).status, 405)

    def test_only_who_has_the_token_may(self):
        with Server(*FREE, *SMALL) as server:
            operator, token = Operator(server), server.session()
            self.assertEqual((server.data / "admin.token").stat().st_mode & 0o007, 0)
            for path, method in (("/rollback", "POST"), ("/rollback/preview.png", "POST"), ("/rollbacks", "GET")):
                self.assertEqual(server.ask(method, "/boards/main" + path, body=b"{}").status, 401)
                for wrong in (token, operator.token[:-1], operator.token + "0", operator.token[:-1] + "x", " "):
                    answer = operator.ask(method, path, {"color": 1}, token=wrong)
                    self.assertIn(answer.status, (401, 403), wrong)

    def test_the_token_of_a_file(self):
        with Server(*FREE, *SMALL) as server:
            file = server.folder / "token"
            file.write_text("a-token-of-our-own\n")
            server.stop()
            server.flags += ["--admin-token-file", str(file)]
            server.start()
            self.assertEqual(Operator(server, "a-token-of-our-own").list(), [])
            file.write_text("short\n")
            server.stop()
            code, _, said = run("--data", str(server.data), *server.flags, "--listen", "127.0.0.1:0")
            self.assertEqual(code, 78)
            self.assertIn("16 to 128", said)
            file.write_text("a-token-of-our-own\n")
            server.start()

    def test_nobody_waits_for_a_rollback(self):
        """One that reads a long journal holds up neither placing nor who comes second."""
        with Server(*FREE, *SMALL) as server:
            operator, person = Operator(server), Person(server)
            with Client(server, person.token) as painter:
                painter.place_all([(i % SIDE, i // SIDE % SIDE, i % 16) for i in range(300000)])
            answers = []
            threads = [threading.Thread(target=lambda: answers.append(operator.ask("POST", "/rollback", {"color": 3})))
                       for _ in range(4)]
            with Client(server, person.token) as painter:
                for thread in threads:
                    thread.start()
                painter.place_all([(1, 1, 1)] * 100)
            for thread in threads:
                thread.join()
            self.assertIn(200, [a.status for a in answers])
            for answer in answers:
                self.assertTrue(answer.status == 200 or answer.error == "rollback_busy", answer)
            self.assertEqual(len(operator.list()), sum(a.status == 200 and a.json()["rollback"] is not None for a in answers))

    def test_who_leaves_before_the_answer_has_done_it_all_the_same(self):
        with Server(*FREE, *SMALL) as server:
            operator, person = Operator(server), Person(server)
            with Client(server, person.token) as painter:
                painter.place_all([(i % SIDE, i // SIDE % SIDE, 5) for i in range(20000)])
            connection = http.client.HTTPConnection(server.address)
            connection.request("POST", "/boards/main/rollback", json.dumps({"color": 5}),
                               {"Authorization": f"Bearer {operator.token}"})
            connection.close()
            until("the rollback is made", operator.list)
            self.assertEqual(set(unpacked(server.bitmap()[0])), {0})


if __name__ == "__main__":
    unittest.main(verbosity=2)
