/*
 * tool_timelapse.c - `pixeld timelapse`: the board through time, as an animated PNG.
 *
 * The journal is read once, from the first frame to the last.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "edge/picture/apng.h"
#include "edge/picture/pack.h"
#include "engine/base/blob.h"
#include "engine/face.h"
#include "engine/base/timestamp.h"
#include "tools/pixeld/tool.h"

#define FRAMES_DEFAULT 100
#define FRAMES_MAX     10000
#define DELAY_MS_MAX   65535

const char tool_timelapse_usage[] =
	"usage: pixeld timelapse --data DIR -o FILE.apng [--board main] [--from TIME] [--to TIME]\n"
	"                        [--step 1min] [--delay 100ms] [--config FILE]\n"
	"       a frame at --from and after each --step, the last one at --to; without them the\n"
	"       whole history in 100 frames. Colors come from the settings";

struct timelapse {
	struct tool tool;
	FILE *out;
	struct packer *packer;
	struct face face;
	struct history_board board;
	struct apng apng;
};

/* --- from when to when ------------------------------------------------------------------------ */

struct span {
	uint64_t first_ms, last_ms;
	uint16_t board;
};

static int span_note(void *arg, uint64_t lsn, const struct record *record)
{
	struct span *s = arg;
	struct record_cells cells = {record, 0};
	const struct record_placement *p;

	(void)lsn;
	while ((p = record_cells_next(&cells)) != NULL && p->board == s->board) {
		if (s->first_ms == 0)
			s->first_ms = p->placed_at_ms;
		s->last_ms = p->placed_at_ms;
	}
	return 0;
}

/* What is not given comes from the history itself. */
static int span_fill(struct timelapse *t)
{
	struct tool *tool = &t->tool;
	struct span s = {.board = t->board.number};
	const struct history_handler handler = {.arg = &s, .record = span_note};
	struct history_cursor c = {.next_lsn = history_first(tool->history)};
	uint64_t frames;
	int rc = 1;

	while ((tool->from_ms == 0 || tool->to_ms == UINT64_MAX) && rc == 1)
		rc = history_step(tool->history, &c, &handler);
	if (rc < 0)
		return tool_fail_disk(tool, rc);
	if (tool->from_ms == 0)
		tool->from_ms = s.first_ms;
	if (tool->to_ms == UINT64_MAX)
		tool->to_ms = s.last_ms;
	if (tool->to_ms < tool->from_ms)
		return tool_fail(EXIT_USAGE, "--to is before --from");
	if (tool->step_ms == 0)
		tool->step_ms = (tool->to_ms - tool->from_ms) / (FRAMES_DEFAULT - 1) + 1;
	/* the last frame is at --to, also when the steps do not end there */
	frames = (tool->to_ms - tool->from_ms + tool->step_ms - 1) / tool->step_ms + 1;
	if (frames > FRAMES_MAX)
		return tool_fail(EXIT_USAGE,
				 "%" PRIu64
				 " frames are too many (%d are allowed): make --step longer",
				 frames, FRAMES_MAX);
	t->apng.frames = (uint32_t)frames;
	return EXIT_PASS;
}

/* --- frames ----------------------------------------------------------------------------------- */

static int bytes_put(void *arg, const void *bytes, size_t len)
{
	return fwrite(bytes, 1, len, arg) == len ? 0 : -EIO;
}

static int frame_put(struct timelapse *t)
{
	struct board_copy *copy;
	struct blob *png;
	int rc;

	(void)board_copy_begin(t->board.board, t->board.epoch, t->board.seq);
	copy = board_copy_step(t->board.board, SIZE_MAX);
	png = packer_run(t->packer, &t->face, copy, FORM_PNG);
	board_copy_unref(copy);
	if (png == NULL)
		return -ENOMEM;
	rc = apng_frame_put(&t->apng, png->bytes, png->len);
	blob_unref(png);
	return rc;
}

