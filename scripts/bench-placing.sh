#!/bin/bash
# What placing costs the server now and at an earlier commit: replays a recording to both in turn.
#
#	scripts/bench-placing.sh [BASE]                 default 26adf4b, before requests were remembered
#	PAIRS=30 PAINTERS=20 scripts/bench-placing.sh HEAD~5
#
# Builds both (release; BASE in a worktree in build/placing, which is kept for the next run; HEAD from the working tree) and runs
# PAIRS pairs, in alternating order: a new server, and its own loadgen, which replays the RECORDING from PAINTERS of CLIENTS as
# fast as the server answers. CPU time is that of all threads of the server during the replay (/proc/PID/stat), and that of the
# writer's thread alone (schedstat). Prints each pair, and the median of the ratios HEAD / BASE with its 95 % confidence interval
# (from order statistics; the only assumption is that other load on the machine does not depend on whose turn it is).
# RECORDING defaults to placements2017.bin.gz in PIXELD_TRACES.
set -euo pipefail
cd "$(dirname "$0")/.."
base=${1:-26adf4b}
PAIRS=${PAIRS:-15} CLIENTS=${CLIENTS:-1000} PAINTERS=${PAINTERS:-200}
RECORDING=${RECORDING:-${PIXELD_TRACES:-../shared/data}/placements2017.bin.gz}
export LC_ALL=C
[ "$PAIRS" -ge 10 ] || { echo "at least 10 pairs are needed" >&2; exit 2; }
[ -r "$RECORDING" ] || { echo "cannot read $RECORDING; set RECORDING to another file" >&2; exit 2; }

commit=$(git rev-parse --verify --quiet "$base^{commit}") || { echo "there is no commit $base" >&2; exit 2; }
tree=build/placing/$commit
work=$(mktemp -d)
server='' crowd=''
end() { # PID: ends it and waits until it has
	[ -z "$1" ] || { kill "$1" 2>/dev/null || true; wait "$1" 2>/dev/null || true; }
}
finish() {
	end "$crowd"
	end "$server"
	rm -rf "$work"
	[ ! -e "$work" ] || echo "$work was kept" >&2
}
trap finish EXIT
trap 'exit 1' INT TERM

# --- builds ---------------------------------------------------------------------------------------------

build() { # DIRECTORY: of the sources
	(cd "$1" && cmake --preset release && cmake --build --preset release --target pixeld loadgen) >"$work/build" 2>&1 ||
		{ tail -n 30 "$work/build" >&2; exit 1; }
}
git worktree prune
[ -d "$tree" ] || git worktree add --quiet --detach "$tree" "$commit"
build "$tree"
build .

# --- one replay -----------------------------------------------------------------------------------------

# Starts a server on a free port; sets server and port.
start() { # BUILD
	local try
	for try in 1 2 3 4 5; do
		port=$(shuf -i 20000-29999 -n 1)
		if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then continue; fi
		rm -rf "$work/data"
		"$1/server/pixeld" --listen "127.0.0.1:$port" --data "$work/data" --cooldown-ms 0 --requests-per-second 0 \
			--journal-segment-bytes 64MiB --session-secret-file "$work/secret" 2>"$work/log" &
		server=$!
		while kill -0 "$server" 2>/dev/null; do
			! curl -sf "http://127.0.0.1:$port/readyz" >/dev/null || return 0
			sleep 0.05
		done
		wait "$server" || true
		server=
		echo "try $try: no server on port $port" >&2
	done
	cat "$work/log" >&2
	exit 1
}

# CPU so far in ms: of all threads, and of the writer's, which is the second thread created.
cpu() {
	local tick writer
	tick=$(getconf CLK_TCK)
	writer=$(find "/proc/$server/task" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -n | sed -n 2p)
	sed 's/.*) //' "/proc/$server/stat" | awk -v t="$tick" '{ printf "%.0f ", ($12 + $13) * 1000 / t }'
	awk '{ printf "%.3f\n", $1 / 1e6 }' "/proc/$server/task/$writer/schedstat"
}

head -c 32 /dev/urandom >"$work/secret"
replay() { # BUILD: all ms, the writer's ms, placements/s, p99 of acknowledgements
	local before after
	start "$1"
	before=$(cpu)
	"$1/tools/loadgen/loadgen" --url "ws://127.0.0.1:$port/ws" --clients "$CLIENTS" --painters "$PAINTERS" --replay "$RECORDING" --quiet \
		--session-secret "@$work/secret" --json "$work/json" >"$work/out" 2>&1 &
	crowd=$!
	wait "$crowd" || { cat "$work/out" "$work/log" >&2; exit 1; }
	crowd=
	after=$(cpu)
	end "$server"
	server=
	echo "$before $after" | awk '{ printf "%.0f %.3f ", $3 - $1, $4 - $2 }'
	sed -n 's/^places .* acknowledged, \([0-9]*\) acknowledged\/s.*/\1/p' "$work/out" | tr '\n' ' '
	python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["ack_ms"]["p99"])' "$work/json"
}

for pair in $(seq "$PAIRS"); do
	order="base head"
	[ $((pair % 2)) = 0 ] || order="head base"
	for which in $order; do
		[ "$which" = base ] && from=$tree/build/release || from=build/release
		replay "$from" >"$work/$which"
		cat "$work/$which" >>"$work/$which.all"
	done
	awk -v n="$pair" 'NR == FNR { b = $1; w = $2; r = $3; p = $4; next }
		{ printf "pair %d: CPU %d -> %d ms, writer %.0f -> %.0f ms, placements/s %d -> %d, ack p99 %.1f -> %.1f ms\n", n, b, $1, w, $2, r, $3, p, $4 }' \
		"$work/base" "$work/head"
done

# --- the table ------------------------------------------------------------------------------------------

echo
python3 - "$work/base.all" "$work/head.all" "$(git rev-parse --short "$commit")" <<'TABLE'
import math, statistics, sys

base, head = ([[float(n) for n in line.split()] for line in open(name)] for name in sys.argv[1:3])
pairs = len(base)
# the r-th from below and from above enclose the median except with probability 2 * P(fewer than r of `pairs` lie below)
rank = max(r for r in range(1, pairs // 2 + 1) if sum(math.comb(pairs, k) for k in range(r)) / 2 ** (pairs - 1) <= 0.05)
print(f"{pairs} pairs | {sys.argv[3]} | HEAD | ratio, median | 95 %\n--|--:|--:|--:|--:")
for column, name in enumerate(("CPU of the server, ms", "of its writer, ms", "placements/s", "ack p99, ms")):
    b, h = ([row[column] for row in rows] for rows in (base, head))
    ratios = sorted(y / x for x, y in zip(b, h))
    print(f"{name} | {statistics.median(b):,.0f} | {statistics.median(h):,.0f} | {statistics.median(ratios):.2f} | "
          f"{ratios[rank - 1]:.2f} to {ratios[-rank]:.2f}")
TABLE
