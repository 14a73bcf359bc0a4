#!/bin/bash
# Proves on this machine that one pixeld serves 300,000 clients: every client receives every update.
#
#	scripts/verify-300k.sh [BUILD_DIR]
#	CLIENTS=20000 MINUTES=0.3 BURSTS=2 scripts/verify-300k.sh
#
# Starts a server with the embedded journal (synced before every acknowledgement), and loadgen next to it. All
# clients connect; RATE placements/s with real cells and colors follow for MINUTES, with BURSTS seconds of BURST_RATE
# spread over them. In the middle, STORM of the clients disconnect at the same moment, half of them without FIN, and
# resume. Afterwards checker.py compares acknowledgements, journal and board. Reports are written to
# build/reports/verify-CLIENTS/. The last line is the verdict; exit code 0 if all checks pass and the goals are met, 99
# if only a goal is missed, otherwise 1. SERVER_FLAGS and LOADGEN_FLAGS are passed on. Needs python3 and curl; runs in
# a network namespace of its own if possible (own-network.sh).
set -euo pipefail
cd "$(dirname "$0")/.."
[ -n "${PIXELD_NETWORK:-}" ] || exec scripts/own-network.sh "scripts/${0##*/}" "$@"
build=${1:-build/release}
CLIENTS=${CLIENTS:-300000} MINUTES=${MINUTES:-10} RATE=${RATE:-1000}
BURSTS=${BURSTS:-20} BURST_RATE=${BURST_RATE:-10000} STORM=${STORM:-10%} STORM_S=${STORM_S:-20}
CONNECT_RATE=${CONNECT_RATE:-10000} PAINTERS=${PAINTERS:-$((CLIENTS / 30 + 100))} OBSERVERS=${OBSERVERS:-}
VISIBLE_P99=${VISIBLE_P99:-3s} ACK_P99=${ACK_P99:-50ms} SETTLE=${SETTLE:-60s} SERVER_FLAGS=${SERVER_FLAGS:-}
data=${PIXELD_DATA:-../shared/data}/placements2017.bin.gz
out=${OUT:-build/reports/verify-$CLIENTS}
export LC_ALL=C

find_program() { find "$build" -type f -name "$1" -perm -u+x | head -n 1; }
pixeld=$(find_program pixeld) loadgen=$(find_program loadgen)
if [ -z "$pixeld" ] || [ -z "$loadgen" ]; then
	echo "build first: cmake --build $build" >&2
	exit 1
fi

rm -rf "$out"
mkdir -p "$out"
work=$(mktemp -d "$out/work.XXXXXX")
server=0
stop_server() {
	[ "$server" = 0 ] || { kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }
	server=0
}
trap 'stop_server; rm -rf "$work"' EXIT

"$loadgen" --check-system --clients "$CLIENTS" | tee "$out/check-system.txt"

