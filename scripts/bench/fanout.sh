#!/bin/bash
# What one delivery costs: pixeld, a bare program that only sends, and the same program with send(2).
#
#	scripts/bench/fanout.sh [BUILD_DIR]
#
# Runs are interleaved, with the same clients (bench_watch) for all three; bench_watch reads the CPU time of all
# threads of the server over its own window. loadgen sends PLACEMENTS placements/s to pixeld; the bare programs
# send frames of the size and rate that pixeld's clients received. One delivery = one send that
# brings one client up to date. Prints the table for docs/perf.md. Needs curl.
set -euo pipefail
build=${1:-build/release}
RUNS=${RUNS:-5} CLIENTS=${CLIENTS:-18000} PLACEMENTS=${PLACEMENTS:-1000} SECONDS_EACH=${SECONDS_EACH:-10}
INTERVAL_MS=${INTERVAL_MS:-100} THREADS=${THREADS:-$(nproc)} SETTLE=${SETTLE:-3} FEW=${FEW:-2000}
export LC_ALL=C

subscribe=0100046d61696e # message 01, no flags, 4 letters: main
work=$(mktemp -d)
started=()
stop_all() {
	for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
	for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
	started=()
}
trap 'stop_all; rm -rf "$work"' EXIT

find_program() { find "$build" -type f -name "$1" -perm -u+x | head -n 1; }
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
value() { tr ' ' '\n' <<<"$2" | sed -n "s/^$1=//p"; }
median() { sort -n | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

pixeld=$(find_program pixeld) loadgen=$(find_program loadgen)
fanout=$(find_program bench_fanout) watch=$(find_program bench_watch)
for program in "$pixeld" "$loadgen" "$fanout" "$watch"; do
	[ -n "$program" ] || { echo "build first: cmake --build $build" >&2; exit 1; }
done

# $1 port, $2 pid, $3 clients. Prints the resident bytes of pixeld with this number of idle watchers, before any
# placement, because placements touch memory too.
rss_with() {
	value server_rss "$("$watch" --port "$1" --path /ws --clients "$3" --hello "$subscribe" --pid "$2" \
		--settle 1 --seconds 1)"
	sleep 1
}

# Prints: us per delivery, deliveries/s, frame bytes, frames/s per client, bytes of memory per client.
run_pixeld() {
	local port pid line few all sends
	port=$(free_port)
	"$pixeld" --listen "127.0.0.1:$port" --data "$work/data" --workers "$THREADS" --cooldown-ms 0 \
		--requests-per-second 0 --round-interval-ms "$INTERVAL_MS" \
		--clients-max $((CLIENTS + 500)) 2>"$work/pixeld.log" &
	pid=$!
	started+=("$pid")
	wait_port "$port"
	few=$(rss_with "$port" "$pid" "$FEW")
	all=$(rss_with "$port" "$pid" "$CLIENTS")
	"$loadgen" --url "ws://127.0.0.1:$port/ws" --clients 20 --rate "$PLACEMENTS/s" \
		--duration $((SECONDS_EACH + SETTLE + 60))s >"$work/loadgen.log" 2>&1 &
	started+=($!)
	sleep 3
	rm -f "$work/metrics"
	line=$("$watch" --port "$port" --path /ws --clients "$CLIENTS" --hello "$subscribe" --pid "$pid" \
		--settle "$SETTLE" --seconds "$SECONDS_EACH" \
		--edge "curl -sf http://127.0.0.1:$port/metrics >>$work/metrics")
	stop_all
	rm -rf "$work/data"
	sends=$(awk '$1 ~ /broadcast_sends_total/ { v[n++] = $2 } END { print v[n - 1] - v[0] }' "$work/metrics")
	echo "pixeld: $line sends=$sends" >&2
	awk -v cpu="$(value server_cpu_s "$line")" -v n="$sends" -v s="$(value seconds "$line")" \
		-v bytes="$(value bytes "$line")" -v clients="$CLIENTS" -v few="$FEW" \
		-v rss="$((all - few))" \
		'BEGIN { print cpu * 1e6 / n, n / s, bytes / n, n / s / clients, rss / (clients - few) }'
}

# $1 mode, $2 bytes per delivery, $3 deliveries/s of one client. Prints: us per delivery, deliveries/s.
run_bare() {
	local port pid line interval
	port=$(free_port)
	interval=$(awk -v f="$3" 'BEGIN { printf "%.0f", 1000 / f }')
	"$fanout" --port "$port" --threads "$THREADS" --clients "$CLIENTS" --frame-bytes "$(printf %.0f "$2")" \
		--interval-ms "$interval" --rounds 1000000 --mode "$1" >"$work/fanout.log" 2>&1 &
	pid=$!
	started+=("$pid")
	sleep 0.5
	line=$("$watch" --port "$port" --clients "$CLIENTS" --pid "$pid" --settle "$SETTLE" \
		--seconds "$SECONDS_EACH")
	stop_all
	echo "bare $1: $line" >&2
	awk -v us="$(value us_per_frame "$line")" -v n="$(value frames "$line")" -v s="$(value seconds "$line")" \
		'BEGIN { print us, n / s }'
}

for run in $(seq "$RUNS"); do
	read -r us rate bytes frames rss < <(run_pixeld)
	read -r bare_us bare_rate < <(run_bare uring "$bytes" "$frames")
	read -r send_us send_rate < <(run_bare send "$bytes" "$frames")
	echo "$run $us $rate $bytes $rss $bare_us $bare_rate $send_us $send_rate" >>"$work/runs"
done

cat <<TABLE
$CLIENTS watchers, $PLACEMENTS placements/s, rounds of $INTERVAL_MS ms, $THREADS threads, $SECONDS_EACH s per run, $(uname -r)

| run | pixeld us/delivery | deliveries/s | bytes | bare io_uring us/delivery | deliveries/s | bare send(2) us/delivery | pixeld / bare | send(2) / bare | pixeld memory/watcher |
|---|---|---|---|---|---|---|---|---|---|
TABLE
awk '{ printf "| %d | %.2f | %.0f | %.0f | %.2f | %.0f | %.2f | %.3f | %.3f | %.0f B |\n",
	$1, $2, $3, $4, $6, $7, $8, $2 / $6, $8 / $6, $5 }' "$work/runs"
printf '| median | %.2f | | | %.2f | | %.2f | %.3f | %.3f | %.0f B |\n' \
	"$(awk '{ print $2 }' "$work/runs" | median)" "$(awk '{ print $6 }' "$work/runs" | median)" \
	"$(awk '{ print $8 }' "$work/runs" | median)" "$(awk '{ print $2 / $6 }' "$work/runs" | median)" \
	"$(awk '{ print $8 / $6 }' "$work/runs" | median)" "$(awk '{ print $5 }' "$work/runs" | median)"
