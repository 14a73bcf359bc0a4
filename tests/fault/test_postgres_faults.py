#!/usr/bin/python3
"""Placements at full speed into PostgreSQL, while everything between them and the table is broken, over and over.

pixeld is killed; PostgreSQL is killed, stopped at once, restarted, paused, loses its session, its connection in the
middle of a COPY and the answer to a COMMIT, and its disk is filled. At the end every acknowledged placement is in the
table once, as it was acknowledged; the table is the journal, row by row; and the board by SQL alone is the server's.
"""
import collections, errno, json, os, pathlib, random, re, signal, subprocess, sys, time

from lib import case, pixeld, truth

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from e2e.lib.postgres import Postgres, Wire  # noqa: E402

DATABASE = "faults"
ROWS = """SELECT epoch, seq, replace(user_id::text, '-', ''), request, y * 64 + x, color FROM pixeld.placements
ORDER BY seq"""


class Faults:
    """One method for each kind; they return when the world is whole again, but for who was hit."""

    def __init__(self, server, pg, wire, disk, pick):
        self.server, self.pg, self.wire, self.disk, self.pick = server, pg, wire, disk, pick
        self.cuts_asked = 0

    def pixeld_killed(self):
        self.server.kill()
        self.server.start()

    def postgres_killed(self):
        self.pg.kill()
        self.pg.start()

    def postgres_stopped_at_once(self):
        self.pg.stop(signal.SIGQUIT)
        self.pg.start()

    def postgres_restarted(self):
        self.pg.stop(signal.SIGINT)
        self.pg.start()

    def connection_cut_in_copy(self):
        with self.wire.lock:
            self.wire.cut_after = self.pick.randrange(100, 2000000)

    def answer_to_commit_lost(self):
        with self.wire.lock:
            self.wire.swallow = b"moved_at = clock_timestamp(); COMMIT"

    def session_ended(self):
        self.pg.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pixeld'", "postgres")

    def postgres_paused(self):
        self.pg.pause()
        time.sleep(self.pick.uniform(0.2, 3))
        self.pg.resume()

    def disk_filled(self):
        fill = self.disk / "fill"
        with open(fill, "wb", buffering=0) as file:
            state = os.statvfs(self.disk)
            try:  # most of it at once, the rest beside those who write there too
                os.posix_fallocate(file.fileno(), 0, max(1, (state.f_bavail - 2048) * state.f_bsize))
                file.seek(0, os.SEEK_END)
                while True:
                    file.write(bytes(1 << 16))
            except OSError as error:
                assert error.errno == errno.ENOSPC, error
        time.sleep(self.pick.uniform(0.5, 2))
        fill.unlink()
        if self.pg.process.poll() is not None:  # without room for its log it gives up
            self.pg.start()
        pixeld.wait_for(self.answers, "PostgreSQL answers again")

    def answers(self):
        try:
            return self.pg.query("SELECT 1", "postgres")
        except AssertionError:
            return False


KINDS = [name for name in vars(Faults) if not name.startswith("_") and name != "answers"]


def receiver(server, name):
    found = re.search(rf'^pixeld_receiver_{name}{{receiver="postgres"}} (\S+)$', server.get("/metrics")[2].decode(), re.M)
    return float(found[1]) if found else 1e18


def placed(server):
    return server.boards()["seq"]


def faults_run(faults, count, running):
    """Each kind comes; which next, and when, is drawn."""
    counts = collections.Counter()
    for n in range(count):
        time.sleep(faults.pick.uniform(0.05, 1.2))
        assert running(), f"loadgen ended after {n} faults of {count}"
        kind = KINDS[n] if n < len(KINDS) else faults.pick.choice(KINDS)
        getattr(faults, kind)()
        counts[kind] += 1
    return counts