# --- the server ---
head -c 32 /dev/urandom >"$work/secret"
for port in $(shuf -i 20000-29999 -n 50); do
	(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
done
# shellcheck disable=SC2086 # SERVER_FLAGS are several words
"$pixeld" --listen "127.0.0.1:$port" --data "$work/data" --clients-max $((CLIENTS + CLIENTS / 20 + 1000)) \
	--cooldown-ms 0 --requests-per-second 0 --journal-sync commit --session-secret-file "$work/secret" \
	$SERVER_FLAGS 2>"$out/pixeld.log" &
server=$!
for _ in $(seq 300); do
	curl -sf "http://127.0.0.1:$port/readyz" >/dev/null && break
	kill -0 "$server" 2>/dev/null || { cat "$out/pixeld.log" >&2; exit 1; }
	sleep 0.1
done

# --- the plan ---
plan() { python3 - "$MINUTES" "$BURSTS" "$CLIENTS" "$CONNECT_RATE" <<'PY'
import math, os, sys
minutes, bursts, clients, connect = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
rate, burst, e = os.environ["RATE"], os.environ["BURST_RATE"], os.environ
print("--phase", f"ramp:{max(1, math.ceil(clients / connect))}s:0..{clients}", "--phase", "hold:5s:rate=0")
parts, hold = max(bursts, 1), 60000 * minutes / max(bursts, 1) - (1000 if bursts else 0)
for i in range(parts):
    if i == parts // 2 and e["STORM"] != "0%":
        print("--phase", f"storm:{e['STORM_S']}s:reconnect={e['STORM']}:rate={rate}")
    if hold > 0:
        print("--phase", f"hold:{hold:.0f}ms:rate={rate}")
    if bursts:
        print("--phase", f"burst:1s:rate={burst}")
print("--phase", f"hold:5s:rate={rate}")
PY
}
export RATE BURST_RATE STORM STORM_S
read -r -a phases <<<"$(plan | tr '\n' ' ')"
pattern=(--hot-cells 10000:13% --noop-share 33%)
[ ! -r "$data" ] || pattern=(--replay "$data")

# --- the run, with memory and CPU of both ---
# Right after all clients have left, a request may be refused: retry.
get() { curl -sf -m 60 --retry 20 --retry-all-errors --retry-delay 1 "http://127.0.0.1:$port$1"; }
watch() {
	echo "second,server_rss_kib,server_cpu_s,server_sends,board_seq,loadgen_rss_kib,loadgen_cpu_ticks,tcp_sockets,tcp_mem_pages,slab_kib,load"
	for ((second = 0; ; second++)); do
		kill -0 "$server" "$1" 2>/dev/null || return 0
		paste -sd, <(
			echo "$second"
			awk '/^VmRSS/ { print $2 }' "/proc/$server/status"
			curl -sf -m 20 "http://127.0.0.1:$port/metrics" | awk '
				$1 == "process_cpu_seconds_total" { cpu = $2 }
				$1 == "pixeld_broadcast_sends_total" { sends = $2 }
				$1 ~ /^pixeld_board_seq/ { seq = $2 }
				END { print cpu; print sends; print seq }'
			awk '/^VmRSS/ { print $2 }' "/proc/$1/status"
			awk '{ print $14 + $15 }' "/proc/$1/stat"
			awk '/^TCP:/ { print $3; print $11 }' /proc/net/sockstat
			awk '/^Slab:/ { print $2 }' /proc/meminfo
			cut -d' ' -f1 /proc/loadavg
		)
		sleep 1
	done
}

window=64
[ "$PAINTERS" -le 2000 ] || window=16
"$loadgen" --url "ws://127.0.0.1:$port/ws" "${phases[@]}" "${pattern[@]}" --painters "$PAINTERS" --window "$window" \
	${OBSERVERS:+--observers "$OBSERVERS"} ${LOADGEN_FLAGS:-} --session-secret "@$work/secret" --settle "$SETTLE" \
	--threshold 'reach==1' --threshold 'clients_lost==0' --threshold "visible.p99<$VISIBLE_P99" \
	--threshold "ack.p99<$ACK_P99" --json "$out/result.json" --html "$out/result.html" --csv "$out/seconds.csv" \
	--hgrm "$out/latency" --acks "$work/acks.csv" >"$out/result.txt" 2>"$out/live.txt" &
load=$!
watch "$load" >"$out/host.csv" 2>/dev/null &
watcher=$!
code=0
wait "$load" || code=$?
kill "$watcher" 2>/dev/null || true
wait "$watcher" 2>/dev/null || true
[ -s "$out/result.json" ] || { tail -5 "$out/live.txt" >&2; echo "VERIFY FAIL: loadgen ended with $code and no result"; exit 1; }
get /metrics >"$out/metrics.txt"

# --- checks from outside ---
get /boards/main/bitmap >"$work/bitmap"
kill "$server"
stopped=0
wait "$server" || stopped=$?
server=0
"$pixeld" journal dump "$work/data" >"$work/journal.csv"
checked=0
python3 tests/e2e/checker.py --acks "$work/acks.csv" --journal "$work/journal.csv" --bitmap "$work/bitmap" \
	| tee "$out/checker.txt" || checked=1
sed -n '1,/^$/!p' "$out/result.txt"

python3 - "$out" "$code" "$checked" "$stopped" <<'PY'
import csv, json, sys
out, code, checked, stopped = sys.argv[1], *map(int, sys.argv[2:])
r = json.load(open(f"{out}/result.json"))
rows = [row for row in csv.DictReader(open(f"{out}/host.csv")) if row["load"] and row["server_sends"]]
most = {name: max(int(row[name]) for row in rows) for name in ("server_rss_kib", "loadgen_rss_kib", "tcp_mem_pages", "slab_kib")}
# Memory per client: the growth of the server in user space, and of the slabs in the kernel (both ends are on this machine).
user = (most["server_rss_kib"] - int(rows[0]["server_rss_kib"])) * 1024 / r["clients"]
kernel = (most["slab_kib"] - int(rows[0]["slab_kib"])) * 1024 / 2 / r["clients"]
# CPU per delivery while placements arrive, without connecting before and checking after.
placing = [b for a, b in zip(rows, rows[1:]) if int(b["board_seq"]) > int(a["board_seq"])][3:]
cpu, sends = ((float(placing[-1][name]) - float(placing[0][name]) for name in ("server_cpu_s", "server_sends"))
              if len(placing) > 1 else (0, 0)) # a run of seconds
summary = {"clients": r["clients"], "server_us_per_delivery": cpu * 1e6 / max(sends, 1), "deliveries": sends,
           "server_rss_kib": most["server_rss_kib"], "loadgen_rss_kib": most["loadgen_rss_kib"],
           "server_bytes_per_client": user, "kernel_bytes_per_end": kernel, "visible_ms": r["visible_ms"], "ack_ms": r["ack_ms"], "reach": r["reach"]}
json.dump(summary, open(f"{out}/summary.json", "w"), indent=1)
print(f"server: {summary['server_us_per_delivery']:.2f} us of CPU for each of {sends:.0f} deliveries while placing (all it "
      f"does included); {most['server_rss_kib']} KiB resident, loadgen {most['loadgen_rss_kib']} KiB "
      f"({most['loadgen_rss_kib'] * 1024 // r['clients']} B per client), TCP {most['tcp_mem_pages'] * 4 // 1024} MiB; "
      f"a client takes {user:.0f} B of the server and {kernel:.0f} B of the kernel at each end")
bad = code not in (0, 99) or checked or stopped
word = "FAIL" if bad else "GOAL MISSED" if code == 99 else "PASS"
print(f"VERIFY {word}: {r['clients_complete']} of {r['clients_checked']} clients complete, reach {r['reach']:.9f}, "
      f"{r['acknowledged']} of {r['placed']} placements acknowledged, {r['lost']} lost, {r['broken_off']} broke off and "
      f"{r['resumes']} resumed, visible p99 {r['visible_ms']['p99']:.0f} ms, ack p99 {r['ack_ms']['p99']:.1f} ms, journal "
      f"and board {'do NOT agree' if checked else 'agree'}; reports in {out}")
sys.exit(1 if bad else code)
PY
