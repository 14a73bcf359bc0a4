"""A pixeld process with a directory and a port of its own, watched to its end.

PIXELD names the binary, else it is server/pixeld in PIXELD_BUILD. Without one the tests are skipped (77).
"""
import os, pathlib, re, shutil, signal, subprocess, sys, tempfile, time

from .raw_http import RawHttp

PIXELD = pathlib.Path(os.environ.get("PIXELD") or
                      pathlib.Path(os.environ.get("PIXELD_BUILD", "build/release")) / "server/pixeld")
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|pixeld: bug:")
TROUBLE = re.compile(r"^\S+Z (warn|error) ", re.M)
LISTENING = re.compile(r"listening address=(\S+)")
PATIENCE_S = 120  # ends a test that hangs; how fast a machine is decides nothing
DEFAULTS = ("--journal-segment-bytes", "1MiB")  # segments end during tests, and are quickly made

if not PIXELD.exists():
    print(f"{PIXELD} is not built")
    sys.exit(77)


def run(*arguments, env=None, wrap=()):
    """pixeld for something else than serving; its exit code and all that it said."""
    done = subprocess.run([*wrap, PIXELD, *arguments], env={**os.environ, **(env or {})}, timeout=PATIENCE_S,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return done.returncode, done.stdout, done.stderr


def until(what, look, seconds=PATIENCE_S):
    """Polls look() until it is true, and gives what it gave; fails naming what was waited for."""
    end = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < end, f"did not come: {what}"
        time.sleep(0.01)


class Server:
    """with Server("--cooldown-ms", "0") as server: ... ends with nothing left, or fails the test."""

    def __init__(self, *flags, env=None, listen=("127.0.0.1:0",), data=None, allowed=None):
        """allowed: a pattern of warnings that this test brings about itself."""
        self.flags, self.listen, self.env = [*DEFAULTS, *flags], listen, env or {}
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pixeld-e2e-"))
        self.data = data or self.folder / "data"
        self.log_file = self.folder / "log"
        self.allowed = allowed
        self.process, self.pinned = None, None
        try:
            self.start()
        except BaseException:
            self.clear()
            raise

    # --- life ---
    def start(self):
        """Also again, after kill() or stop(): on the same directory and port."""
        addresses = [a for one in (self.pinned or self.listen) for a in ("--listen", one)]
        self.log_from = self.log_file.stat().st_size if self.log_file.exists() else 0
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen([PIXELD, *addresses, "--data", self.data, *self.flags], stderr=log,
                                            stdin=subprocess.DEVNULL, env={**os.environ, **self.env})
        until("serving", lambda: "info serving " in self.said() or self.process.poll() is not None)
        assert self.process.poll() is None, self.log()
        self.addresses = LISTENING.findall(self.said())
        self.pinned = self.addresses
        until("ready", lambda: self.ask("GET", "/readyz").status == 200)
        return self

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self):
        """The exit code."""
        return self.process.wait(PATIENCE_S)

    def stop(self):
        """As an operator does."""
        self.signal()
        code = self.wait()
        assert code == 0, f"exit code {code}\n{self.log()}"
        self.log_is_clean()

    def kill(self):
        self.signal(signal.SIGKILL)
        self.wait()
        self.log_is_clean()

    def clear(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                if self.process.poll() is None:
                    self.nothing_left()
                    self.stop()
                self.log_is_clean()
            else:
                print(self.log()[-4000:], file=sys.stderr)
        finally:
            self.clear()

    # --- looking in ---
    @property
    def address(self):
        return self.addresses[0]

    @property
    def port(self):
        return int(self.address.rsplit(":", 1)[1])

    @property
    def url(self):
        return f"http://{self.address}"

    def log(self):
        return self.log_file.read_text(errors="replace")

    def said(self):
        """What the process said since its last start."""
        return self.log()[self.log_from:]

    def http(self, **options):
        return RawHttp(self.address, **options)

    def ask(self, method, path, fields=None, body=None):
        """One request on a connection of its own."""
        with self.http() as http:
            return http.ask(method, path, fields, body)

    def session(self):
        """A new person: its token."""
        answer = self.ask("POST", "/session")
        assert answer.status == 200, answer
        return answer.json()["token"]

    def board(self, name="main"):
        return self.ask("GET", f"/boards/{name}").json()

    def bitmap(self, name="main"):
        """The packed bytes and the seq that they stand at."""
        answer = self.ask("GET", f"/boards/{name}/bitmap")
        assert answer.status == 200, answer
        return answer.body, int(answer["x-board-seq"])

    def metrics(self, answer=None):
        answer = answer or self.ask("GET", "/metrics")
        assert answer.status == 200, answer
        text = answer.body.decode()
        return {name: float(value) for name, value in
                (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))}

    def metric(self, name):
        return self.metrics()["pixeld_" + name]

    def closed(self, reason):
        return self.metric(f'connections_closed_total{{reason="{reason}"}}')

    # --- nothing left ---
    def log_is_clean(self):
        log = self.log()
        assert not SANITIZER.search(log), log
        for line in log.splitlines():
            if TROUBLE.match(line):
                assert self.allowed and re.search(self.allowed, line), line

    def nothing_left(self):
        """Everybody is gone, and the server knows it. The one HTTP connection is the one that asks."""
        want = {"connections_websocket": 0, "subscriptions": 0, "connections_closing": 0, "connections_http": 1}
        left = {}

        def gone():
            left.clear()
            answer = self.ask("GET", "/metrics")
            if answer.status == 503:  # full of clients whose end it has not seen yet
                return False
            metrics = self.metrics(answer)
            left.update({name: metrics["pixeld_" + name] for name in want})
            return left == want

        try:
            until("nothing left", gone)
        except AssertionError:
            raise AssertionError(f"left behind: {left}\n{self.log()}") from None
        self.log_is_clean()
