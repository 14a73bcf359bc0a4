/* test_face.c - what a face is made of, and what of it tells one from another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "engine/face.h"

static const struct palette_color two[] = {{"white", 0xffffff}, {"red", 0xe50000}};

static struct face_plan plan(void)
{
	return (struct face_plan){.name = "main",
				  .number = 3,
				  .journal_id = 7,
				  .version = 1,
				  .width = 20,
				  .height = 10,
				  .bits = 4,
				  .cooldown_ms = 5000,
				  .palette_len = 2,
				  .palette = two};
}

static struct face *made(const struct face_plan *p)
{
	struct face *f = NULL;

	assert_int_equal(face_new(p, &f), 0);
	return f;
}

static uint32_t tag_of(const struct face_plan *p)
{
	struct face *f = made(p);
	uint32_t tag = f->tag;

	face_unref(f);
	return tag;
}

static void face_has_what_was_planned(void **state)
{
	struct face_plan p = plan();
	struct face *f = made(&p);

	(void)state;
	assert_int_equal(f->version, 1);
	assert_int_equal(f->width, 20);
	assert_int_equal(f->height, 10);
	assert_int_equal(f->bits, 4);
	assert_false(f->frozen);
	assert_int_equal(f->cooldown_ms, 5000);
	assert_int_equal(f->palette_len, 2);
	assert_string_equal(f->palette[1].name, "red");
	assert_int_equal(f->palette[1].rgb, 0xe50000);
	face_unref(f);
}

static void text_tells_all_of_it(void **state)
{
	struct face_plan p = plan();
	char wanted[512];
	struct face *f;

	(void)state;
	p.frozen = true;
	f = made(&p);
	snprintf(
		wanted, sizeof(wanted),
		"{\"name\":\"main\",\"number\":3,\"width\":20,\"height\":10,\"bits\":4,"
		"\"frozen\":true,\"cooldown_ms\":5000,\"tag\":%u,\"palette\":["
		"{\"name\":\"white\",\"rgb\":\"#ffffff\"},{\"name\":\"red\",\"rgb\":\"#e50000\"}]}",
		f->tag);
	assert_string_equal(f->json, wanted);
	assert_int_equal(f->json_len, strlen(wanted));
	face_unref(f);
}

static void longest_text_fits(void **state)
{
	static struct palette_color all[BOARD_COLORS_MAX];
	char name[BOARD_NAME_BYTES_MAX + 1];
	struct face_plan p = plan();
	struct face *f;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (unsigned i = 0; i < BOARD_COLORS_MAX; i++)
		memset(all[i].name, 'c', COLOR_NAME_CHARS - 1);
	p.name = name;
	p.number = UINT16_MAX;
	p.width = p.height = p.cooldown_ms = UINT32_MAX;
	p.bits = 8;
	p.palette_len = BOARD_COLORS_MAX;
	p.palette = all;
	f = made(&p);
	assert_true(f->json_len > BOARD_COLORS_MAX * 50);
	assert_true(f->json_len <= FACE_JSON_BYTES_MAX);
	face_unref(f);
}

static void tag_follows_journal_size_and_palette_only(void **state)
{
	struct palette_color other[] = {{"white", 0xffffff}, {"red", 0xe50001}};
	struct face_plan p = plan();
	uint32_t tag = tag_of(&p);

	(void)state;
	p.version = 2;
	p.frozen = true;
	p.cooldown_ms = 0;
	assert_int_equal(tag_of(&p), tag);
	p.palette = other;
	assert_int_not_equal(tag_of(&p), tag);
	p = plan();
	p.palette_len = 1;
	assert_int_not_equal(tag_of(&p), tag);
	p = plan();
	p.height = 11;
	assert_int_not_equal(tag_of(&p), tag);
	p = plan();
	p.journal_id = 8;
	assert_int_not_equal(tag_of(&p), tag);
}

static void face_lives_while_somebody_holds_it(void **state)
{
	struct face_plan p = plan();
	struct face *f = made(&p), *held = face_ref(f);

	(void)state;
	face_unref(f);
	assert_string_equal(held->palette[0].name, "white"); /* a sanitizer sees it if not */
	face_unref(held);
	face_unref(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(face_has_what_was_planned),
		cmocka_unit_test(text_tells_all_of_it),
		cmocka_unit_test(longest_text_fits),
		cmocka_unit_test(tag_follows_journal_size_and_palette_only),
		cmocka_unit_test(face_lives_while_somebody_holds_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
