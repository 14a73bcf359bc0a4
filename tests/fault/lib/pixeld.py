"""pixeld as a process: started on a free port, killed by its own pid, asked over HTTP."""
import atexit, http.client, json, os, pathlib, re, signal, subprocess, time

BUILD = pathlib.Path(os.environ.get("PIXELD_BUILD", "build"))
PROGRAM = BUILD / "server/pixeld"
LOADGEN = BUILD / "tools/loadgen/loadgen"
SECRET = bytes(range(32))
PATIENCE_S = 300  # ends a test that hangs; how fast a machine is decides nothing
BOARD = ("main", 64, 64, 4)  # small: copies, snapshots and comparisons take no time

FLAGS = {
    "cooldown-ms": "0", "requests-per-second": "0", "workers": "1", "clients-max": "64", "people-max": "1024",
    "journal-segment-bytes": "1MiB", "session-secret": SECRET.hex(), "board": "main:64x64:4",
    "status-interval-ms": "200", "cut-interval-ms": "5", "round-interval-ms": "5", "drain-ms": "200",
}
_running = []


class Pixeld:
    def __init__(self, data, log, port=0, prefix=(), **flags):
        """log: a file; what the server says is appended to it. prefix: tracer.py and its arguments. Flags
        with _ for -; None leaves one out."""
        self.data, self.log, self.port, self.process = pathlib.Path(data), pathlib.Path(log), port, None
        self.prefix = [str(p) for p in prefix]
        self.flags = dict(FLAGS)
        self.flags.update({name.replace("_", "-"): value for name, value in flags.items()})

    def argv(self):
        flags = [f"--{name}={value}" for name, value in self.flags.items() if value is not None]
        return [*self.prefix, str(PROGRAM), f"--listen=127.0.0.1:{self.port}", f"--data={self.data}", *flags]

    def spawn(self):
        self.log_from = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.argv(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        _running.append(self)
        return self

    def start(self):
        """Serves when this returns; raises with the log when it does not."""
        self.spawn()
        if not self.wait_port():
            raise AssertionError(f"pixeld does not serve:\n{self.said()}")
        self.wait_ready()
        return self

    def wait_port(self):
        """The port, once it listens; None when it ended before."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            found = re.search(r"listening address=\S*:(\d+)", self.said())
            if found:
                self.port = int(found[1])
                return self.port
            if not self.is_alive():
                return None
            time.sleep(0.005)
        return None

    def wait_ready(self):
        """/readyz says 200: the journal takes placements."""
        wait_for(lambda: self.get("/readyz")[0] == 200, f"{self.log}: ready")

    def said(self):
        with open(self.log, "rb") as log:
            log.seek(self.log_from)
            return log.read().decode(errors="replace")

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """kill -9. After this nothing of it runs."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT if self.prefix else signal.SIGKILL)
        self.process.wait()
        if self in _running:
            _running.remove(self)

    def stop(self):
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE_S)
        finally:
            self.kill()

    def get(self, path):
        """(status, headers, body); status 0 when nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        except (OSError, http.client.HTTPException):
            return 0, {}, b""
        finally:
            connection.close()

    def board(self, least_seq=0):
        """(epoch, seq, bytes) of the board, at `least_seq` or later."""
        end = time.monotonic() + PATIENCE_S
        while True:
            status, headers, body = self.get("/boards/main/bitmap")
            assert status == 200, f"bitmap: status {status}"
            seq = int(headers["X-Board-Seq"])
            if seq >= least_seq or time.monotonic() > end:
                assert seq >= least_seq, f"the board stays at seq {seq}, {least_seq} was acknowledged"
                return int(headers["X-Board-Epoch"]), seq, body
            time.sleep(0.01)

    def metrics(self):
        """name -> value, those without labels."""
        text = self.get("/metrics")[2].decode()
        return {m[1]: float(m[2]) for m in re.finditer(r"^(\w+) ([\d.e+-]+)$", text, re.M)}

    def operate(self, method, path, body=None):
        """A request with the admin token: (status, what it said)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            token = (self.data / "admin.token").read_text().strip()
            connection.request(method, "/boards/main" + path, json.dumps(body), {"Authorization": f"Bearer {token}"})
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def boards(self):
        return json.loads(self.get("/boards/main")[2])


def journal(verb, data, *more):
    """pixeld journal VERB: (exit code, stdout, stderr)."""
    done = subprocess.run([PROGRAM, "journal", verb, data, *map(str, more)], capture_output=True, text=True, timeout=PATIENCE_S)
    return done.returncode, done.stdout, done.stderr


def wait_for(fact, what):
    end = time.monotonic() + PATIENCE_S
    while not fact():
        assert time.monotonic() < end, f"not within {PATIENCE_S} s: {what}"
        time.sleep(0.01)


@atexit.register
def _kill_all():
    for server in list(_running):
        server.kill()
