#!/usr/bin/python3
"""Data directories that somebody or something damaged, given to real processes.

A torn tail, which nobody was told about, is cut and reported, and the server serves. Damage to what people were
told is never passed over: the server does not start, and server and `pixeld journal verify` name the file and the
offset, with exit code 3, and change nothing. In between is no third way: for every damage tried, either everything
acknowledged is served, or the start is refused.
"""
import hashlib, random, re, shutil

from lib import case, client, pixeld, truth

HEADER, BATCH_HEADER = 80, 64  # of a segment and of a batch: docs of the format are its header file


def used(path):
    return len(path.read_bytes().rstrip(b"\0"))


def digest(directory):
    return {path.name: hashlib.sha256(path.read_bytes()).digest() for path in sorted(directory.iterdir()) if path.name != "lock"}


class Scene:
    def __init__(self, place):
        self.place, self.base, self.data, self.log = place, place / "base", place / "data", place / "log"
        self.painters = []
        server = pixeld.Pixeld(self.base, self.log)
        for life in range(3):
            server.start()
            painter = client.Painter(server, f"life {life}", window=4, most=60)
            self.painters.append(painter)
            painter.start()
            pixeld.wait_for(lambda: painter.finished() or painter.error, "the base is painted")
            painter.end()
            if life == 0:
                assert server.stop() == 0
            server.kill()
        self.segments = [path.name for path in sorted(self.base.glob("journal-*.seg")) if used(path)]
        self.snapshot = sorted(path.name for path in self.base.glob("snapshot-*.snap"))[-1]
        self.last, self.end = self.segments[-1], used(self.base / self.segments[-1])
        self.tried = self.served = self.refused = 0

    def fresh(self):
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(self.base, self.data)

    def flip(self, name, offset, mask=1):
        with open(self.data / name, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ mask]))

    def start(self):
        """The server, or None when it refuses."""
        self.tried += 1
        server = pixeld.Pixeld(self.data, self.log).spawn()
        if server.wait_port():
            server.wait_ready()
            self.served += 1
            return server
        self.refused += 1
        self.code = server.process.wait()
        self.said = server.said()
        server.kill()
        return None

    def is_served(self, report, lost_most=0):
        """Everything is there, but for so many of the newest; the report names what was cut."""
        code, out, err = pixeld.journal("verify", self.data)
        assert code == 0 and (report is None or report in err), (code, out, err)
        server = self.start()
        assert server is not None, self.said
        try:
            rows = truth.dump(self.data)
            gone = truth.lost(rows, *self.painters)
            assert gone <= lost_most, f"{gone} acknowledged placements are lost"
            truth.consistent(server, rows)
            assert report is None or report in server.said(), server.said()
        finally:
            server.kill()

    def is_refused(self, name, offset=None):
        """By the server and by the tool, with file and offset; and nothing is changed."""
        before = digest(self.data)
        code, out, err = pixeld.journal("verify", self.data)
        assert code == 3 and name in err, (code, out, err)
        server = self.start()
        if server is not None:
            server.kill()
            raise AssertionError(f"{name} at {offset}: damage was passed over:\n{server.said()}")
        assert self.code == 3 and name in self.said, (self.code, self.said)
        assert "start_failed" in self.said and "Nothing was changed" in self.said, self.said
        if offset is not None:
            named = re.search(re.escape(name) + r", offset (\d+)", self.said)
            assert named and int(named[1]) <= offset, f"damage at {offset}: {self.said}"
        assert digest(self.data) == before, "a refused start changed the directory"


def torn_tail(scene):
    """Bytes behind the good end; the end itself was acknowledged, and is there."""
    for what in (b"\xa5" * 700, b"\0" * 64 + b"\x01", (scene.base / scene.last).read_bytes()[HEADER:HEADER + 300]):
        scene.fresh()
        with open(scene.data / scene.last, "r+b") as file:
            file.seek(scene.end + 7 & ~7)
            file.write(what)
        scene.is_served("a write was cut short")


def unfinished_files(scene):
    scene.fresh()
    (scene.data / "snapshot-000000009999.tmp").write_bytes(b"half a snapshot")
    (scene.data / scene.snapshot.replace(".snap", ".tmp")).write_bytes((scene.data / scene.snapshot).read_bytes()[:500])
    scene.is_served(None)


def early_damage(scene, pick, count):
    """A bit of what a later header calls durable."""
    first = HEADER + BATCH_HEADER
    for _ in range(count):
        name = pick.choice(scene.segments[1:])
        offset = pick.randrange(first, used(scene.base / name) * 2 // 3)
        scene.fresh()
        scene.flip(name, offset, 1 << pick.randrange(8))
        if (scene.data / name).read_bytes() != (scene.base / name).read_bytes():
            scene.is_refused(name, offset)


def any_damage(scene, pick, count):
    """Any bit of any file: everything is served, or the start is refused. Only the very last batch, which no
    header vouches for yet, cannot be told from a torn write."""
    files = [*scene.segments, scene.snapshot]
    for _ in range(count):
        name = pick.choice(files)
        offset = pick.randrange(used(scene.base / name))
        scene.fresh()
        scene.flip(name, offset, 1 << pick.randrange(8))
        server = scene.start()
        if server is None:
            assert scene.code == 3 and "start_failed" in scene.said, (scene.code, scene.said)
            continue
        try:
            rows = truth.dump(scene.data)
            gone = truth.lost(rows, *scene.painters)
            assert gone == 0 or (name == scene.last and gone <= 4), f"{name} at {offset}: {gone} lost, and served"
            truth.consistent(server, rows)
        finally:
            server.kill()


def cut_short(scene, pick, count):
    """A file that somebody cut: refused, unless what is cut off holds nothing. (Cut to nothing, the oldest one is
    like one that retention has removed.)"""
    for _ in range(count):
        name = pick.choice(scene.segments)
        scene.fresh()
        size = pick.randrange(1, used(scene.base / name) * 2 // 3)
        with open(scene.data / name, "r+b") as file:
            file.truncate(size)
        server = scene.start()
        if server is not None:
            rows = truth.dump(scene.data)
            gone = truth.lost(rows, *scene.painters)
            server.kill()
            assert gone == 0, f"{name} cut to {size}: {gone} lost, and served"


def missing_files(scene):
    for name in scene.segments[1:]:
        scene.fresh()
        (scene.data / name).unlink()
        server = scene.start()
        if server is not None:
            gone = truth.lost(truth.dump(scene.data), *scene.painters)
            server.kill()
            raise AssertionError(f"{name} is missing, {gone} are lost, and it serves")


def two_servers(scene):
    scene.fresh()
    server = pixeld.Pixeld(scene.data, scene.log).start()
    try:
        second = pixeld.Pixeld(scene.data, scene.place / "second.log").spawn()
        assert second.wait_port() is None and second.process.wait() == 1, second.said()
        assert "another pixeld" in second.said(), second.said()
        assert server.get("/readyz")[0] == 200
    finally:
        server.kill()


def main():
    args = case.flags(__doc__, damages=(20, 300))
    case.need()
    print(f"seed {args.seed}")
    pick = random.Random(args.seed)
    with case.workplace(args.keep) as place:
        scene = Scene(place)
        torn_tail(scene)
        unfinished_files(scene)
        two_servers(scene)
        missing_files(scene)
        early_damage(scene, pick, args.damages // 2)
        cut_short(scene, pick, args.damages // 2)
        any_damage(scene, pick, args.damages)
        case.report("torn and damaged", f"{scene.tried} damaged directories", sum(len(p.acks) for p in scene.painters), 0,
                    served_whole=scene.served, refused=scene.refused)


main()
