#!/bin/bash
# A real ext4 on a block device whose faults this script controls. Needs root, nbdkit, nbdfuse, fuse3,
# e2fsprogs and util-linux; no kernel module. Everything lies in DIR.
#
#	nbdkit (image file > cache that forgets > errors) > nbdfuse > loop device > ext4
#
#	block_device.sh up DIR SIZE journal|plain   mounts DIR/mnt; plain: an ext4 without journal, which
#	                                            does not turn read-only for good after a failed write
#	block_device.sh eio DIR on|off              every write to the device fails with EIO, while on
#	block_device.sh hang DIR on|off             the device answers nothing, while on
#	block_device.sh cut DIR                     power cut: what was not flushed is gone, files that are
#	                                            still open get errors
#	block_device.sh restore DIR                 power again: what survived is at DIR/mnt
#	block_device.sh remount DIR                 in order, but without what the system remembers: what a
#	                                            failed sync left in memory only is gone
#	block_device.sh down DIR                    everything of it ends; can be repeated
set -eu
command=$1
dir=$2

# Of what this script started only, by the numbers that it wrote down.
end_process() {
	if [ -s "$dir/$1" ]; then
		kill -CONT "$(cat "$dir/$1")" 2>/dev/null || :
		kill -KILL "$(cat "$dir/$1")" 2>/dev/null || :
		rm -f "$dir/$1"
	fi
}

wait_until() {
	for _ in $(seq 6000); do
		if "$@"; then return 0; fi
		sleep 0.02
	done
	echo "not within two minutes: $*" >&2
	return 1
}

# The order matters: with the disk gone first, nothing below waits for it.
detach() {
	end_process nbdkit.pid
	umount -l "$dir/mnt" 2>/dev/null || :
	if [ -s "$dir/loop" ]; then
		losetup -d "$(cat "$dir/loop")" 2>/dev/null || :
		rm -f "$dir/loop"
	fi
	fusermount3 -uz "$dir/fuse" 2>/dev/null || :
	end_process nbdfuse.pid
	rm -f "$dir/socket" "$dir/eio"
}

attach() {
	# As a daemon: with -f in the background it ends together with the shell.
	nbdkit -P "$dir/nbdkit.pid" -U "$dir/socket" --filter=error --filter=cache file "$dir/image" \
		cache=writeback error-pwrite=EIO error-pwrite-rate=100% error-pwrite-file="$dir/eio" \
		</dev/null >"$dir/nbdkit.log" 2>&1
	wait_until test -S "$dir/socket"
	setsid nbdfuse "$dir/fuse/disk" --unix "$dir/socket" </dev/null >"$dir/nbdfuse.log" 2>&1 &
	echo $! >"$dir/nbdfuse.pid"
	wait_until test -e "$dir/fuse/disk"
	losetup -f --show "$dir/fuse/disk" >"$dir/loop"
	mount -t ext4 "$(cat "$dir/loop")" "$dir/mnt"
}

case $command in
up)
	mkdir -p "$dir/fuse" "$dir/mnt"
	rm -f "$dir/image"
	truncate -s "$3" "$dir/image"
	features=has_journal
	if [ "$4" = plain ]; then features=^has_journal; fi
	mkfs.ext4 -q -F -O "$features" -E lazy_itable_init=0 "$dir/image"
	attach
	;;
eio) if [ "$3" = on ]; then touch "$dir/eio"; else rm -f "$dir/eio"; fi ;;
hang) if [ "$3" = on ]; then kill -STOP "$(cat "$dir/nbdkit.pid")"; else kill -CONT "$(cat "$dir/nbdkit.pid")"; fi ;;
cut) end_process nbdkit.pid ;;
restore)
	detach
	attach
	;;
remount)
	umount "$dir/mnt"
	mount -t ext4 "$(cat "$dir/loop")" "$dir/mnt"
	;;
down) detach ;;
*)
	sed -n 2,20p "$0"
	exit 2
	;;
esac
