/* tool.c - see tool.h. Owner: main(). Memory: a reader of history. */
#include "tools/pixeld/tool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/timestamp.h"
#include "server/data_dir.h"
#include "server/settings/settings_priv.h"
#include "tools/options/option_table.h"

#define PART_CHARS 512
#define STEP_MAX   31536000000ULL /* a year */

int tool_fail(enum exit_code code, const char *format, ...)
{
	va_list args;

	fputs("pixeld: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return (int)code;
}

int tool_fail_disk(struct tool *t, int error)
{
	t->is_broken = true;
	if (error == -EBADMSG)
		return tool_fail(
			EXIT_DATA_WRONG,
			"%s: the journal is damaged; `pixeld journal verify %s` says where",
			t->data, t->data);
	return tool_fail(EXIT_FAILED, "%s: %s (%s)", t->data, strerror(-error),
			 disk_open_remedy(error));
}

/* --- flags ------------------------------------------------------------------------------------ */

static int from_take(const char *text, void *tool)
{
	return timestamp_parse(text, strlen(text), &((struct tool *)tool)->from_ms);
}

static int to_take(const char *text, void *tool)
{
	return timestamp_parse(text, strlen(text), &((struct tool *)tool)->to_ms);
}

static int duration_take(const char *text, uint64_t *ret_ms)
{
	char why[SETTINGS_WHY_CHARS];

	return setting_number(SETTING_MS, text, 1, STEP_MAX, ret_ms, why);
}

static int step_take(const char *text, void *tool)
{
	return duration_take(text, &((struct tool *)tool)->step_ms);
}

static int delay_take(const char *text, void *tool)
{
	return duration_take(text, &((struct tool *)tool)->delay_ms);
}

#define A_MOMENT   "a time is 2017-03-31T18:00:00Z, or milliseconds since 1970"
#define A_DURATION "it takes 1ms to 365d, as in 100ms, 10s, 1min"

static const struct option_row rows[] = {
	{"data", "DIR", .of = TOOL_ANY, OPTION_TO_TEXT(struct tool, data)},
	{"board", "NAME", .of = TOOL_BOARD, OPTION_TO_TEXT(struct tool, board)},
	{"from", "TIME", .of = TOOL_SPAN, .take = from_take, .wrong = A_MOMENT},
	{"to", "TIME", .of = TOOL_SPAN, .take = to_take, .wrong = A_MOMENT},
	{"step", "TIME", .of = TOOL_STEP, .take = step_take, .wrong = A_DURATION},
	{"delay", "TIME", .of = TOOL_STEP, .take = delay_take, .wrong = A_DURATION},
	{"out", "FILE", .letter = 'o', .of = TOOL_OUT, OPTION_TO_TEXT(struct tool, out)},
	{"config", "FILE", .of = TOOL_CONFIG, OPTION_TO_TEXT(struct tool, config)},
	{"postgres", "DSN", .of = TOOL_POSTGRES, OPTION_TO_TEXT(struct tool, postgres)},
	{"server", "URL", .of = TOOL_SERVER, OPTION_TO_TEXT(struct tool, server)},
};

int tool_parse(struct tool *t, int argc, char **argv, unsigned flags)
{
	const struct option_table table = {
		.rows = rows,
		.count = sizeof(rows) / sizeof(rows[0]),
		.hint = t->usage,
		.of = flags,
		.words = (flags & TOOL_FILE) != 0,
	};

	t->board = "main";
	t->to_ms = UINT64_MAX;
	t->delay_ms = 100;
	argv--; /* getopt_long() begins behind the first, which is the verb */
	if (option_table_read(&table, argc + 1, argv, t) < 0)
		return EXIT_USAGE;
	t->file = argv[optind];
	if (t->data == NULL)
		return tool_fail(EXIT_USAGE, "--data is missing\n%s", t->usage);
	if ((flags & TOOL_FILE) != 0 && t->file == NULL)
		return tool_fail(EXIT_USAGE, "the name of a file is missing\n%s", t->usage);
	return EXIT_PASS;
}

/* --- the directory ---------------------------------------------------------------------------- */

int tool_open(struct tool *t)
{
	uint64_t upto = UINT64_MAX;
	int rc = disk_open(t->data, 0, 0, &t->disk);

	if (rc < 0)
		return tool_fail_disk(t, rc);
	rc = history_new(t->disk, &t->history);
	/* Who may not know takes it that one does. One that starts later writes behind all this. */
	t->server_runs = data_dir_use(t->disk) != 0;
	if (rc == 0)
		rc = history_look(t->history, UINT64_MAX);
	if (rc == 0 && t->server_runs)
		rc = history_declared(t->history, &upto);
	if (rc == 0 && t->server_runs)
		rc = history_look(t->history, upto);
	return rc < 0 ? tool_fail_disk(t, rc) : EXIT_PASS;
}

void tool_close(struct tool *t)
{
	history_free(t->history);
	disk_close(t->disk);
}

void tool_gap_say(void *arg, uint64_t first_lsn, uint64_t last_lsn)
{
	struct tool *t = arg;

	t->gap = true;
	fprintf(stderr, "pixeld: %s: records %" PRIu64 " to %" PRIu64 " are missing\n", t->data,
		first_lsn, last_lsn);
}

int tool_board_find(struct tool *t, struct record_board *ret_meta)
{
	int rc = history_board_find(t->history, t->board, ret_meta);

	if (rc == -ENODATA)
		return tool_fail(EXIT_FAILED, "%s: there is no board %s", t->data, t->board);
	return rc < 0 ? tool_fail_disk(t, rc) : EXIT_PASS;
}

int tool_palette(const struct tool *t, const struct record_board *meta,
		 struct settings **ret_settings, const struct settings_board **ret_board)
{
	char spec[BOARD_NAME_BYTES_MAX + 32], why[SETTINGS_WHY_CHARS];
	char pixeld[] = "pixeld", board[] = "--board", config[] = "--config", file[PART_CHARS];
	char *argv[] = {pixeld, board, spec, config, file, NULL};
	int argc = 3, code;

	snprintf(spec, sizeof(spec), "%s:%ux%u:%u", meta->name, meta->width, meta->height,
		 meta->bits);
	if (t->config != NULL) {
		snprintf(file, sizeof(file), "%s", t->config);
		argc = 5;
	}
	argv[argc] = NULL;
	code = settings_load(argc, argv, environ, ret_settings, why);
	if (code != EXIT_PASS)
		return tool_fail((enum exit_code)code, "%s", why);
	*ret_board = &(*ret_settings)->boards[0];
	return EXIT_PASS;
}

/* --- the file to write to --------------------------------------------------------------------- */

static bool out_is_standard(const struct tool *t)
{
	return t->out == NULL || strcmp(t->out, "-") == 0;
}

FILE *tool_out_open(const struct tool *t)
{
	char part[PART_CHARS];
	FILE *out;

	if (out_is_standard(t))
		return stdout;
	if ((size_t)snprintf(part, sizeof(part), "%s.part", t->out) >= sizeof(part)) {
		tool_fail(EXIT_FAILED, "%s: the name is too long", t->out);
		return NULL;
	}
	out = fopen(part, "we");
	if (out == NULL)
		tool_fail(EXIT_FAILED, "%s: %s", part, strerror(errno));
	return out;
}

int tool_out_close(const struct tool *t, FILE *out, int code)
{
	char part[PART_CHARS];
	bool bad = fflush(out) != 0 || ferror(out);

	if (bad)
		code = tool_fail(EXIT_FAILED, "%s: %s",
				 out_is_standard(t) ? "standard output" : t->out, strerror(errno));
	if (out_is_standard(t))
		return code;
	snprintf(part, sizeof(part), "%s.part", t->out);
	if (fclose(out) != 0 && !bad)
		code = tool_fail(EXIT_FAILED, "%s: %s", t->out, strerror(errno));
	if (code != EXIT_PASS && (t->is_broken || !t->gap))
		(void)unlink(part);
	else if (rename(part, t->out) < 0)
		code = tool_fail(EXIT_FAILED, "%s: %s", t->out, strerror(errno));
	return code;
}
