/*
 * test_web_asset.c - the embedded page: found by exact path, complete, one content in every coding.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "web/web_asset.h"

#define PATH_BYTES_MAX 256

static const struct web_asset *find(const char *path)
{
	return web_asset_find(path, strlen(path));
}

static const struct web_asset *page(void)
{
	const struct web_asset *a = find("/");

	assert_non_null(a);
	return a;
}

/*
 * The next path "/assets/..." in quotes from *at on, which moves behind it. False: there is none.
 */
static bool next_reference(const uint8_t **at, const uint8_t *end, char path[static PATH_BYTES_MAX])
{
	static const char prefix[] = "/assets/";
	const uint8_t *from = memmem(*at, (size_t)(end - *at), prefix, sizeof(prefix) - 1);
	size_t len = 0;

	if (from == NULL)
		return false;
	while (from + len < end && strchr("\"')", from[len]) == NULL) {
		assert_true(len < PATH_BYTES_MAX - 1);
		path[len] = (char)from[len];
		len++;
	}
	path[len] = '\0';
	*at = from + len;
	return true;
}

/* Checks all that an asset refers to, and what that refers to; returns how many references. */
static unsigned check_references(const struct web_asset *a, unsigned depth)
{
	const uint8_t *at = a->identity.at, *end = at + a->identity.len;
	char path[PATH_BYTES_MAX];
	unsigned count = 0;

	assert_true(depth < 20);
	while (next_reference(&at, end, path)) {
		const struct web_asset *other = find(path);

		if (other == NULL)
			fail_msg("%s refers to %s, which is not there", a->path, path);
		assert_true(other->immutable);
		count += 1 + check_references(other, depth + 1);
	}
	return count;
}

static void page_is_found_and_not_kept(void **state)
{
	(void)state;
	assert_string_equal(page()->path, "/");
	assert_string_equal(page()->content_type, "text/html; charset=utf-8");
	assert_false(page()->immutable);
	assert_memory_equal(page()->identity.at, "<!doctype html>", 15);
}

static void everything_the_page_refers_to_is_found(void **state)
{
	(void)state;
	assert_true(check_references(page(), 0) > 10);
}

/* A name that was not rewritten would be asked for beside the page and not be found. */
static void no_reference_has_its_name_without_hash(void **state)
{
	static const char *const names[] = {"\"./", "'./", "\"main.js\"", "\"style.css\""};
	const uint8_t *at = page()->identity.at, *end = at + page()->identity.len;
	char path[PATH_BYTES_MAX];
	const struct web_asset *a = page();

	(void)state;
	do {
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			assert_null(memmem(a->identity.at, a->identity.len, names[i],
					   strlen(names[i])));
		a = next_reference(&at, end, path) ? find(path) : NULL;
	} while (a != NULL);
}

static void a_path_is_found_whole_or_not_at_all(void **state)
{
	const uint8_t *at = page()->identity.at, *end = at + page()->identity.len;
	char path[PATH_BYTES_MAX], longer[PATH_BYTES_MAX + 1];
	size_t len;

	(void)state;
	assert_true(next_reference(&at, end, path));
	len = strlen(path);
	for (size_t i = 2; i < len; i++)
		assert_null(web_asset_find(path, i));
	assert_non_null(web_asset_find(path, len));
	snprintf(longer, sizeof(longer), "%sx", path);
	assert_non_null(web_asset_find(longer, len));
	assert_null(web_asset_find(longer, len + 1));
	assert_null(web_asset_find("", 0));
	assert_null(find("/index.html"));
	assert_null(find("/assets/"));
	assert_null(find("/zzz"));
}

/* The last four bytes of gzip are the length of what was compressed, low byte first. */
static void gzip_is_of_the_same_content(void **state)
{
	const struct web_bytes *gzip = &page()->gzip;
	size_t len = 0;

	(void)state;
	assert_true(gzip->len > 18 && gzip->len < page()->identity.len);
	assert_int_equal(gzip->at[0], 0x1f);
	assert_int_equal(gzip->at[1], 0x8b);
	for (size_t i = 1; i <= 4; i++)
		len = len << 8 | gzip->at[gzip->len - i];
	assert_int_equal(len, page()->identity.len);
}

static void etag_is_weak_and_quoted(void **state)
{
	size_t len = strlen(page()->etag);

	(void)state;
	assert_memory_equal(page()->etag, "W/\"", 3);
	assert_int_equal(page()->etag[len - 1], '"');
	assert_int_equal(len, 3 + 16 + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page_is_found_and_not_kept),
		cmocka_unit_test(everything_the_page_refers_to_is_found),
		cmocka_unit_test(no_reference_has_its_name_without_hash),
		cmocka_unit_test(a_path_is_found_whole_or_not_at_all),
		cmocka_unit_test(gzip_is_of_the_same_content),
		cmocka_unit_test(etag_is_weak_and_quoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
