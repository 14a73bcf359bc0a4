#!/bin/sh
# How long history takes from PostgreSQL when the journal no longer has it.
#   scripts/bench/past.sh [ROWS [DAYS]]      default 3,000,000 and 30; a private instance in a temporary directory
# Fills it from a generated journal, lets retention remove that, and asks for the board halfway and at the end, and for a pixel.
# Repeats questions that get 503. Prints seconds, the plans of the three queries, and rows/s.
set -eu
cd "$(dirname "$0")/../.."
rows=${1:-3000000}
days=${2:-30}
. scripts/bench/database.sh

sql() { PGOPTIONS='-c client_min_messages=warning' psql -XAtq -v ON_ERROR_STOP=1 -h "$place/pg" -U pixeld bench -c "$1"; }
web() { curl -s --unix-socket "$place/sock" "$@"; }

bench_begin
"$root/$build/tests/bench_journal_make" "$place/data" "$rows" "$((days * 86400000 / rows))" >/dev/null
"$root/$build/server/pixeld" --listen "unix:$place/sock" --data "$place/data" --snapshot-interval-s 1 --journal-keep-bytes 2MiB \
	--journal-segment-bytes 1MiB --cooldown-ms 0 --requests-per-second 0 \
	--postgres "$dsn" 2>"$place/log" &
server=$!
until [ "$(sql 'SELECT placements FROM pixeld.ledger' 2>/dev/null)" = "$rows" ]; do
	kill -0 "$server" 2>/dev/null || { cat "$place/log"; exit 1; }
	sleep 1
done
token=$(web -X POST http://pixeld/session | sed 's/.*"token":"\([^"]*\)".*/\1/')
until [ "$(ls "$place/data" | sed -n 's/^journal-0*\([0-9]*\).seg/\1/p' | sort -n | sed -n 1p)" -gt "$((rows / 1000000))" ]; do
	web -X PUT -H "Authorization: Bearer $token" -d '{"color":1}' http://pixeld/boards/main/pixels/1/1 >/dev/null
	sleep 0.3
done
sql 'VACUUM ANALYZE' # as autovacuum does in time

ask() { # NAME PATH: seconds until it is answered with 200
	begun=$(date +%s.%N)
	asked=0
	while :; do
		asked=$((asked + 1))
		status=$(web -o "$place/answer" -w '%{http_code}' "http://pixeld/boards/main/$2")
		[ "$status" != 200 ] || break
		grep -q history_busy "$place/answer" || { cat "$place/answer" "$place/log"; exit 1; }
	done
	awk -v a="$begun" -v b="$(date +%s.%N)" -v n="$asked" -v name="$1" 'BEGIN { printf "%-34s %.2f s, asked %d times\n", name, b - a, n }'
}
half=$((rows / 2))
echo "rows $rows in $days days"
ask "board at seq 1" "bitmap?seq=1"
ask "board at seq $half" "bitmap?seq=$half"
ask "board at seq $rows, from there on" "bitmap?seq=$rows"
ask "a pixel, counted for the first time" "pixels/7/7/history"
ask "another pixel" "pixels/8/8/history"
columns="seq, placed_at, request, user_id, epoch, x, y, board, color"
explain() { sql "SET max_parallel_workers_per_gather = 0; SET jit = off; SET enable_sort = off; SET enable_seqscan = off; EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) $1" | sed -n '1,6p;/Planning Time/p;/Execution Time/p'; }
explain "SELECT $columns FROM pixeld.placements WHERE board = 0 AND (epoch, seq) > (1, $half) ORDER BY epoch, seq LIMIT 50000"
explain "SELECT $columns FROM pixeld.placements WHERE board = 0 AND x = 7 AND y = 7 AND seq < $half ORDER BY seq DESC LIMIT 20"
explain "SELECT epoch, min(seq), max(seq), count(*) FROM (SELECT epoch, seq FROM pixeld.placements WHERE board = 0
	AND (epoch, seq) > (1, $half) ORDER BY epoch, seq LIMIT 500000) w GROUP BY epoch ORDER BY epoch"
kill "$server"
wait "$server" || :
server=
