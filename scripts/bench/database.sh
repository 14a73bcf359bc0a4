# shellcheck shell=sh disable=SC2034 # the variables are for the scripts that source it
# Shared by the benchmarks of the receiver; for scripts that source this file from the root of the project:
#   bench_begin [-c NAME=VALUE ...]   a private PostgreSQL with an empty database `bench`. Sets build, root, place (a temporary
#                                     directory) and dsn. The end of the script removes everything, and ends $server if it is a pid
. scripts/private-postgres.sh
build=${PIXELD_BUILD:-build/release}
root=$(pwd)
server=

bench_end() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || :
	[ ! -d "$place/pg/db" ] || postgres_stop "$place/pg" || :
	rm -rf "$place"
}

bench_begin() {
	place=$(mktemp -d "${TMPDIR:-/tmp}/pixeld-bench-XXXXXX")
	chmod 755 "$place"
	dsn="host=$place/pg user=pixeld dbname=bench"
	trap bench_end EXIT
	trap 'exit 1' INT TERM
	postgres_start "$place/pg" -c shared_buffers=256MB -c max_wal_size=4GB "$@"
	psql -XAtq -h "$place/pg" -U pixeld postgres -c 'CREATE DATABASE bench'
}
