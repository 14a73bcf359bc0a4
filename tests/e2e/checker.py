#!/usr/bin/env python3
"""Checks a run from outside: what was acknowledged, what the journal holds, what the board shows.

Independent of the engine and of loadgen on purpose: no code and no table is shared with them.

    checker.py --acks ACKS.csv --journal DUMP.csv [--bitmap FILE] [--board N] [--size 1000x1000] [--bits 4]

ACKS.csv is what `loadgen --acks` wrote (request,seq,cell,color,client; repeatable), DUMP.csv what `pixeld journal
dump DIR` prints (- : standard input), FILE the body of GET /boards/NAME/bitmap at the end.

  order          inside an epoch every seq follows the one before; a new epoch begins above all before
  once           no seq is in the journal twice, no request of a person either
  acknowledged   every acknowledged placement is in the journal under its seq, cell and color; no seq was
                 acknowledged twice; what one client was acknowledged was placed by one person
  board          the placements of the journal, folded in order, are the board

One line for each, exit 0 when all hold, 1 when one does not, 2 when a file is not what it should be.
"""
import argparse, collections, csv, sys

Record = collections.namedtuple("Record", "lsn epoch seq user request cell color")
SHOWN = 3  # examples of what is wrong


class Unreadable(Exception):
    pass


def read_journal(lines, board, width):
    """The placements of one board, in order of lsn."""
    records = []
    try:
        for row in csv.DictReader(lines):
            if int(row["board"]) == board:
                records.append(Record(int(row["lsn"]), int(row["epoch"]), int(row["seq"]), row["user"],
                                      int(row["request"]), int(row["y"]) * width + int(row["x"]), int(row["color"])))
    except (KeyError, TypeError, ValueError) as error:
        raise Unreadable(f"the journal's dump: {error}") from None
    return records


def read_acks(lines):
    """(request, seq, cell, color, client) of every acknowledgement; client may be missing."""
    acks = []
    for number, line in enumerate(lines, 1):
        try:
            request, seq, cell, color, *client = map(int, line.split(","))
        except ValueError:
            raise Unreadable(f"acknowledgements, line {number}: {line.strip()!r}") from None
        acks.append((request, seq, cell, color, f"client {client[0]}" if client else None))
    return acks


def order(records):
    wrong = []
    for a, b in zip(records, records[1:]):
        if b.lsn <= a.lsn:
            wrong.append(f"lsn {b.lsn} stands behind {a.lsn}")
        if b.epoch == a.epoch and b.seq != a.seq + 1:
            wrong.append(f"seq {b.seq} follows {a.seq} in epoch {a.epoch}")
        if b.epoch != a.epoch and (b.epoch < a.epoch or b.seq <= a.seq):
            wrong.append(f"epoch {b.epoch} begins with seq {b.seq} behind epoch {a.epoch}, seq {a.seq}")
    return wrong


def once(records):
    seqs = collections.Counter(r.seq for r in records)
    requests = collections.Counter((r.user, r.request) for r in records)
    return ([f"seq {seq} is there {n} times" for seq, n in seqs.items() if n > 1] +
            [f"request {request} of {user} is there {n} times" for (user, request), n in requests.items() if n > 1])


def acknowledged(records, acks):
    kept = {r.seq: r for r in records}
    twice = collections.Counter(ack[1] for ack in acks)
    person = {}
    wrong = [f"seq {seq} was acknowledged {n} times" for seq, n in twice.items() if n > 1]
    for request, seq, cell, color, client in acks:
        record = kept.get(seq)
        if record is None:
            wrong.append(f"seq {seq}, request {request}: acknowledged, and not in the journal")
        elif (record.request, record.cell, record.color) != (request, cell, color):
            wrong.append(f"seq {seq}: acknowledged was request {request}, cell {cell}, color {color}; kept is "
                         f"request {record.request}, cell {record.cell}, color {record.color}")
        elif client is not None and person.setdefault(client, record.user) != record.user:
            wrong.append(f"seq {seq}: {client} was acknowledged what {record.user} placed, not {person[client]}")
    return wrong


def fold(records, cells, bits):
    """The packed board that the records make of an empty one: the first cell in the high bits of a byte."""
    board = bytearray((cells * bits + 7) // 8)
    for r in records:
        at = r.cell * bits
        shift = 8 - bits - at % 8
        board[at // 8] = board[at // 8] & ~(((1 << bits) - 1) << shift) & 0xff | r.color << shift
    return bytes(board)


def board_equal(records, bitmap, cells, bits):
    if len(bitmap) != (cells * bits + 7) // 8:
        return [f"the bitmap has {len(bitmap)} bytes, {(cells * bits + 7) // 8} are right"]
    made, wrong = fold(records, cells, bits), []
    if made == bitmap:
        return wrong
    for at, (a, b) in enumerate(zip(made, bitmap)):
        for part in range(8 // bits if a != b else 0):
            shift = 8 - bits * (part + 1)
            mine, theirs = a >> shift & (1 << bits) - 1, b >> shift & (1 << bits) - 1
            if mine != theirs:
                wrong.append(f"cell {at * 8 // bits + part} is {theirs}, the journal makes it {mine}")
    return wrong


def check(records, acks, bitmap=None, width=1000, height=1000, bits=4):
    """[(what, sentences of what is wrong)], for tests and for main()."""
    results = [("order", order(records)), ("once", once(records)), ("acknowledged", acknowledged(records, acks))]
    if bitmap is not None:
        results.append(("board", board_equal(records, bitmap, width * height, bits)))
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--acks", action="append", default=[], metavar="FILE")
    parser.add_argument("--journal", required=True, metavar="FILE")
    parser.add_argument("--bitmap", metavar="FILE")
    parser.add_argument("--board", type=int, default=0, metavar="N", help="number of the board (default 0)")
    parser.add_argument("--size", default="1000x1000", metavar="WxH")
    parser.add_argument("--bits", type=int, default=4)
    args = parser.parse_args()
    try:
        width, height = map(int, args.size.split("x"))
        with open(args.journal) if args.journal != "-" else sys.stdin as file:
            records = read_journal(file, args.board, width)
        acks = []
        for name in args.acks:
            with open(name) as file:
                acks += [ack[:4] + (ack[4] and (name, ack[4]),) for ack in read_acks(file)]
        bitmap = None
        if args.bitmap:
            with open(args.bitmap, "rb") as file:
                bitmap = file.read()
    except (OSError, ValueError, Unreadable) as error:
        print(f"checker: {error}", file=sys.stderr)
        return 2
    bad = False
    for what, wrong in check(records, acks, bitmap, width, height, args.bits):
        more = f" (and {len(wrong) - SHOWN} more)" if len(wrong) > SHOWN else ""
        print(f"{'FAIL' if wrong else 'ok  '} {what:13} {'; '.join(wrong[:SHOWN])}{more}".rstrip())
        bad |= bool(wrong)
    print(f"{len(records)} placements kept, {len(acks)} acknowledged{', board compared' if bitmap is not None else ''}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
