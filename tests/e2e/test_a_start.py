#!/usr/bin/env python3
"""Starting, refusing to start, and stopping: exit codes and what is said."""
import array, fcntl, os, re, shutil, signal, socket, subprocess, tempfile, termios, threading, unittest, unittest.mock
from pathlib import Path

from lib import seed
from lib.client import Client
from lib.raw_http import connect
from lib.server import PIXELD, Server, run, until

FAILED, USAGE, CONFIG = 1, 2, 78
NOBODY = 65534


class Start(unittest.TestCase):
    def test_serves_and_stops_in_order(self):
        with Server() as server:
            self.assertEqual(server.ask("GET", "/healthz").body, b"ok\n")
            self.assertEqual(server.ask("GET", "/readyz").status, 200)
            server.stop()
            self.assertRegex(server.said(), r"info stopped\n\Z")

    def test_second_server_on_the_same_data_is_refused(self):
        with Server() as server:
            code, _, said = run("--listen", "127.0.0.1:0", "--data", server.data)
            self.assertEqual(code, FAILED)
            self.assertIn("another pixeld is using it", said)
            self.assertEqual(server.ask("GET", "/healthz").status, 200)

    def test_a_taken_port_is_refused(self):
        with Server() as server:
            code, _, said = run("--listen", server.address, "--data", server.folder / "other")
            self.assertEqual(code, FAILED)
            self.assertIn(server.address, said)

    def test_wrong_flags_are_named(self):
        for flag in ("--nonsense", "--workers=x", "--workers=65", "--board=main:0x10:4", "--board=main:10x10:3",
                     "--board=main:16385x1:1", "--listen=nowhere", "--clients-max=0", "--log-bytes=65537",
                     "--journal-sync=maybe", "extra"):
            with self.subTest(flag):
                code, out, said = run(flag)
                self.assertEqual(code, USAGE)
                self.assertEqual(out, "")
                self.assertIn(flag.split("=")[0].lstrip("-"), said)

    def test_a_wrong_file_is_named_with_its_line(self):
        with Server() as server:
            wrong = server.folder / "wrong.ini"
            wrong.write_text("cooldown-ms = 5s\nnonsense = 1\n")
            code, _, said = run("--config", wrong, "--check-config")
            self.assertEqual(code, CONFIG)
            self.assertIn("wrong.ini", said)
            self.assertIn("nonsense", said)

    def test_what_is_printed_as_config_is_one(self):
        with Server() as server:
            code, out, said = run("--cooldown-ms=1234", "--workers=3", "--print-config",
                                  env={"PIXELD_LOG_BYTES": "64KiB", "PIXELD_WORKERS": "4"})
            self.assertEqual((code, said), (0, ""))
            self.assertIn("cooldown-ms = 1234", out)
            self.assertIn("workers = 3", out)
            self.assertIn("log-bytes = 65536", out)
            file = server.folder / "printed.ini"
            file.write_text(out)
            code, again, said = run("--config", file, "--print-config")
            self.assertEqual(code, 0, said)
            plain = [line.split(" ;")[0] for line in out.splitlines() if "config" not in line]
            self.assertEqual([line.split(" ;")[0] for line in again.splitlines() if "config" not in line], plain)

    def test_help_of_every_command(self):
        for flag in ("--help", "-h"):
            code, out, said = run(flag)
            self.assertEqual((code, said), (0, ""))
            self.assertIn("--listen", out)
            for command in ("journal", "export", "import", "timelapse", "verify", "migrate"):
                for more in ((), ("--nonsense",)):
                    with self.subTest((command, flag, *more)):
                        code, out, said = run(command, *more, flag)
                        self.assertEqual((code, said), (0, ""))
                        self.assertTrue(out.startswith(f"usage: pixeld {command} "), out)
            self.assertTrue(run("journal", "list", flag)[1].startswith("usage: pixeld journal list"))

    def test_commands_and_flags_that_are_misspelt(self):
        for words, meant in ((("exprot",), "the nearest is export;"), (("verfy", "--data", "/tmp"), "the nearest is verify;"),
                             (("serve",), "unknown command serve; see"), (("export", "--dtaa", "x"), "the nearest is --data\n"),
                             (("verify", "--from", "x"), "unknown option --from\nusage: pixeld verify "),
                             (("--lsiten", "x"), "the nearest is --listen\n"),
                             (("export",), "--data is missing\n"), (("import", "--data", "x"), "the name of a file is missing\n"),
                             (("journal",), "list, verify, dump or cut is missing\n"),
                             (("journal", "lst"), "unknown command lst; the nearest is list\n"),
                             (("journal", "list", "--data", "x"), "--data: unknown argument of this command"),
                             (("journal", "list"), "DIR is missing\n"), (("journal", "cut", "x"), "LSN is missing\n"),
                             (("journal", "cut", "x", "y"), "not y\n"),
                             (("journal", "dump", "x", "y"), "y is one argument too many\n")):
            with self.subTest(words):
                code, out, said = run(*words)
                self.assertEqual((code, out), (USAGE, ""))
                self.assertIn(meant, said)

    def test_a_misspelt_variable_is_refused(self):
        for words in ((), ("--check-config",), ("--check-system",), ("import", "x.csv", "--data", "/tmp"),
                      ("export", "--data", "/tmp"), ("verify", "--data", "/tmp"), ("timelapse", "--data", "/tmp"),
                      ("journal", "list", "/tmp"), ("migrate",)):
            code, _, said = run(*words, env={"PIXELD_COOLDOWN": "0"})
            self.assertEqual(code, CONFIG)
            self.assertIn("PIXELD_COOLDOWN; the nearest is PIXELD_COOLDOWN_MS", said)

    def test_version(self):
        self.assertRegex(run("--version")[1], r"pixeld \d+\.\d+\.\d+")

    def test_a_config_file_makes_boards(self):
        with Server() as server:
            file = server.folder / "boards.ini"
            file.write_text('[board "small"]\nsize = 20x10:1\npalette = off:#000000 on:#ffffff\n'
                            '[board "old"]\nsize = 30x30:8\nfrozen = on\n')
            with Server("--config", str(file)) as other:
                boards = {b["name"]: b for b in other.ask("GET", "/boards").json()}
                self.assertEqual(set(boards), {"small", "old"})
                self.assertTrue(boards["old"]["frozen"])
                self.assertEqual((boards["small"]["width"], boards["small"]["bits"]), (20, 1))

    def test_a_board_of_another_size_than_before_is_refused(self):
        with Server("--board", "main:10x10:4") as server:
            server.stop()
            code, _, said = run("--listen", "127.0.0.1:0", "--data", server.data, "--board", "main:20x20:4")
            self.assertEqual(code, CONFIG)
            self.assertIn("main", said)

    def test_colors_in_use_beyond_the_palette_are_refused(self):
        """From a snapshot and from the journal, with the same words."""
        few = "palette = " + " ".join(f"c{i}:#0000{i:02x}" for i in range(5))
        said_with = {}
        for how in ("snapshot", "journal"):
            with self.subTest(how), Server("--board", "main:20x20:4", "--board", "empty:20x20:4", "--cooldown-ms", "0",
                                           allowed="recovery note") as server:
                with Client(server, server.session()) as client:
                    client.place_all([(7, 3, 4), (8, 3, 12), (9, 3, 5)])
                server.stop() if how == "snapshot" else server.kill()
                self.assertEqual(bool(list(server.data.glob("*.snap"))), how == "snapshot")
                config = server.folder / "few.ini"
                config.write_text(f'[board "main"]\nsize = 20x20:4\n{few}\n[board "empty"]\nsize = 20x20:4\n{few}\n')
                code, _, said = run("--listen", "127.0.0.1:0", "--data", server.data, "--config", config)
                self.assertEqual(code, CONFIG, said)
                said_with[how] = re.search('why="(.*)"', said).group(1)
                self.assertIn("board main has 2 cells in colors that", said)
                self.assertIn("the first is 8,3 in color 12", said)
                self.assertNotIn("empty", said)  # nobody painted there
                config.write_text(f'[board "main"]\nsize = 20x20:4\n{few}' + "".join(f" d{i}:#00ff{i:02x}" for i in range(8)))
                server.flags = [*server.flags[:2], "--config", config]
                server.start()
                self.assertEqual(len(server.board()["palette"]), 13)
                server.allowed = "recovery note|board_not_served"
        self.assertEqual(said_with["snapshot"], said_with["journal"])

    def test_a_new_data_directory_is_told_before_it_is_made(self):
        with Server() as server:
            self.assertRegex(server.said(), rf'^\S+ info data_new data={server.data} note="there is no such directory yet')
            self.assertIn("board_new name=main size=1000x1000:4", server.said())
            server.stop()
            server.start()
            self.assertNotIn("_new", server.said())
            server.stop()
            code, _, said = run("--listen", "127.0.0.1:0", "--data", server.folder / "not" / "there")
            self.assertEqual(code, FAILED)
            self.assertRegex(said, rf"data_new data={server.folder}/not/there .*\n.*start_failed .*a part of its path is missing")
            (server.folder / "empty").mkdir()
            _, out, _ = run("--check-config", "--data", server.folder / "empty")
            self.assertIn(f"data directory {server.folder}/empty: there is no journal yet: a start creates new boards", out)
            self.assertEqual(list((server.folder / "empty").iterdir()), [])

    def test_as_many_boards_are_good_as_really_fit(self):
        def boards(first, end):
            return [flag for i in range(first, end) for flag in ("--board", f"b{i}:1x1:1")]

        code, _, said = run("--check-config", *boards(0, 257))
        self.assertEqual(code, CONFIG)
        self.assertIn("there are 257; a server has at most 256", said)
        with Server(*boards(0, 250)) as server:
            server.stop()
            code, _, said = run("--listen", "127.0.0.1:0", "--data", server.data, *boards(249, 257))
            self.assertEqual(code, CONFIG)
            self.assertIn("a data directory has at most 256", said)
            server.flags = boards(200, 256)
            server.allowed = "board_not_served"
            server.start()
            self.assertEqual(len(server.ask("GET", "/boards").json()), 56)

    def test_second_sigterm_ends_at_once(self):
        with Server("--drain-ms", "60s") as server:
            with Client(server) as client:
                server.signal()
                until("draining", lambda: "info stopping" in server.said())
                server.signal()
                self.assertEqual(server.wait(), -signal.SIGTERM)
                del client


