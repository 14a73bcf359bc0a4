#!/bin/sh
# Runs every fuzz target for a while and keeps new inputs in build/fuzz/corpus. Prints the number of executions of
# each target; an input that crashes one is in build/fuzz/<target>-crash-...
#   scripts/fuzz.sh [SECONDS of each, default 60] [TARGET ...]
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
[ $# -eq 0 ] || shift

scripts/install-deps.sh --test
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --target fuzz_targets
if [ $# -eq 0 ]; then
	set -- $(ls build/fuzz/tests/fuzz | grep '^fuzz_' | grep -v '\.')
fi
fallen=
all=0
for target; do
	what=${target#fuzz_}
	own=build/fuzz/corpus/$what
	log=build/fuzz/$what.log
	mkdir -p "$own" "tests/fuzz/corpus/$what"
	if "build/fuzz/tests/fuzz/$target" -max_total_time="$seconds" -timeout=60 -print_final_stats=1 \
		-verbosity=0 -artifact_prefix="build/fuzz/$what-" "$own" "tests/fuzz/corpus/$what" >"$log" 2>&1; then
		verdict=clean
	else
		verdict="FELL, see $log"
		fallen="$fallen $what"
		grep -v '^stat::' "$log" | tail -n 40
	fi
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
	all=$((all + ${runs:-0}))
	echo "== $target: $seconds s, ${runs:-0} executions: $verdict"
done
echo "$all executions."
[ -z "$fallen" ] || { echo "FELL:$fallen"; exit 1; }
echo "All clean."
