/* requests_scene.h - people and their requests, placed as the writer does; for the tests of
 * requests.h. */
#ifndef PX_TESTS_ENGINE_REQUESTS_SCENE_H
#define PX_TESTS_ENGINE_REQUESTS_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "engine/requests.h"

#define WALL_MS 1700000000000ULL
#define N       REQUESTS_IN_FLIGHT_MAX
#define KEPT    REQUESTS_PER_PERSON
#define MOST    REQUESTS_TRIM_AT

struct scene {
	struct people *people;
	struct requests *requests;
	uint64_t seq; /* of the newest */
	uint64_t mono_ms;
};

static inline void scene_begin(struct scene *s, uint32_t capacity)
{
	*s = (struct scene){.mono_ms = 1000};
	assert_int_equal(people_new(1000, &s->people), 0);
	assert_int_equal(requests_new(capacity, &s->requests), 0);
}

static inline void scene_end(struct scene *s)
{
	requests_free(s->requests);
	people_free(s->people);
}

/* A user of a number. */
static inline const uint8_t *user_of(uint64_t number)
{
	static uint8_t user[USER_BYTES];

	memcpy(user + 3, &number, sizeof(number));
	return user;
}

static inline struct person *person_of(struct scene *s, uint16_t board, uint64_t user)
{
	struct person *person = people_get(s->people, board, user_of(user));

	assert_non_null(person);
	return person;
}

static inline uint32_t cell_of(uint64_t seq)
{
	return (uint32_t)(seq * 7);
}

static inline uint8_t color_of(uint64_t seq)
{
	return (uint8_t)(seq % 251);
}

/* As the writer does; false: no room. */
static inline bool place(struct scene *s, uint16_t board, uint64_t user, uint64_t number)
{
	struct person *person = person_of(s, board, user);
	struct request request = {.number = number, .seq = s->seq + 1};

	if (!requests_make_room(s->requests, person))
		return false;
	s->seq++;
	request.cell = cell_of(s->seq);
	request.color = color_of(s->seq);
	person->charged_wall_ms = WALL_MS;
	person->charged_mono_ms = s->mono_ms;
	person->last_seq = s->seq;
	requests_add(s->requests, person, &request,
		     requests_hash(s->requests, board, user_of(user), number), s->mono_ms);
	return true;
}

static inline void place_durably(struct scene *s, uint16_t board, uint64_t user, uint64_t number)
{
	assert_true(place(s, board, user, number));
	requests_settle(s->requests, person_of(s, board, user));
}

/* The seq at which it is remembered; 0: it is not. */
static inline uint64_t seq_of(const struct scene *s, uint16_t board, uint64_t user, uint64_t number)
{
	uint32_t hash = requests_hash(s->requests, board, user_of(user), number);
	struct request request;

	if (!requests_find(s->requests, hash, board, user_of(user), number, &request))
		return 0;
	assert_int_equal(request.number, number);
	assert_int_equal(request.board, board);
	assert_memory_equal(request.user, user_of(user), USER_BYTES);
	assert_int_equal(request.cell, cell_of(request.seq));
	assert_int_equal(request.color, color_of(request.seq));
	return request.seq;
}

#endif
