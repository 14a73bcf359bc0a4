/* placements_csv.c - see placements_csv.h. */
#include "tools/pixeld/placements_csv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/hash.h"
#include "engine/base/timestamp.h"

#define FIELDS_MAX  6
#define SEED_USER_1 0x75736572ULL /* "user" */
#define SEED_USER_2 0x7573657232ULL

static const char ours_head[] = "seq,time,user,x,y,color";
static const char reddit_head[] = "timestamp,user_id,pixel_color,coordinate";

static int bad(struct placements_csv *c, const char *what)
{
	snprintf(c->why, sizeof(c->why), "line %llu: %s", (unsigned long long)c->line_number, what);
	return -EINVAL;
}

/* The next line without its end. 1, 0: the end of the file, or -EINVAL. */
static int line_read(struct placements_csv *c)
{
	ssize_t len = getline(&c->line, &c->room, c->in);

	if (len < 0 && feof(c->in))
		return 0;
	if (len < 0 || ferror(c->in)) /* also behind the half of a line */
		return bad(c, "the file cannot be read further");
	c->line_number++;
	if (memchr(c->line, 0, (size_t)len) != NULL)
		return bad(c, "it has a zero byte: the file is damaged, or not text");
	while (len > 0 && (c->line[len - 1] == '\n' || c->line[len - 1] == '\r'))
		c->line[--len] = 0;
	return 1;
}

int placements_csv_init(struct placements_csv *c, FILE *in, const struct settings_board *board)
{
	*c = (struct placements_csv){.in = in, .board = board};
	if (line_read(c) == 1) {
		c->is_reddit = strcmp(c->line, reddit_head) == 0;
		if (c->is_reddit || strcmp(c->line, ours_head) == 0)
			return 0;
	}
	snprintf(c->why, sizeof(c->why), "line 1: it must be \"%s\" or \"%s\"", ours_head,
		 reddit_head);
	return -EINVAL;
}

void placements_csv_fini(struct placements_csv *c)
{
	free(c->line);
	c->line = NULL;
}

/* --- fields ----------------------------------------------------------------------------------- */

/* Cuts the line at its commas, in place; quotes hold commas together and are left out. 0: one of
 * them has no other, as in a file that was cut, or no comma behind the other. */
static unsigned fields_split(char *line, char *fields[static FIELDS_MAX])
{
	unsigned count = 0;
	char *at = line;

	while (count < FIELDS_MAX) {
		bool quoted = *at == '"';
		char *end;

		fields[count++] = at + quoted;
		end = strchr(at + quoted, quoted ? '"' : ',');
		if (end == NULL)
			return quoted ? 0 : count;
		at = quoted ? end + 1 : end;
		*end = 0;
		if (quoted && *at == 0)
			return count;
		if (quoted && *at != ',')
			return 0;
		at++;
	}
	return FIELDS_MAX + 1; /* more than that */
}

/* Decimal digits up to `end`; false: none, or too many. */
static bool number_take(const char **at, char end, uint32_t *ret)
{
	uint32_t value = 0;
	const char *from = *at;

	for (; **at >= '0' && **at <= '9' && *at - from < 6; (*at)++)
		value = value * 10 + (uint32_t)(**at - '0');
	if (*at == from || **at != end)
		return false;
	*ret = value;
	(*at) += end != 0;
	return true;
}

static int hex_of(char ch)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = strchr(digits, ch >= 'A' && ch <= 'F' ? ch + 32 : ch);

	return ch != 0 && at != NULL ? (int)(at - digits) : -1;
}

static void user_take(const char *text, uint8_t user[static USER_BYTES])
{
	size_t len = strlen(text);
	uint64_t sums[2] = {hash64(text, len, SEED_USER_1), hash64(text, len, SEED_USER_2)};

	for (int i = 0; len == 2 * USER_BYTES && i < USER_BYTES; i++) {
		int high = hex_of(text[2 * i]), low = hex_of(text[2 * i + 1]);

		if (high < 0 || low < 0)
			len = 0;
		else
			user[i] = (uint8_t)(high * 16 + low);
	}
	if (len != 2 * USER_BYTES)
		memcpy(user, sums, sizeof(sums));
}

