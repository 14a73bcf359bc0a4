/*
 * settings.c - flags, environment, file and defaults, in this order; see settings.h.
 *
 * The strongest source is read first, and a setting that has a value keeps it: later values are
 * checked, so that an error in the file is reported, and dropped. Constraints between settings are
 * checked at the end.
 */
#include "server/settings/settings_priv.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "edge/codec/http_host.h"
#include "engine/base/assert.h"
#include "engine/base/command_line.h"
#include "persist/postgres/postgres_link.h"
#include "server/settings/listen_address.h"

static const struct {
	const char *flag;
	enum settings_action action;
} actions[] = {
	{"help", SETTINGS_HELP},
	{"version", SETTINGS_VERSION},
	{"check-config", SETTINGS_CHECK_CONFIG},
	{"print-config", SETTINGS_PRINT_CONFIG},
	{"print-reference", SETTINGS_PRINT_REFERENCE},
	{"check-system", SETTINGS_CHECK_SYSTEM},
};

static void *field_of(struct settings *s, const struct setting_row *row)
{
	return (char *)s + row->offset;
}

static int choice_parse(const char *choices, const char *text, unsigned *ret_value,
			char why[static SETTINGS_WHY_CHARS])
{
	const char *at = choices;
	unsigned number = 0;

	for (;;) {
		size_t len = strcspn(at, "|");

		if (strlen(text) == len && memcmp(text, at, len) == 0) {
			*ret_value = number;
			return 0;
		}
		if (at[len] == '\0')
			break;
		at += len + 1;
		number++;
	}
	snprintf(why, SETTINGS_WHY_CHARS, "must be one of %s", choices);
	return -EINVAL;
}

static int text_set(char *out, size_t max, const char *text, char why[static SETTINGS_WHY_CHARS])
{
	if (strlen(text) > max) {
		snprintf(why, SETTINGS_WHY_CHARS, "has more than %zu characters", max);
		return -EINVAL;
	}
	memcpy(out, text, strlen(text) + 1);
	return 0;
}

/* Items are separated by commas or spaces. */
static int list_add(struct settings_list *list, uint64_t max, const char *text,
		    char why[static SETTINGS_WHY_CHARS])
{
	static const char separators[] = ", \t";

	for (text += strspn(text, separators); *text != '\0'; text += strspn(text, separators)) {
		size_t len = strcspn(text, separators);

		if (len >= SETTINGS_ITEM_CHARS || list->count == max) {
			snprintf(why, SETTINGS_WHY_CHARS,
				 "at most %llu entries of less than %d characters",
				 (unsigned long long)max, SETTINGS_ITEM_CHARS);
			return -EINVAL;
		}
		memcpy(list->items[list->count], text, len);
		list->items[list->count][len] = '\0';
		list->count++;
		text += len;
	}
	return 0;
}

static int boards_add(struct settings *s, const char *text, int line,
		      char why[static SETTINGS_WHY_CHARS])
{
	struct settings_list specs = {.count = 0};

	if (list_add(&specs, SETTINGS_LIST_MAX, text, why) != 0)
		return -EINVAL;
	for (unsigned i = 0; i < specs.count; i++) {
		if (settings_board_add(s, specs.items[i], line, why) != 0)
			return -EINVAL;
	}
	return 0;
}

static int value_set(struct settings *s, const struct setting_row *row, const char *text, int line,
		     char why[static SETTINGS_WHY_CHARS])
{
	void *field = field_of(s, row);

	switch (row->type) {
	case SETTING_COUNT:
	case SETTING_MS:
	case SETTING_SECONDS:
	case SETTING_BYTES:
	case SETTING_MIB:
		return setting_number(row->type, text, row->min, row->max, field, why);
	case SETTING_BOOL:
		return setting_bool(text, field, why);
	case SETTING_CHOICE:
		return choice_parse(row->placeholder, text, field, why);
	case SETTING_TEXT:
		return text_set(field, row->max, text, why);
	case SETTING_LIST:
		return list_add(field, row->max, text, why);
	case SETTING_BOARDS:
		return boards_add(s, text, line, why);
	}
	px_unreachable("type of a setting");
}

void settings_hide(struct settings *s, int id, int line)
{
	if (s->origins[id].hidden_line == 0)
		s->origins[id].hidden_line = line;
}

int settings_set(struct settings *s, int id, const char *text, enum settings_source source,
		 int line, char why[static SETTINGS_WHY_CHARS])
{
	const struct setting_row *row = &setting_rows[id];
	enum settings_source before = s->origins[id].source;
	struct settings *target = s;
	int result;

	if (before == source && source == SETTINGS_FROM_FILE && row->type != SETTING_LIST &&
	    row->type != SETTING_BOARDS) {
		snprintf(
			why, SETTINGS_WHY_CHARS,
			"is given twice (a line that begins with a space continues the one above)");
		return -EINVAL;
	}
	if (before > source) {
		target = calloc(1, sizeof(*target));
		if (target == NULL) {
			snprintf(why, SETTINGS_WHY_CHARS, "no memory");
			return -EINVAL;
		}
	}
	result = value_set(target, row, text, line, why);
	if (target != s) {
		if (result == 0 && source == SETTINGS_FROM_FILE &&
		    !setting_is_within(target, s, id))
			settings_hide(s, id, line);
		settings_free(target);
	} else {
		s->origins[id].source = source;
		s->origins[id].line = line;
	}
	return result;
}

