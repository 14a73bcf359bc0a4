"""A PostgreSQL of the test's own: a directory, a Unix socket and a free port; no instance of the system is touched.

It is run by the user postgres (or nobody) where the test is root. Skips the test (77) where Debian's is not installed.
"""
import glob, os, pathlib, pwd, shutil, signal, socket, subprocess, sys, tempfile, threading, time

CONF = {"listen_addresses": "127.0.0.1", "shared_buffers": "32MB", "max_wal_size": "64MB", "min_wal_size": "32MB",
        "logging_collector": "off", "max_connections": "20", "log_min_messages": "warning",
        "checkpoint_timeout": "30s"}
# The board as the bitmap has it, by SQL alone: 4 bits a pixel, the left one first.
BITMAP = """WITH b AS (SELECT y * {width} + x AS cell, color FROM pixeld.board_at({board}::smallint, {seq}))
SELECT encode(string_agg(decode(lpad(to_hex(coalesce(l.color, 0) * 16 + coalesce(r.color, 0)), 2, '0'), 'hex'), ''
ORDER BY n), 'hex') FROM generate_series(0, {width} * {height} / 2 - 1) n
LEFT JOIN b l ON l.cell = 2 * n LEFT JOIN b r ON r.cell = 2 * n + 1"""
ROWS = """SELECT board, epoch, seq, (extract(epoch FROM placed_at) * 1000)::bigint, replace(user_id::text, '-', ''), x, y,
color, request FROM pixeld.placements ORDER BY board, epoch, seq"""


def programs():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[-2]))
    if not found:
        print("PostgreSQL is not installed")
        sys.exit(77)
    return pathlib.Path(found[-1])


def as_user():
    """What to run it with: it refuses to be root."""
    if os.geteuid() != 0:
        return [], None
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"], user
    print("there is no user that could run PostgreSQL")
    sys.exit(77)


