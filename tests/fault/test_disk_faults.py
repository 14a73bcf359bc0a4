#!/usr/bin/python3
"""A disk that fails, hangs and loses power, under load: a real ext4 on a block device of our own.

Errors   every write fails: nothing is acknowledged, watching and reading go on; when writes succeed again the
         engine goes on by itself, in a fresh segment. An ext4 with a journal turns read-only instead: the
         engine serves on, and takes placements again after a new mount and start.
Hang     the disk answers nothing for two seconds: watching and reading go on, acknowledging waits.
Power    everything that was not flushed is gone. Nothing acknowledged is lost with journal-sync=commit. With
         journal-sync=off something must be: else this test would prove nothing.
"""
import random, time

from lib import case, client, disk, pixeld, truth


class Scene:
    def __init__(self, place, device, **flags):
        self.device, self.painters = device, []
        self.server = pixeld.Pixeld(device.mnt / "data", place / f"{device.place.name}.log", **flags)

    def start(self):
        self.server.start()
        self.paint()

    def paint(self):
        self.painter = client.Painter(self.server, f"painter {len(self.painters)}", window=128, seed=len(self.painters) + 1)
        self.painters.append(self.painter)
        self.painter.start()

    def acked(self):
        return sum(len(p.acks) for p in self.painters)

    def goes_on(self):
        """Placements are acknowledged; how long that took."""
        begun, acked = time.monotonic(), len(self.painter.acks)
        pixeld.wait_for(lambda: len(self.painter.acks) > acked + 200 or self.painter.error, "placements are taken")
        return time.monotonic() - begun

    def is_serving(self):
        """For those who only look, nothing is different."""
        assert self.server.get("/healthz")[0] == 200
        late = client.Watcher(self.server, "latecomer")
        late.start()
        pixeld.wait_for(lambda: late.statuses > 1 or late.error, "a latecomer sees the board, and hears of it")
        truth.follow(late, self.server)
        late.end()

    def check(self):
        self.painter.pause = True
        pixeld.wait_for(lambda: not self.painter.open or self.painter.error, "the last placements are answered")
        truth.check(self.server, *self.painters)
        self.painter.pause = False

    def crash(self):
        self.server.kill()
        self.painter.end()


def errors(args, place):
    """On and off again and again; after each a kill, and a mount that forgets what a failed sync left in memory."""
    healed = []
    with disk.BlockDevice(place / "errors", journal=False) as device:
        scene = Scene(place, device, snapshot_interval_s="1")
        try:
            scene.start()
            for _ in range(args.errors):
                scene.goes_on()
                segment = sorted(scene.server.data.glob("journal-*.seg"))[-1]
                refused = scene.painter.refused[client.UNAVAILABLE]
                device.fail(True)
                pixeld.wait_for(lambda: scene.painter.refused[client.UNAVAILABLE] > refused, "placements are refused")
                acked = scene.acked()
                scene.is_serving()
                assert scene.acked() == acked, "acknowledged by a disk that takes nothing"
                device.fail(False)
                healed.append(scene.goes_on())
                scene.check()
                assert sorted(scene.server.data.glob("journal-*.seg"))[-1] > segment, "no fresh segment"
                scene.crash()
                device.remount()
                scene.start()
                scene.check()
            device.fail(True)
            assert scene.server.stop() == 0, "a stop in order does not need the disk"
            scene.painter.end()
            device.fail(False)
            device.remount()
            scene.start()
            scene.check()
            scene.crash()
        finally:
            scene.server.kill()
    case.report("disk errors", f"{args.errors} times EIO", scene.acked(), 0,
                refused=f"{sum(p.refused[client.UNAVAILABLE] for p in scene.painters):,}",
                taken_again_after=f"{max(healed):.1f} s at most")


