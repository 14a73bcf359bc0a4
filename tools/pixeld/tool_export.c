/*
 * tool_export.c - `pixeld export`: the placements of a board as CSV, in their order.
 *
 *	seq,time,user,x,y,color
 *	1,2017-03-31T18:00:00.123Z,00112233445566778899aabbccddeeff,3,4,7
 */
#include <errno.h>
#include <inttypes.h>

#include "engine/base/timestamp.h"
#include "tools/pixeld/tool.h"

const char tool_export_usage[] =
	"usage: pixeld export --data DIR [--board main] [--from TIME] [--to TIME] [-o FILE]\n"
	"       writes placements as CSV: seq,time,user,x,y,color; from TIME on, and before TIME";

struct export
{
	struct tool tool;
	FILE *out;
	uint16_t board;
};

static void user_print(const uint8_t user[static USER_BYTES], char out[static 2 * USER_BYTES + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < USER_BYTES; i++) {
		out[2 * i] = digits[user[i] >> 4];
		out[2 * i + 1] = digits[user[i] & 15];
	}
	out[2 * USER_BYTES] = 0;
}

static void placement_print(const struct export *e, const struct record_placement *p)
{
	char time[TIMESTAMP_BYTES], user[2 * USER_BYTES + 1];

	if (p->board != e->board || p->placed_at_ms < e->tool.from_ms ||
	    p->placed_at_ms >= e->tool.to_ms)
		return;
	timestamp_print(p->placed_at_ms, time);
	user_print(p->user, user);
	fprintf(e->out, "%" PRIu64 ",%s,%s,%u,%u,%u\n", p->seq, time, user, p->x, p->y, p->color);
}

static int record_print(void *arg, uint64_t lsn, const struct record *record)
{
	const struct export *e = arg;
	struct record_cells cells = {record, 0};
	const struct record_placement *p;

	(void)lsn;
	while ((p = record_cells_next(&cells)) != NULL)
		placement_print(e, p);
	return ferror(e->out) ? -EIO : 0;
}

static int export_run(struct export *e)
{
	const struct history_handler handler = {
		.arg = e, .record = record_print, .gap = tool_gap_say};
	struct history_cursor c = {.next_lsn = history_first(e->tool.history)};
	int rc = 1;

	if (c.next_lsn > 1 && c.next_lsn <= history_upto(e->tool.history) &&
	    c.next_lsn != UINT64_MAX)
		fprintf(stderr,
			"pixeld: %s: the journal is kept from record %" PRIu64
			" on; earlier placements are not in this file\n",
			e->tool.data, c.next_lsn);
	fputs("seq,time,user,x,y,color\n", e->out);
	while (rc == 1)
		rc = history_step(e->tool.history, &c, &handler);
	if (rc < 0 && !ferror(e->out))
		return tool_fail_disk(&e->tool, rc);
	return e->tool.gap ? EXIT_DATA_WRONG : EXIT_PASS;
}

int tool_export(int argc, char **argv)
{
	struct export e = {.tool = {.usage = tool_export_usage}};
	struct record_board meta;
	int rc = tool_parse(&e.tool, argc, argv, TOOL_BOARD | TOOL_SPAN | TOOL_OUT);

	if (rc != EXIT_PASS)
		return rc;
	rc = tool_open(&e.tool);
	if (rc == EXIT_PASS)
		rc = tool_board_find(&e.tool, &meta);
	if (rc == EXIT_PASS) {
		e.board = meta.board;
		e.out = tool_out_open(&e.tool);
		rc = e.out != NULL ? tool_out_close(&e.tool, e.out, export_run(&e)) : EXIT_FAILED;
	}
	tool_close(&e.tool);
	return rc;
}
