# shellcheck shell=bash disable=SC2034 # the variables are for the scripts that source it
# pixeld now and at an earlier commit, measured in pairs; for benchmarks that source this file from the root of the project, with
# PAIRS set:
#   base_begin COMMIT TARGET...   builds the targets (release): of the commit in a worktree in build/placing, which is kept for the next
#                                 run, and of the working tree. Sets work (a temporary directory, removed at the end) and tree
#   base_server BUILD FLAG...     starts a server on a free port and waits until it is ready; sets server and port. Its data is in
#                                 $work/data, which is removed before unless KEEP_DATA is set
#   base_end PID                  ends a process, and waits until it has ended; server and crowd are ended with the script
#   base_cpu_ms                   CPU time of the server so far, all threads
#   base_pairs FUNCTION           FUNCTION BUILD prints the numbers of one run; twice PAIRS runs, in alternating order
#   base_table COLUMN...          medians, and the median of the ratios HEAD / COMMIT
#   help_print                    the comment at the head of the script
. scripts/bench/ratio.sh
export LC_ALL=C
server='' crowd=''

help_print() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; }

base_end() { # PID
	[ -z "$1" ] || { kill "$1" 2>/dev/null || true; wait "$1" 2>/dev/null || true; }
}
base_finish() {
	base_end "$crowd"
	base_end "$server"
	rm -rf "$work"
	[ ! -e "$work" ] || echo "$work was kept" >&2
}

base_build() { # DIRECTORY of the sources, TARGET...
	(cd "$1" && cmake --preset release && cmake --build --preset release --target "${@:2}") >"$work/build" 2>&1 ||
		{ tail -n 30 "$work/build" >&2; exit 1; }
}
base_begin() { # COMMIT TARGET...
	[ "$PAIRS" -ge 10 ] || { echo "at least 10 pairs are needed" >&2; exit 2; }
	commit=$(git rev-parse --verify --quiet "$1^{commit}") || { echo "there is no commit $1" >&2; exit 2; }
	tree=build/placing/$commit
	work=$(mktemp -d)
	trap base_finish EXIT
	trap 'exit 1' INT TERM
	git worktree prune
	[ -d "$tree" ] || git worktree add --quiet --detach "$tree" "$commit"
	base_build "$tree" "${@:2}"
	base_build . "${@:2}"
}

base_server() { # BUILD FLAG...
	local try
	for try in 1 2 3 4 5; do
		port=$(shuf -i 20000-29999 -n 1)
		if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then continue; fi
		[ -n "${KEEP_DATA:-}" ] || rm -rf "$work/data"
		"$1/server/pixeld" --listen "127.0.0.1:$port" --data "$work/data" "${@:2}" 2>"$work/log" &
		server=$!
		while kill -0 "$server" 2>/dev/null; do
			! curl -sf "http://127.0.0.1:$port/readyz" >/dev/null || return 0
			sleep 0.01
		done
		wait "$server" || true
		server=
		echo "try $try: no server on port $port" >&2
	done
	cat "$work/log" >&2
	exit 1
}

base_cpu_ms() {
	sed 's/.*) //' "/proc/$server/stat" | awk -v t="$(getconf CLK_TCK)" '{ printf "%.0f\n", ($12 + $13) * 1000 / t }'
}

base_pairs() { # FUNCTION
	local pair which from
	for pair in $(seq "$PAIRS"); do
		for which in $([ $((pair % 2)) = 0 ] && echo base head || echo head base); do
			[ "$which" = base ] && from=$tree/build/release || from=build/release
			"$1" "$from" >"$work/$which"
			cat "$work/$which" >>"$work/$which.all"
		done
		echo "pair $pair: $(cat "$work/base") -> $(cat "$work/head")"
	done
}

base_table() { # COLUMN...
	echo
	ratio_table "$work/base.all" "$(git rev-parse --short "$commit")" "$work/head.all" HEAD "$@"
}
