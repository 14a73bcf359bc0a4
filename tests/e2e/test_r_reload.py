"""SIGHUP: the configuration file is read again while people place. What can change does, for everybody at once; what
cannot is named; a file that is wrong changes nothing."""
import contextlib, itertools, os, re, signal, subprocess, threading, unittest, unittest.mock
from pathlib import Path

from lib.client import Client
from lib.reload import Reloaded
from lib.server import Server, run, until


class Limits(unittest.TestCase):
    def test_a_limit_holds_for_a_client_that_is_connected(self):
        with Reloaded("requests-per-second = 1\ncooldown-ms = 0\n") as server, \
                Client(server, server.session()) as client:
            client.subscribe()
            while client.place(1, 1, 1)["type"] == "placed":
                pass
            self.assertEqual(client.heard[-1]["code"], "too_fast")
            said = server.reload("requests-per-second = 0\ncooldown-ms = 0\n")
            self.assertEqual(said, [
                'info reload_changed setting=requests-per-second line=1 by=file old="1" new="0"',
                f"info reloaded config={server.config} changed=1 need_restart=0 hidden=0"])
            for i in range(100):
                self.assertEqual(client.place(i, 2, 1)["type"], "placed")

    def test_an_origin_comes_and_goes(self):
        def allowed(server, origin):
            answer = server.ask("POST", "/session", {"Origin": origin})
            self.assertIn(answer.status, (200, 403))
            self.assertEqual(answer.get("access-control-allow-origin"), origin if answer.status == 200 else None)
            return answer.status == 200

        with Reloaded("origin = https://a.org\n") as server:
            self.assertTrue(allowed(server, "https://a.org"))
            self.assertFalse(allowed(server, "https://b.org"))
            said = server.reload("origin = https://b.org, https://c.org:4443\n")
            self.assertEqual(said[:3], ['info reload_changed setting=origin by=file old="https://a.org" new=""',
                                        'info reload_changed setting=origin line=1 by=file old="" new="https://b.org"',
                                        'info reload_changed setting=origin line=1 by=file old="" new="https://c.org:4443"'])
            self.assertFalse(allowed(server, "https://a.org"))
            self.assertTrue(allowed(server, "https://b.org"))
            self.assertTrue(allowed(server, "https://c.org:4443"))
            server.reload("origin = https://a.org\n")
            self.assertTrue(allowed(server, "https://a.org"))
            self.assertFalse(allowed(server, "https://b.org"))

    def test_more_origins_than_there_is_room_for_are_refused(self):
        def text(i):
            return "".join(f"origin = https://s{i}-{j}.org\n" for j in range(60))

        with Reloaded(text(0), allowed="reload_refused") as server:
            for i in range(1, 4):
                self.assertIn("changed=120 ", server.reload(text(i))[-1])
            self.assertEqual(server.reload(text(4)), [
                'error reload_refused why="origin: there have been more than 240 since the start" '
                'what="nothing was changed" remedy="restart pixeld, or list fewer"'])
            self.assertEqual(server.ask("POST", "/session", {"Origin": "https://s3-59.org"}).status, 200)

    def test_a_snapshot_that_was_far_away_comes_soon(self):
        with Reloaded("snapshot-interval-s = 1d\ncooldown-ms = 0\n") as server, \
                Client(server, server.session()) as client:
            client.place(1, 1, 1)
            server.reload("snapshot-interval-s = 1\ncooldown-ms = 0\n")
            until("a snapshot", lambda: any(server.data.glob("*.snap")))

    def test_a_disk_that_fills_gets_room(self):
        def text(keep):
            return f"cooldown-ms = 0\nrequests-per-second = 0\nsnapshot-interval-s = 1\njournal-keep-bytes = {keep}\n"

        def segments():
            return len(list(server.data.glob("journal-*.seg")))

        with Reloaded(text("0"), allowed="journal_segment_removed") as server, \
                Client(server, server.session()) as client:
            for i in range(3):
                client.place_all([(j % 1000, i * 30 + j // 1000, 1) for j in range(30000)])
                until("a snapshot", lambda: len(list(server.data.glob("*.snap"))) > i)
            before = segments()
            self.assertGreater(before, 5)
            server.reload(text("2MiB"))
            until("the oldest are gone", lambda: segments() < before)

    def test_the_log_tells_as_much_as_before_or_after(self):
        with Reloaded("log-level = info\n", allowed="a level that hides nothing") as server:
            self.assertEqual(len(server.reload("log-level = error\n")), 2)
            said = server.reload("log-level = debug\n")
            self.assertEqual(said[0], 'info reload_changed setting=log-level line=1 by=file old="error" new="debug"')
            server.signal(signal.SIGUSR1)
            until("it is said", lambda: "signal_ignored signal=SIGUSR1 " in server.said())

    def test_the_drain_is_that_of_the_last_reload(self):
        with Reloaded("drain-ms = 1h\n") as server, Client(server, receive_bytes=2048) as client:
            client.subscribe()
            server.reload("drain-ms = 100\n")
            server.signal()
            self.assertEqual(server.wait(), 0)
            self.assertIn("stopping drain_ms=100 ", server.said())


COLORS = "white:#ffffff black:#000000 red:#ff0000 gold:#ffd700".split()


def board(name="main", colors=4, cooldown="0", frozen="off"):
    return (f'[board "{name}"]\nsize = 20x20:4\ncooldown-ms = {cooldown}\nfrozen = {frozen}\n'
            f"palette = {' '.join(COLORS[:colors])}\n")


def hear_face(client, number=0, **members):
    """Reads until the last that was said of the board is this."""
    while True:
        faces = [m["face"] for m in client.heard if m["type"] == "board" and m["board"] == number]
        if faces and all(faces[-1][name] == value for name, value in members.items()):
            return faces[-1]
        client.hear()


class Boards(unittest.TestCase):
    """Of a board, palette, frozen and cooldown-ms change for clients that stay connected."""

    def test_a_color_more_can_be_placed_at_once(self):
        with Reloaded(board(colors=3)) as server, Client(server, server.session()) as client, \
                Client(server, protocol="pixeld.v1.json") as watcher:
            followed = client.follow()
            watcher.subscribe()
            self.assertEqual(client.place(1, 1, 3)["code"], "bad_color")
            said = server.reload(board(colors=4))
            self.assertEqual(said[0], 'info reload_changed board=main setting=palette color=3 line=5 by=file '
                                      'old="" new="gold:#ffd700"')
            palette = [dict(zip(("name", "rgb"), color.split(":"))) for color in COLORS]
            for one in (client, watcher):
                face = hear_face(one, palette=palette)
            self.assertEqual({name: face[name] for name in ("name", "number", "width", "bits")},
                             {"name": "main", "number": 0, "width": 20, "bits": 4})
            seen = server.board()
            self.assertEqual((seen["palette"], seen["tag"]), (palette, face["tag"]))
            seq = client.place(1, 1, 3)["seq"]
            client.reach(followed, seq)
            watcher.wait("delta", last=seq)
            client.close(), watcher.close()
            server.stop()
            server.start()  # by the same file: nobody has to begin anew
            self.assertEqual(server.board()["tag"], seen["tag"])

    def test_frozen_holds_for_the_next_placement(self):
        with Reloaded(board()) as server, Client(server, server.session()) as client:
            client.subscribe()
            for frozen, code in (("on", "frozen"), ("off", None), ("on", "frozen")):
                said = server.reload(board(frozen=frozen))
                self.assertIn("board=main setting=frozen line=4 by=file", said[0])
                self.assertEqual(server.board()["frozen"], frozen == "on")
                self.assertEqual(client.place(1, 1, 1).get("code"), code)
                hear_face(client, frozen=frozen == "on")

    def test_a_cooldown_holds_for_who_waits_already(self):
        with Reloaded(board(cooldown="1h")) as server, Client(server, server.session()) as client:
            client.subscribe()
            self.assertEqual(client.place(1, 1, 1)["cooldown_ms"], 3600000)
            self.assertEqual(client.place(2, 1, 1)["code"], "cooldown")
            said = server.reload(board(cooldown="0"))
            self.assertIn('board=main setting=cooldown-ms line=3 by=file old="3600000" new="0"', said[0])
            self.assertEqual(client.place(2, 1, 1)["type"], "placed")
            hear_face(client, cooldown_ms=0)
            server.reload(board(cooldown="1h"))
            self.assertEqual(client.place(3, 1, 1)["code"], "cooldown")
            hear_face(client, cooldown_ms=3600000)

    def test_the_general_cooldown_is_that_of_boards_without_their_own(self):
        text = "cooldown-ms = {}\nboard = a:9x9:1 b:9x9:1\n[board \"b\"]\ncooldown-ms = 7\n"
        with Reloaded(text.format(1)) as server:
            said = server.reload(text.format(2))
            self.assertEqual([line.split(" by=")[0] for line in said[:-1]], [
                "info reload_changed setting=cooldown-ms line=1", "info reload_changed board=a setting=cooldown-ms line=1"])
            self.assertEqual([server.board(name)["cooldown_ms"] for name in "ab"], [2, 7])

    def test_a_palette_without_a_color_in_use_changes_nothing_at_all(self):
        def text(colors):
            return "requests-per-second = 3000\n" + board("other", frozen="on") + board(colors=colors)

        with Reloaded(board("other") + board(), allowed="reload_refused") as server, \
                Client(server, server.session()) as client:
            main, other = (client.subscribe(name)["board"] for name in ("main", "other"))
            client.place(5, 6, 2, main)
            before = server.ask("GET", "/boards").body
            server.write(text(colors=2))
            code, out, before_it = run("--check-config", "--data", server.data, "--config", server.config)
            self.assertEqual((code, out), (78, ""))
            said = server.hup()
            self.assertIn(f'why="{before_it.strip().removeprefix("pixeld: ")}"', said[0])
            self.assertEqual(len(said), 1)
            self.assertIn('error reload_refused why="board main has 1 cell in colors that are not among the 2 of the palette in the '
                          "settings (the first is 5,6 in color 2): restore these colors in the palette", said[0])
            self.assertIn('what="nothing was changed" remedy="change the palette back, or roll back what is placed', said[0])
            self.assertEqual(server.ask("GET", "/boards").body, before)
            self.assertEqual(client.place(5, 6, 3, main)["type"], "placed")
            self.assertEqual(client.place(5, 6, 1, main)["type"], "placed")
            self.assertIn("changed=4 need_restart=0", server.reload(text(colors=2))[-1])
            self.assertEqual(client.place(5, 6, 2, main)["code"], "bad_color")
            self.assertEqual(client.place(5, 6, 1, other)["code"], "frozen")

    def test_a_burst_while_people_place_is_heard_in_order(self):
        def burst():
            while not over.is_set():
                i = next(number)
                server.write(limits + board(colors=3 + i % 2, cooldown=str(i % 3)))
                server.signal(signal.SIGHUP)

        limits, over, number = "requests-per-second = 0\n", threading.Event(), itertools.count(1)
        with Reloaded(limits + board()) as server, contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Client(server, server.session())) for _ in range(20)]
            for client in clients:
                client.follow()
            thread = threading.Thread(target=burst)
            thread.start()
            try:
                for i in range(50):
                    asked = [client.ask_place(i % 20, i // 20, 1 + i % 2) for client in clients]
                    for client, request in zip(clients, asked):
                        while client.hear().get("request") != request:
                            pass
            finally:
                over.set()
                thread.join()
            server.write(limits + board(frozen="on"))
            server.signal(signal.SIGHUP)
            for client in clients:
                hear_face(client, frozen=True)
                versions = [m["version"] for m in client.heard if m["type"] == "board"]
                self.assertEqual(versions, sorted(versions))
                client.reach(client.following[0], server.board()["seq"])
                self.assertEqual(bytes(client.following[0].packed), server.bitmap()[0])


class Hangups(unittest.TestCase):
    def test_a_burst_while_people_place_loses_nothing(self):
        def text(i):
            return f"cooldown-ms = 0\nrequests-per-second = 0\nround-interval-ms = {i % 50 + 1}\n"

        def burst():
            while not over.is_set():
                server.write(text(next(number)))
                server.signal(signal.SIGHUP)

        over, number = threading.Event(), itertools.count()
        with Reloaded(text(0)) as server, Client(server, server.session()) as client:
            board = client.follow()
            thread = threading.Thread(target=burst)
            thread.start()
            try:
                seqs = client.place_all([(i % 1000, i // 1000, i % 16) for i in range(20000)])
            finally:
                over.set()
                thread.join()
            self.assertEqual(seqs, list(range(seqs[0], seqs[0] + 20000)))
            client.reach(board, seqs[-1])
            self.assertEqual(bytes(board.packed), server.bitmap()[0])
            server.write(text(next(number)) + "drain-ms = 4321\n")  # the last one counts
            server.signal(signal.SIGHUP)
            until("it holds", lambda: 'setting=drain-ms line=4 by=file old="5000" new="4321"' in server.said())

    def test_one_that_comes_during_the_start_is_answered(self):
        popen = subprocess.Popen

        def start(*arguments, **options):
            process = popen(*arguments, **options)
            until("it is kept", lambda: blocked(process.pid, signal.SIGHUP) or process.poll() is not None)
            process.send_signal(signal.SIGHUP)
            return process

        with unittest.mock.patch("subprocess.Popen", start):
            server = Reloaded("# all defaults\n")
        with server:
            until("it is answered", lambda: server.verdicts() == ["reloaded"])


def blocked(pid, number):
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return bool(int(re.search(r"^SigBlk:\s*(\w+)", status, re.M).group(1), 16) & 1 << number - 1)


class WhatStays(unittest.TestCase):
    def test_a_wrong_file_changes_nothing_and_says_where(self):
        with Reloaded("requests-per-second = 20\n", allowed="reload_refused") as server:
            said = server.reload("requests-per-second = 30\nno-such-thing = 1\n")
            self.assertEqual(len(said), 1)
            self.assertRegex(said[0], r'^error reload_refused why=".*/pixeld\.ini:2: unknown setting "no-such-thing"')
            server.config.unlink()
            self.assertRegex(server.hup()[0], 'why=".*/pixeld.ini: No such file or directory" what="nothing was changed"')
            os.mkfifo(server.config)
            self.assertRegex(server.hup()[0], "is not a file that can be read again")
            server.config.unlink()
            self.assertRegex(server.reload("")[0], 'why=".*/pixeld.ini: is empty: it may still be written')
            self.assertEqual((server.metric("reloads_total"), server.metric("reloads_refused_total")), (0, 4))
            said = server.reload("requests-per-second = 30\n")  # it had stayed
            self.assertEqual(server.metric("reloads_total"), 1)
            self.assertIn('setting=requests-per-second line=1 by=file old="20" new="30"', said[0])

    def test_what_needs_a_restart_is_named_as_long_as_it_does(self):
        with Reloaded("workers = 1\n", allowed="reload_needs_restart") as server:
            for _ in range(2):
                said = server.reload('workers = 2\n[board "main"]\nsize = 20x20:4\n[board "more"]\nsize = 9x9:1\n')
                self.assertEqual(said, [
                    'warn reload_needs_restart setting=workers line=1 running="1" new="2" '
                    'remedy="restart pixeld, or change it back"',
                    'warn reload_needs_restart board=main setting=size line=3 running="1000x1000:4" new="20x20:4" '
                    'remedy="restart pixeld, or change it back"',
                    'warn reload_needs_restart board=more setting=size line=5 running="" new="9x9:1" '
                    'remedy="restart pixeld, or change it back"',
                    f"info reloaded config={server.config} changed=0 need_restart=3 hidden=0"])
            self.assertEqual(len(server.reload("workers = 1\n")), 1)

    def test_flags_and_environment_of_the_start_win_and_what_they_hide_is_said(self):
        with Reloaded("", "--requests-per-second", "20", env={"PIXELD_SESSIONS_PER_MINUTE": "7"},
                      allowed="reload_hidden") as server:
            said = server.reload("requests-per-second = 30\nsessions-per-minute = 8\nlog-level = info\n")
            self.assertEqual([line.split(" remedy=")[0] for line in said], [
                'warn reload_hidden setting=sessions-per-minute line=2 by=environment running="7"',
                'warn reload_hidden setting=requests-per-second line=1 by=flag running="20"',
                f"info reloaded config={server.config} changed=0 need_restart=0 hidden=2"])

    def test_without_a_file_there_is_nothing_to_read(self):
        with Server() as server:
            server.signal(signal.SIGHUP)
            until("it says so", lambda: "signal_ignored signal=SIGHUP " in server.said())
            self.assertIn('remedy="there is no configuration file to read again: start with --config"',
                          server.said())


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
