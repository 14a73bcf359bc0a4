/* option_word.c - see option_word.h. */
#include "tools/loadgen/net/option_word.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/command_line.h"

#define WORD_CHARS 64

static void unknown_tell(const char *word, const struct option *list)
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
		fprintf(stderr, "loadgen: --%s is the beginning of %u options\n", name, begun);
	else
		fprintf(stderr, "loadgen: unknown option --%s%s%s\n", name,
			near != NULL ? "; the nearest is --" : "", near != NULL ? near : "");
}

int option_word_refuse(int id, char *const argv[], const struct option *list)
{
	const char *word = argv[optind - 1];

	if (id == ':')
		fprintf(stderr, "loadgen: %s wants a value\n", word);
	else if (optopt == 0)
		unknown_tell(word + strspn(word, "-"), list);
	else if (strncmp(word, "--", 2) == 0)
		fprintf(stderr, "loadgen: --%.*s takes no value\n", (int)strcspn(word + 2, "="),
			word + 2);
	else
		fprintf(stderr, "loadgen: unknown option -%c\n", optopt);
	return -EINVAL;
}
