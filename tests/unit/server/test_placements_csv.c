/* test_placements_csv.c - a file for `pixeld import` that was cut or damaged is not taken for
 * whole. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tools/pixeld/placements_csv.h"

#define OURS   "seq,time,user,x,y,color\n"
#define REDDIT "timestamp,user_id,pixel_color,coordinate\n"

static const struct settings_board board = {
	.name = "main",
	.width = 1000,
	.height = 1000,
	.bits = 4,
	.colors = 1,
	.palette = {{.rgb = 0xffffff}},
};

struct source {
	const char *bytes;
	size_t len, at;
	bool breaks; /* behind them: the disk says EIO, once */
};

static ssize_t source_read(void *cookie, char *out, size_t room)
{
	struct source *s = cookie;
	size_t len = s->len - s->at < room ? s->len - s->at : room;

	if (len == 0 && s->breaks) {
		s->breaks = false;
		errno = EIO;
		return -1;
	}
	memcpy(out, s->bytes + s->at, len);
	s->at += len;
	return (ssize_t)len;
}

/* How many placements there are before the end, or before what is refused with `word`. */
static unsigned rows_of(struct source source, const char *word)
{
	FILE *in = fopencookie(&source, "r", (cookie_io_functions_t){.read = source_read});
	struct record_placement p;
	struct placements_csv c;
	unsigned count = 0;
	int rc;

	assert_non_null(in);
	assert_int_equal(placements_csv_init(&c, in, &board), 0);
	while ((rc = placements_csv_next(&c, &p)) == 1)
		count++;
	assert_int_equal(rc, word == NULL ? 0 : -EINVAL);
	if (word != NULL && strstr(c.why, word) == NULL)
		fail_msg("\"%s\" has no \"%s\"", c.why, word);
	placements_csv_fini(&c);
	(void)fclose(in);
	return count;
}

#define SOURCE(text) ((struct source){.bytes = (text), .len = sizeof(text) - 1})

#define OURS_ROW   "1,2017-03-31T00:00:00.000Z,x,1,2,3\n"
#define REDDIT_ROW "2022-04-03 17:38:22.252 UTC,u,#FFFFFF,\"12,134\"\n"

static void both_formats_are_read_to_their_end(void **state)
{
	(void)state;
	assert_int_equal(rows_of(SOURCE(OURS OURS_ROW OURS_ROW), NULL), 2);
	assert_int_equal(rows_of(SOURCE(REDDIT REDDIT_ROW REDDIT_ROW), NULL), 2);
	assert_int_equal(rows_of(SOURCE(OURS "1,0,x,1,2,3"), NULL), 1);
	assert_int_equal(rows_of(SOURCE(OURS "1,0,\"x,y\",1,2,3\r\n"), NULL), 1);
}

static void quote_that_is_not_closed_is_refused(void **state)
{
	(void)state;
	assert_int_equal(
		rows_of(SOURCE(REDDIT REDDIT_ROW "2022-04-03 17:38:23 UTC,u,#FFFFFF,\"12,13"),
			"line 3: a quote"),
		1);
	assert_int_equal(rows_of(SOURCE(OURS OURS_ROW "2,0,x,1,2,\"3"), "line 3: a quote"), 1);
	assert_int_equal(rows_of(SOURCE(OURS OURS_ROW "2,0,x,1,2,\"3\"4"), "line 3: a quote"), 1);
}

static void zero_byte_does_not_hide_the_rest_of_its_line(void **state)
{
	(void)state;
	assert_int_equal(
		rows_of(SOURCE(OURS OURS_ROW "2,0,x,1,2,3\0" OURS_ROW), "line 3: it has a zero"),
		1);
	assert_int_equal(rows_of(SOURCE(OURS "2,0,x\0z,1,2,3\n"), "line 2: it has a zero"), 0);
}

static void what_was_read_of_a_line_before_the_disk_failed_is_not_taken(void **state)
{
	struct source source = SOURCE(OURS OURS_ROW "2,0,x,1,2,1"); /* of 15 */

	(void)state;
	source.breaks = true;
	assert_int_equal(rows_of(source, "cannot be read further"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_formats_are_read_to_their_end),
		cmocka_unit_test(quote_that_is_not_closed_is_refused),
		cmocka_unit_test(zero_byte_does_not_hide_the_rest_of_its_line),
		cmocka_unit_test(what_was_read_of_a_line_before_the_disk_failed_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
