#!/usr/bin/python3
"""kill -9 at every system call that could matter, of every thread, one run for each.

Scene `run`: a server starts on the directory of two earlier runs, takes placements, shows them to a watcher,
gives out a bitmap, is told to stop, drains, closes its journal and writes a snapshot. Scene `recovery`: a
server starts on a directory that a crash left behind, with a torn write and half a snapshot; it is killed at
the same point twice, as in a restart storm. Scene `snapshot`: a periodic snapshot is written, and retention
removes old segments, while placements come.

After each kill: every acknowledged placement is in `pixeld journal dump`, the order has no gap, the board is
the fold of the journal. Placements go on, the server is killed again, and the third start serves it all.
"""
import pathlib, shutil, sys

from lib import case, client, pixeld, truth

TRACER = pathlib.Path(__file__).parent / "lib/tracer.py"
THREADS = ["main", "writer", "keeper", "packer", "historian", "worker"]
PLACEMENTS = 40


class Scene:
    flags = {}

    def __init__(self, place):
        self.place, self.data = place, place / self.name
        self.base, self.log = place / f"{self.name}-base", place / f"{self.name}.log"
        self.painters, self.counts = [], {}  # those of the base
        for last in (False, True):
            self.prepare(last)

    def prepare(self, last):
        server = pixeld.Pixeld(self.base, self.log).start()
        self.painters.append(self.paint(server, f"base {last}"))
        assert server.stop() == 0, server.said()

    def paint(self, server, name, **how):
        painter = client.Painter(server, name, **{"most": PLACEMENTS, "window": 8, **how})
        painter.start()
        pixeld.wait_for(lambda: painter.finished() or painter.error or not server.is_alive(), f"{name} has painted")
        painter.end()
        return painter

    def work(self, server):
        """What is done with the server that is killed; gives the painters."""
        watcher = client.Watcher(server)
        watcher.start()
        painter = self.paint(server, "traced")
        watcher.end()
        return [painter]

    def traced(self, point):
        """One run, killed at `point` or stopped in the end: (whether it was killed, painters)."""
        counts = self.place / "counts"
        server = pixeld.Pixeld(self.data, self.log, **self.flags,
                               prefix=[sys.executable, TRACER, counts, *(point or ()), "--"]).spawn()
        try:
            painters = self.work(server) if server.wait_port() else []
            if server.is_alive():
                server.process.terminate()
            code = server.process.wait(30)
        finally:
            server.kill()
        assert code in (0, 137), f"exit code {code}\n{server.said()}"
        self.counts = {(int(t), name): int(n) for t, name, n in map(str.split, counts.read_text().splitlines())}
        return code == 137, painters

    def run(self, point):
        """The run, and all that must hold after it. True: the point was reached."""
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(self.base, self.data)
        killed, painters = self.traced(point)
        self.judge(self.painters + painters)
        return killed, sum(len(p.acks) for p in painters)

    def judge(self, painters):
        server = pixeld.Pixeld(self.data, self.log).start()
        try:
            truth.check(server, *painters, retained=not self.flags)
            painters = [*painters, self.paint(server, "second", most=5)]
            server.kill()
            server.start()
            truth.check(server, *painters, retained=not self.flags)
        finally:
            server.kill()


class Run(Scene):
    name = "run"

    def points(self):
        """Where it may be killed: all calls, but not those that load the program's libraries."""
        for (thread, name), count in self.counts.items():
            for n in range(1, count + 1):
                if thread > 0 or name != "openat":
                    yield THREADS[thread], thread, name, n, "entry"
                    if (thread, name) == (1, "io_uring_enter"):
                        yield THREADS[thread], thread, name, n, "exit"


class Recovery(Scene):
    name = "recovery"

    def prepare(self, last):
        if not last:
            return super().prepare(last)
        server = pixeld.Pixeld(self.base, self.log).start()
        self.painters.append(self.paint(server, "base crash"))
        server.kill()
        self.tear()

    def tear(self):
        """What a power cut adds to a kill: half a write behind the good end, half a snapshot."""
        used = {path: len(path.read_bytes().rstrip(b"\0")) for path in sorted(self.base.glob("journal-*.seg"))}
        last = [path for path in used if used[path]][-1]
        with open(last, "r+b") as file:
            file.seek((used[last] + 7) // 8 * 8)
            file.write(b"\xa5" * 700)
        whole = next(self.base.glob("snapshot-*.snap"))
        whole.with_suffix(".tmp").write_bytes(whole.read_bytes()[:1000])

    def work(self, server):
        return [self.paint(server, f"traced {server.port}", most=3)]

    def traced(self, point):
        killed, painters = super().traced(point)
        if killed:  # again, at the same place of what is now there
            painters += super().traced(point)[1]
        return killed, painters

    def points(self):
        for (thread, name), count in self.counts.items():
            for n in range(1, count + 1):
                yield THREADS[thread], thread, name, n, "entry"


class Snapshot(Scene):
    name = "snapshot"
    flags = {"journal_keep_bytes": "2MiB", "snapshot_interval_s": "1"}

    def work(self, server):
        painter = self.paint(server, "traced", rate=PLACEMENTS)
        pixeld.wait_for(lambda: not server.is_alive() or "info snapshot" in server.said(), "a snapshot")
        return [painter]

    def points(self):
        for (thread, name), count in self.counts.items():
            if THREADS[thread] == "keeper":
                for n in range(1, count + 1):
                    yield THREADS[thread], thread, name, n, "entry"


def campaign(scene, most):
    """Every point of the scene, or `most` of them, evenly spread."""
    killed, acked = scene.run(None)
    assert not killed and acked > 0
    points = list(scene.points())
    step = max(1.0, len(points) / most) if most else 1.0
    chosen = [points[int(i * step)] for i in range(int(len(points) / step))]
    kills, total = 0, 0
    for label, *point in chosen:
        try:
            killed, acked = scene.run(point)
        except BaseException:
            print(f"FAILED: scene {scene.name}, kill at {point[3]} of {point[1]} {point[2]} of {label}\n"
                  f"{scene.log.read_text()[-3000:]}")
            raise
        kills += killed
        total += acked
    assert kills > len(chosen) / 2, f"only {kills} of {len(chosen)} points were reached"
    case.report(f"kill points, {scene.name}", f"{kills} kills of {len(chosen)} runs, {len(points)} points", total, 0)


def main():
    args = case.flags(__doc__, points=(18, 0))
    case.need()
    with case.workplace(args.keep) as place:
        for scene, share in ((Run, 2), (Recovery, 4), (Snapshot, 4)):
            campaign(scene(place), args.points // share)


main()
