/*
 * test_ring_set.c - several rings as one: who lives where, and who is read first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/loadgen/net/capacity.h"
#include "tools/loadgen/net/ring_set.h"

static struct ring_set set;

static int drop(void **state)
{
	(void)state;
	ring_set_free(&set);
	memset(&set, 0, sizeof(set));
	return 0;
}

static void everybody_has_a_slot_of_his_own_in_his_class(void **state)
{
	const uint32_t clients[RING_CLASSES] = {700, 0, 2 * CAPACITY_SLOTS_MAX + 9};
	uint32_t seen[RING_CLASSES] = {0};

	(void)state;
	assert_int_equal(ring_set_plan(&set, clients), 0);
	for (unsigned c = 0; c < RING_CLASSES; c++) {
		uint16_t ring_before = 0, ring;
		uint32_t slot_before = 0, slot;

		for (uint32_t i = 0; i < clients[c]; i++) {
			ring_set_locate(&set, c, i, &ring, &slot);
			assert_true(ring >= set.classes[c].from && ring < set.classes[c].end);
			assert_true(slot < set.slots);
			assert_true(i == 0 || ring > ring_before || slot > slot_before);
			seen[c]++;
			ring_before = ring;
			slot_before = slot;
		}
	}
	assert_int_equal(seen[RING_OTHERS], clients[RING_OTHERS]);
	assert_int_equal(set.classes[RING_OBSERVERS].from, set.classes[RING_OBSERVERS].end);
	assert_true(set.count >= 4);
}

/* A nap is ended by the first ring alone: were the crowd in it, each of its messages would. */
static void a_crowd_without_senders_does_not_lead(void **state)
{
	const uint32_t clients[RING_CLASSES] = {0, 10, 1000};

	(void)state;
	assert_int_equal(ring_set_plan(&set, clients), 0);
	for (unsigned c = RING_OBSERVERS; c < RING_CLASSES; c++)
		for (uint32_t i = 0; i < clients[c]; i++) {
			uint16_t ring;
			uint32_t slot;

			ring_set_locate(&set, c, i, &ring, &slot);
			assert_true(ring > 0 && ring < set.count);
		}
}

/* A client of each class; what is written to `far` comes to it. */
static void socket_install(enum ring_class class, int *ret_far)
{
	uint16_t ring;
	uint32_t slot;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ring_set_locate(&set, class, 0, &ring, &slot);
	assert_int_equal(ring_slot_install(set.at[ring], slot, pair[0]), 0);
	ring_recv_multi(set.at[ring], slot, class + 1);
	(void)close(pair[0]);
	*ret_far = pair[1];
}

static uint64_t next_tag(void)
{
	struct ring_event event;
	struct ring *ring;
	uint64_t tag;

	assert_int_equal(ring_set_reap(&set, &event, 1, &ring), 1);
	tag = event.tag;
	if (event.flags & RING_BUFFER)
		ring_recv_return(ring, event.buf);
	return tag;
}

static void senders_are_read_first_then_observers(void **state)
{
	const uint32_t clients[RING_CLASSES] = {1, 1, 1};
	int far[RING_CLASSES];

	(void)state;
	assert_int_equal(ring_set_plan(&set, clients), 0);
	assert_int_equal(ring_set_open(&set), 0);
	for (unsigned c = 0; c < RING_CLASSES; c++)
		socket_install(c, &far[c]);
	ring_set_submit(&set);
	for (unsigned c = RING_CLASSES; c-- > 0;)
		assert_int_equal(write(far[c], "x", 1), 1);
	for (unsigned c = 0; c < RING_CLASSES; c++)
		assert_int_equal(next_tag(), c + 1);
	ring_set_close(&set);
	for (unsigned c = 0; c < RING_CLASSES; c++)
		(void)close(far[c]);
}

/* Senders that never stop talking do not keep the others from being read. */
static void others_have_their_turn(void **state)
{
	const uint32_t clients[RING_CLASSES] = {1, 0, 1};
	int sender, other, senders = 0;
	uint64_t tag = 0;

	(void)state;
	assert_int_equal(ring_set_plan(&set, clients), 0);
	assert_int_equal(ring_set_open(&set), 0);
	socket_install(RING_SENDERS, &sender);
	socket_install(RING_OTHERS, &other);
	ring_set_submit(&set);
	assert_int_equal(write(other, "x", 1), 1);
	for (; senders < 10000 && tag != RING_OTHERS + 1; senders++) {
		assert_int_equal(write(sender, "x", 1), 1);
		tag = next_tag();
		ring_set_submit(&set);
	}
	assert_int_equal(tag, RING_OTHERS + 1);
	assert_true(senders > 100);
	assert_int_equal(next_tag(), RING_SENDERS + 1); /* who had something all the time */
	ring_set_close(&set);
	(void)close(sender);
	(void)close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(everybody_has_a_slot_of_his_own_in_his_class, drop),
		cmocka_unit_test_teardown(a_crowd_without_senders_does_not_lead, drop),
		cmocka_unit_test_teardown(senders_are_read_first_then_observers, drop),
		cmocka_unit_test_teardown(others_have_their_turn, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
