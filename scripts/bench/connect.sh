#!/bin/bash
# How many connections a second a server takes, and what each costs it: pixeld and other servers, in turn.
#
#	scripts/bench/connect.sh [BUILD_DIR]
#	PAIRS=20 PEERS='bun lws' scripts/bench/connect.sh
#	CONNECT_RATE=5000 scripts/bench/connect.sh        not as fast as they come
#
# CLIENTS clients connect, upgrade and subscribe as fast as they come, PAIRS times for each server, the order turning with each. A client
# counts when its subscription is answered: pixeld's asks for a board, Bun's says "subscribe" and is answered in one message, as there;
# the others give what is broadcast to whoever upgraded, so the upgrade is all. Connections a second count from the first connect to the
# last answer; CPU is that of all threads of the server until then.
#
# Prints each pair, and for each peer the median of the ratios pixeld / peer with the interval that has the true median in it with 95 %
# (of order statistics). PEERS names other servers, as for bench/peers.sh; SERVER_FLAGS are passed to pixeld.
set -euo pipefail
cd "$(dirname "$0")/../.."
PAIRS=${PAIRS:-10} CLIENTS=${CLIENTS:-10000} CONNECT_RATE=${CONNECT_RATE:-} THREADS=${THREADS:-$(nproc)} ROUND_MS=${ROUND_MS:-100}
PEERS=${PEERS-bun} CONGESTION=${CONGESTION-cubic} SERVER_FLAGS=${SERVER_FLAGS:-}
build=${1:-build/release} bytes=300 per_second=1
. scripts/bench/servers.sh
. scripts/bench/ratio.sh
case ${1:-} in
-h | --help) help_print; exit 0 ;;
esac
[ "$PAIRS" -ge 10 ] || { echo "fewer than 10 pairs say nothing" >&2; exit 2; }
servers_begin "$@"

# Prints connections a second, and us of CPU for each.
run_server() { # SERVER
	local ask=()
	case $1 in
	pixeld) ask=(--first-message "$subscribe" --binary --first-answer) ;;
	bun) ask=(--first-message subscribe --first-answer) ;;
	esac
	[ -z "$CONNECT_RATE" ] || ask+=(--connect-rate "$CONNECT_RATE/s")
	start "$1"
	"$loadgen" --profile-protocol raw --url "ws://127.0.0.1:$port$path" --quiet --clients "$CLIENTS" --threads "$THREADS" \
		--expect none --duration 0s --server-pid "$pid" --json "$work/run.json" "${ask[@]}" >"$work/run.out" ||
		{ cat "$work/run.out" >&2; exit 1; }
	stop_all
	rm -rf "$work/data"
	echo "$(look run connect_seconds) $(look run server cpu_connect_s)" |
		awk -v n="$CLIENTS" '{ printf "%.0f %.3f\n", n / $1, $2 / n * 1e6 }'
}

for pair in $(seq "$PAIRS"); do
	order="pixeld $ready"
	[ $((pair % 2)) = 1 ] || order=$(tr ' ' '\n' <<<"$order" | tac | tr '\n' ' ')
	for server in $order; do
		run_server "$server" >"$work/$server.one" # a failure ends the script, which a pipe would hide
		cat "$work/$server.one" >>"$work/$server.rows"
		awk -v p="$pair" -v s="$server" '{ printf "pair %d: %s %d connections/s, %.1f us CPU each\n", p, s, $1, $2 }' "$work/$server.one"
	done
done

echo
echo "$CLIENTS clients, $THREADS threads, $PAIRS pairs; $(cat "$setting"), Linux $(uname -r)"
for peer in $ready; do
	echo
	ratio_table "$work/$peer.rows" "$peer" "$work/pixeld.rows" pixeld "connections/s" "CPU per connection, us"
done
