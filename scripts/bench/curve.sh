#!/bin/bash
# What one delivery costs the server as the number of clients grows: it should stay the same.
#
#	scripts/bench/curve.sh [BUILD_DIR]
#	SIZES="1000 10000" MINUTES=0.3 scripts/bench/curve.sh
#
# verify-300k.sh for each size: RATE placements/s for MINUTES, no bursts, no storm. Prints the table for
# docs/perf.md, with the ratio to the cheapest size.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -n "${PIXELD_NETWORK:-}" ] || exec scripts/own-network.sh "scripts/bench/${0##*/}" "$@"
build=${1:-build/release}
SIZES=${SIZES:-1000 3000 10000 30000 100000 300000}
export MINUTES=${MINUTES:-0.6} RATE=${RATE:-1000} BURSTS=0 STORM=0%
reports=()
mkdir -p build/reports
for clients in $SIZES; do
	out=build/reports/curve-$clients
	code=0
	CLIENTS=$clients OUT=$out scripts/verify-300k.sh "$build" >"build/reports/curve-$clients.txt" || code=$?
	tail -n 1 "build/reports/curve-$clients.txt" >&2
	[ $code = 0 ] || [ $code = 99 ] || exit 1
	reports+=("$out/summary.json")
done
python3 - "${reports[@]}" <<'PY'
import json, sys
rows = [json.load(open(name)) for name in sys.argv[1:]]
least = min(row["server_us_per_delivery"] for row in rows)
print("| clients | server CPU per delivery | least = 1 | visible p50 | p99 | ack p50 | p99 | reach |\n|--:|--:|--:|--:|--:|--:|--:|--:|")
for row in rows:
    us, visible, ack = row["server_us_per_delivery"], row["visible_ms"], row["ack_ms"]
    print(f"| {row['clients']:,} | {us:.2f} us | {us / least:.2f} | {visible['p50']:.0f} ms | {visible['p99']:.0f} ms | "
          f"{ack['p50']:.1f} ms | {ack['p99']:.1f} ms | {row['reach']:.0f} |")
PY
