/*
 * option_table.h - a command line from one table: names, the target of a value and its bounds, the
 * lines of --help. Main thread; errors are reported on stderr.
 *
 *	static const struct option_row rows[] = {
 *		{"clients", "N", "connections", 'c', OPTION_TO_U32(struct o, clients, 1, 100)},
 *		{"url", "URL", "the server", .kind = OPTION_OWN, .take = url_take},
 *	};
 */
#ifndef PX_OPTIONS_OPTION_TABLE_H
#define PX_OPTIONS_OPTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum option_kind {
	OPTION_OWN,      /* parsed by `take` */
	OPTION_FLAG,     /* bool: takes no value */
	OPTION_TEXT,     /* const char * */
	OPTION_U32,      /* uint32_t, from low to high */
	OPTION_COUNT,    /* uint64_t */
	OPTION_BYTES,    /* uint64_t */
	OPTION_DURATION, /* uint64_t, ns */
	OPTION_RATE,     /* double, per second */
	OPTION_HELP,
	OPTION_VERSION,
};

struct option_row {
	const char *name;
	const char *value; /* the value's name for --help; NULL: takes none */
	const char *help;  /* NULL: an alias, not listed */
	char letter;       /* 0: none */
	enum option_kind kind;
	size_t offset;
	uint64_t low, high;
	/* 0 or -errno. -EINVAL is reported with `wrong`, others by their number. */
	int (*take)(const char *text, void *options);
	const char *wrong; /* for -EINVAL; NULL: "not understood" */
	unsigned of;       /* bits of the commands that have it, for a table with `of` */
};

/* The offset of a field, checked to be of the right type. */
#define OPTION_AT(type, member, of)                                                                \
	(offsetof(type, member) + 0 * sizeof(char[_Generic(((type *)0)->member, of : 1, default    \
							   : -1)]))
#define OPTION_TO_FLAG(type, member) .kind = OPTION_FLAG, .offset = OPTION_AT(type, member, bool)
#define OPTION_TO_TEXT(type, member)                                                               \
	.kind = OPTION_TEXT, .offset = OPTION_AT(type, member, const char *)
#define OPTION_TO_U32(type, member, least, most)                                                   \
	.kind = OPTION_U32, .offset = OPTION_AT(type, member, uint32_t), .low = (least),           \
	.high = (most)
#define OPTION_TO_COUNT(type, member)                                                              \
	.kind = OPTION_COUNT, .offset = OPTION_AT(type, member, uint64_t)
#define OPTION_TO_BYTES(type, member)                                                              \
	.kind = OPTION_BYTES, .offset = OPTION_AT(type, member, uint64_t)
#define OPTION_TO_DURATION(type, member)                                                           \
	.kind = OPTION_DURATION, .offset = OPTION_AT(type, member, uint64_t)
#define OPTION_TO_RATE(type, member) .kind = OPTION_RATE, .offset = OPTION_AT(type, member, double)

struct option_table {
	const struct option_row *rows;
	size_t count;
	const char *hint; /* printed after an error: where to read more, or the usage */
	unsigned of;      /* the command: only rows with one of these bits; 0: all rows */
	int words;        /* words allowed between the options */
	int columns;      /* width of the names in --help */
	bool letters;     /* lists the letters there */
};

enum option_outcome { OPTIONS_TAKEN, OPTIONS_HELP, OPTIONS_VERSION };

/* Parses argv[1] and what follows. `options`: the struct of the rows. Returns an outcome, or
 * -EINVAL after reporting the error. Words that are not options are then at argv[optind] and after
 * it. */
int option_table_read(const struct option_table *t, int argc, char **argv, void *options);

/* Writes the lines of --help. */
void option_table_print(FILE *to, const struct option_table *t);

/* Reports what is wrong and where to read more. Returns -EINVAL. */
__attribute__((format(printf, 2, 3))) int option_table_wrong(const struct option_table *t,
							     const char *format, ...);

/* A count from low to high. -EINVAL, -ERANGE. */
int option_u32(const char *text, uint64_t low, uint64_t high, uint32_t *ret_value);

#endif
