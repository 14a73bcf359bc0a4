#!/bin/bash
# What placing costs the server now and at an earlier commit: replays a recording to both in turn.
#
#	scripts/bench/placing.sh [BASE]                 default 26adf4b, before requests were remembered
#	PAIRS=30 PAINTERS=20 scripts/bench/placing.sh HEAD~5
#
# Builds both (release; BASE in a worktree in build/placing, which is kept for the next run; HEAD from the working tree) and runs
# PAIRS pairs, in alternating order: a new server, and the loadgen of HEAD, which replays the RECORDING from PAINTERS of CLIENTS as
# fast as the server answers. CPU time is that of all threads of the server during the replay (/proc/PID/stat), and that of the
# writer's thread alone (schedstat). Prints each pair, and the median of the ratios HEAD / BASE with its 95 % confidence interval
# (from order statistics; the only assumption is that other load on the machine does not depend on whose turn it is).
# The RECORDING is played REPEAT times: once takes half a second, which is mostly how a new server's tables get their pages.
# RECORDING defaults to placements2017.bin.gz in PIXELD_TRACES.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/bench/base.sh
case ${1:-} in
-h | --help) help_print; exit 0 ;;
esac
PAIRS=${PAIRS:-12} CLIENTS=${CLIENTS:-1000} PAINTERS=${PAINTERS:-200} REPEAT=${REPEAT:-10}
RECORDING=${RECORDING:-${PIXELD_TRACES:-../shared/data}/placements2017.bin.gz}
[ -r "$RECORDING" ] || { echo "cannot read $RECORDING; set RECORDING to another file" >&2; exit 2; }
base_begin "${1:-26adf4b}" pixeld loadgen
head -c 32 /dev/urandom >"$work/secret"
for ((i = 0; i < REPEAT; i++)); do
	case $RECORDING in
	*.gz) gzip -dc -- "$RECORDING" ;;
	*) cat -- "$RECORDING" ;;
	esac
done >"$work/recording"

# Of the writer's thread, which is the second thread created, so far.
writer_ms() {
	local writer
	writer=$(find "/proc/$server/task" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -n | sed -n 2p)
	awk '{ printf "%.3f\n", $1 / 1e6 }' "/proc/$server/task/$writer/schedstat"
}

replay() { # BUILD: all ms, the writer's ms, placements/s, p99 of acknowledgements
	local before after
	base_server "$1" --cooldown-ms 0 --requests-per-second 0 --journal-segment-bytes 64MiB --session-secret-file "$work/secret"
	before="$(base_cpu_ms) $(writer_ms)"
	build/release/tools/loadgen/loadgen --url "ws://127.0.0.1:$port/ws" --clients "$CLIENTS" --painters "$PAINTERS" --replay "$work/recording" --quiet \
		--session-secret "@$work/secret" --json "$work/json" >"$work/out" 2>&1 &
	crowd=$!
	wait "$crowd" || { cat "$work/out" "$work/log" >&2; exit 1; }
	crowd=
	after="$(base_cpu_ms) $(writer_ms)"
	base_end "$server"
	server=
	echo "$before $after" | awk '{ printf "%.0f %.3f ", $3 - $1, $4 - $2 }'
	sed -n 's/^places .* acknowledged, \([0-9]*\) acknowledged\/s.*/\1/p' "$work/out" | tr '\n' ' '
	python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["ack_ms"]["p99"])' "$work/json"
}

base_pairs replay
base_table "CPU of the server, ms" "of its writer, ms" placements/s "ack p99, ms"
