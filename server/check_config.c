/* check_config.c - see check_config.h. Memory: that of the boards themselves, briefly. */
#include "server/check_config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/requests.h"
#include "server/data_dir.h"
#include "server/secret.h"
#include "server/settings/settings_compare.h"
#include "writer/writer.h"

/* A server that runs on the directory may remove a file between two looks of ours. */
#define TRIES 3

static bool is_served(const struct settings *s, const char *name)
{
	for (unsigned i = 0; i < s->boards_count; i++)
		if (strcmp(s->boards[i].name, name) == 0)
			return true;
	return false;
}

/* The boards that the data directory has and the settings do not, and the other way round. */
static void boards_say(const struct settings *s, const struct writer *w, bool is_new, FILE *out)
{
	for (uint32_t i = 0; i < ROOMS_MAX; i++) {
		const struct record_board *meta = writer_board_meta(w, i);

		if (meta != NULL && !is_served(s, meta->name))
			fprintf(out,
				"pixeld: board %s is in the data directory but not served: the "
				"settings do not name it\n",
				meta->name);
		if (meta != NULL && !is_new && writer_board_is_new(w, i))
			fprintf(out,
				"pixeld: board %s is not in the data directory: a start creates "
				"it, a reload does not\n",
				meta->name);
	}
}

static void hidden_say(void *arg, const struct settings_change *change)
{
	FILE *out = arg;

	if (change->kind == SETTINGS_HIDDEN)
		fprintf(out,
			"pixeld: line %d: %s%s%s is hidden: the %s has another value, and wins\n",
			change->line, change->name, change->board != NULL ? " of board " : "",
			change->board != NULL ? change->board : "",
			settings_source_str(change->source));
}

/* Recovery as in the start, but for reading: sizes, palettes, damage. */
static int boards_check(const struct settings *s, struct disk *disk, FILE *out,
			char why[static DATA_DIR_WHY_CHARS])
{
	const struct writer_config config = {.settings = s,
					     .disk = disk,
					     .worker_count = 1,
					     .read_only = true,
					     .check_only = true};
	struct writer *w;
	int code = data_dir_imports_check(s, disk, why);

	if (code != EXIT_PASS)
		return code;
	for (int i = 0; i < TRIES; i++) {
		code = writer_new(&config, clock_now(), &w, why);
		if (code == EXIT_PASS || code == EXIT_CONFIG)
			break;
	}
	if (code != EXIT_PASS)
		return code;
	boards_say(s, w, data_dir_is_new(disk), out);
	writer_free(w);
	return EXIT_PASS;
}

static void good_say(const struct settings *s, struct disk *disk, FILE *out)
{
	char path[DATA_DIR_PATH_CHARS];

	data_dir_path(s->data, path);
	fprintf(out, "pixeld: the configuration is good: %u board%s, %llu clients at most\n",
		s->boards_count, s->boards_count == 1 ? "" : "s",
		(unsigned long long)s->clients_max);
	fprintf(out,
		"pixeld: placements remembered for ten minutes: %llu, which take %llu MiB when the "
		"table is full\n",
		(unsigned long long)s->requests_max,
		(unsigned long long)(requests_bytes(s->requests_max) >> 20));
	if (data_dir_is_new(disk))
		fprintf(out, "pixeld: data directory %s: %s: a start creates new boards in it\n",
			path,
			disk == NULL ? "there is no such directory yet"
				     : "there is no journal yet");
	else
		fprintf(out, "pixeld: data directory %s: a start continues with its content\n",
			path);
	if (disk != NULL && data_dir_use(disk) == -EBUSY)
		fprintf(out, "pixeld: another pixeld is using it: %s\n",
			s->config[0] != '\0'
				? "as far as the disk shows, it accepts a reload (SIGHUP)"
				: "started without --config, it ignores a reload (SIGHUP)");
	settings_compare(s, s, hidden_say, out);
}

int config_check(const struct settings *s, FILE *out)
{
	char why[DATA_DIR_WHY_CHARS] = "";
	struct disk *disk = NULL;
	int code;

	log_start(LOG_LEVEL_ERROR, STDERR_FILENO); /* what recovery finds is for the start to say */
	code = data_dir_look(s, &disk, why);
	if (code == EXIT_PASS)
		code = secrets_check(s, disk, why);
	if (code == EXIT_PASS && disk != NULL)
		code = boards_check(s, disk, out, why);
	if (code == EXIT_PASS)
		good_say(s, disk, out);
	else
		fprintf(stderr, "pixeld: %s\n", why);
	disk_close(disk);
	return code;
}
