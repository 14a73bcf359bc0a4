/*
 * disk_posix.c - disk.h on a real directory.
 *
 * Owner      a struct disk has no state beyond its descriptors: any thread may use it where
 *            blocking is allowed, as long as two do not work on one file.
 * Memory     one small struct and the path.
 *
 * Every name is opened relative to the directory and never through a symbolic link: a link planted
 * in a data directory leads nowhere. The lock is flock() on the file `lock`: it ends with the
 * process, however that ends.
 */
#include "persist/disk/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DIR_MODE  0750
#define FILE_MODE 0640

struct disk {
	char *path;
	int dir_fd;
	int lock_fd; /* -1: not locked */
};

const char *disk_open_remedy(int error)
{
	switch (error) {
	case -EBUSY:
		return "another pixeld uses this directory: stop it, or choose another directory "
		       "(--data)";
	case -ENOTDIR:
		return "a part of this path is a file: give the path of a directory (--data)";
	case -ENOENT:
		return "there is no such directory";
	case -EACCES:
	case -EPERM:
		return "this user may not write there: make the user that runs pixeld the "
		       "directory's owner";
	case -EROFS:
		return "the file system is read-only: mount it writable, or choose another "
		       "(--data)";
	case -ELOOP:
		return "a symbolic link is in the place of a pixeld file: remove it";
	case -ENOSPC:
		return "the disk is full";
	default:
		return "see the error";
	}
}

/* A new directory's name must survive a power cut as what is in it does. */
static int dir_make(const char *path)
{
	int parent_fd;
	int dir_fd;
	int rc;

	if (mkdir(path, DIR_MODE) < 0)
		return errno == EEXIST ? 0 : -errno;
	dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;
	parent_fd = openat(dir_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = parent_fd < 0 || fsync(parent_fd) < 0 ? -errno : 0;
	if (parent_fd >= 0)
		close(parent_fd);
	close(dir_fd);
	return rc;
}

static int lock_take(struct disk *d)
{
	d->lock_fd =
		openat(d->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (d->lock_fd < 0)
		return -errno;
	if (flock(d->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return 0;
}

int disk_open(const char *path, int create, int lock, struct disk **ret_disk)
{
	struct disk *d;
	int rc = create ? dir_make(path) : 0;

	if (rc < 0)
		return rc;
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return -ENOMEM;
	d->lock_fd = -1;
	d->path = strdup(path);
	d->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->dir_fd < 0)
		rc = -errno;
	else if (d->path == NULL)
		rc = -ENOMEM;
	else if (lock)
		rc = lock_take(d);
	if (rc < 0) {
		disk_close(d);
		return rc;
	}
	*ret_disk = d;
	return 0;
}

void disk_close(struct disk *d)
{
	if (d == NULL)
		return;
	if (d->lock_fd >= 0)
		close(d->lock_fd);
	if (d->dir_fd >= 0)
		close(d->dir_fd);
	free(d->path);
	free(d);
}

const char *disk_path(const struct disk *d)
{
	return d->path;
}

int disk_list(struct disk *d, int (*each)(void *arg, const char *name), void *arg)
{
	int fd = openat(d->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *entry;
	DIR *dir;
	int rc = 0;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (dir == NULL) {
		rc = -errno;
		close(fd);
		return rc;
	}
	errno = 0;
	while (rc == 0 && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = each(arg, entry->d_name);
		errno = 0;
	}
	if (rc == 0 && errno != 0)
		rc = -errno;
	closedir(dir);
	return rc;
}

int disk_file_open(struct disk *d, const char *name, int writable)
{
	int flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW;
	int fd = openat(d->dir_fd, name, flags);

	return fd < 0 ? -errno : fd;
}

int disk_file_create(struct disk *d, const char *name)
{
	int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
	int fd = openat(d->dir_fd, name, flags, FILE_MODE);

	return fd < 0 ? -errno : fd;
}

void disk_file_close(struct disk *d, int fd)
{
	(void)d;
	close(fd);
}

int64_t disk_file_bytes(struct disk *d, int fd)
{
	struct stat st;

	(void)d;
	return fstat(fd, &st) < 0 ? -errno : st.st_size;
}

int disk_read(struct disk *d, int fd, void *out, size_t len, uint64_t offset)
{
	size_t done = 0;

	(void)d;
	while (done < len) {
		ssize_t n = pread(fd, (char *)out + done, len - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (int)done;
}

int disk_write(struct disk *d, int fd, const void *in, size_t len, uint64_t offset)
{
	size_t done = 0;

	(void)d;
	while (done < len) {
		ssize_t n = pwrite(fd, (const char *)in + done, len - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (size_t)n;
	}
	return 0;
}

int disk_truncate(struct disk *d, int fd, uint64_t len)
{
	(void)d;
	return ftruncate(fd, (off_t)len) < 0 ? -errno : 0;
}

int disk_sync(struct disk *d, int fd)
{
	(void)d;
	return fdatasync(fd) < 0 ? -errno : 0;
}

int disk_sync_dir(struct disk *d)
{
	return fsync(d->dir_fd) < 0 ? -errno : 0;
}

int disk_rename(struct disk *d, const char *from, const char *to)
{
	return renameat(d->dir_fd, from, d->dir_fd, to) < 0 ? -errno : 0;
}

int disk_unlink(struct disk *d, const char *name)
{
	return unlinkat(d->dir_fd, name, 0) < 0 ? -errno : 0;
}

int64_t disk_free_bytes(struct disk *d)
{
	struct statvfs st;

	if (fstatvfs(d->dir_fd, &st) < 0)
		return -errno;
	return (int64_t)(st.f_bavail * st.f_frsize);
}
