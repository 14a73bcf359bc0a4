/*
 * disk.h - files, called where blocking is allowed: at start, in tools, on the keeper thread.
 *
 * Implemented by persist/disk/disk_posix.c, and by tests/sim/disk_sim.c with a disk that forgets
 * what was not synced; chosen at link time. Paths are relative to a directory handle. 0 or a count,
 * or
 * -errno. The journal's hot path does not come through here: it writes plain descriptors with
 * ring.h.
 */
#ifndef PX_DISK_DISK_H
#define PX_DISK_DISK_H

#include <stddef.h>
#include <stdint.h>

struct disk; /* an open directory */

/* Opens (and with `create` makes) the directory and takes its lock; -EBUSY: another process has it,
 * -ENOTDIR, -EACCES, -EROFS as they are. lock = false: for tools that only read. */
int disk_open(const char *path, int create, int lock, struct disk **ret_disk);
void disk_close(struct disk *d);

/* A sentence for people on what lifts an error of disk_open(). Static text. */
const char *disk_open_remedy(int error);
const char *disk_path(const struct disk *d);

/* Calls `each` with every name in the directory, in no order; a non-zero result ends and is
 * returned. */
int disk_list(struct disk *d, int (*each)(void *arg, const char *name), void *arg);

int disk_file_open(struct disk *d, const char *name, int writable); /* descriptor or -errno */
int disk_file_create(struct disk *d, const char *name); /* new, empty, writable; -EEXIST */
void disk_file_close(struct disk *d, int fd);
int64_t disk_file_bytes(struct disk *d, int fd);
int disk_read(struct disk *d, int fd, void *out, size_t len,
	      uint64_t offset); /* bytes read; short at the end */
int disk_write(struct disk *d, int fd, const void *in, size_t len,
	       uint64_t offset); /* all or -errno */
int disk_truncate(struct disk *d, int fd, uint64_t len);
int disk_sync(struct disk *d, int fd); /* fdatasync */
int disk_sync_dir(struct disk *d);
int disk_rename(struct disk *d, const char *from, const char *to);
int disk_unlink(struct disk *d, const char *name);
int64_t disk_free_bytes(struct disk *d);

#endif