static bool action_find(const char *flag, enum settings_action *ret_action)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(flag, actions[i].flag) == 0) {
			*ret_action = actions[i].action;
			return true;
		}
	}
	return false;
}

/* The setting of a flag. --clients is what people write beside --check-system. -1: none. */
static int flag_find(const char *flag)
{
	return setting_find(strcmp(flag, "clients") == 0 ? "clients-max" : flag);
}

static void flag_refuse(const char *flag, char why[static SETTINGS_WHY_CHARS])
{
	struct nearest n = nearest_to(flag);
	const char *near;

	for (int id = 0; id < SETTINGS_ROWS; id++)
		nearest_try(&n, setting_rows[id].name);
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		nearest_try(&n, actions[i].flag);
	near = nearest_get(&n);
	if (near != NULL)
		snprintf(why, SETTINGS_WHY_CHARS, "unknown flag --%s; the nearest is --%s", flag,
			 near);
	else
		snprintf(why, SETTINGS_WHY_CHARS, "unknown flag --%s; see pixeld --help", flag);
}

/* Reads the flag at argv[*at] and moves *at behind it. */
static int flag_read(struct settings *s, char *const argv[], int *at,
		     char why[static SETTINGS_WHY_CHARS])
{
	const char *arg = argv[(*at)++];
	char flag[SETTING_NAME_CHARS];
	char reason[SETTINGS_WHY_CHARS];
	const char *value;
	size_t len = strcspn(arg, "=");
	int id;

	if (strncmp(arg, "--", 2) != 0 || len < 3 || len - 2 >= sizeof(flag)) {
		snprintf(why, SETTINGS_WHY_CHARS, "unknown argument \"%.100s\"; see pixeld --help",
			 arg);
		return -EINVAL;
	}
	memcpy(flag, arg + 2, len - 2);
	flag[len - 2] = '\0';
	if (arg[len] == '\0' && action_find(flag, &s->action))
		return 0;
	id = flag_find(flag);
	if (id < 0) {
		flag_refuse(flag, why);
		return -EINVAL;
	}
	value = arg[len] == '=' ? arg + len + 1 : NULL;
	if (value == NULL && setting_rows[id].type == SETTING_BOOL)
		value = "on";
	if (value == NULL && argv[*at] != NULL)
		value = argv[(*at)++];
	if (value == NULL) {
		snprintf(why, SETTINGS_WHY_CHARS, "--%s needs a value", flag);
		return -EINVAL;
	}
	if (settings_set(s, id, value, SETTINGS_FROM_FLAG, 0, reason) == 0)
		return 0;
	snprintf(why, SETTINGS_WHY_CHARS, "--%s=%.200s: %.400s", flag, value, reason);
	return -EINVAL;
}

static void defaults_read(struct settings *s)
{
	char why[SETTINGS_WHY_CHARS];

	for (int id = 0; id < SETTINGS_ROWS; id++) {
		int rc = 0;

		if (s->origins[id].source == SETTINGS_FROM_NOWHERE)
			rc = settings_set(s, id, setting_rows[id].def, SETTINGS_FROM_DEFAULT, 0,
					  why);
		px_assert(rc == 0); /* the table's own values */
	}
}

/* The code for a value that cannot be: whoever gave it as a flag wrote a wrong command line. */
static int code_of(const struct settings *s, int id)
{
	return s->origins[id].source == SETTINGS_FROM_FLAG ? EXIT_USAGE : EXIT_CONFIG;
}

static int listen_check(const struct settings *s, char why[static SETTINGS_WHY_CHARS])
{
	struct listen_address address;

	for (unsigned i = 0; i < s->listen.count; i++) {
		if (listen_address_parse(s->listen.items[i], &address) != 0) {
			snprintf(why, SETTINGS_WHY_CHARS,
				 "listen=%s: must be like 127.0.0.1:8080, [::1]:8080 or "
				 "unix:/run/pixeld.sock",
				 s->listen.items[i]);
			return code_of(s, SETTINGS_ID_listen);
		}
	}
	if (s->listen.count == 0) {
		snprintf(why, SETTINGS_WHY_CHARS, "listen: there is no address to listen on");
		return code_of(s, SETTINGS_ID_listen);
	}
	return EXIT_PASS;
}

static int origins_check(const struct settings *s, char why[static SETTINGS_WHY_CHARS])
{
	for (unsigned i = 0; i < s->origin.count; i++) {
		const char *origin = s->origin.items[i];
		char canonical[SETTINGS_ITEM_CHARS];

		if (!http_origin_print((struct span){origin, strlen(origin)}, canonical,
				       sizeof(canonical))) {
			snprintf(why, SETTINGS_WHY_CHARS,
				 "origin=%s: must be like https://example.org, without a path",
				 origin);
			return code_of(s, SETTINGS_ID_origin);
		}
	}
	return EXIT_PASS;
}

