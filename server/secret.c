/* secret.c - see secret.h. */
#include "server/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "engine/base/text_out.h"

#define SECRET_NAME  "session.secret"
#define SECRET_BYTES 32
#define TOKEN_NAME   "admin.token"
#define TOKEN_BYTES  32 /* twice as many characters */

_Static_assert(SECRET_BYTES >= SESSION_SECRET_BYTES_MIN && SECRET_BYTES <= SESSION_SECRET_BYTES_MAX,
	       "one that is made is taken");
_Static_assert(2 * TOKEN_BYTES >= ADMIN_TOKEN_CHARS_MIN && 2 * TOKEN_BYTES <= ADMIN_TOKEN_CHARS_MAX,
	       "likewise");
_Static_assert(ADMIN_TOKEN_CHARS_MIN == 16 && ADMIN_TOKEN_CHARS_MAX == 128, "as settings.def says");

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

/* In all that read a file: `room` is a byte more than it may have. One that fills it would be cut,
 * and then two that begin alike would be the same secret: -EINVAL. */
static int whole(int len, size_t room)
{
	return len >= 0 && (size_t)len >= room ? -EINVAL : len;
}

static int secret_of_file(const char *path, uint8_t *out, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t got = 1;

	if (fd < 0)
		return -errno;
	while (got > 0 && len < room) { /* a pipe gives it in pieces */
		got = read(fd, out + len, room - len);
		if (got < 0)
			got = -errno;
		else
			len += (size_t)got;
	}
	(void)close(fd);
	return got < 0 ? (int)got : whole((int)len, room);
}

/* Made aside and renamed, so that a crash leaves no half secret. */
static int file_make(struct disk *disk, const char *name, const void *bytes, size_t len)
{
	char aside[64];
	int fd, rc;

	snprintf(aside, sizeof(aside), "%s.tmp", name);
	(void)disk_unlink(disk, aside);
	fd = disk_file_create(disk, aside);
	if (fd < 0)
		return fd;
	rc = disk_write(disk, fd, bytes, len, 0);
	if (rc >= 0)
		rc = disk_sync(disk, fd);
	disk_file_close(disk, fd);
	if (rc >= 0)
		rc = disk_rename(disk, aside, name);
	if (rc >= 0)
		rc = disk_sync_dir(disk);
	return rc < 0 ? rc : (int)len;
}

/* -ENOENT: there is none. */
static int file_read(struct disk *disk, const char *name, void *out, size_t room)
{
	int fd = disk_file_open(disk, name, 0);
	int len;

	if (fd < 0)
		return fd;
	len = disk_read(disk, fd, out, room, 0);
	disk_file_close(disk, fd);
	return whole(len, room);
}

/* In all of these: without `make`, and without a directory, one that is missing is good. */
static int secret_of_disk(struct disk *disk, bool make, uint8_t *out, size_t room)
{
	int len = disk == NULL ? -ENOENT : file_read(disk, SECRET_NAME, out, room);

	if (len != -ENOENT)
		return len;
	if (!make) {
		memset(out, 0, SESSION_SECRET_BYTES_MIN);
		return SESSION_SECRET_BYTES_MIN;
	}
	if (getrandom(out, SECRET_BYTES, 0) != SECRET_BYTES)
		return -EIO;
	return file_make(disk, SECRET_NAME, out, SECRET_BYTES);
}

/* A wrong file of the settings is one of them that is wrong; one of the directory is damaged. */
static int code_of(bool given, int error)
{
	if (given)
		return EXIT_CONFIG;
	return error == -EINVAL ? EXIT_DATA_WRONG : EXIT_FAILED;
}

static int key_get(const struct settings *s, struct disk *disk, bool make,
		   struct session_key **ret_key, char why[static SECRET_WHY_CHARS])
{
	uint8_t secret[SESSION_SECRET_BYTES_MAX + 1];
	const char *from = "the data directory's " SECRET_NAME;
	int len, rc;

