#!/bin/sh
# Installs missing packages, builds, runs every test, and prints one verdict.
#   scripts/test.sh            everything
#   scripts/test.sh --quick    unit tests only, including those of the page
# The reports of all parts are in build/reports/ (JUnit).
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

# part NAME COMMAND...: runs it, even after earlier failures, and records whether it failed. 77 means that this
# machine cannot run it; the command has printed why.
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

# run PRESET REPORT JOBS LABELS: tests with one of the labels; it is a failure if there are none.
run() {
	ctest --preset "$1" --no-tests=error -j "$3" -L "^($4)\$" \
		--output-junit "$PWD/build/reports/$2.xml"
}

verdict() {
	echo
	took=$(($(date +%s) - begun))
	[ -z "$skipped" ] || echo "Skipped on this machine:$skipped"
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
# A second compiler has other warnings; all are errors.
part build-fuzz build fuzz
part build-tsan build tsan

part style run release style 1 style
part unit run asan unit "$cores" 'unit|web|fuzz|sim'
part unit-clang run fuzz unit-clang "$cores" fuzz
part threads run tsan threads 1 threads
part e2e run release e2e 1 'e2e|browser|front|kept'
# The oldest supported kernel, as far as a newer one can imitate it.
PIXELD_RING_MAX=6.1
export PIXELD_RING_MAX
part e2e-6.1 run release e2e-6.1 1 e2e
unset PIXELD_RING_MAX
part fault run release fault 1 fault
# Packages on this machine that the lists lack hide gaps in them; a bare Debian shows these. It does not start another one.
[ -n "${PIXELD_FRESH_DEBIAN:-}" ] || part fresh-debian scripts/fresh-debian.sh tests/fresh/two_commands.sh
verdict
