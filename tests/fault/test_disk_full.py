#!/usr/bin/python3
"""The disk fills up under load: placements get 503, everything else goes on, and it heals by itself.

The data directory is a small tmpfs; a file beside the journal takes what is free. Round by round: full
and freed again; full, killed, started while it is full, freed; full, stopped in order, started; full under a rollback.
"""
import http.client, json, time

from lib import case, client, disk, pixeld, truth


def put(server, painter):
    """A placement over HTTP: (status, Retry-After, body)."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("PUT", "/boards/main/pixels/1/1", json.dumps({"color": 1}),
                           {"Authorization": f"Bearer {client.token(painter.user)}"})
        response = connection.getresponse()
        return response.status, response.headers["Retry-After"], json.loads(response.read())
    finally:
        connection.close()


WHOLE = {"area": {"x": 0, "y": 0, "width": client.WIDTH, "height": client.HEIGHT}}


class Scene:
    def __init__(self, place):
        self.ballast = place / "disk/ballast"
        self.server = pixeld.Pixeld(place / "disk/data", place / "log", snapshot_interval_s="1").start()
        self.watcher, self.painters = client.Watcher(self.server), []
        self.watcher.start()
        self.paint()

    def paint(self):
        self.painter = client.Painter(self.server, f"painter {len(self.painters)}", window=256, seed=len(self.painters) + 1)
        self.painters.append(self.painter)
        self.painter.start()

    def refused(self):
        return self.painter.refused[client.UNAVAILABLE]

    def check(self):
        self.painter.pause = True
        pixeld.wait_for(lambda: not self.painter.open, "the last placements are answered")
        self.rows = truth.check(self.server, *self.painters)
        truth.follow(self.watcher, self.server)
        self.painter.pause = False

    def is_full(self):
        """Placements are refused in words, watching and reading go on, and nobody is deceived."""
        disk.fill(self.ballast)
        begun = self.refused()
        pixeld.wait_for(lambda: self.refused() > begun + 100 or self.painter.error, "placements are refused")
        acked = len(self.painter.acks)
        status, retry, body = put(self.server, self.painter)
        assert status == 503 and body["error"]["code"] == "unavailable" and int(retry) >= 1, (status, retry, body)
        assert self.server.get("/healthz")[0] == 200 and self.server.get("/readyz")[0] == 503
        since = time.monotonic()
        pixeld.wait_for(lambda: self.watcher.last_frame > since, "watchers hear of the board")
        late = client.Watcher(self.server, "latecomer")
        late.start()
        pixeld.wait_for(lambda: late.statuses > 0 or late.error, "a latecomer sees the board")
        truth.follow(late, self.server)
        late.end()
        self.check()
        assert len(self.painter.acks) == acked, "acknowledged on a full disk"

    def heals(self):
        """Space comes back, and placements are taken without anybody doing anything."""
        acked = len(self.painter.acks)
        self.ballast.unlink()
        begun = time.monotonic()
        pixeld.wait_for(lambda: len(self.painter.acks) > acked or self.painter.error, "placements are taken again")
        seconds = time.monotonic() - begun
        self.check()
        return seconds

    def rollback_meets_it(self):
        """Rollbacks of the whole board, until the disk does not take one: it is refused, and nothing of it is there."""
        self.painter.pause = True
        pixeld.wait_for(lambda: not self.painter.open, "the last placements are answered")
        made = self.rollbacks()
        disk.fill(self.ballast)
        for _ in range(50):
            wanted = {"undo": made[-1]} if len(made) % 2 else WHOLE
            status, said = self.server.operate("POST", "/rollback", wanted)
            if status != 200:
                break
            made.append(said["rollback"])
        assert (status, said["error"]["code"]) == (503, "unavailable"), (status, said)
        status, said = self.server.operate("POST", "/rollback", {**wanted, "dry_run": True})
        assert (status, said["error"]["code"]) == (503, "unavailable"), ("a dry run promises more", status, said)
        truth.consistent(self.server, truth.dump(self.server.data))
        assert self.rollbacks() == made
        self.ballast.unlink()
        self.server.wait_ready()
        status, said = self.server.operate("POST", "/rollback", {"undo": made[-1]} if len(made) % 2 else WHOLE)
        assert status == 200, said
        assert self.rollbacks() == [*made, said["rollback"]]
        self.check()

    def rollbacks(self):
        status, said = self.server.operate("GET", "/rollbacks")
        assert status == 200, said
        return [r["rollback"] for r in said]

    def restart_full(self):
        """A crash and a start on a full disk: it serves what it has."""
        self.server.kill()
        self.server.spawn()
        assert self.server.wait_port(), self.server.said()
        begun = self.refused()
        pixeld.wait_for(lambda: self.refused() > begun + 10, "placements are refused after a start")
        self.check()

    def restart(self):
        self.painter.end()
        code = self.server.stop()
        assert code == 0, f"exit code {code}\n{self.server.said()}"
        code, out, err = pixeld.journal("verify", self.server.data)
        assert code == 0 and "whole" in out, (code, out, err)


def main():
    args = case.flags(__doc__, rounds=(1, 5))
    case.need("mount", root=True)
    with case.workplace(args.keep) as place, disk.tmpfs(place / "disk", f"{10 + 6 * args.rounds}m"):
        scene, healed = Scene(place), []
        try:
            for _ in range(args.rounds):
                scene.is_full()
                healed.append(scene.heals())
                scene.is_full()
                scene.restart_full()
                healed.append(scene.heals())
                scene.is_full()
                scene.restart()
                scene.ballast.unlink()
                scene.server.start()
                scene.paint()
                pixeld.wait_for(lambda: scene.painter.acks, "placements are taken after a start")
                scene.check()
                scene.rollback_meets_it()
            scene.watcher.end()
            scene.painter.end()
        finally:
            scene.server.kill()
        acked = sum(len(p.acks) for p in scene.painters)
        refused = sum(p.refused[client.UNAVAILABLE] for p in scene.painters)
        case.report("disk full", f"{3 * args.rounds} times full", acked, 0, refused=f"{refused:,}",
                    taken_again_after=f"{max(healed):.1f} s at most")


main()
