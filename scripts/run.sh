#!/bin/sh
# Builds pixeld and runs it in the foreground; all arguments are passed to pixeld.
#   scripts/run.sh [--with-postgres] [--listen=127.0.0.1:9000] [--data=/srv/pixels] [...]
# --with-postgres, as the first argument, starts a private PostgreSQL next to the data directory and stops it at the end.
set -eu
with_postgres=
if [ "${1:-}" = --with-postgres ]; then
	with_postgres=--postgres
	shift
fi
from=$PWD
cd "$(dirname "$0")/.."
root=$PWD

scripts/install-deps.sh $with_postgres
if [ ! -f build/release/build.ninja ]; then
	cmake --preset release -DPIXELD_TESTS=OFF
fi
cmake --build --preset release --target pixeld loadgen

pixeld=$root/build/release/server/pixeld
cd "$from"
settings=$("$pixeld" --print-config "$@")
setting() { # NAME: its first value
	echo "$settings" | sed -n "s/^$1 = \(.*\) ; [a-z]*\(, line [0-9]*\)\{0,1\}$/\1/p" | head -n 1
}
data=$(setting data)
case $data in
/*) ;;
*) data=$from/$data ;;
esac
listen=$(setting listen)
board=$(echo "$settings" | sed -n 's/^\[board "\(.*\)"\]$/\1/p' | head -n 1)
curl=curl
load="$root/build/release/tools/loadgen/loadgen --url ws://"
case $listen in
unix:*)
	curl="curl --unix-socket ${listen#unix:}"
	at=localhost
	page="only through its socket, ${listen#unix:}"
	load="# loadgen needs an address: --listen=127.0.0.1:8080"
	;;
*)
	at=$(echo "$listen" | sed 's/^0\.0\.0\.0:/127.0.0.1:/; s/^\[::\]:/[::1]:/')
	page=http://$at/
	load="$load$at/ws --clients 1000 --rate 200/s --duration 10s"
	;;
esac

if [ -n "$with_postgres" ]; then
	. scripts/private-postgres.sh
	db=$data-postgresql
	postgres_start "$db"
	set -- "--postgres=host=$db port=5432 user=pixeld dbname=postgres" "$@"
	sql="psql -h $db -U pixeld postgres -c 'SELECT * FROM pixeld.ledger'"
fi
cat <<END

  page    $page
  data    $data  (remove it to start over)
  stop    Ctrl-C

  To try in another terminal:
    $curl -s http://$at/boards/$board
    $curl -s -c /tmp/pixeld.cookie -o /dev/null -X POST http://$at/session
    $curl -s -b /tmp/pixeld.cookie -X PUT -d '{"color":5}' http://$at/boards/$board/pixels/3/4
    $curl -s -o board.png http://$at/boards/$board/image.png
    $curl -s http://$at/metrics | grep -v '^#'
    $load
    $pixeld --check-system
${sql:+    $sql
}
END
[ -n "$with_postgres" ] || exec "$pixeld" "$@"

# Not exec, because PostgreSQL is stopped after it. pixeld keeps running when the terminal closes, so this script does too.
trap '' HUP
server='' stopped=''
trap 'stopped=yes; [ -z "$server" ] || kill -TERM $server' INT TERM
"$pixeld" "$@" &
server=$!
[ -z "$stopped" ] || kill -TERM $server # the signal arrived before its number was known
code=0
wait $server || code=$?
if kill -0 $server 2>/dev/null; then # the signal ended the first wait
	code=0
	wait $server || code=$?
fi
postgres_stop "$db"
exit $code
