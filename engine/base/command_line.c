/*
 * command_line.c - see command_line.h.
 *
 * A name is near if it is one slip away, plus one for every five letters: a letter changed, added
 * or left out, or two of them swapped. A suggestion that is not near would mislead.
 */
#include "engine/base/command_line.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#define WORD_MAX 64 /* of longer ones the beginning is looked at */

static char folded(char c)
{
	if (c == '_' || c == '.')
		return '-';
	return (char)tolower((unsigned char)c);
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned word_fold(const char *word, char out[static WORD_MAX])
{
	unsigned len = 0;

	for (; len < WORD_MAX && word[len] != '\0'; len++)
		out[len] = folded(word[len]);
	return len;
}

/* How many slips make b of a (optimal string alignment), when they are less than `limit`. Three
 * rows of the table are enough. */
static unsigned slips(const char *a_word, const char *b_word, unsigned limit)
{
	char a[WORD_MAX], b[WORD_MAX];
	unsigned a_len = word_fold(a_word, a), b_len = word_fold(b_word, b);
	unsigned rows[3][WORD_MAX + 1];

	if (a_len + limit <= b_len || b_len + limit <= a_len)
		return limit;
	for (unsigned j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= a_len; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *over = rows[(i + 1) % 3];

		row[0] = i;
		for (unsigned j = 1; j <= b_len; j++) {
			row[j] = least(above[j - 1] + (a[i - 1] != b[j - 1]),
				       least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], over[j - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}

/* "sync" is a part of "journal-sync", and "cooldown" of "cooldown-ms". */
static bool is_part(const char *word, const char *name)
{
	size_t len = strlen(word);

	for (const char *at = name; len > 2; at++) {
		size_t i = 0;

		while (i < len && at[i] != '\0' && folded(at[i]) == folded(word[i]))
			i++;
		if (i == len && (at[len] == '\0' || folded(at[len]) == '-'))
			return true;
		at += strcspn(at, "-_.");
		if (*at == '\0')
			return false;
	}
	return false;
}

struct nearest nearest_to(const char *word)
{
	return (struct nearest){.word = word,
				.distance = 2 + (unsigned)strnlen(word, WORD_MAX) / 5};
}

void nearest_try(struct nearest *n, const char *name)
{
	unsigned distance = slips(n->word, name, n->distance);

	if (distance < n->distance && distance < strlen(name)) {
		n->distance = distance;
		n->name = name;
	}
	if (is_part(n->word, name)) {
		n->parts = n->part != NULL;
		n->part = name;
	}
}

const char *nearest_get(const struct nearest *n)
{
	if (n->name != NULL)
		return n->name;
	return n->parts ? NULL : n->part;
}

bool help_is_asked(int argc, char *const argv[])
{
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}
