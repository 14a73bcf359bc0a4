/*
 * settings_print.c - --help, --version, --print-config and the reference page, from the table.
 *
 * What --print-config writes is a configuration file again (but for secrets, which it does not
 * show).
 */
#include "server/settings/settings_priv.h"

#include <string.h>

static const char *const action_help[][2] = {
	{"help", "Shows this."},
	{"version", "Shows the version, compiler and sanitizers."},
	{"check-config",
	 "Says whether a start with these settings begins: also by secrets, data and boards that "
	 "are there; beside a server, whether it would accept a reload. Changes nothing."},
	{"print-config",
	 "Writes all settings with their source, as a configuration file, and ends."},
	{"print-reference", "Writes docs/reference/settings.md and ends."},
	{"check-system", "Says what this machine allows and how to allow more; see --clients-max."},
};

#define ACTIONS (sizeof(action_help) / sizeof(action_help[0]))

static const void *field_of(const struct settings *s, const struct setting_row *row)
{
	return (const char *)s + row->offset;
}

static const char *or_empty(const char *text)
{
	return *text == '\0' ? "empty" : text;
}

static void print_version(FILE *out)
{
	fprintf(out, "pixeld %s (%s%s)\n", PIXELD_VERSION,
#ifdef __clang__
		"", __VERSION__
#else
		"gcc ", __VERSION__
#endif
	);
#ifdef __SANITIZE_ADDRESS__
	fprintf(out, "built with the address sanitizer: slow, for tests\n");
#endif
#ifdef __SANITIZE_THREAD__
	fprintf(out, "built with the thread sanitizer: slow, for tests\n");
#endif
}

static void print_help(FILE *out)
{
	const char *group = "";
	char env[SETTING_NAME_CHARS];

	fprintf(out,
		"pixeld - one pixel board for a very large crowd\n\n"
		"usage: pixeld [--NAME=VALUE ...]\n"
		"       pixeld journal list|verify|dump ...\n"
		"       pixeld export|timelapse|verify|import ...\n"
		"       pixeld migrate --postgres=DSN\n\n"
		"Without any flag it serves a board of 1000x1000 at http://127.0.0.1:8080/ and "
		"keeps it in ./data.\n");
	for (size_t i = 0; i < SETTINGS_ROWS; i++) {
		const struct setting_row *row = &setting_rows[i];

		if (strcmp(group, row->group) != 0)
			fprintf(out, "\n%s\n", row->group);
		group = row->group;
		setting_env_name(row, env);
		fprintf(out, "  --%s=%s  (%s; %s%s)\n      %s\n", row->name, row->placeholder,
			or_empty(row->def), env, row->is_reloaded ? "; reload" : "", row->sentence);
	}
	fprintf(out, "\nInstead of serving\n");
	for (size_t i = 0; i < ACTIONS; i++)
		fprintf(out, "  --%-16s %s\n", action_help[i][0], action_help[i][1]);
	fprintf(out,
		"\nNumbers take units: 10k 2m, 250ms 5s 10min 12h 30d, 64KiB 4MiB 1GiB.\n"
		"A flag wins over the environment, that over the file of --config, that over the "
		"default.\n"
		"SIGHUP reads the file again: what says \"reload\", and of boards palette, frozen "
		"and cooldown-ms, changes while people place; the rest needs a restart.\n\n");
	exit_codes_print(out);
}

static void print_source(FILE *out, const struct settings *s, int id)
{
	fprintf(out, " ; %s", settings_source_str(s->origins[id].source));
	if (s->origins[id].source == SETTINGS_FROM_FILE)
		fprintf(out, ", line %d", s->origins[id].line);
	fputc('\n', out);
}

/* `name = value ; source`, once per item of a list. */
static void print_setting(FILE *out, const struct settings *s, int id)
{
	const struct setting_row *row = &setting_rows[id];
	const struct settings_list *list = field_of(s, row);
	char value[SETTINGS_TEXT_CHARS];

	if (row->type == SETTING_LIST) {
		for (unsigned i = 0; i < list->count; i++) {
			fprintf(out, "%s = %s", row->name, list->items[i]);
			print_source(out, s, id);
		}
		return;
	}
	setting_value_str(s, id, value);
	/* A file cannot name itself, and a secret is not for terminals. */
	fprintf(out, "%s%s = %s",
		id == SETTINGS_ID_config || id == SETTINGS_ID_session_secret ||
				setting_is_secret(s, id)
			? "# "
			: "",
		row->name, value);
	print_source(out, s, id);
}

static void print_board(FILE *out, const struct settings_board *board)
{
	fprintf(out,
		"\n[board \"%s\"]\nsize = %ux%u:%u\ncooldown-ms = %llu\nfrozen = %s\npalette =",
		board->name, board->width, board->height, board->bits,
		(unsigned long long)board->cooldown_ms, board->frozen ? "on" : "off");
	for (unsigned i = 0; i < board->colors; i++) {
		const struct palette_color *color = &board->palette[i];

		fprintf(out, "%s%s:#%06x", i > 0 && i % 4 == 0 ? "\n        " : " ", color->name,
			color->rgb);
	}
	fputc('\n', out);
}

static void print_config(const struct settings *s, FILE *out)
{
	for (int id = 0; id < SETTINGS_ROWS; id++) {
		if (id != SETTINGS_ID_board)
			print_setting(out, s, id);
	}
	fprintf(out, "\n# boards");
	print_source(out, s, SETTINGS_ID_board);
	for (unsigned i = 0; i < s->boards_count; i++)
		print_board(out, &s->boards[i]);
}