def check(server, pg, acks):
    """Returns how many rows the table has."""
    rows = truth.dump(server.data)
    truth.order(rows)
    table = [(int(e), int(s), user, int(request) % 2**64, int(cell), int(color))
             for e, s, user, request, cell, color in pg.query(ROWS, DATABASE)]
    assert len(table) == len(rows), f"{len(table)} rows in the table, {len(rows)} placements in the journal"
    assert table == rows, "the table is not the journal"
    by_seq = {row[1]: row for row in table}
    assert len(by_seq) == len(table), "a seq is in the table twice"
    for request, seq, cell, color in acks:
        assert by_seq[seq][3:] == (request, cell, color), f"seq {seq}: {by_seq.get(seq)} is not what was acknowledged"
    epoch, seq, board = server.board(rows[-1][1])
    assert pg.bitmap(DATABASE, seq, 64, 64) == board, "the board by SQL is not the server's"
    assert int(pg.value("SELECT placements FROM pixeld.ledger", DATABASE)) == len(table), "the ledger counts wrong"
    return len(table)


def acks_read(path):
    return [tuple(map(int, line.split(",")))[:4] for line in path.read_text().splitlines()]


def load_start(server, place, args):
    return subprocess.Popen(
        [pixeld.LOADGEN, "--url", f"ws://127.0.0.1:{server.port}/ws", "--clients", "50", "--painters", "16", "--rate",
         f"{args.rate}/s", "--duration", "5h", "--settle", "4m", "--resume", "--quiet", "--seed", str(args.seed),
         "--session-secret", pixeld.SECRET.hex(), "--acks", place / "acks", "--json", place / "json"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def run(place, disk, args):
    with Postgres(folder=disk, max_wal_size="128MB") as pg:
        pg.create(DATABASE)
        wire = Wire(pg)
        server = pixeld.Pixeld(place / "data", place / "log", clients_max="2000", people_max="4096", workers="2",
                               snapshot_interval_s="5", journal_segment_bytes="16MiB", postgres_timeout_ms="2s",
                               postgres_batch_age_ms="50ms", postgres=pg.dsn(DATABASE, wire.port)).start()
        load = load_start(server, place, args)
        faults = Faults(server, pg, wire, disk, random.Random(args.seed))
        try:
            pixeld.wait_for(lambda: placed(server) > 0 or load.poll() is not None, "it places")
            counts = faults_run(faults, args.faults, lambda: load.poll() is None)
            while placed(server) < args.placements and load.poll() is None:
                time.sleep(0.1)
            load.send_signal(signal.SIGINT)
            said = load.communicate(timeout=pixeld.PATIENCE_S)[0]
        finally:
            if load.poll() is None:
                load.kill()
                load.wait()
        assert load.returncode == 0, f"loadgen: exit {load.returncode}\n{said}"
        acks = acks_read(place / "acks")
        begun = time.monotonic()
        behind = receiver(server, "lag_records")
        pixeld.wait_for(lambda: receiver(server, "lag_records") == 0, "the receiver is caught up")
        caught_up = time.monotonic() - begun
        rows = check(server, pg, acks)
        print(json.dumps(counts, indent=1))
        case.report("postgres faults", f"{sum(counts.values())} faults", len(acks), 0, rows=f"{rows:,}", twice=0,
                    behind_at_the_end=f"{behind:,.0f}", caught_up_in=f"{caught_up:.1f} s",
                    retries_since_the_last_start=f"{receiver(server, 'retries_total'):.0f}")
        assert not args.long or len(acks) >= 1000000, "fewer than a million placements"
        assert server.stop() == 0, server.said()
        verified = subprocess.run([pixeld.PROGRAM, "verify", "--data", place / "data", "--postgres", pg.dsn(DATABASE)],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert verified.returncode == 0 and "journal and the database are equal" in verified.stdout, verified.stdout
        wire.close()


def main():
    args = case.flags(__doc__, faults=(len(KINDS), 110), rate=(3000, 8000), placements=(100000, 1100000))
    case.need("setpriv", "mount", root=True)
    if not pixeld.LOADGEN.exists():
        case.skip(f"{pixeld.LOADGEN} is not built")
    print(f"seed {args.seed}")
    with case.workplace(args.keep) as place:
        place.chmod(0o755)
        disk = place / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2g" if args.long else "size=512m", "tmpfs", disk], check=True)
        try:
            run(place, disk, args)
        finally:
            subprocess.run(["umount", "-l", disk], check=False)


main()