def read_only(args, place):
    with disk.BlockDevice(place / "readonly") as device:
        scene = Scene(place, device)
        try:
            scene.start()
            scene.goes_on()
            device.fail(True)
            pixeld.wait_for(lambda: scene.painter.refused[client.UNAVAILABLE] > 300, "placements are refused")
            acked = scene.acked()
            device.fail(False)
            scene.is_serving()
            scene.crash()
            device.restore()
            scene.start()
            scene.goes_on()
            scene.check()
            scene.crash()
        finally:
            scene.server.kill()
    case.report("disk turned read-only", "1 mount", acked, 0)


def serve(scene, watcher, seconds):
    since = time.monotonic()
    while time.monotonic() < since + seconds:
        statuses = watcher.statuses
        scene.is_serving()
        pixeld.wait_for(lambda: watcher.statuses > statuses or watcher.error, "watchers hear of the board")


def hang(args, place):
    waits = []
    with disk.BlockDevice(place / "hang") as device:
        scene = Scene(place, device)
        try:
            scene.start()
            watcher = client.Watcher(scene.server)
            watcher.start()
            for _ in range(args.hangs):
                scene.goes_on()
                device.hang(True)
                try:
                    # What the disk had before may be acknowledged yet, and seen late by a busy machine; then no more.
                    for _ in range(3):
                        acked = scene.acked()
                        serve(scene, watcher, 2)
                        if scene.acked() == acked:
                            break
                    else:
                        raise AssertionError("acknowledged by a disk that answers nothing")
                finally:
                    device.hang(False)
                waits.append(scene.goes_on())
                scene.check()
                truth.follow(watcher, scene.server)
            watcher.end()
            scene.painter.end()
            assert scene.server.stop() == 0
        finally:
            scene.server.kill()
    case.report("disk hangs", f"{args.hangs} times 2 s", scene.acked(), 0, taken_again_after=f"{max(waits):.1f} s at most")


def power(args, place, cuts, sync):
    """Snapshots are written and old segments removed meanwhile. Gives how many acknowledged placements were lost."""
    pick, gone, history = random.Random(f"{args.seed} {sync}"), 0, {}
    with disk.BlockDevice(place / f"power-{sync}", size="128M") as device:
        scene = Scene(place, device, journal_sync=sync, snapshot_interval_s="1",
                      journal_keep_bytes="4MiB" if sync == "commit" else "0")
        try:
            for _ in range(cuts):
                scene.start()
                scene.goes_on()
                time.sleep(pick.uniform(0, 2.2))
                device.cut()
                time.sleep(pick.uniform(0, 0.2))  # as long as it takes until the program notices
                scene.crash()
                device.restore()
                scene.server.start()
                rows = truth.dump(scene.server.data)
                lost = truth.lost(rows, scene.painter)
                if sync == "commit":
                    rows = truth.remember(history, truth.removed(rows, scene.painters) + rows)
                    lost = truth.lost(rows, *scene.painters)
                    assert lost == 0, f"{lost} acknowledged placements are lost"
                    truth.consistent(scene.server, rows)
                else:  # the snapshot can be ahead of the journal, whose end was never synced
                    truth.order(rows)
                gone += lost
                scene.server.kill()
        finally:
            scene.server.kill()
    log = scene.server.log.read_text()
    case.report(f"power cuts, journal-sync={sync}", f"{cuts} cuts", scene.acked(), f"{gone:,}",
                snapshots=log.count(" info snapshot lsn"), segments_removed=log.count("journal_segment_removed"),
                torn_tails=log.count("a write was cut short"))
    return gone


def main():
    args = case.flags(__doc__, errors=(1, 10), hangs=(1, 5), cuts=(2, 20), cuts_off=(2, 5))
    case.need("nbdkit", "nbdfuse", "fusermount3", "losetup", "mkfs.ext4", root=True)
    print(f"seed {args.seed}")
    with case.workplace(args.keep) as place:
        if args.errors:
            errors(args, place)
            read_only(args, place)
        if args.hangs:
            hang(args, place)
        if args.cuts:
            power(args, place, args.cuts, "commit")
        if args.cuts_off:
            lost = power(args, place, args.cuts_off, "off")
            assert lost > 0, "nothing was lost without sync: these cuts prove nothing"


main()
