/*
 * test_session.c - tokens that hold, and the many that must not. One thread, but for one test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/codec/session.h"
#include "edge/codec/ws_frame.h"

#define ISSUED  1700000000u
#define EXPIRES 1700003600u

static struct session_key *key;
static const uint8_t user[USER_BYTES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255};
static const char secret[] = "a secret of some length";

static bool is_out_of_memory; /* for OpenSSL */

static void *openssl_malloc(size_t bytes, const char *file, int line)
{
	(void)file;
	(void)line;
	return is_out_of_memory ? NULL : malloc(bytes);
}

static void *openssl_realloc(void *at, size_t bytes, const char *file, int line)
{
	(void)file;
	(void)line;
	return is_out_of_memory ? NULL : realloc(at, bytes);
}

static void openssl_free(void *at, const char *file, int line)
{
	(void)file;
	(void)line;
	free(at);
}

static int make_key(void **state)
{
	(void)state;
	return session_key_new((const uint8_t *)secret, strlen(secret), &key);
}

static int drop_key(void **state)
{
	(void)state;
	session_key_free(key);
	return 0;
}

static void minted_token_names_its_user(void **state)
{
	char token[SESSION_TOKEN_CHARS_MAX];
	uint8_t found[16] = {0};
	size_t len = session_mint(key, user, ISSUED, EXPIRES, token);

	(void)state;
	assert_int_equal(len, strlen(token));
	assert_int_equal(session_verify(key, token, len, ISSUED, found, NULL), 0);
	assert_memory_equal(found, user, 16);
}

/* The value was made with Python: hmac, hashlib, base64. */
static void token_is_that_of_another_implementation(void **state)
{
	char token[SESSION_TOKEN_CHARS_MAX];

	(void)state;
	session_mint(key, user, ISSUED, EXPIRES, token);
	assert_string_equal(token, "AQABAgMEBQYHCAkKCwwNDv8A8VNlAAAAABD_U2UAAAAA."
				   "uBz25bfZl2jif6NdDFlec636L0QPSN7GuDZBOYnbDtU");
}

static void token_ends_with_its_time(void **state)
{
	char token[SESSION_TOKEN_CHARS_MAX];
	uint8_t found[16] = {7};
	size_t len = session_mint(key, user, ISSUED, EXPIRES, token);

	(void)state;
	assert_int_equal(session_verify(key, token, len, EXPIRES - 1, found, NULL), 0);
	found[0] = 7;
	assert_int_equal(session_verify(key, token, len, EXPIRES, found, NULL), -ETIMEDOUT);
	assert_int_equal(session_verify(key, token, len, UINT64_MAX, found, NULL), -ETIMEDOUT);
	assert_int_equal(found[0], 7);
}

static void token_with_any_bit_flipped_is_refused(void **state)
{
	char token[SESSION_TOKEN_CHARS_MAX];
	uint8_t found[16];
	size_t len = session_mint(key, user, ISSUED, EXPIRES, token);

	(void)state;
	for (size_t bit = 0; bit < 8 * len; bit++) {
		token[bit / 8] = (char)(token[bit / 8] ^ (1 << bit % 8));
		assert_int_equal(session_verify(key, token, len, ISSUED, found, NULL), -EBADMSG);
		token[bit / 8] = (char)(token[bit / 8] ^ (1 << bit % 8));
	}
}

static void token_of_another_length_is_refused(void **state)
{
	char token[SESSION_TOKEN_CHARS_MAX + 1] = {0};
	uint8_t found[16];
	size_t len = session_mint(key, user, ISSUED, EXPIRES, token);

	(void)state;
	token[len] = '=';
	for (size_t n = 0; n < SESSION_TOKEN_CHARS_MAX; n++)
		if (n != len)
			assert_int_equal(session_verify(key, token, n, ISSUED, found, NULL),
					 -EBADMSG);
}

static void token_of_another_key_is_refused(void **state)
{
	char token[SESSION_TOKEN_CHARS_MAX];
	struct session_key *other;
	uint8_t found[16];
	size_t len;

	(void)state;
	assert_int_equal(
		session_key_new((const uint8_t *)"another secret, as long", strlen(secret), &other),
		0);
	len = session_mint(other, user, ISSUED, EXPIRES, token);
	assert_int_equal(session_verify(other, token, len, ISSUED, found, NULL), 0);
	assert_int_equal(session_verify(key, token, len, ISSUED, found, NULL), -EBADMSG);
	session_key_free(other);
}

