#!/bin/sh
# Installs what is missing, builds, runs every test, and ends with one verdict.
#   scripts/test.sh            everything
#   scripts/test.sh --quick    unit tests only, those of the page too
# Reports of every part lie in build/reports/ (JUnit).
set -u
cd "$(dirname "$0")/.."
quick=no
case ${1:-} in
--quick) quick=yes ;;
'') ;;
*) echo "usage: $0 [--quick]" >&2; exit 2 ;;
esac

cores=$(nproc)
failed=
skipped=
begun=$(date +%s)
mkdir -p build/reports

# part NAME COMMAND...: runs it, whatever happened before, and remembers whether it failed. 77 says that this
# machine cannot do it; the command has said why.
part() {
	name=$1
	shift
	echo
	echo "== $name"
	since=$(date +%s)
	code=0
	"$@" || code=$?
	case $code in
	0) echo "== $name: passed in $(($(date +%s) - since)) s" ;;
	77)
		echo "== $name: SKIPPED, for the reason above"
		skipped="$skipped $name"
		;;
	*)
		echo "== $name: FAILED"
		failed="$failed $name"
		;;
	esac
}

# build PRESET [CMAKE OPTION...]
build() {
	preset=$1
	shift
	cmake --preset "$preset" -DPIXELD_TESTS=ON "$@" >"build/reports/$preset-configure.log" || {
		tail -n 20 "build/reports/$preset-configure.log"
		return 1
	}
	cmake --build --preset "$preset"
}

# run PRESET REPORT JOBS LABELS: tests with one of the labels; none at all is a failure.
run() {
	ctest --preset "$1" --no-tests=error -j "$3" -L "^($4)\$" \
		--output-junit "$PWD/build/reports/$2.xml"
}

verdict() {
	echo
	took=$(($(date +%s) - begun))
	[ -z "$skipped" ] || echo "Not done on this machine:$skipped"
	if [ -n "$failed" ]; then
		echo "FAILED after $took s:$failed"
		exit 1
	fi
	echo "All tests passed in $took s."
	exit 0
}

if [ $quick = yes ]; then
	part packages scripts/install-deps.sh --unit
else
	part packages scripts/install-deps.sh --test
fi
[ -z "$failed" ] || verdict

part build-asan build asan
if [ $quick = yes ]; then
	part unit run asan unit "$cores" 'unit|web'
	verdict
fi
part build-release build release
# Another compiler has other warnings, all of them errors.
part build-fuzz build fuzz
part build-tsan build tsan

part style run release style 1 style
part unit run asan unit "$cores" 'unit|web|fuzz|sim'
part unit-clang run fuzz unit-clang "$cores" fuzz
part threads run tsan threads 1 threads
part e2e run release e2e 1 'e2e|browser|front|kept'
# The oldest kernel that we serve, as far as a newer one can play it.
PIXELD_RING_MAX=6.1
export PIXELD_RING_MAX
part e2e-6.1 run release e2e-6.1 1 e2e
unset PIXELD_RING_MAX
part fault run release fault 1 fault
# What this machine has beyond the package lists is not seen here; a bare one shows it. That one has no other.
[ -n "${PIXELD_FRESH_DEBIAN:-}" ] || part fresh-debian scripts/fresh-debian.sh tests/fresh/two_commands.sh
verdict