	if (s->session_secret[0] != '\0') {
		from = "--session-secret";
		len = secret_of_hex(s->session_secret, secret, sizeof(secret));
	} else if (s->session_secret_file[0] != '\0') {
		from = s->session_secret_file;
		len = secret_of_file(s->session_secret_file, secret, sizeof(secret));
	} else {
		len = secret_of_disk(disk, make, secret, sizeof(secret));
	}
	rc = len < 0 ? len : session_key_new(secret, (size_t)len, ret_key);
	explicit_bzero(secret, sizeof(secret));
	if (rc == 0)
		return EXIT_PASS;
	snprintf(why, SECRET_WHY_CHARS, "no session secret from %s: %s (it must be %d to %d bytes)",
		 from, strerror(-rc), SESSION_SECRET_BYTES_MIN, SESSION_SECRET_BYTES_MAX);
	return code_of(s->session_secret[0] != '\0' || s->session_secret_file[0] != '\0', rc);
}

/* --- the operator's token: one line, so that people can copy it --------------------------------
 * */

static int token_of_disk(struct disk *disk, bool make, char *out, size_t room)
{
	struct text_out t = text_out_of(out, room);
	uint8_t random[TOKEN_BYTES];
	int len = disk == NULL ? -ENOENT : file_read(disk, TOKEN_NAME, out, room);

	if (len != -ENOENT)
		return len;
	if (!make) {
		memset(out, 'x', ADMIN_TOKEN_CHARS_MIN);
		return ADMIN_TOKEN_CHARS_MIN;
	}
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	text_put_hex(&t, random, sizeof(random));
	text_put_char(&t, '\n');
	px_assert(!t.bad);
	explicit_bzero(random, sizeof(random));
	return file_make(disk, TOKEN_NAME, out, text_len(&t));
}

static int token_check(const char *token, size_t len)
{
	if (len < ADMIN_TOKEN_CHARS_MIN || len > ADMIN_TOKEN_CHARS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if (token[i] <= ' ' || token[i] > '~')
			return -EINVAL;
	return 0;
}

static int token_get(const struct settings *s, struct disk *disk, bool make,
		     char ret_token[static ADMIN_TOKEN_CHARS_MAX + 1],
		     char why[static SECRET_WHY_CHARS])
{
	bool given = s->admin_token_file[0] != '\0';
	char text[ADMIN_TOKEN_CHARS_MAX + sizeof("\r\n")];
	int len = given ? secret_of_file(s->admin_token_file, (uint8_t *)text, sizeof(text))
			: token_of_disk(disk, make, text, sizeof(text));
	int rc = len;

	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	if (rc >= 0)
		rc = token_check(text, (size_t)len);
	if (rc < 0) {
		snprintf(why, SECRET_WHY_CHARS,
			 "no admin token from %s: %s (it must be one line of %d to %d printable "
			 "characters)",
			 given ? s->admin_token_file : "the data directory's " TOKEN_NAME,
			 strerror(-rc), ADMIN_TOKEN_CHARS_MIN, ADMIN_TOKEN_CHARS_MAX);
		return code_of(given, rc);
	}
	memcpy(ret_token, text, (size_t)len);
	ret_token[len] = '\0';
	explicit_bzero(text, sizeof(text));
	return 0;
}

/* --- all of it -------------------------------------------------------------------------------- */

int secret_key_new(const struct settings *s, struct disk *disk, struct session_key **ret_key,
		   char why[static SECRET_WHY_CHARS])
{
	return key_get(s, disk, true, ret_key, why);
}

int admin_token_get(const struct settings *s, struct disk *disk,
		    char ret_token[static ADMIN_TOKEN_CHARS_MAX + 1],
		    char why[static SECRET_WHY_CHARS])
{
	return token_get(s, disk, true, ret_token, why);
}

int secrets_check(const struct settings *s, struct disk *disk, char why[static SECRET_WHY_CHARS])
{
	char token[ADMIN_TOKEN_CHARS_MAX + 1];
	struct session_key *key = NULL;
	int code = key_get(s, disk, false, &key, why);

	session_key_free(key);
	if (code == EXIT_PASS)
		code = token_get(s, disk, false, token, why);
	explicit_bzero(token, sizeof(token));
	return code;
}
