#!/usr/bin/python3
"""kill -9 at random moments under full load, and a start again at once, over and over.

loadgen places as fast as it is asked to and watches with many clients; beside it stands a watcher that shares
no code with either. All of them come back by themselves. At the end: every acknowledged placement is in the
journal, the order has no gap, nobody fetched the board again, everybody's board is the server's.
"""
import json, random, signal, subprocess, time

from lib import case, client, pixeld, truth


def acks_read(path):
    """request, seq, cell, color of loadgen's --acks file."""
    return [tuple(map(int, line.split(",")))[:4] for line in path.read_text().splitlines()]


def acks_check(rows, acks):
    """How many of them the journal does not hold as they were acknowledged."""
    by_seq = {row[1]: row for row in rows}
    assert len({seq for _, seq, _, _ in acks}) == len(acks), "one seq was acknowledged twice"
    missing = 0
    for request, seq, cell, color in acks:
        row = by_seq.get(seq)
        missing += row is None or row[3:] != (request, cell, color)
    return missing


def kills_run(server, args, watcher, running):
    """Kills while people place and the watcher is back."""
    pick, downtimes = random.Random(args.seed), []
    for kill in range(args.kills):
        begun = server.boards()["seq"]
        pixeld.wait_for(lambda: server.boards()["seq"] > begun or not running(), "placements go on")
        pixeld.wait_for(lambda: watcher.resumes >= kill or watcher.error, "the watcher is back")
        time.sleep(pick.uniform(0, 1.3))
        assert running(), "loadgen ended before the last kill"
        server.kill()
        begun = time.monotonic()
        server.start()
        downtimes.append(time.monotonic() - begun)
    return downtimes


def main():
    args = case.flags(__doc__, kills=(3, 20), clients=(50, 300), rate=(5000, 10000))
    case.need()
    if not pixeld.LOADGEN.exists():
        case.skip(f"{pixeld.LOADGEN} is not built")
    print(f"seed {args.seed}")
    with case.workplace(args.keep) as place:
        server = pixeld.Pixeld(place / "data", place / "log", clients_max="2000", people_max="4096", workers="2",
                               snapshot_interval_s="2", journal_segment_bytes="4MiB").start()
        watcher = client.Watcher(server)
        watcher.start()
        load = subprocess.Popen(  # until it is told to end
            [pixeld.LOADGEN, "--url", f"ws://127.0.0.1:{server.port}/ws", "--clients", str(args.clients), "--painters", "8",
             "--rate", f"{args.rate}/s", "--duration", "1h", "--settle", "4m", "--resume", "--quiet", "--seed", str(args.seed),
             "--session-secret", pixeld.SECRET.hex(), "--acks", place / "acks", "--json", place / "json"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            downtimes = kills_run(server, args, watcher, lambda: load.poll() is None)
            load.send_signal(signal.SIGINT)
            said = load.communicate(timeout=pixeld.PATIENCE_S)[0]
        finally:
            if load.poll() is None:
                load.kill()
                load.wait()
        result = json.loads((place / "json").read_text())
        assert load.returncode == 0, f"loadgen: exit {load.returncode}\n{said}\n{json.dumps(result, indent=1)}"
        assert result["stale"] == 0, f"{result['stale']} clients of loadgen fetched the board again"
        assert result["resumes"] >= args.clients, "clients of loadgen resumed less often than the server was killed"
        rows = truth.check(server)
        acks = acks_read(place / "acks")
        gone = acks_check(rows, acks)
        assert gone == 0, f"{gone} of {len(acks)} acknowledged placements are lost"
        truth.follow(watcher, server)
        watcher.end()
        assert watcher.fetches == 1 and watcher.resumes >= args.kills, f"{watcher.fetches} fetches, {watcher.resumes} resumes"
        assert server.stop() == 0, server.said()
        case.report("kill random", f"{args.kills} kills", len(acks), gone, resumes=f"{result['resumes']:,}",
                    boards_fetched_again=0, serving_again_after=f"{max(downtimes) * 1000:.0f} ms at most")


main()
