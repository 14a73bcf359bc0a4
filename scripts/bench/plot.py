#!/usr/bin/env python3
"""Draws the plots of docs/perf.md as SVG, from what scripts/bench/curve.sh left and from the tables.

    scripts/bench/curve.sh && scripts/bench/plot.py          # needs python3 alone

docs/perf-curve.svg     build/reports/curve-*/summary.json: CPU per delivery and visibility by clients
docs/perf-latency.svg   build/reports/curve-300000/latency-*.hgrm: acknowledgement and visibility by percentile
docs/perf-peers.svg     docs/perf.md, the first table: deliveries per CPU second, the bare program = 1
"""
import json, math, pathlib, re, sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
REPORTS = ROOT / "build/reports"
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 340, 70, 70, 40, 50
INK, GRID, FIRST, SECOND = "#222", "#ddd", "#c33", "#247"


class Axis:
    """Values to pixels, linear or by logarithm."""

    def __init__(self, low, high, start, end, log=False):
        self.map = math.log10 if log else float
        self.low, self.high, self.start, self.end = self.map(low), self.map(high), start, end

    def __call__(self, value):
        return self.start + (self.map(value) - self.low) / (self.high - self.low) * (self.end - self.start)


def text(x, y, words, anchor="middle", color=INK, size=12):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}" font-size="{size}">{words}</text>'


def line(x1, y1, x2, y2, color=GRID):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}"/>'


def curve(points, color):
    at = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{at}" fill="none" stroke="{color}" stroke-width="2"/>'


def svg_write(name, title, parts, height=HEIGHT):
    out = ROOT / "docs" / name
    out.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">\n'
                   f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>\n{text(WIDTH / 2, 22, title, size=14)}\n'
                   + "\n".join(parts) + "\n</svg>\n")
    print(out.relative_to(ROOT))


def ticks_log(low, high):
    return [10 ** e for e in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]


def plot_curve():
    rows = sorted((json.loads(p.read_text()) for p in REPORTS.glob("curve-*/summary.json")), key=lambda r: r["clients"])
    x = Axis(rows[0]["clients"] / 1.3, rows[-1]["clients"] * 1.3, LEFT, WIDTH - RIGHT, log=True)
    y = Axis(0, max(r["server_us_per_delivery"] for r in rows) * 1.1, HEIGHT - BOTTOM, TOP)
    lag = Axis(50, max(r["visible_ms"]["p99"] for r in rows) * 1.5, HEIGHT - BOTTOM, TOP, log=True)
    parts = []
    for row in rows:
        parts += [line(x(row["clients"]), TOP, x(row["clients"]), HEIGHT - BOTTOM),
                  text(x(row["clients"]), HEIGHT - BOTTOM + 18, f'{row["clients"]:,}')]
    for us in range(0, int(max(r["server_us_per_delivery"] for r in rows) * 1.1) + 1, 2):
        parts += [line(LEFT - 4, y(us), LEFT, y(us), INK), text(LEFT - 8, y(us) + 4, us, "end", FIRST)]
    for ms in ticks_log(50, max(r["visible_ms"]["p99"] for r in rows) * 1.5):
        parts += [line(WIDTH - RIGHT, lag(ms), WIDTH - RIGHT + 4, lag(ms), INK),
                  text(WIDTH - RIGHT + 8, lag(ms) + 4, f"{ms} ms", "start", SECOND)]
    parts += [curve([(x(r["clients"]), y(r["server_us_per_delivery"])) for r in rows], FIRST),
              curve([(x(r["clients"]), lag(r["visible_ms"]["p99"])) for r in rows], SECOND),
              text(LEFT, HEIGHT - 10, "server CPU per delivery, us", "start", FIRST),
              text(WIDTH / 2, HEIGHT - 10, "clients"), text(WIDTH - RIGHT, HEIGHT - 10, "visibility p99", "end", SECOND)]
    svg_write("perf-curve.svg", "1,000 placements/s, from 1,000 to 300,000 clients", parts)


def hgrm(path):
    """(milliseconds, 1 / (1 - percentile)) of each line."""
    rows = [entry.split() for entry in path.read_text().splitlines() if re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+[\d.]+$", entry)]
    return [(float(r[0]), float(r[3])) for r in rows]


def plot_latency():
    folder = REPORTS / "curve-300000"
    series = [("acknowledgement", hgrm(folder / "latency-ack.hgrm"), FIRST), ("visibility", hgrm(folder / "latency-visible.hgrm"), SECOND)]
    longest = max(v for _, points, _ in series for v, _ in points)
    x = Axis(1, 1e4, LEFT, WIDTH - RIGHT, log=True)
    y = Axis(1, longest * 1.5, HEIGHT - BOTTOM, TOP, log=True)
    parts = []
    for odds, name in ((2, "50 %"), (10, "90 %"), (100, "99 %"), (1000, "99.9 %"), (10000, "99.99 %")):
        parts += [line(x(odds), TOP, x(odds), HEIGHT - BOTTOM), text(x(odds), HEIGHT - BOTTOM + 18, name)]
    for ms in ticks_log(1, longest * 1.5):
        parts += [line(LEFT, y(ms), WIDTH - RIGHT, y(ms)), text(LEFT - 8, y(ms) + 4, f"{ms} ms", "end")]
    for number, (name, points, color) in enumerate(series):
        parts += [curve([(x(o), y(max(v, 1))) for v, o in points if 1 <= o <= 1e4], color),
                  text(WIDTH - RIGHT - 12, HEIGHT - BOTTOM - 40 + 18 * number, name, "end", color)]
    svg_write("perf-latency.svg", "300,000 clients, 1,000 placements/s: from the intended time", parts)


def plot_peers():
    table = re.findall(r"^\| ([\w ,()]+?) \| [\d,]+ \| [\d.]+ us \| ([\d.]+) \|", (ROOT / "docs/perf.md").read_text(), re.M)
    names = []
    rows = [r for r in table if not (r[0] in names or names.append(r[0]))]
    last = next(i for i, r in enumerate(rows) if r[0] == "beast")
    rows = sorted(rows[:last + 1], key=lambda r: -float(r[1]))
    x = Axis(0, 1.05, 160, WIDTH - 60)
    parts = []
    for i, (name, ratio) in enumerate(rows):
        top = TOP + 28 * i
        color = FIRST if name.startswith("pixeld") else SECOND
        parts += [f'<rect x="{x(0)}" y="{top}" width="{x(float(ratio)) - x(0):.1f}" height="20" fill="{color}"/>',
                  text(152, top + 15, name, "end"), text(x(float(ratio)) + 6, top + 15, ratio, "start")]
    svg_write("perf-peers.svg", "10,000 clients: deliveries per CPU second, bare io_uring program = 1", parts, TOP + 28 * len(rows) + 12)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    plot_peers()
    plot_curve()
    plot_latency()
