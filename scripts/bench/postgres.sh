#!/bin/sh
# How fast the receiver fills PostgreSQL, compared with a bare `psql \copy` of the same rows into the same table.
#   scripts/bench/postgres.sh [ROWS [ROUNDS]]      default 500,000 and 3; a private instance in a temporary directory
# The first run of the receiver is not counted: it creates the WAL files that later runs reuse. Then the two
# alternate. Prints the rows/s of each round, the ratio of the medians, CPU of pixeld and bytes per row.
set -eu
cd "$(dirname "$0")/../.."
rows=${1:-500000}
rounds=${2:-3}
. scripts/bench/database.sh

sql() { PGOPTIONS='-c client_min_messages=warning' psql -XAtq -v ON_ERROR_STOP=1 -h "$place/pg" -U pixeld bench -c "$1"; }
now() { date +%s.%N; }

bench_begin -c min_wal_size=4GB
"$root/$build/tests/bench_journal_make" "$place/data" "$rows" >/dev/null

# Fills an empty database. Sets took, in seconds from attaching to the last commit, and cpu.
receive() {
	sql 'DROP SCHEMA IF EXISTS pixeld CASCADE'
	sql 'CHECKPOINT'
	"$root/$build/server/pixeld" --listen "unix:$place/sock" --data "$place/data" \
		--postgres "$dsn" 2>"$place/log" &
	server=$!
	until grep -q receiver_attached "$place/log"; do sleep 0.05; done
	until [ "$(sql 'SELECT placements FROM pixeld.ledger' 2>/dev/null)" = "$rows" ]; do sleep 1; done
	took=$(sql "SELECT extract(epoch FROM moved_at) - extract(epoch FROM timestamptz \
		'$(sed -n 's/ .*receiver_attached.*//p' "$place/log")') FROM pixeld.ledger")
	cpu=$(awk -v tick="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) / tick }' "/proc/$server/stat")
	kill "$server"
	wait "$server" || :
	server=
}

receive
columns="seq, placed_at, request, user_id, epoch, x, y, board, color"
psql -XAtq -h "$place/pg" -U pixeld bench -c "\\copy (SELECT $columns FROM pixeld.placements ORDER BY seq) TO '$place/rows' (FORMAT binary)"
bare() { # sets took
	sql 'TRUNCATE pixeld.placements'
	sql 'CHECKPOINT'
	begun=$(now)
	psql -XAtq -h "$place/pg" -U pixeld bench -c "\\copy pixeld.placements ($columns) FROM '$place/rows' (FORMAT binary)"
	took=$(awk -v a="$begun" -v b="$(now)" 'BEGIN { print b - a }')
}
for round in $(seq "$rounds"); do
	bare
	echo "$took" >>"$place/bare"
	receive
	echo "$took" >>"$place/received"
done
median() { sort -n "$1" | sed -n "$(((rounds + 1) / 2))p"; }
rates() { awk -v rows="$rows" '{ printf " %d", rows / $1 }' "$1"; }
count=$(sql 'SELECT count(*) FROM pixeld.placements')
bytes=$(sql "SELECT round(sum(pg_total_relation_size(inhrelid))::numeric / $rows, 1) FROM pg_inherits
	WHERE inhparent = 'pixeld.placements'::regclass")
echo "rows $rows, in the table $count"
echo "psql \\\\copy, rows/s:$(rates "$place/bare")"
echo "receiver, rows/s:  $(rates "$place/received")"
awk -v rows="$rows" -v took="$(median "$place/received")" -v bare="$(median "$place/bare")" -v cpu="$cpu" -v bytes="$bytes" 'BEGIN {
	printf "ratio %.2f\nCPU of pixeld %.2f s, its start included: %.2f us a row\nbytes per row, indexes included: %s\n",
		bare / took, cpu, cpu / rows * 1e6, bytes
}'
