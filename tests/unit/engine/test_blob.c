/*
 * test_blob.c - counted bytes: the last owner frees, on whatever thread (a leak or a second free
 * shows under AddressSanitizer).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "engine/base/blob.h"

static void bytes_live_until_the_last_owner_is_gone(void **state)
{
	struct blob *b = blob_new(3);

	(void)state;
	assert_non_null(b);
	assert_int_equal(b->len, 3);
	memcpy(b->bytes, "abc", 3);
	assert_ptr_equal(blob_ref(b), b);
	assert_int_equal(b->refs, 2);
	blob_unref(b);
	assert_int_equal(b->refs, 1);
	assert_memory_equal(b->bytes, "abc", 3);
	blob_unref(b);
	blob_unref(NULL);
}

static void an_empty_blob_is_a_blob(void **state)
{
	struct blob *b = blob_new(0);

	(void)state;
	assert_non_null(b);
	assert_int_equal(b->len, 0);
	blob_unref(b);
}

static void a_length_that_overflows_is_refused(void **state)
{
	(void)state;
	assert_null(blob_new(SIZE_MAX)); /* with the head it would wrap around to a small one */
}

static void *use_and_drop(void *arg)
{
	struct blob *b = arg;
	uintptr_t sum = 0;

	for (unsigned i = 0; i < 10000; i++) {
		sum += blob_ref(b)->bytes[i % b->len];
		blob_unref(b);
	}
	blob_unref(b);
	return (void *)sum;
}

static void threads_share_and_the_last_one_frees(void **state)
{
	struct blob *b = blob_new(100);
	pthread_t threads[3];

	(void)state;
	assert_non_null(b);
	memset(b->bytes, 1, b->len);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use_and_drop, blob_ref(b)), 0);
	blob_unref(b);
	for (size_t i = 0; i < 3; i++) {
		void *sum;

		pthread_join(threads[i], &sum);
		assert_int_equal((uintptr_t)sum, 10000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_live_until_the_last_owner_is_gone),
		cmocka_unit_test(an_empty_blob_is_a_blob),
		cmocka_unit_test(a_length_that_overflows_is_refused),
		cmocka_unit_test(threads_share_and_the_last_one_frees),
	};

	return cmocka_run_group_tests_name("blob", tests, NULL, NULL);
}
