#!/bin/sh
# Runs every fuzz target for a while; what it finds that is new stays in build/fuzz/corpus.
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
for target; do
	what=${target#fuzz_}
	own=build/fuzz/corpus/$what
	mkdir -p "$own" "tests/fuzz/corpus/$what"
	echo "== $target: $seconds s"
	"build/fuzz/tests/fuzz/$target" -max_total_time="$seconds" -timeout=10 -print_final_stats=0 \
		-verbosity=0 -artifact_prefix="build/fuzz/$what-" "$own" "tests/fuzz/corpus/$what"
done
echo "All clean."
