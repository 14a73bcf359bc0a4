/* option_table.c - see option_table.h. Over getopt_long(); no state of its own. */
#include "tools/options/option_table.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/command_line.h"
#include "tools/options/units.h"

#define ROWS_MAX   64
#define WORD_CHARS 64
#define ID_OF_ROW  256 /* of row 0; smaller ones are letters */

/* What getopt_long() is told. */
struct names {
	struct option list[ROWS_MAX + 1];
	char letters[2 * ROWS_MAX + 2];
};

int option_u32(const char *text, uint64_t low, uint64_t high, uint32_t *ret_value)
{
	uint64_t v;
	int r = units_count(text, &v);

	px_assert(high <= UINT32_MAX);
	if (r < 0)
		return r;
	if (v < low || v > high)
		return -ERANGE;
	*ret_value = (uint32_t)v;
	return 0;
}

int option_table_wrong(const struct option_table *t, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n%s\n", t->hint);
	return -EINVAL;
}

/* --- what getopt_long() did not understand ---------------------------------------------------- */

static int unknown_refuse(const struct option_table *t, const char *word, const struct option *list)
{
	char name[WORD_CHARS];
	struct nearest n;
	const char *near;
	unsigned begun = 0;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	n = nearest_to(name);
	for (; list->name != NULL; list++) {
		nearest_try(&n, list->name);
		begun += strncmp(list->name, name, strlen(name)) == 0;
	}
	near = nearest_get(&n);
	if (begun > 1)
		return option_table_wrong(t, "--%s is the beginning of %u options", name, begun);
	return option_table_wrong(t, "unknown option --%s%s%s", name,
				  near != NULL ? "; the nearest is --" : "",
				  near != NULL ? near : "");
}

/* Right after it gave `id`, '?' or ':'. */
static int word_refuse(const struct option_table *t, int id, char *const argv[],
		       const struct option *list)
{
	const char *word = argv[optind - 1];

	if (id == ':')
		return option_table_wrong(t, "%s needs a value", word);
	if (optopt == 0)
		return unknown_refuse(t, word + strspn(word, "-"), list);
	if (strncmp(word, "--", 2) == 0)
		return option_table_wrong(t, "--%.*s takes no value", (int)strcspn(word + 2, "="),
					  word + 2);
	return option_table_wrong(t, "unknown option -%c", optopt);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void names_fill(const struct option_table *t, struct names *names)
{
	struct option *name = names->list;
	char *letter = names->letters;

	px_assert(t->count <= ROWS_MAX);
	*letter++ = ':'; /* a missing value is told apart */
	for (size_t i = 0; i < t->count; i++) {
		const struct option_row *row = &t->rows[i];

		if (t->of != 0 && (t->of & row->of) == 0)
			continue;
		*name++ = (struct option){
			.name = row->name,
			.has_arg = row->value != NULL ? required_argument : no_argument,
			.val = ID_OF_ROW + (int)i,
		};
		if (row->letter == 0)
			continue;
		*letter++ = row->letter;
		if (row->value != NULL)
			*letter++ = ':';
	}
	*letter = '\0';
	*name = (struct option){0};
	optind = 1;
	opterr = 0;
}

/* NULL: what getopt_long() gave is none of ours. */
static const struct option_row *row_of(const struct option_table *t, int id)
{
	if (id >= ID_OF_ROW)
		return &t->rows[id - ID_OF_ROW];
	for (size_t i = 0; i < t->count; i++)
		if (id == t->rows[i].letter && id != 0)
			return &t->rows[i];
	return NULL;
}

static int value_take(const struct option_row *row, const char *text, void *options)
{
	void *at = (char *)options + row->offset;

	switch (row->kind) {
	case OPTION_OWN:
		return row->take(text, options);
	case OPTION_FLAG:
		*(bool *)at = true;
		return 0;
	case OPTION_TEXT:
		*(const char **)at = text;
		return 0;
	case OPTION_U32:
		return option_u32(text, row->low, row->high, at);
	case OPTION_COUNT:
		return units_count(text, at);
	case OPTION_BYTES:
		return units_bytes(text, at);
	case OPTION_DURATION:
		return units_duration(text, at);
	case OPTION_RATE:
		return units_rate(text, at);
	case OPTION_HELP:
	case OPTION_VERSION:
		break;
	}
	return 0;
}

/* -EINVAL: told. */
static int row_take(const struct option_table *t, const struct option_row *row, void *options)
{
	int r = value_take(row, optarg, options);
	const char *why = row->wrong != NULL ? row->wrong : "not understood";

	if (r == 0)
		return 0;
	return option_table_wrong(t, "--%s %s: %s", row->name, optarg,
				  r == -EINVAL ? why : strerror(-r));
}

int option_table_read(const struct option_table *t, int argc, char **argv, void *options)
{
	struct names names;
	int id;

	names_fill(t, &names);
	while ((id = getopt_long(argc, argv, names.letters, names.list, NULL)) != -1) {
		const struct option_row *row = row_of(t, id);

		if (row == NULL)
			return word_refuse(t, id, argv, names.list);
		if (row->kind == OPTION_HELP || row->kind == OPTION_VERSION)
			return row->kind == OPTION_HELP ? OPTIONS_HELP : OPTIONS_VERSION;
		if (row_take(t, row, options) < 0)
			return -EINVAL;
	}
	if (argc - optind <= t->words)
		return OPTIONS_TAKEN;
	return option_table_wrong(t, "%s is one argument too many", argv[optind + t->words]);
}

/* --- help ------------------------------------------------------------------------------------- */

void option_table_print(FILE *to, const struct option_table *t)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct option_row *row = &t->rows[i];
		const char *at = row->help;
		char left[64], letter[8] = "";
		const char *line;

		if (at == NULL)
			continue;
		if (t->letters && row->letter != 0)
			(void)snprintf(letter, sizeof(letter), "-%c, ", row->letter);
		(void)snprintf(left, sizeof(left), "%s--%s%s%s", letter, row->name,
			       row->value ? " " : "", row->value ? row->value : "");
		fprintf(to, "  %-*s", t->columns, left);
		while ((line = strchr(at, '\n')) != NULL) {
			fprintf(to, "%.*s\n  %-*s", (int)(line - at), at, t->columns, "");
			at = line + 1;
		}
		fprintf(to, "%s\n", at);
	}
}
