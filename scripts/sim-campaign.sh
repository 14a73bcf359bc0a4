#!/usr/bin/env bash
# Runs many new seeds of the simulator on all cores; prints the totals of what was injected, or the first failure.
#   scripts/sim-campaign.sh [SEEDS, default 20000] [FIRST SEED, default drawn at random]
# The complete output of a failed seed stays in the build directory.
# PIXELD_BUILD: an existing build (build/release is twice as fast); by default, build/asan is built.
set -euo pipefail
cd "$(dirname "$0")/.."
seeds=${1:-20000}
first=${2:-$(od -An -N5 -tu8 /dev/urandom | tr -d ' ')}
chunk=25
cores=$(nproc)
if [ -z "${PIXELD_BUILD:-}" ]; then
	PIXELD_BUILD=build/asan
	cmake --preset asan >/dev/null
	cmake --build --preset asan --target sim_pixeld
fi
sim=$PIXELD_BUILD/tests/sim/sim_pixeld
work=$(mktemp -d)
kept=$PIXELD_BUILD/sim-broken-$first.txt
set -m # every worker and its simulator are a process group

# Until all are gone: a process that has just been forked can miss a signal.
finish() {
	: >"$work/broken"
	local workers
	workers=$(jobs -p)
	# shellcheck disable=SC2086 # several words
	while kill_any $workers; do
		sleep 0.05
	done
	rm -rf "$work"
}

# kill_any WORKER...; false: none of their groups is left.
kill_any() {
	local worker any=1
	for worker; do
		! kill -- "-$worker" 2>/dev/null || any=0
	done
	return $any
}
trap finish EXIT
trap 'exit 130' INT TERM

# seeds_run NUMBER: every n-th chunk for n workers, until a seed fails, here or in another worker.
seeds_run() {
	at=$(($1 * chunk))
	while [ $at -lt "$seeds" ] && [ ! -e "$work/broken" ]; do
		count=$((seeds - at < chunk ? seeds - at : chunk))
		if ! "$sim" --seed $((first + at)) --seeds $count >"$work/$1.now" 2>&1; then
			mv "$work/$1.now" "$work/$1.broken"
			echo "$1" >"$work/broken"
			return
		fi
		cat "$work/$1.now" >>"$work/$1.done"
		at=$((at + cores * chunk))
	done
}

count() {
	cat "$work"/*.done 2>/dev/null | wc -l
}

echo "seeds $first to $((first + seeds - 1)), $cores at a time"
begun=$(date +%s)
number=0
while [ $number -lt "$cores" ]; do
	seeds_run $number &
	number=$((number + 1))
done
said=$begun
while [ -n "$(jobs -rp)" ]; do
	sleep 1
	now=$(date +%s)
	[ $((now - said)) -ge 30 ] || continue
	said=$now
	echo "$(count) of $seeds seeds in $((now - begun)) s"
done
wait

if [ -e "$work/broken" ]; then
	cp "$work/$(cat "$work/broken").broken" "$kept"
	awk '/^sim_pixeld --seed / { said = "" } { said = said $0 "\n" } END { printf "%s", said }' "$kept"
	echo "FAILED: the line that starts with sim_pixeld is the command that repeats it (in $PIXELD_BUILD/tests/sim); complete output: $kept"
	exit 1
fi
# A report is "12 steps, 3 kills; asked 45": numbers with the same words around them are added up.
cat "$work"/*.done | awk -v begun="$begun" '{
	sub(/^[^:]*: /, "")
	pieces = split($0, piece, /[,;:] */)
	for (i = 1; i <= pieces; i++) {
		if (!match(piece[i], /[0-9]+/))
			continue
		n = substr(piece[i], RSTART, RLENGTH)
		what = substr(piece[i], 1, RSTART - 1) "N" substr(piece[i], RSTART + RLENGTH)
		if (!(what in sum))
			order[++kinds] = what
		sum[what] += n
	}
}
END {
	for (k = 1; k <= kinds; k++) {
		line = order[k]
		sub(/N/, sprintf("%.0f", sum[order[k]]), line)
		printf "%s%s", line, k < kinds ? ", " : "\n"
	}
}'
echo "All $(count) seeds are clean, after $(($(date +%s) - begun)) s."
