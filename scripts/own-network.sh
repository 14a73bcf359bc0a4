#!/bin/bash
# Runs a command in a network namespace of its own, with a loopback made for a very large crowd.
#
#	scripts/own-network.sh COMMAND [ARGUMENT...]
#
# Three things of a host cannot be changed for one program alone, and cost much with hundreds of thousands of
# clients on loopback. The table in which the kernel looks up connections has one bucket for 128 KiB of memory
# (600,000 sockets in 262,144 buckets: each packet searches a chain). The congestion control of the clients'
# side is the system's default (bbr paces by timers). And who has answered once delays his acknowledgements by
# 40 ms from then on: a timer for each delivery, and the server's socket has left the cache when they come. A namespace has all three for itself, and its ports
# are nobody else's. Needs root, util-linux and iproute2; without them it says so and runs the command as it
# is. The namespace goes with the command; nothing of the host is changed.
set -euo pipefail
BUCKETS=${BUCKETS:-4194304} CONGESTION=${CONGESTION-cubic}
setting=/proc/sys/net/ipv4/tcp_child_ehash_entries

export PIXELD_NETWORK=own CONGESTION # whoever runs below needs no other
folder=$(mktemp -d)
child=0
finish() {
	umount "$folder/net" 2>/dev/null || true
	rm -rf "$folder"
}
trap finish EXIT
trap '[ $child = 0 ] || kill -TERM $child' TERM INT

# The size of the table is read when a namespace is made, and is put back at once.
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

if namespace_make; then
	# shellcheck disable=SC2016 # expands inside
	nsenter --net="$folder/net" bash -c 'ip link set lo up
[ -z "$CONGESTION" ] || { echo "$CONGESTION" >/proc/sys/net/ipv4/tcp_congestion_control; } 2>/dev/null || true
{ echo 255 >/proc/sys/net/ipv4/tcp_pingpong_thresh; } 2>/dev/null || true # Linux 6.7
exec "$@"' own-network "$@" &
else
	echo "no network namespace of its own can be made here (root, kernel 6.1, iproute2): this uses the host's loopback" >&2
	"$@" &
fi
child=$!
code=0
wait $child || code=$?
while kill -0 $child 2>/dev/null; do # a signal ended the wait, not the child
	code=0
	wait $child || code=$?
done
exit $code
