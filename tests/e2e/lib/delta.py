"""The payload of a delta, decoded by the words of docs/protocol.md."""


class Bad(Exception):
    pass


def decode(payload, count, board_cells, bits):
    """[(cell, color)], or Bad."""
    if count > board_cells:
        raise Bad("count")
    if count == 0:
        if payload:
            raise Bad("bytes behind no cell")
        return []
    low_bits = (board_cells // count).bit_length() - 1
    stream = int.from_bytes(payload, "little")
    end, at, before, cells = 8 * len(payload), 0, -1, []

    for _ in range(count):
        zeros = stream >> at
        if zeros == 0:
            raise Bad("ends inside a pair")
        high = (zeros & -zeros).bit_length() - 1
        at += high + 1
        gap = high << low_bits | stream >> at & (1 << low_bits) - 1
        at += low_bits
        color = stream >> at & (1 << bits) - 1
        at += bits
        if at > end:
            raise Bad("ends inside a pair")
        before += gap + 1
        if before >= board_cells:
            raise Bad("a cell outside the board")
        cells.append((before, color))
    if stream >> at or end - at >= 8:
        raise Bad("something behind the last pair")
    return cells


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
