#!/bin/bash
# What the server delivers for its CPU time now and at an earlier commit, in turn.
#
#	scripts/bench/deliveries.sh [BASE]              default 26adf4b
#	SERVER_FLAGS='--round-rest-ms 0 --journal-gather-ms 20' CLIENTS=3000 scripts/bench/deliveries.sh HEAD~5
#
# CLIENTS clients watch (`loadgen --profile-protocol raw`, which checks that every message reached every client once) while PAINTERS
# painters place PLACEMENTS a second, for SECONDS_EACH s after a warm-up of WARMUP s. One delivery is one send that brings one client up
# to date (pixeld_broadcast_sends_total); CPU is that of all threads of the server, in the same window. PAIRS pairs in alternating order;
# prints each, and the median of the ratios HEAD / BASE with its 95 % confidence interval. Both are built as bench/placing.sh says, and
# both get the clients of HEAD. SERVER_FLAGS are passed to both.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/bench/base.sh
case ${1:-} in
-h | --help) help_print; exit 0 ;;
esac
PAIRS=${PAIRS:-10} CLIENTS=${CLIENTS:-10000} PLACEMENTS=${PLACEMENTS:-1000} PAINTERS=${PAINTERS:-20} SECONDS_EACH=${SECONDS_EACH:-10}
WARMUP=${WARMUP:-2} SERVER_FLAGS=${SERVER_FLAGS:-}
base_begin "${1:-26adf4b}" pixeld loadgen
ulimit -n "$(ulimit -Hn)"
head -c 32 /dev/urandom >"$work/secret"
metric() { curl -sf "http://127.0.0.1:$port/metrics" | awk -v m="$1" '$1 == m { n += $2 } END { print n + 0 }'; }

deliver() { # BUILD: deliveries per CPU second, deliveries/s, p50 and p99 of acknowledgements
	local before cpu begin sends
	# shellcheck disable=SC2086 # SERVER_FLAGS are several words
	base_server "$1" --cooldown-ms 0 --requests-per-second 0 --clients-max $((CLIENTS + 500)) --session-secret-file "$work/secret" \
		$SERVER_FLAGS
	build/release/tools/loadgen/loadgen --profile-protocol raw --url "ws://127.0.0.1:$port/ws" --binary --quiet --clients "$CLIENTS" \
		--expect broadcast --first-message '\x01\x00\x04main' --settle 20s --duration 1h >"$work/crowd.out" 2>&1 &
	crowd=$!
	while [ "$(metric pixeld_subscriptions)" -lt "$CLIENTS" ]; do
		kill -0 "$crowd" || { cat "$work/crowd.out" >&2; exit 1; }
		sleep 0.1
	done
	build/release/tools/loadgen/loadgen --url "ws://127.0.0.1:$port/ws" --clients "$PAINTERS" --rate "$PLACEMENTS/s" --quiet --threads 1 \
		--session-secret "@$work/secret" --json "$work/json" --duration $((WARMUP + SECONDS_EACH + 1))s >"$work/out" 2>&1 &
	painters=$!
	sleep "$WARMUP"
	before=$(metric pixeld_broadcast_sends_total) cpu=$(base_cpu_ms) begin=$(date +%s%N)
	sleep "$SECONDS_EACH"
	sends=$(($(metric pixeld_broadcast_sends_total) - before)) cpu=$(($(base_cpu_ms) - cpu))
	awk -v n="$sends" -v cpu="$cpu" -v ns=$(($(date +%s%N) - begin)) 'BEGIN { printf "%.0f %.0f ", n / cpu * 1e3, n / ns * 1e9 }'
	wait "$painters" || { cat "$work/out" >&2; exit 1; }
	kill -INT "$crowd"
	wait "$crowd" || { cat "$work/crowd.out" >&2; exit 1; }
	crowd=
	base_end "$server"
	server=
	python3 -c 'import json, sys; a = json.load(open(sys.argv[1]))["ack_ms"]; print(a["p50"], a["p99"])' "$work/json"
}

base_pairs deliver
base_table "deliveries per CPU second" "deliveries/s" "ack p50, ms" "ack p99, ms"