def ignored(pid, number):
    """Whether the process ignores this signal; None when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    masks = dict(line.split(":\t", 1) for line in status.splitlines() if line.startswith(("SigIgn", "State")))
    return "Z" not in masks["State"] and bool(int(masks["SigIgn"], 16) & 1 << number - 1)


class Hail:
    """Sends the signals to the process again and again, from when it ignores them to its end."""

    def __init__(self, *numbers):
        self.numbers, self.sent, self.over = numbers, 0, threading.Event()

    def fall(self, process):
        until("the signals are ignored", lambda: ignored(process.pid, self.numbers[-1]) or process.poll() is not None)
        while not self.over.is_set() and ignored(process.pid, self.numbers[0]):
            for number in self.numbers:
                process.send_signal(number)
                self.sent += 1
            self.over.wait(0.001)

    def on(self, process):
        self.thread = threading.Thread(target=self.fall, args=(process,))
        self.thread.start()

    def end(self):
        self.over.set()
        self.thread.join()


class Signals(unittest.TestCase):
    HAIL = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)

    def test_a_server_without_a_file_lives_through_hangups_and_says_that_they_do_nothing(self):
        with Server() as server:
            for number in self.HAIL:
                with self.subTest(number):
                    server.signal(number)
                    until("it says so", lambda: f"signal_ignored signal={number.name} " in server.said())
                    self.assertEqual(server.ask("GET", "/healthz").status, 200)

    def test_a_hail_of_hangups_from_the_first_instruction_to_the_last_ends_nothing(self):
        self.hail()

    def test_a_hail_of_reloads_ends_nothing(self):
        with tempfile.NamedTemporaryFile("w", suffix=".ini") as config:
            config.write("cooldown-ms = 1\n")
            config.flush()
            self.assertIn("info reloaded ", self.hail("--config", config.name))

    def hail(self, *flags):
        """All that the server said."""
        hail, popen = Hail(*self.HAIL), subprocess.Popen

        def start(*arguments, **options):
            process = popen(*arguments, **options)
            hail.on(process)
            return process

        with unittest.mock.patch("subprocess.Popen", start):
            server = Server("--drain-ms", "1s", *flags)
        try:
            with Client(server, server.session()) as client:
                client.subscribe()
                self.assertEqual(client.place(1, 1, 1)["type"], "placed")
                server.signal(signal.SIGTERM)  # and a client to be told: stopping takes its time
                self.assertEqual(server.wait(), 0, server.log())
            hail.end()
            self.assertGreater(hail.sent, 10)
            self.assertRegex(server.said(), r"info stopped\n\Z")
            return server.said()
        finally:
            hail.end()
            server.clear()

    def test_tools_live_through_hangups(self):
        with Server("--cooldown-ms", "0", "--requests-per-second", "0") as server:
            with Client(server, server.session()) as client:
                client.place_all([(i % 1000, i // 1000, i % 16) for i in range(3000)])
            server.stop()
            tool = subprocess.Popen([PIXELD, "journal", "dump", server.data], stdout=subprocess.PIPE)
            until("it writes more than a pipe holds", lambda: unread(tool.stdout) > 0)
            for number in self.HAIL:
                tool.send_signal(number)
            rows = tool.stdout.read().splitlines()
            self.assertEqual((tool.wait(), len(rows)), (0, 3001))


def unread(pipe):
    count = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class CheckConfig(unittest.TestCase):
    """--check-config says what a start would say, with its code, and changes nothing."""

    def both(self, data, *flags):
        """The code and the sentence of a start that is refused; the check has given the same."""
        before = content(data) if data.is_dir() else None
        code, out, said = run("--check-config", "--data", data, *flags)
        self.assertEqual(out, "")
        if before is not None:
            self.assertEqual(content(data), before)
        started, _, log = run("--listen", "127.0.0.1:0", "--data", data, *flags)
        self.assertEqual(started, code, log)
        self.assertIn(f'start_failed why="{said.strip().removeprefix("pixeld: ")}"', log)
        return code, said

    def good(self, data, *flags):
        before = content(data) if data.is_dir() else None
        code, out, said = run("--check-config", "--data", data, *flags)
        self.assertEqual((code, said), (0, ""))
        self.assertEqual(content(data) if data.is_dir() else None, before)
        return out

    def test_lines_that_flags_and_environment_hide(self):
        with tempfile.TemporaryDirectory() as place:
            config = Path(place) / "pixeld.ini"
            config.write_text("workers = 2\ndrain-ms = 1s\nclients-max = 7\n")
            code, out, said = run("--check-config", "--data", f"{place}/data", "--config", config, "--workers", "3",
                                  "--clients-max", "7", env={"PIXELD_DRAIN_MS": "2s"})
            self.assertEqual((code, said), (0, ""))
            self.assertEqual([line for line in out.splitlines() if "hidden" in line], [
                "pixeld: line 1: workers is hidden: the flag has another value, and wins",
                "pixeld: line 2: drain-ms is hidden: the environment has another value, and wins"])

    def test_boards_of_the_data_directory(self):
        boards = ("--board", "main:20x20:4", "--board", "more:8x8:1")
        with Server(*boards, "--cooldown-ms", "0") as server:
            with Client(server, server.session()) as client:
                client.place_all([(1, 1, 15), (2, 2, 3)])
            beside = self.good(server.data, *boards)
            self.assertIn("a start continues with its content\npixeld: another pixeld is using it: started without --config, it ignores a reload (SIGHUP)\n", beside)
            with tempfile.NamedTemporaryFile("w", suffix=".ini") as config:
                self.assertIn("another pixeld is using it: as far as the disk shows, it accepts a reload (SIGHUP)\n",
                              self.good(server.data, *boards, "--config", config.name))
            self.assertNotIn("not in the data directory", beside)
            self.assertIn("board third is not in the data directory: a start creates it, a reload does not",
                          self.good(server.data, *boards, "--board", "third:9x9:1"))
            server.stop()
            self.assertNotIn("another pixeld", self.good(server.data, *boards))
            self.assertIn("board more is in the data directory but not served", self.good(server.data, *boards[:2]))
            code, said = self.both(server.data, "--board", "main:30x20:4")
            self.assertEqual(code, CONFIG)
            self.assertIn("board main is 20x20:4 in the data directory and 30x20:4 in the settings", said)
            config = server.folder / "few.ini"
            config.write_text('[board "main"]\nsize = 20x20:4\npalette = white:#ffffff black:#000000\n')
            code, said = self.both(server.data, "--config", config)
            self.assertEqual(code, CONFIG)
            self.assertIn("board main has 2 cells in colors", said)
            (server.data / "import-main.unfinished").touch()
            self.assertEqual(self.both(server.data, *boards)[0], FAILED)

    def test_takes_the_memory_of_the_boards_alone(self):
        flags = ("--board", "main:20x20:4", "--board", "more:8x8:1", "--log-bytes", "64MiB")
        with Server(*flags) as server:
            server.stop()
            check = subprocess.Popen([PIXELD, "--check-config", "--data", server.data, *flags], stdout=subprocess.DEVNULL)
            _, status, used = os.wait4(check.pid, 0)
            check.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(check.returncode, 0)
            self.assertLess(used.ru_maxrss, 64 << 10)  # KiB: less than one log

    def test_secret_and_token(self):
        with Server() as server:
            server.stop()
            short = server.folder / "short"
            short.write_text("short\n")
            for flag in ("--session-secret-file", "--admin-token-file"):
                for file in (short, server.folder / "none"):
                    code, said = self.both(server.data, flag, file)
                    self.assertEqual(code, CONFIG)
                    self.assertIn(file.name, said)
            long = server.folder / "long"
            for flag, most, words in (("--session-secret-file", 256, "16 to 256 bytes"),
                                      ("--admin-token-file", 128, "16 to 128")):
                long.write_bytes(b"x" * most)
                self.good(server.data, flag, long)
                for rest in (b"x", b"\n\n" + b"x" * 20, b"x" * 5000):  # never cut: it would be the one of another file
                    long.write_bytes(b"x" * most + rest)
                    code, said = self.both(server.data, flag, long)
                    self.assertEqual(code, CONFIG)
                    self.assertIn(words, said)
            for name in ("session.secret", "admin.token"):
                kept = (server.data / name).read_bytes()
                for wrong in (b"x", b"x" * 257):
                    (server.data / name).write_bytes(wrong)
                    code, said = self.both(server.data)
                    self.assertEqual(code, 3)
                    self.assertIn(name, said)
                (server.data / name).unlink()
                self.good(server.data)  # a start makes it anew
                (server.data / name).write_bytes(kept)

    def test_the_directory_itself(self):
        with Server() as server:
            server.stop()
            out = self.good(server.folder / "dtaa")
            self.assertIn(f"data directory {server.folder}/dtaa: there is no such directory yet: a start creates new boards", out)
            file = server.folder / "file"
            file.touch()
            self.assertIn("it must be a directory", self.both(file)[1])
            self.assertIn("a part of its path is missing", self.both(server.folder / "not" / "there")[1])
            segment = sorted(server.data.glob("journal-*.seg"))[0]
            data = bytearray(segment.read_bytes())
            data[100] ^= 1
            segment.write_bytes(data)
            code, said = self.both(server.data)
            self.assertEqual(code, 3)
            self.assertIn(segment.name, said)


class Directory(unittest.TestCase):
    """What of the data directory is gone, or may not be read."""

    def test_files_that_may_not_be_read_are_named_and_left_as_they_are(self):
        with Server("--cooldown-ms", "0") as server:
            with Client(server, server.session()) as client:
                client.place(1, 1, 1)
            server.stop()
            program = server.folder / "pixeld"
            shutil.copy(PIXELD, program)
            for path in (server.folder, program, server.data, *server.data.iterdir()):
                path.chmod(0o755)
                if os.geteuid() == 0:
                    os.chown(path, NOBODY, NOBODY)
            wrap = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups") if os.geteuid() == 0 else ()
            for kind in ("snapshot-*.snap", "journal-*.seg"):
                path = sorted(server.data.glob(kind))[0]
                path.chmod(0)
                before = content(server.data) if os.geteuid() == 0 else sorted(server.data.iterdir())
                done = subprocess.run([*wrap, program, "--listen", "127.0.0.1:0", "--data", server.data],
                                      stderr=subprocess.PIPE, text=True, timeout=120)
                self.assertEqual(done.returncode, FAILED, done.stderr)
                self.assertIn(path.name, done.stderr)
                self.assertIn("Permission denied", done.stderr)
                self.assertEqual(content(server.data) if os.geteuid() == 0 else sorted(server.data.iterdir()), before)
                path.chmod(0o600)

    def test_an_oldest_file_that_is_gone_is_told(self):
        with Server("--cooldown-ms", "0", "--requests-per-second", "0", "--journal-segment-bytes", "1MiB",
                    allowed="history_begins") as server:
            segments = lambda: sorted(server.data.glob("journal-*.seg"))
            dice = seed.dice("oldest")
            with Client(server, server.session()) as client:
                while len(segments()) < 3:
                    client.place_all([(dice.randrange(1000), dice.randrange(1000), dice.randrange(16)) for _ in range(3000)])
            board = server.bitmap()[0]
            server.stop()
            self.assertNotIn("history_begins", server.log())
            segments()[0].unlink()
            server.start()
            self.assertRegex(server.said(), f"warn history_begins lsn=[0-9]+ file={segments()[0].name} ")
            self.assertEqual(server.bitmap()[0], board)

    def test_a_journal_that_is_gone_is_told_and_clients_fetch_anew(self):
        with Server("--cooldown-ms", "0", allowed="recovery note|journal_missing|epoch_renewed") as server:
            with Client(server, server.session()) as client:
                board = client.follow()
                client.reach(board, client.place(1, 1, 1)["seq"])
            server.stop()
            for path in server.data.glob("journal-*.seg"):
                path.unlink()
            server.start()
            self.assertIn("error journal_missing", server.said())
            self.assertRegex(server.said(), "recovered .*clean=no")
            self.assertEqual(server.bitmap()[0], bytes(board.packed))
            with Client(server) as back:
                self.assertEqual(back.subscribe(epoch=board.epoch, seq=board.seq)["type"], "stale")


class Listeners(unittest.TestCase):
    def test_unix(self):
        with Server() as server:
            path = server.folder / "pixeld.sock"
            with Server(listen=(f"unix:{path}",)) as other:
                self.assertEqual(other.ask("GET", "/healthz").status, 200)
                with Client(other, other.session()) as client:
                    client.subscribe()
                    self.assertEqual(client.place(1, 1, 1)["type"], "placed")
            self.assertFalse(path.exists(), "the socket is removed at the end")

    def test_unix_socket_left_by_a_killed_server_is_taken_over(self):
        with Server() as server:
            path = server.folder / "pixeld.sock"
            with Server(listen=(f"unix:{path}",), allowed="recovery note") as other:
                other.kill()
                self.assertTrue(path.exists())
                other.start()
                self.assertEqual(other.ask("GET", "/healthz").status, 200)

    def test_several_with_ipv6(self):
        with Server() as server:
            path = server.folder / "three.sock"
            try:
                socket.create_server(("::1", 0), family=socket.AF_INET6).close()
            except OSError:
                self.skipTest("no ::1 here")
            with Server(listen=("127.0.0.1:0", "[::1]:0", f"unix:{path}")) as other:
                self.assertEqual(len(other.addresses), 3)
                for address in other.addresses:
                    with connect(address) as s:
                        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                        self.assertTrue(s.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n"), address)


class Machine(unittest.TestCase):
    def place_and_see(self, *flags, **options):
        with Server("--cooldown-ms", "0", *flags, **options) as server:
            with Client(server, server.session()) as painter, Client(server) as watcher:
                painter.subscribe()
                board = watcher.follow()
                placed = painter.place(3, 4, 5)
                watcher.reach(board, placed["seq"])
                self.assertEqual(bytes(board.packed), server.bitmap()[0])
            return server.log()

    def test_one_worker(self):
        self.assertIn("workers=1", self.place_and_see("--workers", "1"))

    def test_many_workers(self):
        self.assertIn("workers=8", self.place_and_see("--workers", "8"))

    def test_ring_of_6_1(self):
        self.place_and_see(env={"PIXELD_RING_MAX": "6.1"})

    def test_blocked_io_uring_is_said_in_plain_words(self):
        if not shutil.which("strace"):
            self.skipTest("strace is missing")
        for error in ("EPERM", "ENOSYS"):
            with self.subTest(error), Server() as server:
                code, _, said = run("--listen", "127.0.0.1:0", "--data", server.folder / "other",
                                    env={"ASAN_OPTIONS": "detect_leaks=0"},
                                    wrap=("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=io_uring_setup",
                                          "-e", f"inject=io_uring_setup:error={error}"))
                self.assertEqual(code, CONFIG, said)
                self.assertIn("io_uring", said)

    def test_a_data_directory_that_cannot_be_is_named(self):
        code, _, said = run("--listen", "127.0.0.1:0", "--data", PIXELD)
        self.assertEqual(code, FAILED)
        self.assertIn("it must be a directory", said)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
