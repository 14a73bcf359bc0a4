/*
 * tool.h - shared by the subcommands beside the server: `pixeld export`, `timelapse`, `verify`,
 * `import`. Flags, the data directory, an output file.
 *
 * Blocking; for main(), before any other thread runs. Functions that return an exit code have
 * already reported the error on stderr.
 */
#ifndef PX_PIXELD_TOOL_H
#define PX_PIXELD_TOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "engine/base/exit_code.h"
#include "persist/history/history_board.h"
#include "server/settings/settings.h"

enum tool_flag {
	TOOL_BOARD = 1,
	TOOL_SPAN = 2, /* --from, --to */
	TOOL_STEP = 4, /* --step, --delay */
	TOOL_OUT = 8,
	TOOL_CONFIG = 16,
	TOOL_FILE = 32, /* one argument without a flag */
	TOOL_POSTGRES = 64,
	TOOL_SERVER = 128,
	TOOL_ANY = 255, /* in a row: every subcommand has it */
};

struct tool {
	const char *usage;
	/* flags */
	const char *data;
	const char *board;
	const char *out; /* NULL: standard output */
	const char *config;
	const char *postgres; /* a DSN; NULL: not given */
	const char *server;   /* a URL; NULL: not given */
	const char *file;
	uint64_t from_ms; /* 0: from the beginning */
	uint64_t to_ms;   /* UINT64_MAX: to the end */
	uint64_t step_ms; /* 0: not given */
	uint64_t delay_ms;
	/* the directory */
	struct disk *disk;
	struct history *history;
	bool server_runs;
	bool gap;       /* something that should be there is missing; already reported */
	bool is_broken; /* reading ended early; already reported */
};

/* argv[0] is the first word after the verb, which stands in front. EXIT_PASS or EXIT_USAGE. */
int tool_parse(struct tool *t, int argc, char **argv, unsigned flags);

/* Opens the directory for reading, also beside a running server: then only what its files call
 * durable is read, and its last commit may be missing. EXIT_PASS, or the code to exit with. */
int tool_open(struct tool *t);
void tool_close(struct tool *t);

/* Reports the error on stderr and returns the code. */
__attribute__((format(printf, 2, 3))) int tool_fail(enum exit_code code, const char *format, ...);
/* The same for -errno of the directory: EXIT_DATA_WRONG for damage, otherwise EXIT_FAILED. */
int tool_fail_disk(struct tool *t, int error);

/* For history_handler.gap, with arg = struct tool: reports the gap. */
void tool_gap_say(void *arg, uint64_t first_lsn, uint64_t last_lsn);

/* The board that --board names. EXIT_PASS, or the code to exit with. */
int tool_board_find(struct tool *t, struct record_board *ret_meta);

/* The palette of a board from the settings (--config, environment), otherwise the default one for
 * its bits. The caller frees *ret_settings; *ret_board points into it. EXIT_PASS, or the code to
 * exit with. */
int tool_palette(const struct tool *t, const struct record_board *meta,
		 struct settings **ret_settings, const struct settings_board **ret_board);

/* The output file, which appears whole or not at all. `-o -` or no -o: standard output. NULL:
 * failed, already reported. */
FILE *tool_out_open(const struct tool *t);

/* Closes it and returns the exit code. On failure (gaps aside) no file remains. */
int tool_out_close(const struct tool *t, FILE *out, int code);

#define TOOL_BOARDS_MAX 65536

struct tool_boards {
	struct record_board at[TOOL_BOARDS_MAX];
	uint32_t count;
};

/* The part of `pixeld verify` that --postgres asks for. Looks at the history again. Returns an exit
 * code. */
int tool_verify_postgres(struct tool *t, const struct tool_boards *boards);

/* The same for --server: the boards in its memory. */
int tool_verify_server(struct tool *t, const struct tool_boards *boards);

/* Whether all blocks of the journal's board equal those of another board of that size and seq;
 * prints the ones that differ, or that all are equal. `other_name` as in "the server's memory". */
bool tool_boards_equal(struct history_board *journal, struct board *other, const char *other_name);

/* --- the subcommands: usage texts without a newline at the end; functions that return an exit code
 * --- */
extern const char tool_export_usage[], tool_verify_usage[], tool_timelapse_usage[],
	tool_import_usage[];
int tool_export(int argc, char **argv);
int tool_verify(int argc, char **argv);
int tool_timelapse(int argc, char **argv);
int tool_import(int argc, char **argv);

#endif
