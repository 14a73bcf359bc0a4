#!/bin/bash
# The two commands of README.md, on a machine that has nothing else yet: for scripts/fresh-debian.sh.
# scripts/run.sh brings the page up, takes a pixel, and ends in order by SIGTERM; scripts/test.sh --quick passes.
set -u
cd "$(dirname "$0")/../.."
PATIENCE_S=1200 # installs and builds in it
server=
scratch=$(mktemp -d)

finish() {
	[ -z "$server" ] || kill -KILL "$server" 2>/dev/null
	rm -rf "$scratch"
}
trap finish EXIT

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

port=$((20000 + RANDOM % 10000))
while (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null; do
	port=$((port + 1))
done
url=http://127.0.0.1:$port

scripts/run.sh --listen=127.0.0.1:$port --data="$scratch/data" &
server=$!
until curl -fs -o "$scratch/page" $url/ 2>/dev/null; do
	kill -0 $server 2>/dev/null || fail "scripts/run.sh ended by itself"
	[ $SECONDS -lt $PATIENCE_S ] || fail "no page after $SECONDS s"
	sleep 0.1
done
echo "the page came up after $SECONDS s"
grep -qi '<!doctype html>' "$scratch/page" || fail "what answers is no page"
curl -fsS -c "$scratch/cookie" -o /dev/null -X POST $url/session || fail "no session"
curl -fsS -b "$scratch/cookie" -X PUT -d '{"color":5}' $url/boards/main/pixels/3/4 || fail "the pixel was not taken"
echo
kill -TERM $server
wait $server
code=$?
server=
[ $code -eq 0 ] || fail "scripts/run.sh ended with $code after SIGTERM"

scripts/test.sh --quick || fail "scripts/test.sh --quick"
