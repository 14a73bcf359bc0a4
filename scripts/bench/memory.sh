#!/bin/bash
# What a client that only watches costs a server in memory: pixeld, the bare program, and other servers, in turn.
#
#	scripts/bench/memory.sh [BUILD_DIR]
#	CLIENTS=18000 PEERS='bun lws' RUNS=5 scripts/bench/memory.sh
#
# Resident memory of the server with CLIENTS clients connected, less that before they connected, divided by CLIENTS: libraries,
# buffers and tables that grew are in it, the kernel's own memory of sockets is not. Before both, one client comes and goes, so that what
# any first client brings is not counted. pixeld's clients have subscribed to a board; those of the others are sent what is broadcast. It is
# read SETTLE seconds after all are connected, when buffers of the connecting are given back. RUNS runs, all servers in turn; medians.
#
# For pixeld also a table of parts, by the names that the server gives its mappings (strace tells them, /proc/PID/pagemap which of their
# pages are there; needs root). "other memory" is heap and stacks, "files" is code and data of programs and libraries.
#
# PEERS names other servers, as for bench/peers.sh. SERVER_FLAGS are passed to pixeld.
set -euo pipefail
cd "$(dirname "$0")/../.."
RUNS=${RUNS:-3} CLIENTS=${CLIENTS:-10000} SETTLE=${SETTLE:-15} THREADS=${THREADS:-$(nproc)} ROUND_MS=${ROUND_MS:-100}
PEERS=${PEERS-bun lws node_ws} FLOOR=${FLOOR-bare_uring} CONGESTION=${CONGESTION-cubic} SERVER_FLAGS=${SERVER_FLAGS:-}
build=${1:-build/release} bytes=300 per_second=1
FLOOR_CLIENTS=$((CLIENTS + 100)) # it waits for more
. scripts/bench/servers.sh
case ${1:-} in
-h | --help) help_print; exit 0 ;;
esac
servers_begin "$@"

# Bytes by part, "NAME<tab>BYTES": of the whole process, and where a trace has names of mappings, of each.
parts() { # FILE of the trace
	python3 - "$pid" "$1" <<'PARTS'
import os, re, struct, sys

pid, trace = sys.argv[1], sys.argv[2]
page = os.sysconf("SC_PAGESIZE")
told = {}
if os.path.exists(trace):
    for line in open(trace):
        if m := re.search(r'PR_SET_VMA_ANON_NAME, (0x[0-9a-f]+), (\d+), "([^"]*)"', line):
            told[int(m[1], 16)] = (int(m[2]), m[3])
resident = {"anonymous": 0, "files": 0}
for line in open(f"/proc/{pid}/status"):
    if m := re.match(r"Rss(Anon|File|Shmem):\s+(\d+) kB", line):
        resident["anonymous" if m[1] == "Anon" else "files"] += int(m[2]) * 1024
names = {}
with open(f"/proc/{pid}/pagemap", "rb") as pages:
    for at, (length, name) in told.items():
        count = -(-length // page)
        pages.seek(at // page * 8)
        # present, and ours alone: what was only read shows the one page of zeros
        there = sum(entry >> 63 & entry >> 56 & 1 for (entry,) in struct.iter_unpack("<Q", pages.read(count * 8)))
        names[name] = names.get(name, 0) + there * page
names["other memory"] = resident["anonymous"] - sum(names.values())
names["files"] = resident["files"]
for name, size in names.items():
    print(f"{name}\t{size}")
PARTS
}

connected() { ss -Htn state established "( sport = :$port )" | wc -l; }

# Writes "SERVER PART BYTES" to $work/rows: what CLIENTS clients brought, divided by them.
run_server() { # SERVER
	local first=() crowd_pid
	[ "$1" != pixeld ] || first=(--first-message "$subscribe" --binary)
	rm -f "$work/trace"
	if [ "$1" = pixeld ] && command -v strace >/dev/null; then
		TRACE="strace -D -f --seccomp-bpf -e trace=prctl -o $work/trace"
	fi
	start "$1"
	TRACE=
	"$loadgen" --profile-protocol raw --url "ws://127.0.0.1:$port$path" --quiet --clients 1 --expect none --duration 0s \
		"${first[@]}" >/dev/null
	sleep "$SETTLE"
	parts "$work/trace" >"$work/before"
	"$loadgen" --profile-protocol raw --url "ws://127.0.0.1:$port$path" --quiet --clients "$CLIENTS" --expect none --duration 1h \
		"${first[@]}" >"$work/crowd.out" 2>&1 &
	crowd_pid=$!
	started+=("$crowd_pid")
	while [ "$(connected)" -lt "$CLIENTS" ]; do
		kill -0 "$crowd_pid" || { cat "$work/crowd.out" >&2; exit 1; }
		sleep 0.5
	done
	sleep "$SETTLE"
	parts "$work/trace" >"$work/after"
	[ "$(connected)" -eq "$CLIENTS" ] || { echo "$1: clients were lost" >&2; exit 1; }
	kill -INT "$crowd_pid" # its verdict says whether all stayed
	wait "$crowd_pid" || { cat "$work/crowd.out" >&2; exit 1; }
	stop_all
	rm -rf "$work/data"
	awk -F '\t' -v s="$1" -v n="$CLIENTS" 'NR == FNR { before[$1] = $2; next }
		{ printf "%s\t%s\t%.1f\n", s, $1, ($2 - before[$1]) / n; all += $2 - before[$1] }
		END { printf "%s\tall\t%.1f\n", s, all / n }' "$work/before" "$work/after" >>"$work/rows"
	tail -n 1 "$work/rows" >&2
}

for run in $(seq "$RUNS"); do
	echo "run $run of $RUNS" >&2
	for server in pixeld $FLOOR $ready; do run_server "$server"; done
done

echo "$CLIENTS clients, $THREADS threads, $RUNS runs, medians; Linux $(uname -r)"
python3 - "$work/rows" <<'TABLE'
import statistics, sys

rows = {}
for line in open(sys.argv[1]):
    server, part, size = line.rstrip("\n").split("\t")
    rows.setdefault(server, {}).setdefault(part, []).append(float(size))
print("\n| server | bytes per client |\n|---|--:|")
for server, parts in rows.items():
    print(f"| {server.replace('_', ' ')} | {statistics.median(parts['all']):,.0f} |")
print("\n| of pixeld's | bytes per client |\n|---|--:|")
for part, sizes in sorted(rows["pixeld"].items(), key=lambda row: (row[0] == "all", -statistics.median(row[1]))):
    if abs(statistics.median(sizes)) >= 0.05:
        print(f"| {part} | {statistics.median(sizes):,.1f} |")
TABLE
