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
BUCKETS=${BUCKETS:-4194304} CONGESTION=${CONGESTION:-cubic}
setting=/proc/sys/net/ipv4/tcp_child_ehash_entries

export PIXELD_NETWORK=own # whoever runs below needs no other
folder=$(mktemp -d)
touch "$folder/net"
before=$(cat $setting 2>/dev/null || true)
finish() {
	umount "$folder/net" 2>/dev/null || true
	rm -rf "$folder"
}
trap finish EXIT

if ! { echo "$BUCKETS" >$setting; } 2>/dev/null || ! unshare --net="$folder/net" true 2>/dev/null; then
	[ -z "$before" ] || { echo "$before" >$setting; } 2>/dev/null || true
	echo "no network namespace of its own can be made here (root, kernel 6.1): this uses the host's loopback" >&2
	"$@"
	exit
fi
echo "$before" >$setting
export CONGESTION
# shellcheck disable=SC2016 # expands inside
nsenter --net="$folder/net" bash -c 'ip link set lo up
{ echo "$CONGESTION" >/proc/sys/net/ipv4/tcp_congestion_control; } 2>/dev/null || true
{ echo 255 >/proc/sys/net/ipv4/tcp_pingpong_thresh; } 2>/dev/null || true # Linux 6.7
exec "$@"' own-network "$@"