static int secret_check(const struct settings *s, char why[static SETTINGS_WHY_CHARS])
{
	size_t len = strlen(s->session_secret);
	bool good = len % 2 == 0 && len >= 32;

	for (size_t i = 0; i < len; i++)
		good &= isxdigit((unsigned char)s->session_secret[i]) != 0;
	if (len != 0 && !good) {
		snprintf(why, SETTINGS_WHY_CHARS,
			 "session-secret: must be 16 to 256 bytes, two hex digits each");
		return code_of(s, SETTINGS_ID_session_secret);
	}
	if (len != 0 && s->session_secret_file[0] != '\0') {
		snprintf(why, SETTINGS_WHY_CHARS,
			 "session-secret and session-secret-file: give only one of them");
		return EXIT_CONFIG;
	}
	return EXIT_PASS;
}

int settings_keep_check(const struct settings *s, char why[static SETTINGS_WHY_CHARS])
{
	if (s->journal_keep_bytes == 0 || s->journal_keep_bytes >= 2 * s->journal_segment_bytes)
		return EXIT_PASS;
	snprintf(why, SETTINGS_WHY_CHARS,
		 "journal-keep-bytes: must be 0 or at least two journal-segment-bytes");
	return EXIT_CONFIG;
}

/* What one row of the table cannot say. The code to end with. */
static int all_check(struct settings *s, char why[static SETTINGS_WHY_CHARS])
{
	int code = listen_check(s, why);

	if (code == EXIT_PASS)
		code = origins_check(s, why);
	if (code == EXIT_PASS)
		code = secret_check(s, why);
	if (code != EXIT_PASS)
		return code;
	if (s->data[0] == '\0') {
		snprintf(why, SETTINGS_WHY_CHARS, "data: is empty");
		return code_of(s, SETTINGS_ID_data);
	}
	if (s->postgres[0] != '\0' && !postgres_dsn_is_good(s->postgres)) {
		snprintf(why, SETTINGS_WHY_CHARS,
			 "postgres: not a DSN for libpq: write postgresql://user@host/name, or "
			 "host=... user=... dbname=...");
		return code_of(s, SETTINGS_ID_postgres);
	}
	if ((s->log_bytes & (s->log_bytes - 1)) != 0) {
		snprintf(why, SETTINGS_WHY_CHARS, "log-bytes: must be a power of two");
		return code_of(s, SETTINGS_ID_log_bytes);
	}
	code = settings_keep_check(s, why);
	if (code != EXIT_PASS)
		return code;
	if (settings_board_finish(s, why) == 0)
		return EXIT_PASS;
	return s->boards_count == 0 ? code_of(s, SETTINGS_ID_board) : EXIT_CONFIG;
}

static int everything_read(struct settings *s, int argc, char *const argv[], char *const envp[],
			   char why[static SETTINGS_WHY_CHARS])
{
	if (help_is_asked(argc - 1, argv + 1)) { /* whatever else is wrong */
		s->action = SETTINGS_HELP;
		return EXIT_PASS;
	}
	for (int at = 1; at < argc;) {
		if (flag_read(s, argv, &at, why) != 0)
			return EXIT_USAGE;
	}
	if (s->action >= SETTINGS_HELP && s->action <= SETTINGS_VERSION)
		return EXIT_PASS;
	if (settings_env_read(s, envp, why) != 0)
		return EXIT_CONFIG;
	if (s->config[0] != '\0' && settings_file_read(s, s->config, why) != 0)
		return EXIT_CONFIG;
	defaults_read(s);
	return all_check(s, why);
}

/* Hands out the settings, or frees them when they are wrong. */
static int finish(struct settings *s, int exit_code, struct settings **ret_settings)
{
	if (exit_code != EXIT_PASS) {
		settings_free(s);
		s = NULL;
	}
	*ret_settings = s;
	return exit_code;
}

int settings_load(int argc, char *const argv[], char *const envp[], struct settings **ret_settings,
		  char why[static SETTINGS_WHY_CHARS])
{
	struct settings *s = calloc(1, sizeof(*s));

	*ret_settings = NULL;
	if (s == NULL) { /* also in a server that runs: no reason to end it */
		snprintf(why, SETTINGS_WHY_CHARS, "not enough memory for the settings");
		return EXIT_FAILED;
	}
	return finish(s, everything_read(s, argc, argv, envp, why), ret_settings);
}

int settings_load_text(const char *name, const char *text, size_t len,
		       struct settings **ret_settings, char why[static SETTINGS_WHY_CHARS])
{
	struct settings *s = calloc(1, sizeof(*s));
	int result;

	px_assert(s != NULL);
	result = settings_file_text(s, name, text, len, why) == 0 ? EXIT_PASS : EXIT_CONFIG;
	if (result == EXIT_PASS) {
		defaults_read(s);
		result = all_check(s, why);
	}
	return finish(s, result, ret_settings);
}

void settings_free(struct settings *s)
{
	if (s == NULL)
		return;
	explicit_bzero(s->session_secret, sizeof(s->session_secret));
	free(s->boards);
	free(s);
}
