#!/bin/sh
# The long form of all fault tests, with one line per kind of fault: what was injected, what was acknowledged,
# and how much of that was lost. About 25 minutes; needs root to create disks.
#   scripts/fault-campaign.sh [NAME...]    only some: kill_points kill_random disk_full disk_faults torn
#                                          postgres_faults
# PIXELD_BUILD: the release build (default build/release). Seeds are printed; --seed repeats one.
set -u
cd "$(dirname "$0")/.."
PIXELD_BUILD=${PIXELD_BUILD:-build/release}
export PIXELD_BUILD
failed=
for name in ${*:-torn disk_full disk_faults kill_random postgres_faults kill_points}; do
	begun=$(date +%s)
	"tests/fault/test_$name.py" --long --keep
	case $? in
	0) echo "== $name: passed in $(($(date +%s) - begun)) s" ;;
	77) echo "== $name: skipped" ;;
	*)
		echo "== $name: FAILED"
		failed="$failed $name"
		;;
	esac
done
[ -z "$failed" ] || { echo "FAILED:$failed"; exit 1; }
echo "The whole campaign passed."