static const char *reference_head =
	"# Settings\n\n"
	"Made by `pixeld --print-reference` from `server/settings/settings.def`; a test "
	"compares.\n\n"
	"A setting is given as a flag (`--journal-sync=off` or `--journal-sync off`), in the "
	"environment (`PIXELD_JOURNAL_SYNC=off`) or in the file that `--config` names. A flag wins "
	"over the environment, that over the file, that over the default. `pixeld --print-config` "
	"shows what came out and from where; `pixeld --check-config` only checks.\n\n"
	"The file has lines `name = value`. In names `.`, `_` and `-` are the same, and "
	"`[journal]` "
	"puts `journal-` in front of the names below it:\n\n"
	"```ini\n"
	"; pixeld.ini\n"
	"cooldown-ms = 5s\n\n"
	"[journal]\n"
	"sync = commit\n"
	"segment-bytes = 64MiB\n\n"
	"[board \"main\"]\n"
	"size = 1000x1000:4\n"
	"cooldown-ms = 1min\n"
	"frozen = off\n"
	"palette = white:#ffffff lightgray:#e4e4e4 gray:#888888 black:#222222\n"
	"        pink:#ffa7d1 red:#e50000\n"
	"```\n\n"
	"A line that begins with a space continues the value above it. Comments begin with `;` or "
	"`#`. "
	"An unknown name is an error, as a flag, in the file, and as a variable that begins with "
	"`PIXELD_`; those that containers make for a service called pixeld are left alone. A board "
	"has `size` (WIDTHxHEIGHT:BITS), `cooldown-ms`, `palette` "
	"(by default that of r/place 2017) and `frozen`. When flags or the environment name the "
	"boards, "
	"sections of other boards are left out. A board that has data keeps its size, and its "
	"palette has to reach every color that is on it: else the start is refused.\n\n"
	"Numbers take units: `10k`, `2m`; `250ms`, `5s`, `10min`, `12h`, `30d`; `64KiB`, `4MiB`, "
	"`1GiB`. "
	"Without a unit a time is in what the name ends with (`-ms`, `-s`), a size in bytes "
	"(`-mib`: MiB). "
	"Lists take several flags, or entries with commas.\n\n"
	"**Reload.** SIGHUP (`kill -HUP`, `systemctl reload pixeld`) reads the file again, while "
	"people "
	"place. "
	"What changes by *reload* holds from then on, of boards `palette`, `frozen` and "
	"`cooldown-ms` "
	"too; "
	"what changes by *restart*, and boards that come, go or have another size, is named in the "
	"log "
	"and stays. Flags and environment are those of the start: they still win, and the log says "
	"which lines of the file they hide. A file with a mistake, or a palette without a color "
	"that is "
	"on "
	"the board, changes nothing at all.\n";

static void print_bounds(FILE *out, const struct setting_row *row)
{
	switch (row->type) {
	case SETTING_BOOL:
	case SETTING_CHOICE: /* '|' would end the cell of the table */
		for (const char *p = row->placeholder; *p != '\0'; p++)
			fputs(*p == '|' ? ", " : (const char[]){*p, '\0'}, out);
		break;
	case SETTING_TEXT:
		fprintf(out, "at most %llu characters", (unsigned long long)row->max);
		break;
	case SETTING_LIST:
	case SETTING_BOARDS:
		fprintf(out, "at most %llu", (unsigned long long)row->max);
		break;
	default:
		fprintf(out, "%llu to %llu", (unsigned long long)row->min,
			(unsigned long long)row->max);
	}
}

static void print_reference(FILE *out)
{
	const char *group = "";
	char env[SETTING_NAME_CHARS];

	fputs(reference_head, out);
	for (size_t i = 0; i < SETTINGS_ROWS; i++) {
		const struct setting_row *row = &setting_rows[i];

		if (strcmp(group, row->group) != 0)
			fprintf(out,
				"\n## %s\n\n| name | default | from, to | changes by | what "
				"|\n|---|---|---|---|---|\n",
				row->group);
		group = row->group;
		setting_env_name(row, env);
		fprintf(out, "| `%s`<br>`%s` | %s%s%s | ", row->name, env, *row->def ? "`" : "",
			or_empty(row->def), *row->def ? "`" : "");
		print_bounds(out, row);
		fprintf(out, " | %s | %s |\n", row->is_reloaded ? "reload" : "restart",
			row->sentence);
	}
	fprintf(out, "\n## Instead of serving\n\n| flag | what |\n|---|---|\n");
	for (size_t i = 0; i < ACTIONS; i++)
		fprintf(out, "| `--%s` | %s |\n", action_help[i][0], action_help[i][1]);
}

bool settings_show(const struct settings *s, FILE *out)
{
	switch (s->action) {
	case SETTINGS_HELP:
		print_help(out);
		return true;
	case SETTINGS_VERSION:
		print_version(out);
		return true;
	case SETTINGS_PRINT_CONFIG:
		print_config(s, out);
		return true;
	case SETTINGS_PRINT_REFERENCE:
		print_reference(out);
		return true;
	case SETTINGS_RUN:
	case SETTINGS_CHECK_SYSTEM:
	case SETTINGS_CHECK_CONFIG:
		break;
	}
	return false;
}
