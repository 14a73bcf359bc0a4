#!/bin/bash
# Runs a command in a fresh clone on a fresh Debian 12: what debootstrap creates with --variant=minbase,
# and nothing else. It reveals packages that the lists in packages/ lack, and use of newer programs' features.
#
#	scripts/fresh-debian.sh [--dir DIR] [--mirror URL] COMMAND [ARGUMENT...]
#	scripts/fresh-debian.sh scripts/run.sh
#	scripts/fresh-debian.sh scripts/test.sh
#
# The clone is of HEAD, without uncommitted changes. Mirrors, proxies and name servers are those of this
# machine's apt, or --mirror. DIR (default build/fresh-debian) keeps the bare Debian and the downloaded
# packages, so that the next run needs a few seconds for them and no network; remove it to start over.
# Every run has its own machine, which is removed at the end.
#
# The command runs as root in its own mount and PID namespaces: whatever it mounts or leaves running
# ends with it and is never visible in DIR from outside. The network is this machine's.
# Exits with the command's exit code, or with 77 and the reason if no such Debian can be created here.
set -euo pipefail
RELEASE=bookworm
PATH=$PATH:/usr/sbin:/sbin

root=$(cd "$(dirname "$0")/.." && pwd)
dir=$root/build/fresh-debian
mirror=
traces=${PIXELD_TRACES:-$root/../shared/data}

say() {
	echo "fresh Debian: $*" >&2
}

cannot() {
	say "cannot be made here: $*"
	exit 77
}

# --- what this machine's apt says ---

# The sources of Debian 12, as lines of URL and release.
sources() {
	if [ -n "$mirror" ]; then
		echo "$mirror $RELEASE"
		return
	fi
	# Whoever purged the lists knows no origin; then the names must do.
	# shellcheck disable=SC2016 # expands there
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)' 'Created-By: Packages' |
		awk -v release="^$RELEASE(-updates|-security)?\$" '$1 ~ /^https?:/ && $2 ~ release && $3 == "main" &&
			($4 == "Debian" || $4 == "$(ORIGIN)") && !seen[$1, $2]++ { print $1, $2 }'
}

# How it fetches: proxies, patience, what to think of a clock that is wrong.
fetching() {
	apt-config dump --format '%F "%v";%n' Acquire | grep -E '^Acquire::(https?::|Check-|Retries|Force)' || true
}

# The same for who fetches without apt, as debootstrap does.
proxies_export() {
	local plain='' tls=''
	eval "$(apt-config shell plain Acquire::http::Proxy tls Acquire::https::Proxy)"
	[ -z "$plain" ] || [ "$plain" = DIRECT ] || export http_proxy=$plain
	[ -z "$tls" ] || [ "$tls" = DIRECT ] || export https_proxy=$tls
}

# --- a bare Debian ---

# configure MACHINE: what any machine gets from who sets it up. No service starts, and dpkg does not wait for the disk.
configure() {
	local apt=$1/etc/apt
	rm -f "$apt/sources.list"
	sources | sed 's/.*/deb & main/' >"$apt/sources.list.d/debian.list"
	fetching >"$apt/apt.conf.d/90fetching"
	echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/unsafe-io"
	printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
	chmod +x "$1/usr/sbin/policy-rc.d"
	cp -L /etc/resolv.conf /etc/hosts "$1/etc/"
	if grep -q '^deb https' "$apt/sources.list.d/debian.list"; then # what apt checks such a mirror with
		mkdir -p "$1/etc/ssl/certs"
		cp -L /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/"
	fi
}

# in_namespace FUNCTION ARGUMENT...: with mounts and process numbers that end with it.
in_namespace() {
	local code=0
	rm -f "$dir/first.pid" # of a run before: that number may be anybody's now
	# Its number as seen from outside, while the old /proc is still there.
	# shellcheck disable=SC2016 # expands there
	unshare --mount --pid --fork --kill-child bash -euo pipefail -c 'read -r first _ </proc/self/stat
		echo "$first" >"$dir/first.pid"
		mount -t proc proc /proc
		"$@"' fresh-debian "$@" <&0 9>&- &
	namespace=$!
	wait $namespace || code=$?
	while kill -0 $namespace 2>/dev/null; do # a signal ended the wait
		code=0
		wait $namespace || code=$?
	done
	namespace=
	rm -f "$dir/first.pid"
	return $code
}

