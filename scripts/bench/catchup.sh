#!/bin/sh
# What catching up costs placing: the ack p99 of live placements while the receiver fills a database, compared with no database.
#   scripts/bench/catchup.sh [ROWS [SECONDS [ROUNDS]]]      default 10,000,000, 10 and 3; a private instance in a temporary directory
# Each round: SECONDS of 1,000 placements/s without a database, then the same while the receiver is behind. Prints each round, and fails
# if the receiver caught up before the end, because ROWS was too small.
set -eu
cd "$(dirname "$0")/../.."
rows=${1:-10000000}
seconds=${2:-10}
rounds=${3:-3}
. scripts/bench/database.sh

bench_begin -c min_wal_size=1GB
"$root/$build/tests/bench_journal_make" "$place/data" "$rows" >/dev/null
head -c 32 /dev/urandom >"$place/secret"

# live NAME FLAG...: a server with these flags, and placements for SECONDS
live() {
	name=$1
	shift
	port=$(shuf -i 20000-29999 -n 1)
	"$root/$build/server/pixeld" --listen "127.0.0.1:$port" --data "$place/data" --cooldown-ms 0 --requests-per-second 0 \
		--session-secret-file "$place/secret" "$@" 2>"$place/log" &
	server=$!
	until curl -sf "http://127.0.0.1:$port/readyz" >/dev/null; do
		kill -0 "$server" || { cat "$place/log" >&2; exit 1; }
		sleep 0.1
	done
	sleep 2
	"$root/$build/tools/loadgen/loadgen" --url "ws://127.0.0.1:$port/ws" --clients 50 --painters 20 --rate 1000/s --quiet --threads 1 \
		--duration "${seconds}s" --session-secret "@$place/secret" --json "$place/$name.json" >"$place/out" || { cat "$place/out" >&2; exit 1; }
	behind=$(curl -sf "http://127.0.0.1:$port/metrics" | sed -n 's/^pixeld_receiver_lag_records{.*} //p')
	received=$(curl -sf "http://127.0.0.1:$port/metrics" | sed -n 's/^pixeld_receiver_records_total{.*} //p')
	kill "$server"
	wait "$server" || :
	server=
	ack=$(python3 -c 'import json, sys; a = json.load(open(sys.argv[1]))["ack_ms"]; print("p50 %.1f p99 %.1f p99.9 %.1f ms" % (a["p50"], a["p99"], a["p999"]))' "$place/$name.json")
}

for round in $(seq "$rounds"); do
	live quiet
	echo "round $round: no database      $ack"
	# shellcheck disable=SC2086 # several words
	live behind --postgres "$dsn" ${SERVER_FLAGS:-}
	echo "round $round: it catches up    $ack, $received records received, $behind behind"
	[ "${behind%.*}" -gt 5000 ] || { echo "the receiver caught up too early: use more ROWS" >&2; exit 1; }
done
