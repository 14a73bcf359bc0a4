/* data_dir.c - see data_dir.h. No state. */
#include "server/data_dir.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/log.h"
#include "server/import_mark.h"

static const char *remedy(int error)
{
	switch (error) {
	case -EBUSY:
		return "another pixeld is using it; stop that one, or choose another --data "
		       "directory";
	case -ENOENT:
		return "a part of its path is missing; create that, or choose another --data "
		       "directory";
	case -EACCES:
	case -EROFS:
		return "it must be writable for this user";
	case -ENOTDIR:
		return "it must be a directory";
	default:
		return "choose another --data directory";
	}
}

static int refuse(const struct settings *s, int error, char why[static DATA_DIR_WHY_CHARS])
{
	snprintf(why, DATA_DIR_WHY_CHARS, "data directory %s: %s: %s", s->data, strerror(-error),
		 remedy(error));
	return EXIT_FAILED;
}

void data_dir_path(const char *data, char out[static DATA_DIR_PATH_CHARS])
{
	char here[DATA_DIR_PATH_CHARS - SETTINGS_TEXT_CHARS - 1];

	if (data[0] == '/' || getcwd(here, sizeof(here)) == NULL)
		snprintf(out, DATA_DIR_PATH_CHARS, "%s", data);
	else
		snprintf(out, DATA_DIR_PATH_CHARS, "%s/%s", here, data);
}

/* The directory in which the data directory would be made. */
static int parent_check(const struct settings *s, char why[static DATA_DIR_WHY_CHARS])
{
	char parent[DATA_DIR_PATH_CHARS];
	size_t len;

	data_dir_path(s->data, parent);
	for (len = strlen(parent); len > 1 && parent[len - 1] == '/';)
		len--;
	while (len > 1 && parent[len - 1] != '/')
		len--;
	parent[len] = '\0';
	return access(parent, W_OK | X_OK) == 0 ? EXIT_PASS : refuse(s, -errno, why);
}

int data_dir_look(const struct settings *s, struct disk **ret_disk,
		  char why[static DATA_DIR_WHY_CHARS])
{
	int rc = disk_open(s->data, 0, 0, ret_disk);

	if (rc == -ENOENT) {
		*ret_disk = NULL;
		return parent_check(s, why);
	}
	if (rc == 0 && access(s->data, W_OK | X_OK) < 0) {
		rc = -errno;
		disk_close(*ret_disk);
	}
	return rc < 0 ? refuse(s, rc, why) : EXIT_PASS;
}

static int name_look(void *arg, const char *name)
{
	size_t len = strlen(name);

	(void)arg;
	return strncmp(name, "journal-", 8) == 0 ||
	       (len > 5 && strcmp(name + len - 5, ".snap") == 0);
}

bool data_dir_is_new(struct disk *disk)
{
	return disk == NULL || disk_list(disk, name_look, NULL) == 0;
}

int data_dir_use(struct disk *disk)
{
	struct disk *locked;
	int fd = disk_file_open(disk, "lock", 0);
	int rc;

	if (fd < 0)
		return 0;
	disk_file_close(disk, fd);
	rc = disk_open(disk_path(disk), 0, 1, &locked);
	if (rc == 0)
		disk_close(locked);
	return rc;
}

static void new_say(const struct settings *s, bool is_missing)
{
	char path[DATA_DIR_PATH_CHARS];

	data_dir_path(s->data, path);
	log_info("data_new data=%s note=\"%s: new boards, session secret and admin token are "
		 "created in it\"",
		 path, is_missing ? "there is no such directory yet" : "there is no journal yet");
}

int data_dir_open(const struct settings *s, struct disk **ret_disk,
		  char why[static DATA_DIR_WHY_CHARS])
{
	struct disk *before = NULL;
	int rc = disk_open(s->data, 0, 0, &before);

	if (rc == -ENOENT || (rc == 0 && data_dir_is_new(before)))
		new_say(s, rc != 0);
	if (rc == 0)
		disk_close(before);
	rc = disk_open(s->data, 1, 1, ret_disk);
	return rc < 0 ? refuse(s, rc, why) : EXIT_PASS;
}

int data_dir_imports_check(const struct settings *s, struct disk *disk,
			   char why[static DATA_DIR_WHY_CHARS])
{
	for (unsigned i = 0; i < s->boards_count; i++) {
		const char *board = s->boards[i].name;
		char mark[IMPORT_MARK_BYTES];
		int rc = import_mark_look(disk, board);

		if (rc == 0)
			continue;
		import_mark_name(mark, board);
		if (rc < 0)
			snprintf(why, DATA_DIR_WHY_CHARS, "%s/%s: %s", s->data, mark,
				 strerror(-rc));
		else
			snprintf(why, DATA_DIR_WHY_CHARS,
				 "the import of the board %s was not finished: run the same pixeld "
				 "import again, or remove %s/%s to serve what was imported so far",
				 board, s->data, mark);
		return EXIT_FAILED;
	}
	return EXIT_PASS;
}
