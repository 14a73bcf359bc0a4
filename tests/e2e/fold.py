#!/usr/bin/env python3
"""Folds a file of placements into the board that must stand at the end.

Independent of the engine on purpose: no code and no table is shared with it. The board is 1000 x 1000
cells of 4 bits, packed as Redis does with BITFIELD SET u4 #cell: the even cell in the high half of the
byte. usage: fold.py [PLACEMENTS[.gz]] [-o FILE]; prints the SHA-256, writes the bytes with -o.
"""
import argparse, gzip, hashlib, os, struct

default = os.path.join(os.environ.get("PIXELD_TRACES", "../shared/data"), "placements2017.bin.gz")
parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("placements", nargs="?", default=default, help="8 bytes each: u32 LE second, u32 LE cell << 4 | color")
parser.add_argument("-o", "--output", help="write the packed board here")
args = parser.parse_args()

with open(args.placements, "rb") as f:
    data = f.read()
if data[:2] == b"\x1f\x8b":
    data = gzip.decompress(data)
board = bytearray(1000 * 1000 // 2)
for _, placement in struct.iter_unpack("<II", data):
    cell, color = placement >> 4, placement & 15
    shift = 0 if cell & 1 else 4
    board[cell >> 1] = board[cell >> 1] & (0xF0 >> shift) | color << shift
if args.output:
    with open(args.output, "wb") as f:
        f.write(board)
print(hashlib.sha256(board).hexdigest())
