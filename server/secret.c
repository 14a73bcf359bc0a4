/* secret.c - see secret.h. */
#include "server/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define SECRET_NAME  "session.secret"
#define SECRET_BYTES 32

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int secret_of_hex(const char *hex, uint8_t *out, size_t room)
{
	size_t len = strlen(hex) / 2;

	if (strlen(hex) % 2 != 0 || len > room)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return (int)len;
}

static int secret_of_file(const char *path, uint8_t *out, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = read(fd, out, room);
	if (len < 0)
		len = -errno;
	(void)close(fd);
	return (int)len;
}

/* Made aside and renamed, so that a crash leaves no half secret. */
static int secret_make(struct disk *disk, uint8_t *out)
{
	int fd, rc;

	if (getrandom(out, SECRET_BYTES, 0) != SECRET_BYTES)
		return -EIO;
	(void)disk_unlink(disk, SECRET_NAME ".tmp");
	fd = disk_file_create(disk, SECRET_NAME ".tmp");
	if (fd < 0)
		return fd;
	rc = disk_write(disk, fd, out, SECRET_BYTES, 0);
	if (rc >= 0)
		rc = disk_sync(disk, fd);
	disk_file_close(disk, fd);
	if (rc >= 0)
		rc = disk_rename(disk, SECRET_NAME ".tmp", SECRET_NAME);
	if (rc >= 0)
		rc = disk_sync_dir(disk);
	return rc < 0 ? rc : SECRET_BYTES;
}

static int secret_of_disk(struct disk *disk, uint8_t *out, size_t room)
{
	int fd = disk_file_open(disk, SECRET_NAME, 0);
	int len;

	if (fd == -ENOENT)
		return secret_make(disk, out);
	if (fd < 0)
		return fd;
	len = disk_read(disk, fd, out, room, 0);
	disk_file_close(disk, fd);
	return len;
}

int secret_key_new(const struct settings *s, struct disk *disk, struct session_key **ret_key,
		   char why[static SECRET_WHY_CHARS])
{
	uint8_t secret[SESSION_SECRET_BYTES_MAX];
	const char *from = "the data directory's " SECRET_NAME;
	int len, rc;

	if (s->session_secret[0] != '\0') {
		from = "--session-secret";
		len = secret_of_hex(s->session_secret, secret, sizeof(secret));
	} else if (s->session_secret_file[0] != '\0') {
		from = s->session_secret_file;
		len = secret_of_file(s->session_secret_file, secret, sizeof(secret));
	} else {
		len = secret_of_disk(disk, secret, sizeof(secret));
	}
	rc = len < 0 ? len : session_key_new(secret, (size_t)len, ret_key);
	explicit_bzero(secret, sizeof(secret));
	if (rc < 0)
		snprintf(why, SECRET_WHY_CHARS,
			 "no session secret from %s: %s (it must be %d to %d bytes)", from,
			 strerror(-rc), SESSION_SECRET_BYTES_MIN, SESSION_SECRET_BYTES_MAX);
	return rc;
}
