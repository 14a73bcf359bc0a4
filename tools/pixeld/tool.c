/* tool.c - see tool.h. Owner: main(). Memory: a reader of history. */
#include "tools/pixeld/tool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/command_line.h"
#include "engine/base/timestamp.h"
#include "server/data_dir.h"
#include "server/settings/settings_priv.h"

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

static int moment_take(const char *flag, const char *text, uint64_t *ret_ms)
{
	if (timestamp_parse(text, strlen(text), ret_ms) == 0)
		return EXIT_PASS;
	return tool_fail(EXIT_USAGE,
			 "%s: a time is 2017-03-31T18:00:00Z, or milliseconds since 1970", flag);
}

static int duration_take(const char *flag, const char *text, uint64_t *ret_ms)
{
	char why[SETTINGS_WHY_CHARS];

	if (setting_number(SETTING_MS, text, 1, STEP_MAX, ret_ms, why) == 0)
		return EXIT_PASS;
	return tool_fail(EXIT_USAGE, "%s: %s", flag, why);
}

static const struct {
	const char *name;
	unsigned flag; /* 0: always */
} known[] = {{"--data", 0},
	     {"--board", TOOL_BOARD},
	     {"--from", TOOL_SPAN},
	     {"--to", TOOL_SPAN},
	     {"--step", TOOL_STEP},
	     {"--delay", TOOL_STEP},
	     {"-o", TOOL_OUT},
	     {"--out", TOOL_OUT},
	     {"--config", TOOL_CONFIG},
	     {"--postgres", TOOL_POSTGRES},
	     {"--server", TOOL_SERVER}};

#define KNOWN (sizeof(known) / sizeof(known[0]))

static bool is_taken(size_t i, unsigned flags)
{
	return known[i].flag == 0 || (known[i].flag & flags) != 0;
}

static int flag_refuse(const struct tool *t, const char *flag, unsigned flags)
{
	struct nearest n = nearest_to(flag);
	const char *near;

	for (size_t i = 0; i < KNOWN; i++)
		if (is_taken(i, flags) && strlen(known[i].name) > 2)
			nearest_try(&n, known[i].name);
	near = nearest_get(&n);
	return tool_fail(EXIT_USAGE, "%s: unknown argument of this command%s%s\n%s", flag,
			 near != NULL ? "; the nearest is " : "", near != NULL ? near : "",
			 t->usage);
}

static int flag_take(struct tool *t, const char *flag, const char *text, unsigned flags)
{
	size_t i;

	for (i = 0; i < KNOWN; i++)
		if (strcmp(flag, known[i].name) == 0 && is_taken(i, flags))
			break;
	switch (i) {
	case 0:
		t->data = text;
		return EXIT_PASS;
	case 1:
		t->board = text;
		return EXIT_PASS;
	case 2:
		return moment_take(flag, text, &t->from_ms);
	case 3:
		return moment_take(flag, text, &t->to_ms);
	case 4:
		return duration_take(flag, text, &t->step_ms);
	case 5:
		return duration_take(flag, text, &t->delay_ms);
	case 6:
	case 7:
		t->out = text;
		return EXIT_PASS;
	case 8:
		t->config = text;
		return EXIT_PASS;
	case 9:
		t->postgres = text;
		return EXIT_PASS;
	case 10:
		t->server = text;
		return EXIT_PASS;
	default:
		return flag_refuse(t, flag, flags);
	}
}

int tool_parse(struct tool *t, int argc, char **argv, unsigned flags)
{
	int rc = EXIT_PASS;

	t->board = "main";
	t->to_ms = UINT64_MAX;
	t->delay_ms = 100;
	for (int i = 0; i < argc && rc == EXIT_PASS; i++) {
		char *flag = argv[i], *equals = strchr(flag, '=');

		if (flag[0] != '-') {
			if ((flags & TOOL_FILE) == 0 || t->file != NULL)
				return tool_fail(EXIT_USAGE, "%s is one argument too many\n%s",
						 flag, t->usage);
			t->file = flag;
			continue;
		}
		if (equals == NULL && i + 1 == argc)
			return tool_fail(EXIT_USAGE, "%s wants a value\n%s", flag, t->usage);
		if (equals != NULL)
			*equals = 0;
		rc = flag_take(t, flag, equals != NULL ? equals + 1 : argv[++i], flags);
	}
	if (rc == EXIT_PASS && t->data == NULL)
		return tool_fail(EXIT_USAGE, "--data is missing\n%s", t->usage);
	if (rc == EXIT_PASS && (flags & TOOL_FILE) != 0 && t->file == NULL)
		return tool_fail(EXIT_USAGE, "the name of a file is missing\n%s", t->usage);
	return rc;
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
