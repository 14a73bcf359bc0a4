#!/bin/bash
# Runs a command in a separate network namespace, with a loopback tuned for a very large number of clients.
#
#	scripts/own-network.sh COMMAND [ARGUMENT...]
#
# Three properties of a host cannot be changed for a single program, and are expensive with hundreds of thousands
# of clients on loopback:
#  - the kernel's connection table has one bucket per 128 KiB of memory (600,000 sockets in 262,144 buckets: each
#    packet searches a chain);
#  - the congestion control of the clients' side is the system default (bbr paces with timers);
#  - a socket that has sent a reply delays its acknowledgements by 40 ms from then on: one timer per delivery, and the
#    server's socket has left the cache by the time they arrive.
# A namespace has its own copy of all three, and its own ports. Needs root, util-linux and iproute2; without them, the
# script says so and runs the command unchanged. The namespace ends with the command; the host is not changed.
set -euo pipefail
BUCKETS=${BUCKETS:-4194304} CONGESTION=${CONGESTION-cubic}
setting=/proc/sys/net/ipv4/tcp_child_ehash_entries

export PIXELD_NETWORK=own CONGESTION # whoever runs below needs no other
folder=$(mktemp -d)
child='' stopped=''
finish() {
	umount "$folder/net" 2>/dev/null || true
	rm -rf "$folder"
}
trap finish EXIT
trap 'stopped=yes; [ -z "$child" ] || kill -TERM $child' TERM INT

# The table size is read when a namespace is created; it is restored immediately.
namespace_make() {
	local before made=0
	command -v ip unshare nsenter flock >/dev/null || return 1
	[ -w $setting ] || return 1
	touch "$folder/net"
	exec 9<"${BASH_SOURCE[0]}"
	flock 9
	before=$(cat $setting)
	echo "$BUCKETS" >$setting || return 1
	unshare --net="$folder/net" true 2>/dev/null || made=1
	echo "$before" >$setting
	exec 9<&-
	return $made
}

code=0
namespace_make || code=$?
[ -z "$stopped" ] || exit 143
if [ $code = 0 ]; then
	# shellcheck disable=SC2016 # expands inside
	nsenter --net="$folder/net" bash -c 'ip link set lo up
[ -z "$CONGESTION" ] || { echo "$CONGESTION" >/proc/sys/net/ipv4/tcp_congestion_control; } 2>/dev/null || true
{ echo 255 >/proc/sys/net/ipv4/tcp_pingpong_thresh; } 2>/dev/null || true # Linux 6.7
exec "$@"' own-network "$@" &
else
	echo "cannot create a network namespace (needs root, kernel 6.1, iproute2): using the host's loopback" >&2
	"$@" &
fi
child=$!
[ -z "$stopped" ] || kill -TERM $child # the signal arrived before its number was known
code=0
wait $child || code=$?
while kill -0 $child 2>/dev/null; do # a signal ended the wait, not the child
	code=0
	wait $child || code=$?
done
exit $code
