/*
 * disk.h - files, for code that may block: at start, in tools, on the keeper, historian and
 * receiver threads.
 *
 * persist/disk/disk_posix.c implements it; tests/sim/disk_sim.c is a simulated disk that forgets
 * whatever was not synced. Chosen at link time. File names are relative to the directory that
 * disk_open() opened; symbolic links are not followed. Functions that return an integer return 0 or
 * a count on success and -errno on failure. The journal's hot path does not go through here: it
 * writes its descriptors through ring.h.
 */
#ifndef PX_DISK_DISK_H
#define PX_DISK_DISK_H

#include <stddef.h>
#include <stdint.h>

struct disk; /* an open directory */

/* Opens the directory; `create` makes it if it is missing, `lock` takes its lock (tools that only
 * read pass 0). -EBUSY: another process holds the lock; -ENOMEM; otherwise what the system
 * reported. *ret_disk is the caller's, to be closed with disk_close(). */
int disk_open(const char *path, int create, int lock, struct disk **ret_disk);

/* Releases the lock, too. NULL is allowed. */
void disk_close(struct disk *d);

/* What the user can do about an error of disk_open(). One sentence, static text. */
const char *disk_open_remedy(int error);

/* The path given to disk_open(); valid until disk_close(). */
const char *disk_path(const struct disk *d);

/* Calls `each` for every name in the directory, in no particular order. A non-zero result stops the
 * listing and is returned. */
int disk_list(struct disk *d, int (*each)(void *arg, const char *name), void *arg);

/* Returns a descriptor, to be closed with disk_file_close(), or -errno. */
int disk_file_open(struct disk *d, const char *name, int writable);

/* The same for a new, empty, writable file; -EEXIST when the name is taken. */
int disk_file_create(struct disk *d, const char *name);
void disk_file_close(struct disk *d, int fd);
int64_t disk_file_bytes(struct disk *d, int fd);

/* Returns the number of bytes read: less than `len` only at the end of the file. */
int disk_read(struct disk *d, int fd, void *out, size_t len, uint64_t offset);

/* Writes all of it, or fails. */
int disk_write(struct disk *d, int fd, const void *in, size_t len, uint64_t offset);
int disk_truncate(struct disk *d, int fd, uint64_t len);
int disk_sync(struct disk *d, int fd); /* fdatasync */

/* Makes created, renamed and removed names durable. */
int disk_sync_dir(struct disk *d);
int disk_rename(struct disk *d, const char *from, const char *to);
int disk_unlink(struct disk *d, const char *name);

/* Bytes that an unprivileged user may still write. */
int64_t disk_free_bytes(struct disk *d);

#endif
