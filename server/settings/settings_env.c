/*
 * settings_env.c - the settings in the environment, and variables that only look like one.
 *
 * A misspelled variable would be a setting that is silently missing, so an unknown PIXELD_ is
 * refused. Container systems define variables for a service called pixeld: those are recognized by
 * their form.
 */
#include "server/settings/settings_priv.h"

#include <errno.h>
#include <string.h>

#include "engine/base/command_line.h"

#define PREFIX     "PIXELD_"
#define PREFIX_LEN (sizeof(PREFIX) - 1)

static const char *const others[] = {
#define ENVIRONMENT(name, what) name,
#include "server/settings/environment.def"
#undef ENVIRONMENT
};

static bool ends_with(const char *text, size_t len, const char *end)
{
	size_t end_len = strlen(end);

	return len >= end_len && memcmp(text + len - end_len, end, end_len) == 0;
}

static bool has(const char *text, size_t len, const char *part)
{
	return memmem(text, len, part, strlen(part)) != NULL;
}

/* PIXELD_SERVICE_HOST, PIXELD_PORT=tcp://10.0.0.1:80, PIXELD_PORT_80_TCP_ADDR and the like, also
 * with more of a name in front (PIXELD_WEB_PORT); PIXELD_NAME and PIXELD_ENV_... of links. */
static bool is_of_containers(const char *name, size_t len, const char *value)
{
	static const char *const protocols[] = {"_TCP", "_UDP", "_SCTP"};

	if (ends_with(name, len, "_SERVICE_HOST") || ends_with(name, len, "_SERVICE_PORT") ||
	    has(name, len, "_SERVICE_PORT_") || strncmp(name, "PIXELD_ENV_", 11) == 0 ||
	    (ends_with(name, len, "PIXELD_NAME") && value[0] == '/'))
		return true;
	if (ends_with(name, len, "_PORT") && strstr(value, "://") != NULL)
		return true;
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (has(name, len, "_PORT_") && has(name, len, protocols[i]))
			return true;
	return false;
}

static bool is_other(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strlen(others[i]) == len && memcmp(others[i], name, len) == 0)
			return true;
	return false;
}

/* The setting of a variable; -1: it is none. */
static int setting_of(const char *name, size_t len)
{
	char known[SETTING_NAME_CHARS];

	for (int id = 0; id < SETTINGS_ROWS; id++) {
		setting_env_name(&setting_rows[id], known);
		if (strlen(known) == len && memcmp(known, name, len) == 0)
			return id;
	}
	return -1;
}

static int refuse(const char *name, int len, char why[static SETTINGS_WHY_CHARS])
{
	char word[SETTING_NAME_CHARS], meant[SETTING_NAME_CHARS];
	const char *near;

	snprintf(word, sizeof(word), "%.*s", len - (int)PREFIX_LEN, name + PREFIX_LEN);
	near = setting_nearest(word);
	if (near == NULL) {
		snprintf(why, SETTINGS_WHY_CHARS,
			 "unknown variable %.*s: it is not a setting; pixeld --help lists all", len,
			 name);
		return -EINVAL;
	}
	setting_env_name(&setting_rows[setting_find(near)], meant);
	snprintf(why, SETTINGS_WHY_CHARS, "unknown variable %.*s; the nearest is %s", len, name,
		 meant);
	return -EINVAL;
}

/* Its setting, or SETTINGS_ROWS: it is none of ours. -EINVAL: it looks like one and is none. */
static int variable_look(const char *variable, char why[static SETTINGS_WHY_CHARS])
{
	size_t len = strcspn(variable, "=");
	int id;

	if (strncmp(variable, PREFIX, PREFIX_LEN) != 0 || variable[len] == '\0')
		return SETTINGS_ROWS;
	id = setting_of(variable, len);
	if (id >= 0)
		return id;
	if (is_other(variable, len) || is_of_containers(variable, len, variable + len + 1))
		return SETTINGS_ROWS;
	return refuse(variable, len > 200 ? 200 : (int)len, why);
}

static int variable_read(struct settings *s, const char *variable,
			 char why[static SETTINGS_WHY_CHARS])
{
	size_t len = strcspn(variable, "=");
	char reason[SETTINGS_WHY_CHARS];
	int id = variable_look(variable, why);
	const char *value;

	if (id < 0 || id == SETTINGS_ROWS)
		return id < 0 ? id : 0;
	value = variable + len + 1;
	if (settings_set(s, id, value, SETTINGS_FROM_ENV, 0, reason) == 0)
		return 0;
	snprintf(why, SETTINGS_WHY_CHARS, "%.*s=%.200s: %.400s", (int)len, variable, value, reason);
	return -EINVAL;
}

int settings_env_read(struct settings *s, char *const envp[], char why[static SETTINGS_WHY_CHARS])
{
	for (int i = 0; envp[i] != NULL; i++)
		if (variable_read(s, envp[i], why) != 0)
			return -EINVAL;
	return 0;
}

int settings_env_check(char *const envp[], char why[static SETTINGS_WHY_CHARS])
{
	for (int i = 0; envp[i] != NULL; i++)
		if (variable_look(envp[i], why) < 0)
			return EXIT_CONFIG;
	return EXIT_PASS;
}
