/*
 * fuzz_placements.c - the CSV of `pixeld import`, in both formats, of any bytes.
 *
 * What is accepted is on the board, is the same however the file is cut into reads, and comes back
 * when it is written as `pixeld export` does. What is not is refused with its line; so is a zero
 * byte, behind which something could hide.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/timestamp.h"
#include "tools/pixeld/placements_csv.h"

#define ROWS_MAX 20000u /* of one input: a rectangle may have a million */
#define COLORS   5u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct settings_board board = {
	.name = "main",
	.width = 1000,
	.height = 500,
	.bits = 4,
	.colors = COLORS,
	.palette = {{.rgb = 0xffffff},
		    {.rgb = 0xff4500},
		    {.rgb = 0x000000},
		    {.rgb = 0x3690ea},
		    {.rgb = 0xe50000}},
};

struct source {
	const uint8_t *data;
	size_t len, at;
	size_t step; /* no read gives more than this */
};

struct rows {
	struct record_placement *items;
	unsigned count;
	int end; /* what came behind them; 0 also when there are more than ROWS_MAX */
	char why[PLACEMENTS_CSV_WHY];
};

static ssize_t source_read(void *cookie, char *out, size_t room)
{
	struct source *s = cookie;
	size_t len = s->len - s->at;

	len = len < room ? len : room;
	len = len < s->step ? len : s->step;
	memcpy(out, s->data + s->at, len);
	s->at += len;
	return (ssize_t)len;
}

static void row_is_sound(const struct placements_csv *c, const struct record_placement *p,
			 uint64_t before_ms)
{
	px_assert(p->x < board.width && p->y < board.height);
	px_assert(p->color < (c->is_reddit ? COLORS : 1u << board.bits));
	px_assert(!c->is_reddit || p->placed_at_ms >= before_ms);
}

static void refusal_is_sound(const char *why)
{
	size_t len = strnlen(why, PLACEMENTS_CSV_WHY);

	px_assert(len > 0 && len < PLACEMENTS_CSV_WHY - 1);
	px_assert(strncmp(why, "line ", 5) == 0 && strchr(why, '\n') == NULL);
}

static void rows_read(struct rows *r, const uint8_t *data, size_t len, size_t step)
{
	struct source source = {.data = data, .len = len, .step = step};
	FILE *in = fopencookie(&source, "r", (cookie_io_functions_t){.read = source_read});
	struct placements_csv c;
	struct record_placement p = {0};

	px_assert(in != NULL);
	r->count = 0;
	r->end = placements_csv_init(&c, in, &board);
	while (r->end == 0 && r->count < ROWS_MAX && (r->end = placements_csv_next(&c, &p)) == 1) {
		row_is_sound(&c, &p, r->count > 0 ? r->items[r->count - 1].placed_at_ms : 0);
		r->items[r->count++] = p;
		r->end = 0;
	}
	px_assert(r->end == 0 || r->end == -EINVAL);
	if (r->end < 0)
		refusal_is_sound(c.why);
	memcpy(r->why, c.why, sizeof(r->why));
	placements_csv_fini(&c);
	(void)fclose(in);
}

static bool is_same(const struct record_placement *a, const struct record_placement *b)
{
	return a->x == b->x && a->y == b->y && a->color == b->color &&
	       a->placed_at_ms == b->placed_at_ms && memcmp(a->user, b->user, sizeof(a->user)) == 0;
}

static void rows_are_same(const struct rows *a, const struct rows *b)
{
	px_assert(a->count == b->count);
	for (unsigned i = 0; i < a->count; i++)
		px_assert(is_same(&a->items[i], &b->items[i]));
}

/* In the form of `pixeld export`. */
static void rows_write(const struct rows *r, FILE *out)
{
	fputs("seq,time,user,x,y,color\n", out);
	for (unsigned i = 0; i < r->count; i++) {
		const struct record_placement *p = &r->items[i];
		char time[TIMESTAMP_BYTES];

		timestamp_print(p->placed_at_ms, time);
		fprintf(out, "%u,%s,", i + 1, time);
		for (unsigned k = 0; k < USER_BYTES; k++)
			fprintf(out, "%02x", p->user[k]);
		fprintf(out, ",%u,%u,%u\n", p->x, p->y, p->color);
	}
}

static void rows_come_back(const struct rows *r, struct rows *room)
{
	char *bytes = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&bytes, &len);

	px_assert(out != NULL);
	rows_write(r, out);
	(void)fclose(out);
	rows_read(room, (const uint8_t *)bytes, len, SIZE_MAX);
	px_assert(room->end == 0);
	rows_are_same(r, room);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct record_placement items[2][ROWS_MAX];
	static struct rows whole = {.items = items[0]}, other = {.items = items[1]};

	if (size > 65536)
		return 0;
	rows_read(&whole, data, size, SIZE_MAX);
	rows_read(&other, data, size, size % 7 + 1);
	px_assert(whole.end == other.end && strcmp(whole.why, other.why) == 0);
	rows_are_same(&whole, &other);
	if (whole.end == 0 && whole.count < ROWS_MAX)
		px_assert(memchr(data, 0, size) == NULL);
	rows_come_back(&whole, &other);
	return 0;
}