static int moment_unknown(const struct timelapse *t, uint64_t at_ms)
{
	char text[TIMESTAMP_BYTES], since_text[TIMESTAMP_BYTES];
	uint64_t seq, since;

	timestamp_print(at_ms, text);
	if (history_board_since(t->tool.history, t->board.number, &seq, &since) < 0)
		return tool_fail(EXIT_FAILED, "history does not reach back to %s", text);
	timestamp_print(since, since_text);
	return tool_fail(EXIT_FAILED, "history does not reach back to %s: begin with --from %s",
			 text, since_text);
}

static int frames_put(struct timelapse *t)
{
	for (uint32_t i = 0; i < t->apng.frames; i++) {
		struct history_moment m = {UINT64_MAX, t->tool.from_ms + i * t->tool.step_ms};
		int rc;

		if (m.at_ms > t->tool.to_ms)
			m.at_ms = t->tool.to_ms;
		rc = history_board_begin(t->tool.history, &t->board, &m);
		for (int more = 1; rc == 0 && more == 1;) {
			more = history_board_step(t->tool.history, &t->board, &m);
			rc = more < 0 ? more : 0;
		}
		if (rc == 0 && t->board.board == NULL)
			return moment_unknown(t, m.at_ms);
		if (rc == 0)
			rc = frame_put(t);
		if (rc < 0 && !ferror(t->out))
			return tool_fail_disk(&t->tool, rc);
	}
	(void)apng_end_put(&t->apng); /* what fails is seen when the file is closed */
	return EXIT_PASS;
}

static int timelapse_write(struct timelapse *t)
{
	int rc = span_fill(t);

	if (rc != EXIT_PASS)
		return rc;
	t->out = tool_out_open(&t->tool);
	if (t->out == NULL)
		return EXIT_FAILED;
	t->apng.arg = t->out;
	t->apng.put = bytes_put;
	t->apng.delay_ms = (uint32_t)t->tool.delay_ms;
	return tool_out_close(&t->tool, t->out, frames_put(t));
}

static int room_make(struct timelapse *t, const struct record_board *meta)
{
	const struct settings_board *board;
	struct settings *settings;
	int rc = tool_palette(&t->tool, meta, &settings, &board);

	if (rc != EXIT_PASS)
		return rc;
	t->face.width = meta->width;
	t->face.height = meta->height;
	t->face.bits = meta->bits;
	t->face.palette_len = board->colors;
	for (unsigned i = 0; i < board->colors; i++)
		t->face.palette[i].rgb = board->palette[i].rgb;
	settings_free(settings);
	return EXIT_PASS;
}

int tool_timelapse(int argc, char **argv)
{
	static struct timelapse t;
	struct record_board meta;
	int rc;

	t = (struct timelapse){.tool = {.usage = tool_timelapse_usage}};
	rc = tool_parse(&t.tool, argc, argv,
			TOOL_BOARD | TOOL_SPAN | TOOL_STEP | TOOL_OUT | TOOL_CONFIG);
	if (rc != EXIT_PASS)
		return rc;
	if (t.tool.out == NULL || t.tool.delay_ms > DELAY_MS_MAX)
		return tool_fail(EXIT_USAGE, "-o FILE is needed, and --delay is at most 65s\n%s",
				 tool_timelapse_usage);
	rc = tool_open(&t.tool);
	if (rc == EXIT_PASS)
		rc = tool_board_find(&t.tool, &meta);
	if (rc == EXIT_PASS)
		rc = room_make(&t, &meta);
	if (rc == EXIT_PASS && packer_new(&t.packer) < 0)
		rc = tool_fail(EXIT_FAILED, "no memory");
	if (rc == EXIT_PASS) {
		history_board_init(&t.board, meta.board);
		rc = timelapse_write(&t);
		history_board_fini(&t.board);
	}
	packer_free(t.packer);
	tool_close(&t.tool);
	return rc;
}
