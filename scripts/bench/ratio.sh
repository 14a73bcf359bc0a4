# shellcheck shell=bash
# Two programs measured in pairs, as a table; for benchmarks that source this file from the root of the project:
#   ratio_table FILE NAME FILE NAME COLUMN...   the files have a line for each pair, in the same order, and a number for each COLUMN.
#                                               Prints the medians of both, and the median of the ratios second / first with the
#                                               interval that has the true median in it with 95 %
# The interval is of order statistics: it assumes nothing of what else the machine does meanwhile but that it does not know whose turn
# it is.
ratio_table() {
	python3 - "$@" <<'TABLE'
import math, statistics, sys

first, first_name, second, second_name, *columns = sys.argv[1:]
a, b = ([[float(n) for n in line.split()] for line in open(name)] for name in (first, second))
pairs = len(a)
# the r-th from below and from above enclose the median except with probability 2 * P(fewer than r of `pairs` lie below)
rank = max(r for r in range(1, pairs // 2 + 1) if sum(math.comb(pairs, k) for k in range(r)) / 2 ** (pairs - 1) <= 0.05)
print(f"| {pairs} pairs | {first_name} | {second_name} | ratio, median | 95 % |\n|---|--:|--:|--:|--:|")
for column, name in enumerate(columns):
    x, y = ([row[column] for row in rows] for rows in (a, b))
    ratios = sorted(q / p for p, q in zip(x, y))
    shown = [f"{value:,.0f}" if value >= 100 else f"{value:,.2f}" for value in (statistics.median(x), statistics.median(y))]
    print(f"| {name} | {shown[0]} | {shown[1]} | {statistics.median(ratios):.3f} | {ratios[rank - 1]:.3f} to {ratios[-rank]:.3f} |")
TABLE
}