class Postgres:
    """with Postgres() as pg: pg.dsn("name"), pg.query("SELECT 1"), pg.kill(), pg.start(), ..."""

    def __init__(self, folder=None, **conf):
        """folder: where its files go; removed in the end."""
        self.bin = programs()
        self.wrap, self.user = as_user()
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="pixeld-pg-"))
        self.data, self.log_file = self.folder / "db", self.folder / "log"
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.conf = {**CONF, **conf}
        self.process = None
        if self.user:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        self.folder.chmod(0o755)
        self.call("initdb", "-D", self.data, "--no-sync", "-A", "trust", "-U", "pixeld", "--locale=C", "-E", "UTF8",
                  "--wal-segsize=1")
        self.start()

    def call(self, program, *arguments):
        done = subprocess.run([*self.wrap, self.bin / program, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, f"{program}: {done.stdout}"
        return done.stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.clear()

    def clear(self):
        if self.process and self.process.poll() is None:
            self.resume()
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- life ---
    def spawn(self):
        flags = [f"-c{name}={value}" for name, value in self.conf.items()]
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen([*self.wrap, self.bin / "postgres", "-D", self.data, "-k", self.folder,
                                             "-p", str(self.port), *flags], cwd=self.folder, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)

    def start(self, seconds=120):
        """Answers when this returns. A killed one leaves children that take a moment to see it."""
        end = time.monotonic() + seconds
        while True:
            if self.process is None or self.process.poll() is not None:
                (self.data / "postmaster.pid").unlink(missing_ok=True)
                self.spawn()
            try:
                self.query("SELECT 1", "postgres")
                return self
            except AssertionError as error:
                assert time.monotonic() < end, f"PostgreSQL does not answer: {error}\n{self.log_file.read_text()[-2000:]}"
                time.sleep(0.05)

    def family(self):
        """The server and its children, by their ids."""
        parent, found = self.process.pid, []
        for stat in glob.glob("/proc/[0-9]*/stat"):
            try:
                pid, rest = pathlib.Path(stat).read_text().split(" ", 1)
            except OSError:
                continue
            if int(pid) == parent or int(rest.rsplit(")", 1)[1].split()[1]) == parent:
                found.append(int(pid))
        return found

    def send(self, number):
        for pid in self.family():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def stop(self, number=signal.SIGINT):
        """SIGINT: fast; SIGQUIT: immediate."""
        self.process.send_signal(number)
        self.process.wait(120)

    def kill(self):
        self.send(signal.SIGKILL)
        self.process.wait(120)

    def pause(self):
        self.send(signal.SIGSTOP)

    def resume(self):
        self.send(signal.SIGCONT)

    # --- looking in ---
    def dsn(self, database, port=None):
        if port:
            return f"postgresql://pixeld@127.0.0.1:{port}/{database}?sslmode=disable&gssencmode=disable"
        return f"host={self.folder} port={self.port} user=pixeld dbname={database}"

    def create(self, database):
        self.query(f"CREATE DATABASE {database}", "postgres")
        return database

    def query(self, sql, database):
        """The rows as lists of texts. AssertionError with what it said."""
        done = subprocess.run([self.bin / "psql", "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-p",
                               str(self.port), "-U", "pixeld", "-d", database, "-c", sql], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]

    def value(self, sql, database):
        return self.query(sql, database)[0][0]

    def rows(self, database):
        """All placements, in the order of board, epoch, seq."""
        return [tuple(row) for row in self.query(ROWS, database)]

    def bitmap(self, database, seq, width=1000, height=1000, board=0):
        return bytes.fromhex(self.value(BITMAP.format(width=width, height=height, board=board, seq=seq), database))


def dumped(text):
    """What pixeld journal dump prints, in the form and the order of Postgres.rows()."""
    rows = [line.split(",") for line in text.splitlines()[1:]]
    made = [(r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8],
             str((int(r[9]) + 2**63) % 2**64 - 2**63)) for r in rows]
    return sorted(made, key=lambda r: (int(r[0]), int(r[1]), int(r[2])))


class Wire:
    """A TCP port in front of it that can cut what passes."""

    def __init__(self, pg):
        self.pg = pg
        self.cut_after = None   # so many bytes from the client, then the connection breaks, and this is None again
        self.swallow = None     # these bytes of the client get through, the answer does not
        self.cuts = 0
        self.lock = threading.Lock()
        self.halves = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(f"{self.pg.folder}/.s.PGSQL.{self.pg.port}")
            except OSError:
                client.close()
                continue
            threading.Thread(target=self.up, args=(client, server), daemon=True).start()
            threading.Thread(target=self.down, args=(client, server), daemon=True).start()

    def other(self, *sockets):
        """The second of the two threads of a connection closes it."""
        with self.lock:
            if sockets not in self.halves:
                self.halves.add(sockets)
                return
            self.halves.remove(sockets)
        for s in sockets:
            s.close()

    @staticmethod
    def end(*sockets):
        for s in sockets:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def up(self, client, server):
        passed = 0
        try:
            while True:
                data = client.recv(16384)
                if not data:
                    break
                with self.lock:
                    if self.cut_after is not None and passed + len(data) > self.cut_after:
                        server.sendall(data[:max(0, self.cut_after - passed)])
                        self.cut_after = None
                        self.cuts += 1
                        break
                    if self.swallow is not None and self.swallow in data:
                        self.swallow = None
                        self.cuts += 1
                        self.end(client)  # before the answer; the server commits all the same
                        server.sendall(data)
                        time.sleep(0.5)
                        break
                passed += len(data)
                server.sendall(data)
        except OSError:
            pass
        self.end(client, server)
        self.other(client, server)

    def down(self, client, server):
        try:
            while True:
                data = server.recv(65536)
                if not data:
                    break
                client.sendall(data)
        except OSError:
            pass
        self.end(client, server)
        self.other(client, server)
