# shellcheck shell=bash disable=SC2034 # the variables are for the scripts that source it
# Shared by the benchmarks that run pixeld next to other servers (bench/peers.sh, bench/memory.sh, bench/connect.sh). They source it
# from the root of the project and set these first:
#   build THREADS CLIENTS ROUND_MS SERVER_FLAGS PEERS CONGESTION   as bench/peers.sh --help says
#   bytes per_second                                               what the bare program broadcasts
# They use:
#   servers_begin ARGUMENT...   builds the peers, sets `ready` to those that are available, and runs the script again in a network of
#                               its own. Sets work (a temporary directory, removed at the end), pixeld, loadgen, fanout, subscribe
#   start SERVER                runs it; sets port, path and pid. stop_all ends all that were started
#   crowd NAME OPTION...        clients against it; the result is in $work/NAME.json; look NAME WORD... prints a number of it
#   help_print                  the comment at the head of the script
export LC_ALL=C
peers=build/peers
sources=tests/bench/peers
subscribe='\x01\x00\x04main' # message 01, no flags, 4 letters: main
setting=/proc/sys/net/ipv4/tcp_congestion_control
congestion_before=$(cat $setting)
bun=$peers/bun/node_modules/.bin/bun
started=()

help_print() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; }

stop_all() {
	for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
	for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
	started=()
}
finish() {
	stop_all
	[ "$(cat $setting)" = "$congestion_before" ] || echo "$congestion_before" >$setting
	rm -rf "$work"
}

# --- available servers ----------------------------------------------------------------------------------

find_program() { find "$build" -type f -name "$1" -perm -u+x | head -n 1; }
newer() { [ "$peers/$1" -nt "$sources/$2" ]; }
build_gorilla() {
	newer gorilla gorilla.go || GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$PWD/$peers/go-cache \
		go build -o $peers/gorilla $sources/gorilla.go
}
build_lws() {
	newer lws lws.c || gcc -std=gnu17 -O2 -o $peers/lws $sources/lws.c $(pkg-config --cflags --libs libwebsockets)
}
build_beast() { newer beast beast.cpp || g++ -std=c++17 -O2 -pthread -o $peers/beast $sources/beast.cpp; }
build_node_ws() { command -v node; }
build_bun() { [ -x $bun ] || npm install --prefix $peers/bun bun; }

servers_build() {
	local peer
	mkdir -p "$peers"
	[ -z "$PEERS" ] || scripts/install-deps.sh --bench >&2
	ready=
	for peer in $PEERS; do
		if "build_$peer" >"$work/$peer.build" 2>&1; then
			ready="$ready $peer"
		else
			echo "left out: $peer" >&2
			tail -n 3 "$work/$peer.build" >&2
		fi
	done
	if [ "$CLIENTS" -gt $(($(ulimit -Hn) - 200)) ]; then
		echo "left out: all peers; they need $CLIENTS descriptors, and ulimit -Hn is $(ulimit -Hn)" >&2
		ready=
	fi
}

servers_begin() {
	local program
	pixeld=$(find_program pixeld) loadgen=$(find_program loadgen) fanout=$(find_program bench_fanout)
	for program in "$pixeld" "$loadgen" "$fanout"; do
		[ -n "$program" ] || { echo "build first: cmake --build $build" >&2; exit 1; }
	done
	work=$(mktemp -d)
	trap finish EXIT
	if [ -z "${PIXELD_NETWORK:-}" ]; then # all that needs the outer network is done here
		servers_build
		rm -rf "$work"
		PEERS=$ready CONGESTION=$CONGESTION exec scripts/own-network.sh "scripts/bench/${0##*/}" "$@"
	fi
	ready=$PEERS
	ulimit -n "$(ulimit -Hn)"
	[ -z "$CONGESTION" ] || echo "$CONGESTION" 2>/dev/null >$setting || true
}

# --- one server -----------------------------------------------------------------------------------------

free_port() {
	local port
	for port in $(shuf -i 20000-29999 -n 50); do
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
	done
}
wait_port() {
	for _ in $(seq 200); do
		(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
		sleep 0.05
	done
	echo "nothing listens on port $1" >&2
	exit 1
}

# TRACE is a command that pixeld is run under; the server must keep the pid. FLOOR_CLIENTS: the bare program broadcasts when it has so many.
start() { # SERVER
	local module=/usr/share/nodejs
	port=$(free_port)
	path=/
	case $1 in
	pixeld)
		path=/ws
		# shellcheck disable=SC2086 # SERVER_FLAGS and TRACE are several words
		${TRACE:-} "$pixeld" --listen "127.0.0.1:$port" --data "$work/data" --workers "$THREADS" --cooldown-ms 0 \
			--requests-per-second 0 --round-interval-ms "$ROUND_MS" \
			--clients-max $((CLIENTS + 500)) $SERVER_FLAGS 2>"$work/$1.log" &
		;;
	bare_*)
		"$fanout" --port "$port" --threads "$THREADS" --clients "${FLOOR_CLIENTS:-$CLIENTS}" --frame-bytes "$bytes" \
			--interval-ms "$(awk -v f="$per_second" 'BEGIN { printf "%.0f", 1000 / f }')" \
			--rounds 1000000 --mode "${1#bare_}" >"$work/$1.log" 2>&1 &
		;;
	bun) $bun $sources/bun.js "$port" >"$work/$1.log" 2>&1 & ;;
	node_ws) NODE_PATH=$module node $sources/node_ws.js "$port" >"$work/$1.log" 2>&1 & ;;
	beast) $peers/beast "$port" "$THREADS" >"$work/$1.log" 2>&1 & ;;
	*) "$peers/$1" "$port" >"$work/$1.log" 2>&1 & ;;
	esac
	pid=$!
	started+=("$pid")
	[ "${1#bare_}" != "$1" ] && sleep 0.5 || wait_port "$port" # a look would be a client of the bare program
}

# crowd NAME OPTION...: runs the clients; the result is in $work/NAME.json.
crowd() {
	local name=$1
	shift
	"$loadgen" --profile-protocol raw --url "ws://127.0.0.1:$port$path" --binary --quiet --server-pid "$pid" \
		--threads "$THREADS" --json "$work/$name.json" "$@" >"$work/$name.out" && return
	cat "$work/$name.out" >&2
	exit 1
}
look() { # FILE WORD...: a number of its JSON
	python3 -c 'import functools, json, sys
print(functools.reduce(lambda o, k: o[k], sys.argv[2:], json.load(open(sys.argv[1]))))' "$work/$1.json" "${@:2}"
}
