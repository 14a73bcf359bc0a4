#!/bin/bash
# How long the server takes to start from its journal alone, now and at an earlier commit, in turn.
#
#	scripts/bench/restart.sh [BASE]                 default 26adf4b
#	PLACEMENTS=1000000 PAIRS=20 scripts/bench/restart.sh HEAD~5
#
# A journal of PLACEMENTS placements (bench_journal_make of BASE, the older; 64 bytes each) without a snapshot; each run starts a
# server on a copy of it. Time is from the start of the process until /readyz says so, CPU that of all its threads until then. PAIRS pairs
# in alternating order; prints each, and the median of the ratios HEAD / BASE with its 95 % confidence interval. Both are built as
# bench/placing.sh says. Needs space for the journal twice in TMPDIR.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/bench/base.sh
case ${1:-} in
-h | --help) help_print; exit 0 ;;
esac
PAIRS=${PAIRS:-10} PLACEMENTS=${PLACEMENTS:-10000000}
base_begin "${1:-26adf4b}" pixeld bench_journal_make
"$tree/build/release/tests/bench_journal_make" "$work/journal" "$PLACEMENTS" >/dev/null

restart() { # BUILD: seconds, CPU seconds, placements/s
	local begin end cpu
	rm -rf "$work/data"
	cp -r "$work/journal" "$work/data"
	sync -f "$work/data" # what is copied is not written out meanwhile
	begin=$(date +%s%N)
	KEEP_DATA=1 base_server "$1"
	end=$(date +%s%N) cpu=$(base_cpu_ms)
	kill -KILL "$server" # it need not write a snapshot
	wait "$server" 2>/dev/null || true
	server=
	grep -q " replayed=$((PLACEMENTS + 2)) " "$work/log" || { cat "$work/log" >&2; exit 1; }
	awk -v ns=$((end - begin)) -v cpu="$cpu" -v n="$PLACEMENTS" 'BEGIN { printf "%.3f %.3f %.0f\n", ns / 1e9, cpu / 1e3, n / ns * 1e9 }'
}

base_pairs restart
base_table "start, s" "CPU until then, s" "placements/s"
