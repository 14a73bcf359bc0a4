"""What must hold after whatever happened: said once, for all fault tests."""
import csv, io

from . import client, pixeld

NOBODY = "0" * 32


def dump(data):
    """Placements of the journal: a list of (epoch, seq, user, request, cell, color), in order of lsn."""
    for _ in range(5):
        code, out, err = pixeld.journal("dump", data)
        if "No such file" not in err:  # retention of a running server took one that the tool had seen
            break
    assert code == 0, f"journal dump: {code} {err}"
    rows, lsn = [], 0
    for row in csv.DictReader(io.StringIO(out)):
        assert int(row["lsn"]) > lsn, f"lsn {row['lsn']} after {lsn}"
        lsn = int(row["lsn"])
        rows.append((int(row["epoch"]), int(row["seq"]), row["user"], int(row["request"]),
                     int(row["y"]) * client.WIDTH + int(row["x"]), int(row["color"])))
    return rows


def lost(rows, *painters):
    """How many acknowledged placements the journal does not hold just as they were acknowledged. Every
    other contradiction between the two raises."""
    by_seq = {row[1]: row for row in rows}
    of_people = [row for row in rows if row[2] != NOBODY]  # a rollback's cells have its number, all of them
    by_request = {(row[2], row[3]): row for row in of_people}
    assert len(by_seq) == len(rows), "a seq is in the journal twice"
    assert len(by_request) == len(of_people), "a request is in the journal twice"
    missing = 0
    for painter in painters:
        user = painter.user.hex()
        for request, seq in painter.acks.items():
            row = by_request.get((user, request))
            if row is None or row[1] != seq:
                missing += 1
            else:
                assert row[4:] == painter.sent[request], f"seq {seq}: {row[4:]}, placed was {painter.sent[request]}"
        for row in rows:
            assert row[2] != user or row[3] in painter.sent, f"nobody placed request {row[3]}"
    return missing


def order(rows):
    """Inside an epoch no gap; a later epoch is above everything before."""
    for (epoch, seq, *_), (next_epoch, next_seq, *_) in zip(rows, rows[1:]):
        if next_epoch == epoch:
            assert next_seq == seq + 1, f"seq {next_seq} follows {seq}"
        else:
            assert next_epoch > epoch and next_seq > seq, f"{next_epoch}:{next_seq} follows {epoch}:{seq}"
    if rows and rows[0][0] == 1:
        assert rows[0][1] == 1, f"the journal begins with seq {rows[0][1]}"


def fold(rows):
    board = bytearray(client.CELLS * client.BITS // 8)
    for row in rows:
        client.cell_set(board, row[4], row[5])
    return bytes(board)


def removed(rows, painters):
    """What retention has taken from the front of the journal, from the acknowledgements."""
    first = rows[0][1] if rows else 1 << 63
    return sorted((1, seq, painter.user.hex(), request, *painter.sent[request])
                  for painter in painters for request, seq in painter.acks.items() if seq < first)


def remember(history, rows):
    """Adds a dump to what earlier ones held: retention may take from the front, nothing may change or come back
    after it was cut. All rows, in order."""
    last = max(history, default=0)
    for row in rows:
        assert history.setdefault(row[1], row) == row, f"{row} was {history[row[1]]}"
    assert not rows or rows[-1][1] >= last, f"the journal ends at seq {rows[-1][1]}, it was at {last}"
    return [history[seq] for seq in sorted(history)]


def check(server, *painters, retained=True):
    """Of a server that runs and gets no placements now: nothing acknowledged is lost, the order has no gap,
    the board it serves is the fold of its journal. Not retained: old segments may be gone. Returns the rows."""
    rows = dump(server.data)
    if not retained:
        rows = removed(rows, painters) + rows
    gone = lost(rows, *painters)
    assert gone == 0, f"{gone} acknowledged placements are lost"
    consistent(server, rows)
    return rows


def consistent(server, rows):
    """What holds even where acknowledged placements may be lost."""
    order(rows)
    last = rows[-1][1] if rows else 0
    epoch, seq, board = server.board(last)
    assert not rows or epoch > rows[-1][0] or seq == last, f"the board is at seq {seq}, the journal at {last}"
    assert board == fold(rows), f"the board at seq {seq} is not the fold of the journal"


def follow(watcher, server, painter_last_seq=0):
    """The watcher's own board becomes the server's."""
    epoch, seq, board = server.board(painter_last_seq)
    pixeld.wait_for(lambda: watcher.error or watcher.seq >= seq, f"{watcher.name} at {watcher.seq} reaches {seq}")
    if watcher.error:
        raise watcher.error
    assert (watcher.epoch, bytes(watcher.board)) == (epoch, board), f"{watcher.name} holds another board at seq {seq}"
