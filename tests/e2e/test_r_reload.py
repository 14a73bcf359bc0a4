"""SIGHUP: the configuration file is read again while people place. What can change does, for everybody at once; what
cannot is named; a file that is wrong changes nothing."""
import itertools, os, re, signal, subprocess, tempfile, threading, unittest, unittest.mock
from pathlib import Path

from lib.client import Client
from lib.server import Server, until


class Reloaded(Server):
    """A server with a configuration file."""

    def __init__(self, text, *flags, **options):
        self.place = tempfile.TemporaryDirectory(prefix="pixeld-reload-")
        self.config = Path(self.place.name) / "pixeld.ini"
        self.config.write_text(text)
        super().__init__("--config", self.config, *flags, **options)

    def clear(self):
        super().clear()
        self.place.cleanup()

    def write(self, text):
        """As editors do: nobody sees half of it."""
        new = self.config.with_suffix(".new")
        new.write_text(text)
        new.rename(self.config)

    def verdicts(self):
        return re.findall(r"^.* (reloaded|reload_refused) .*\n", self.said(), re.M)

    def hup(self):
        """Asks, and gives the lines that answered."""
        before, verdicts = len(self.said()), len(self.verdicts())
        self.signal(signal.SIGHUP)
        until("a verdict", lambda: len(self.verdicts()) > verdicts)
        return [line.split(" ", 1)[1] for line in self.said()[before:].splitlines() if " reload" in line]

    def reload(self, text):
        self.write(text)
        return self.hup()


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
            server = Reloaded("")
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
            said = server.reload("requests-per-second = 30\n")  # it had stayed
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
