#!/bin/sh
# Installs missing Debian packages; if none is missing, it uses neither apt nor the network.
#   scripts/install-deps.sh [--unit] [--test] [--bench] [--postgres] [--print-only]
set -eu
cd "$(dirname "$0")/.."

lists=packages/debian-12.txt
print_only=no
for arg; do
	case $arg in
	--unit) lists="$lists packages/debian-12-unit.txt" ;;
	--test) lists="$lists packages/debian-12-unit.txt packages/debian-12-test.txt" ;;
	--bench) lists="$lists packages/debian-12-bench.txt" ;;
	--postgres) lists="$lists packages/debian-12-postgres.txt" ;;
	--print-only) print_only=yes ;;
	*) echo "usage: $0 [--unit] [--test] [--bench] [--postgres] [--print-only]" >&2; exit 2 ;;
	esac
done

if ! command -v dpkg-query >/dev/null; then
	echo "This is not Debian: install the packages in $lists with your system's package manager." >&2
	exit 0
fi

missing=
for package in $(sed 's/#.*//' $lists); do
	status=$(dpkg-query -W -f '${db:Status-Status} ' "$package" 2>/dev/null || :)
	case " $status" in
	*" installed "*) ;;
	*) missing="$missing $package" ;;
	esac
done
[ -n "$missing" ] || exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
	sudo=sudo
fi
install="$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends$missing"
echo "Missing packages; this installs them:"
echo "  ${sudo:+$sudo }apt-get update && ${install# }"
[ $print_only = no ] || exit 0
if [ -n "$sudo" ] && ! command -v sudo >/dev/null; then
	echo "You are not root and there is no sudo: run that line as root, then this script again." >&2
	exit 1
fi
# A stale list may be good enough, for instance if a mirror is gone: let the install decide.
$sudo apt-get update -q || echo "apt-get update failed; trying with the existing lists" >&2
$install