/* Signed by the right key: the version alone makes it no token. Made with Python too. */
static void token_of_another_version_is_refused(void **state)
{
	static const char token[] = "AgABAgMEBQYHCAkKCwwNDv8A8VNlAAAAABD_U2UAAAAA."
				    "Ti2W7j0V7tkXMNLpci54PagEYnyQXd0M5WHdWKzutlM";
	uint8_t found[16];

	(void)state;
	assert_int_equal(session_verify(key, token, strlen(token), ISSUED, found, NULL), -EBADMSG);
}

static void secret_has_a_length(void **state)
{
	static const uint8_t bytes[SESSION_SECRET_BYTES_MAX + 1];
	struct session_key *other = NULL;

	(void)state;
	assert_int_equal(session_key_new(bytes, SESSION_SECRET_BYTES_MIN - 1, &other), -EINVAL);
	assert_int_equal(session_key_new(bytes, SESSION_SECRET_BYTES_MAX + 1, &other), -EINVAL);
	assert_null(other);
	assert_int_equal(session_key_new(bytes, SESSION_SECRET_BYTES_MIN, &other), 0);
	session_key_free(other);
	assert_int_equal(session_key_new(bytes, SESSION_SECRET_BYTES_MAX, &other), 0);
	session_key_free(other);
	session_key_free(NULL);
}

static void random_users_differ(void **state)
{
	uint8_t a[16] = {0}, b[16] = {0};

	(void)state;
	session_random_user(a);
	session_random_user(b);
	assert_memory_not_equal(a, b, 16);
}

/* It is an answer, as everywhere: OpenSSL allocates for the time of each call. */
static void no_memory_is_no_token_and_no_handshake(void **state)
{
	char token[SESSION_TOKEN_CHARS_MAX], none[SESSION_TOKEN_CHARS_MAX] = "as it was";
	char accept[WS_ACCEPT_CHARS];
	uint8_t found[16];
	size_t len = session_mint(key, user, ISSUED, EXPIRES, token), none_len;
	bool is_accepted;
	int rc;

	(void)state;
	is_out_of_memory = true;
	none_len = session_mint(key, user, ISSUED, EXPIRES, none);
	rc = session_verify(key, token, len, ISSUED, found, NULL);
	is_accepted = ws_accept_key("dGhlIHNhbXBsZSBub25jZQ==", accept);
	is_out_of_memory = false;
	assert_int_equal(none_len, 0);
	assert_string_equal(none, "");
	assert_int_equal(rc, -ENOMEM);
	assert_false(is_accepted);
	assert_int_equal(session_verify(key, token, len, ISSUED, found, NULL), 0);
}

static void *mint_and_verify(void *arg)
{
	char token[SESSION_TOKEN_CHARS_MAX];
	uint8_t found[16];
	size_t failures = 0;

	(void)arg;
	for (unsigned i = 0; i < 2000; i++) {
		size_t len = session_mint(key, user, ISSUED + i, EXPIRES, token);

		if (session_verify(key, token, len, ISSUED, found, NULL) != 0 ||
		    memcmp(found, user, 16) != 0)
			failures++;
	}
	return failures == 0 ? NULL : arg;
}

static void threads_share_one_key(void **state)
{
	pthread_t threads[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, mint_and_verify, &key), 0);
	for (unsigned i = 0; i < 4; i++) {
		void *failed = NULL;

		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(minted_token_names_its_user),
		cmocka_unit_test(token_is_that_of_another_implementation),
		cmocka_unit_test(token_ends_with_its_time),
		cmocka_unit_test(token_with_any_bit_flipped_is_refused),
		cmocka_unit_test(token_of_another_length_is_refused),
		cmocka_unit_test(token_of_another_key_is_refused),
		cmocka_unit_test(token_of_another_version_is_refused),
		cmocka_unit_test(secret_has_a_length),
		cmocka_unit_test(random_users_differ),
		cmocka_unit_test(no_memory_is_no_token_and_no_handshake),
		cmocka_unit_test(threads_share_one_key),
	};

	/* Before OpenSSL has allocated anything. */
	if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1)
		return 1;
	return cmocka_run_group_tests(tests, make_key, drop_key);
}
