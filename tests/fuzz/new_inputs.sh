#!/bin/sh
# new_inputs.sh TARGET CORPUS FOLDER: the corpus, and a few thousand new inputs from a seed that is printed. What
# makes the target fall is in FOLDER.
set -eu
rm -rf "$3"
mkdir -p "$3/corpus"
"$1" -runs=0 "$2"
exec "$1" -runs=10000 -timeout=600 -verbosity=1 -seed=$((${PIXELD_SEED:-0} % 4294967296)) -artifact_prefix="$3/" "$3/corpus" "$2"
