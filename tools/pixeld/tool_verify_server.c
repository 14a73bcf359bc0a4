/*
 * tool_verify_server.c - `pixeld verify --server URL`: does the server show what its journal makes?
 *
 * Each board is fetched as it is in the server's memory, with its seq, and built from the journal
 * up to that seq. What the server shows is durable: so all of it is in the files, whatever they
 * call durable themselves.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "edge/fetch/board_fetch.h"
#include "edge/fetch/target.h"
#include "tools/pixeld/tool.h"

struct check {
	struct tool *tool;
	struct target target;
	bool differs;
};

static int journal_board(struct check *c, struct history_board *b, uint64_t seq)
{
	const struct history_moment moment = {.seq = seq, .at_ms = UINT64_MAX};
	int rc = history_board_begin(c->tool->history, b, &moment);

	if (rc == 0)
		rc = 1;
	while (rc == 1)
		rc = history_board_step(c->tool->history, b, &moment);
	return rc;
}

static int memory_compare(struct check *c, struct history_board *b, const struct board_bytes *got)
{
	struct board *memory;
	int rc;

	if (b->seq != got->seq || b->epoch != got->epoch || got->len != board_bytes(b->board)) {
		printf("board %s: the server's memory is at seq %" PRIu64
		       " of epoch %u, the journal has seq %" PRIu64 " of epoch %u\n",
		       b->meta.name, got->seq, got->epoch, b->seq, b->epoch);
		c->differs = true;
		return 0;
	}
	rc = board_new(b->meta.width, b->meta.height, b->meta.bits, &memory);
	if (rc < 0)
		return rc;
	board_load(memory, got->bytes, got->len);
	c->differs |= !tool_boards_equal(b, memory, "the server's memory");
	board_free(memory);
	return 0;
}

/* EXIT_PASS; another code, and it was said; -errno of the disk. */
static int board_check(struct check *c, const struct record_board *meta)
{
	struct board_bytes got;
	struct history_board b;
	int rc = board_fetch(&c->target, meta->name, &got);

	if (rc == -ENOENT)
		printf("board %s: the server does not serve it\n", meta->name);
	if (rc < 0 && rc != -ENOENT)
		return tool_fail(rc == -EBADMSG ? EXIT_FAILED : EXIT_UNREACHABLE,
				 "%s: the board %s: %s", c->tool->server, meta->name,
				 rc == -EBADMSG ? "this is not a pixeld" : strerror(-rc));
	if (rc < 0)
		return EXIT_PASS;
	history_board_init(&b, meta->board);
	rc = history_look(c->tool->history, UINT64_MAX);
	if (rc == 0)
		rc = journal_board(c, &b, got.seq);
	if (rc == 0 && b.board == NULL)
		rc = -ENODATA;
	if (rc == 0)
		rc = memory_compare(c, &b, &got);
	history_board_fini(&b);
	free(got.bytes);
	return rc;
}

/* board_fetch() speaks HTTP; ws:// has always been taken for the same address. */
static bool scheme_is_ours(const char *url)
{
	return strncmp(url, "http://", 7) == 0 || strncmp(url, "ws://", 5) == 0;
}

int tool_verify_server(struct tool *t, const struct tool_boards *boards)
{
	struct check c = {.tool = t};
	const char *why;
	int rc;

	if (!scheme_is_ours(t->server))
		return tool_fail(EXIT_USAGE,
				 "--server %s: give http:// and the address that it listens on",
				 t->server);
	if (target_parse(t->server, &c.target, &why) < 0)
		return tool_fail(EXIT_USAGE, "--server %s: %s", t->server, why);
	if (target_resolve(&c.target) < 0)
		return tool_fail(EXIT_UNREACHABLE, "--server %s: the host is not known", t->server);
	rc = EXIT_PASS;
	for (uint32_t i = 0; rc == EXIT_PASS && i < boards->count; i++) {
		rc = board_check(&c, &boards->at[i]);
		if (rc == -ENODATA) {
			printf("board %s: not compared: the journal does not reach back that far\n",
			       boards->at[i].name);
			rc = EXIT_PASS;
		}
	}
	if (rc < 0)
		return tool_fail_disk(t, rc);
	return rc == EXIT_PASS && c.differs ? EXIT_DATA_WRONG : rc;
}