# Inside: debootstrap mounts things, too.
inside_make() { # MACHINE URL
	debootstrap --variant=minbase "$RELEASE" "$1" "$2"
	configure "$1"
	mount -t proc proc "$1/proc"
	chroot "$1" apt-get update -q
	umount "$1/proc"
	rm -f "$1"/var/cache/apt/archives/*.deb
}

base_make() {
	local first url
	first=$(sources | awk -v release="$RELEASE" '$2 == release { print $1; exit }')
	url=${first%/}
	[ -n "$url" ] || cannot "this machine's apt has no source of Debian 12 ($RELEASE, http or https); try --mirror URL"
	/usr/lib/apt/apt-helper download-file "$url/dists/$RELEASE/InRelease" "$dir/InRelease" >"$dir/log" 2>&1 ||
		cannot "$url does not answer: $(tail -n 1 "$dir/log")"
	proxies_export
	say "debootstrap from $url; this is done once"
	if ! in_namespace inside_make "$dir/machine" "$url" >"$dir/log" 2>&1; then
		tail -n 20 "$dir/log" >&2
		say "debootstrap failed; its output is in $dir/log"
		return 1
	fi
	tar -C "$dir/machine" --numeric-owner --xattrs -cf "$dir/base.tar.new" .
	machine_remove
	mv "$dir/base.tar.new" "$dir/base.tar"
}

# --- a machine of this run ---

machine_make() {
	mkdir "$dir/machine"
	tar -C "$dir/machine" --numeric-owner --xattrs -xpf "$dir/base.tar"
	configure "$dir/machine"
	git clone -q --no-hardlinks "$root" "$dir/machine/srv/pixeld"
	[ -z "$(git -C "$root" status --porcelain)" ] || say "uncommitted changes are not included"
}

# Never what something is mounted on: that may be a folder of this machine.
machine_remove() {
	if grep -qF " ${dir// /\\040}/machine" /proc/self/mountinfo; then
		say "something is mounted below $dir/machine: it stays"
		return 1
	fi
	rm -rf --one-file-system "$dir/machine"
}

# Inside: as the first process, which also takes in the orphans of all others.
inside_run() { # MACHINE COMMAND...
	local machine=$1 child='' stopped='' code=0
	shift
	mount -t proc proc "$machine/proc"
	mount --rbind /sys "$machine/sys"
	mount --rbind /dev "$machine/dev"
	mount --bind "$dir/debs" "$machine/var/cache/apt/archives"
	if [ -d "$traces" ]; then
		mkdir -p "$machine/srv/shared/data"
		mount --bind -o ro "$traces" "$machine/srv/shared/data"
	fi
	trap 'stopped=yes; [ -z "$child" ] || kill -TERM $child' TERM
	trap '' INT
	# A shell's child in the background has no input and ignores Ctrl-C: it gets the one back, and TERM for the other.
	# shellcheck disable=SC2016 # expands there
	chroot "$machine" /usr/bin/env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		PIXELD_FRESH_DEBIAN=yes ${TERM:+TERM="$TERM"} ${PIXELD_SEED:+PIXELD_SEED="$PIXELD_SEED"} \
		${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} ${no_proxy:+no_proxy="$no_proxy"} \
		bash -c 'cd /srv/pixeld && exec "$@"' fresh-debian "$@" <&0 &
	child=$!
	[ -z "$stopped" ] || kill -TERM $child # the signal arrived before its number was known
	wait $child || code=$?
	while kill -0 $child 2>/dev/null; do
		code=0
		wait $child || code=$?
	done
	exit $code
}

# --- from the beginning ---

# Too early for the number to be there: the namespace ends with its parent, in finish().
stop() {
	[ -n "$namespace" ] && [ -s "$dir/first.pid" ] || exit 143
	kill -TERM "$(cat "$dir/first.pid")" 2>/dev/null || true
}

finish() {
	[ -z "$namespace" ] || { kill -KILL $namespace && wait $namespace || true; } 2>/dev/null
	machine_remove
}

requirements() {
	local program
	[ "$(id -u)" -eq 0 ] || cannot "it needs root"
	for program in debootstrap apt-get git tar; do
		command -v $program >/dev/null || cannot "$program is missing"
	done
	unshare --mount --pid --fork --kill-child true 2>/dev/null || cannot "this machine allows no namespaces of mounts and processes"
}

lock() {
	mkdir -p "$dir/debs"
	dir=$(cd "$dir" && pwd)
	exec 9>"$dir/lock"
	flock -n 9 || {
		say "waiting for another run in $dir"
		flock 9
	}
}

while [ $# -gt 0 ]; do
	case $1 in
	--dir) dir=$2 && shift 2 ;;
	--mirror) mirror=$2 && shift 2 ;;
	*) break ;;
	esac
done
case ${1:--} in
-*)
	sed -n '2,/^set /s/^#[ \t]\{0,1\}//p' "$0" >&2
	exit 2
	;;
esac

requirements
lock
namespace=
export RELEASE dir mirror traces
export -f say sources fetching configure inside_make inside_run
trap finish EXIT
trap stop TERM INT
machine_remove # of a run that was killed
[ -e "$dir/base.tar" ] || base_make
machine_make
in_namespace inside_run "$dir/machine" "$@"