/* #rrggbb, by the palette. */
static bool color_take(const struct settings_board *board, const char *text, uint8_t *ret_color)
{
	uint32_t rgb = 0;

	if (strlen(text) != 7 || text[0] != '#')
		return false;
	for (int i = 1; i < 7; i++) {
		if (hex_of(text[i]) < 0)
			return false;
		rgb = rgb << 4 | (uint32_t)hex_of(text[i]);
	}
	for (unsigned i = 0; i < board->colors; i++) {
		if (board->palette[i].rgb == rgb) {
			*ret_color = (uint8_t)i;
			return true;
		}
	}
	return false;
}

/* --- rows ------------------------------------------------------------------------------------- */

static int time_take(struct placements_csv *c, const char *text)
{
	if (timestamp_parse(text, strlen(text), &c->row.placed_at_ms) < 0)
		return bad(c, "this is not a time");
	return 0;
}

static int ours_take(struct placements_csv *c, char *fields[static FIELDS_MAX], unsigned count)
{
	const char *x_text = fields[3], *y_text = fields[4], *color_text = fields[5];
	uint32_t x, y, color;

	if (count != 6)
		return bad(c, "it must have six fields");
	if (!number_take(&x_text, 0, &x) || !number_take(&y_text, 0, &y) || x >= c->board->width ||
	    y >= c->board->height)
		return bad(c, "x or y is outside the board");
	if (!number_take(&color_text, 0, &color) || color >= 1u << c->board->bits)
		return bad(c, "the board has no such color");
	c->row.x = (uint16_t)x;
	c->row.y = (uint16_t)y;
	c->row.color = (uint8_t)color;
	user_take(fields[2], c->row.user);
	return time_take(c, fields[1]);
}

/* "x,y" or "x1,y1,x2,y2" */
static bool coordinate_take(struct placements_csv *c, const char *text)
{
	uint32_t x, y;
	unsigned commas = 0;

	for (const char *p = text; *p != 0; p++)
		commas += *p == ',';
	if (commas != 1 && commas != 3)
		return false;
	if (!number_take(&text, ',', &x) || !number_take(&text, commas == 3 ? ',' : 0, &y))
		return false;
	c->x1 = c->x2 = x;
	c->y2 = y;
	if (commas == 3 && (!number_take(&text, ',', &c->x2) || !number_take(&text, 0, &c->y2)))
		return false;
	if (c->x2 < x || c->y2 < y || c->x2 >= c->board->width || c->y2 >= c->board->height)
		return false;
	c->row.x = (uint16_t)x;
	c->row.y = (uint16_t)y;
	c->in_rectangle = true;
	return true;
}

static int reddit_take(struct placements_csv *c, char *fields[static FIELDS_MAX], unsigned count)
{
	int rc;

	if (count != 4)
		return bad(c, "it must have four fields");
	rc = time_take(c, fields[0]);
	if (rc < 0)
		return rc;
	if (c->row.placed_at_ms < c->last_ms)
		return bad(c, "it is older than the line before: sort the file by its first field");
	c->last_ms = c->row.placed_at_ms;
	if (!color_take(c->board, fields[2], &c->row.color))
		return bad(c, "the board's palette has no such color: give it one with --config");
	if (!coordinate_take(c, fields[3]))
		return bad(c, "this is not a coordinate on the board");
	user_take(fields[1], c->row.user);
	return 0;
}

int placements_csv_next(struct placements_csv *c, struct record_placement *ret_placement)
{
	char *fields[FIELDS_MAX] = {NULL};
	unsigned count;
	int rc;

	if (!c->in_rectangle) {
		rc = line_read(c);
		if (rc <= 0)
			return rc;
		count = fields_split(c->line, fields);
		if (count == 0)
			return bad(c, "a quote is not closed before a comma or the end");
		rc = c->is_reddit ? reddit_take(c, fields, count) : ours_take(c, fields, count);
		if (rc < 0)
			return rc;
	}
	*ret_placement = c->row;
	if (!c->in_rectangle)
		return 1;
	if (c->row.x < c->x2) {
		c->row.x++;
	} else if (c->row.y < c->y2) {
		c->row.x = (uint16_t)c->x1;
		c->row.y++;
	} else {
		c->in_rectangle = false;
	}
	return 1;
}
