#!/bin/sh
# How fast the receiver fills PostgreSQL, beside a bare `psql \copy` of the same rows into the same table.
#   scripts/bench-postgres.sh [ROWS]      default 2,000,000; a private instance in a temporary directory
# Both end with what a commit costs. Prints rows/s of each, their ratio, CPU seconds of pixeld and bytes per row.
set -eu
cd "$(dirname "$0")/.."
rows=${1:-2000000}
build=${PIXELD_BUILD:-build/release}
root=$(pwd)
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
place=$(mktemp -d /tmp/pixeld-pgbench-XXXXXX)
chmod 755 "$place"
server=

as_postgres() {
	if [ "$(id -u)" -eq 0 ]; then
		(cd / && setpriv --reuid=postgres --regid=postgres --clear-groups "$@")
	else
		"$@"
	fi
}
sql() { psql -XAtq -v ON_ERROR_STOP=1 -h "$place/pg" -U pixeld bench -c "$1"; }
now() { date +%s.%N; }
end() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || :
	as_postgres "$bin/pg_ctl" -D "$place/pg/db" -m fast -s stop 2>/dev/null || :
	rm -rf "$place"
}
trap end EXIT
trap 'exit 1' INT TERM

mkdir "$place/pg"
[ "$(id -u)" -ne 0 ] || chown postgres "$place/pg"
as_postgres "$bin/initdb" -D "$place/pg/db" -A trust -U pixeld --locale=C -E UTF8 >/dev/null
as_postgres "$bin/pg_ctl" -D "$place/pg/db" -l "$place/pg/log" -w -s -o "-c listen_addresses= -k $place/pg \
	-c shared_buffers=256MB -c max_wal_size=4GB" start
psql -XAtq -h "$place/pg" -U pixeld postgres -c 'CREATE DATABASE bench'
"$root/$build/tests/bench_journal_make" "$place/data" "$rows" >/dev/null

begun=$(now)
"$root/$build/server/pixeld" --listen "unix:$place/sock" --data "$place/data" \
	--postgres "host=$place/pg user=pixeld dbname=bench" 2>"$place/log" &
server=$!
until grep -q 'receiver_attached' "$place/log"; do sleep 0.05; done
attached=$(now)
until [ "$(sql 'SELECT placements FROM pixeld.ledger' 2>/dev/null)" = "$rows" ]; do sleep 0.1; done
done=$(now)
cpu=$(awk -v tick="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) / tick }' "/proc/$server/stat")
kill "$server"
wait "$server" || :
server=
count=$(sql 'SELECT count(*) FROM pixeld.placements')
bytes=$(sql "SELECT round(sum(pg_total_relation_size(inhrelid))::numeric / $rows, 1) FROM pg_inherits WHERE inhparent = 'pixeld.placements'::regclass")

columns="seq, placed_at, request, user_id, epoch, x, y, board, color"
psql -XAtq -h "$place/pg" -U pixeld bench -c "\\copy (SELECT $columns FROM pixeld.placements ORDER BY seq) TO '$place/rows' (FORMAT binary)"
sql 'TRUNCATE pixeld.placements'
sql 'CHECKPOINT'
copy=$(now)
psql -XAtq -h "$place/pg" -U pixeld bench -c "\\copy pixeld.placements ($columns) FROM '$place/rows' (FORMAT binary)"
copied=$(now)
awk -v rows="$rows" -v count="$count" -v a="$attached" -v b="$begun" -v d="$done" -v c="$copy" -v e="$copied" -v cpu="$cpu" -v bytes="$bytes" 'BEGIN {
	receiver = rows / (d - a); bare = rows / (e - c)
	printf "rows %d (in the table: %d)\nreceiver %d rows/s\npsql \\copy %d rows/s\nratio %.2f\n", rows, count, receiver, bare, receiver / bare
	printf "CPU of pixeld %.2f s, its start included: %.2f us a row\nbytes per row, indexes included: %s\n", cpu, cpu / rows * 1e6, bytes
}'
