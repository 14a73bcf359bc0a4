/*
 * test_addresses.c - whom an address makes local, and what one address may begin in a minute.
 *
 * One thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "edge/conn/addresses.h"
#include "engine/base/clock.h"

#define MINUTE_NS (60 * NS_PER_SEC)

static struct sockaddr_storage from_text(const char *text)
{
	struct sockaddr_storage from = {.ss_family = AF_INET};

	if (strchr(text, ':') == NULL) {
		assert_int_equal(inet_pton(AF_INET, text, &((struct sockaddr_in *)&from)->sin_addr),
				 1);
		return from;
	}
	from.ss_family = AF_INET6;
	assert_int_equal(inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&from)->sin6_addr), 1);
	return from;
}

static bool is_local(const char *text, enum address_trust trust)
{
	struct sockaddr_storage from = from_text(text);
	uint8_t address[ADDRESS_BYTES];

	return address_set(address, &from, trust);
}

static bool may_begin(struct addresses *a, const char *text, uint64_t mono_ns)
{
	struct sockaddr_storage from = from_text(text);
	uint8_t address[ADDRESS_BYTES];

	address_set(address, &from, ADDRESS_OF_SOCKET);
	return addresses_count(a, address, mono_ns, 2);
}

static void loopback_is_local_where_the_kernel_says_so(void **state)
{
	(void)state;
	assert_true(is_local("127.0.0.1", ADDRESS_OF_SOCKET));
	assert_true(is_local("127.9.9.9", ADDRESS_OF_SOCKET));
	assert_true(is_local("::1", ADDRESS_OF_SOCKET));
	assert_true(is_local("::ffff:127.0.0.1", ADDRESS_OF_SOCKET));
	assert_false(is_local("128.0.0.1", ADDRESS_OF_SOCKET));
	assert_false(is_local("::2", ADDRESS_OF_SOCKET));
	assert_false(is_local("7f00::1", ADDRESS_OF_SOCKET));
}

static void nobody_is_local_by_word_of_a_proxy(void **state)
{
	(void)state;
	assert_false(is_local("127.0.0.1", ADDRESS_TOLD));
	assert_false(is_local("::1", ADDRESS_TOLD));
}

static void a_unix_socket_is_local_and_has_no_address(void **state)
{
	static const uint8_t none[ADDRESS_BYTES];
	struct sockaddr_storage from = {.ss_family = AF_UNIX};
	uint8_t address[ADDRESS_BYTES] = {1, 2, 3};

	(void)state;
	assert_true(address_set(address, &from, ADDRESS_OF_UNIX));
	assert_memory_equal(address, none, sizeof(none));
}

static void an_address_begins_so_many_a_minute(void **state)
{
	struct addresses *a = addresses_new();

	(void)state;
	assert_non_null(a);
	assert_true(may_begin(a, "192.0.2.1", 0));
	assert_true(may_begin(a, "192.0.2.1", MINUTE_NS - 1));
	assert_false(may_begin(a, "192.0.2.1", MINUTE_NS - 1));
	assert_true(may_begin(a, "192.0.2.2", MINUTE_NS - 1));
	assert_true(may_begin(a, "192.0.2.1", MINUTE_NS));
	addresses_free(a);
}

static void an_ipv6_household_counts_as_one(void **state)
{
	struct addresses *a = addresses_new();

	(void)state;
	assert_non_null(a);
	assert_true(may_begin(a, "2001:db8::1", 0));
	assert_true(may_begin(a, "2001:db8::2", 0));
	assert_false(may_begin(a, "2001:db8::3:4", 0));
	assert_true(may_begin(a, "2001:db8:0:1::1", 0));
	addresses_free(a);
}

static void mapped_ipv4_counts_as_ipv4(void **state)
{
	struct addresses *a = addresses_new();

	(void)state;
	assert_non_null(a);
	assert_true(may_begin(a, "192.0.2.1", 0));
	assert_true(may_begin(a, "::ffff:192.0.2.1", 0));
	assert_false(may_begin(a, "192.0.2.1", 0));
	assert_true(may_begin(a, "::ffff:192.0.2.2", 0));
	addresses_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loopback_is_local_where_the_kernel_says_so),
		cmocka_unit_test(nobody_is_local_by_word_of_a_proxy),
		cmocka_unit_test(a_unix_socket_is_local_and_has_no_address),
		cmocka_unit_test(an_address_begins_so_many_a_minute),
		cmocka_unit_test(an_ipv6_household_counts_as_one),
		cmocka_unit_test(mapped_ipv4_counts_as_ipv4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
