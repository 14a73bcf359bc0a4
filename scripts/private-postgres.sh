# shellcheck shell=sh
# A private PostgreSQL instance from the system's packages, for scripts that source this file:
#   postgres_start DIR [-c NAME=VALUE ...]   creates an instance in DIR/db if there is none, and starts it: user pixeld, a socket in DIR
#   postgres_stop DIR
# PostgreSQL refuses to run as root; in that case it runs as the user postgres, who then owns DIR.

postgres_bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)

as_postgres() {
	if [ "$(id -u)" -eq 0 ]; then
		(cd / && setpriv --reuid=postgres --regid=postgres --clear-groups "$@")
	else
		"$@"
	fi
}

postgres_start() {
	postgres_dir=$1
	shift
	if [ ! -d "$postgres_dir/db" ]; then
		mkdir -p "$postgres_dir"
		[ "$(id -u)" -ne 0 ] || chown postgres "$postgres_dir"
		as_postgres "$postgres_bin/initdb" -D "$postgres_dir/db" -A trust -U pixeld --locale=C.UTF-8 -E UTF8 >/dev/null
	fi
	as_postgres "$postgres_bin/pg_ctl" -D "$postgres_dir/db" -l "$postgres_dir/log" -w -s \
		-o "-c listen_addresses= -c unix_socket_directories='$postgres_dir' -c port=5432 $*" start
}

postgres_stop() {
	as_postgres "$postgres_bin/pg_ctl" -D "$1/db" -m fast -s stop
}
