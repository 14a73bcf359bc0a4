#!/bin/bash
# pixeld next to other servers: the same clients, the same bytes, the same rate, in turn.
#
#	scripts/bench/peers.sh [BUILD_DIR]
#
# The clients are `loadgen --profile-protocol raw`, which checks that every message reached every client once.
# pixeld receives PLACEMENTS placements/s; the bare program (bench_fanout) and the peers of tests/bench/peers
# then broadcast messages of the size and rate that pixeld's clients received (or BYTES, ROUND_MS). All of them run
# interleaved, RUNS times. CPU time is that of all threads of the server, read by loadgen over its own
# window. One delivery = one client brought up to date once. Prints the table for docs/perf.md.
#
# SERVER_FLAGS are passed to pixeld. PEERS and FLOOR name the other servers; those that are not available are reported and
# left out. Peers need a plain descriptor for each client (RLIMIT_NOFILE). Everything runs in a network
# namespace of its own if possible (own-network.sh); otherwise CONGESTION is set for the whole system
# during the run, if permitted: pixeld and the bare program set it themselves, peers cannot.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release}
RUNS=${RUNS:-5} CLIENTS=${CLIENTS:-10000} PLACEMENTS=${PLACEMENTS:-1000} SECONDS_EACH=${SECONDS_EACH:-10}
ROUND_MS=${ROUND_MS:-100} BYTES=${BYTES:-} THREADS=${THREADS:-$(nproc)} WARMUP=${WARMUP:-2} FEW=${FEW:-1000}
PEERS=${PEERS-bun gorilla lws beast node_ws} FLOOR=${FLOOR-bare_uring bare_send} CONGESTION=${CONGESTION-cubic}
SERVER_FLAGS=${SERVER_FLAGS:-}
. scripts/bench/servers.sh
case ${1:-} in
-h | --help) help_print; exit 0 ;;
esac
servers_begin "$@"

# Bytes of memory per idle client, as the slope between few and all.
memory() {
	crowd few --clients "$FEW" --expect none --duration 1s "$@"
	crowd idle --clients "$CLIENTS" --expect none --duration 1s "$@"
	echo $((($(look idle server rss_idle) - $(look few server rss_idle)) / (CLIENTS - FEW)))
}

metric() { curl -sf "http://127.0.0.1:$port/metrics" | awk -v m="$1" '$1 ~ m { n += $2 } END { print n + 0 }'; }
sends() { metric broadcast_sends_total; }

# row SERVER MEMORY DELIVERIES/S: a row of the table. Two messages that reach a client in one send are one
# delivery.
row() {
	awk -v s="$1" -v cpu="$(look run server cpu_s)" -v t="$(look run run_seconds)" -v n="$3" -v mem="$2" \
		-v s50="$(look run spread_ms p50)" -v s99="$(look run spread_ms p99)" -v last="$4" \
		'BEGIN { print s, cpu / t / n * 1e6, n, s50, s99, last, mem }' >>"$work/rows"
	tail -n 1 "$work/rows" >&2
}

run_pixeld() {
	local before before_ns rate mem painters crowd_job
	start pixeld
	mem=$(memory --first-message "$subscribe")
	crowd run --clients "$CLIENTS" --expect broadcast --first-message "$subscribe" --warmup "${WARMUP}s" \
		--settle 10s --duration "${SECONDS_EACH}s" &
	crowd_job=$!
	while kill -0 $crowd_job 2>/dev/null && [ "$(metric pixeld_subscriptions)" -lt "$CLIENTS" ]; do
		sleep 0.1
	done
	"$loadgen" --url "ws://127.0.0.1:$port/ws" --clients 20 --rate "$PLACEMENTS/s" --quiet --threads 1 \
		--json "$work/painters.json" --duration $((WARMUP + SECONDS_EACH))s >"$work/painters.out" 2>&1 &
	painters=$!
	started+=("$painters")
	sleep "$WARMUP"
	before=$(sends) before_ns=$(date +%s%N)
	sleep $((SECONDS_EACH - 1))
	rate=$(awk -v a="$before" -v b="$(sends)" -v ns="$(($(date +%s%N) - before_ns))" 'BEGIN { print (b - a) / ns * 1e9 }')
	wait "$crowd_job"
	wait "$painters" || { cat "$work/painters.out" >&2; exit 1; }
	stop_all
	rm -rf "$work/data"
	row pixeld "$mem" "$rate" "$(look painters visible_ms p99)"
	per_second=$(awk -v n="$rate" -v c="$CLIENTS" 'BEGIN { print n / c }')
	bytes=${BYTES:-$(awk -v b="$(look run bytes_in_run)" -v s="$(look run run_seconds)" -v n="$rate" \
		'BEGIN { printf "%.0f", b / s / n }')}
}

deliveries() { awk -v n="$(look run deliveries_in_run)" -v t="$(look run run_seconds)" 'BEGIN { print n / t }'; }

run_bare() { # SERVER
	start "$1"
	crowd run --clients "$CLIENTS" --expect broadcast --warmup "${WARMUP}s" --settle 10s \
		--duration "${SECONDS_EACH}s"
	stop_all
	row "$1" 0 "$(deliveries)" "$(look run visible_last_ms p99)"
}

run_peer() { # SERVER
	local mem head=2
	start "$1"
	mem=$(memory)
	[ "$bytes" -lt 128 ] || head=4
	crowd run --clients "$CLIENTS" --expect broadcast --warmup "${WARMUP}s" --settle 10s --senders 1 --uniform \
		--rate "$per_second/s" --message "\\{now_ns} \\{re [a-z]{$((bytes - head - 20))}}" \
		--duration "${SECONDS_EACH}s"
	stop_all
	row "$1" "$mem" "$(deliveries)" "$(look run visible_last_ms p99)"
}

for run in $(seq "$RUNS"); do
	echo "run $run of $RUNS" >&2
	run_pixeld
	for server in $FLOOR; do run_bare "$server"; done
	for server in $ready; do run_peer "$server"; done
done

# --- the table ------------------------------------------------------------------------------------------

cat <<TABLE
pixeld $SERVER_FLAGS
$CLIENTS clients, $PLACEMENTS placements/s, one message of $bytes bytes every $ROUND_MS ms, $THREADS threads, $RUNS runs of $SECONDS_EACH s, medians; $(cat $setting), Linux $(uname -r)

| server | deliveries/s | CPU per delivery | deliveries per CPU second, bare = 1 | first to last client, p50 | p99 | until the last has it, p99 | memory per client |
|---|---|---|---|---|---|---|---|
TABLE
python3 - "$work/rows" <<'TABLE'
import statistics, sys

runs = {}
for line in open(sys.argv[1]):
    name, *numbers = line.split()
    runs.setdefault(name, []).append([float(n) for n in numbers])
floor = runs.get("bare_uring")
for name, rows in runs.items():
    us, rate, s50, s99, last, memory = (statistics.median(column) for column in zip(*rows))
    ratio = statistics.median(f[0] / r[0] for f, r in zip(floor, rows)) if floor else float("nan")
    print(f"| {name.replace('_', ' ')} | {rate:.0f} | {us:.2f} us | {ratio:.3f} | {s50:.0f} ms | {s99:.0f} ms | "
          f"{last:.0f} ms | {f'{memory:.0f} B' if memory else ''} |")
TABLE
