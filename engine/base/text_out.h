/*
 * text_out.h - text written piece by piece into memory of a fixed size.
 *
 * Every call checks the room before it writes. Text that does not fit makes the whole `bad`: from
 * then on nothing is written any more, so a bad text is the beginning of what was meant, and one
 * check at the end is enough. One byte of the room is reserved for text_end().
 *
 * With a drain the room is a buffer instead: when it is full, the drain takes its content, and the
 * text is bad only after the drain failed, or when one text_print() or text_reserve() is longer
 * than the whole room.
 *
 * The memory is the caller's. One thread.
 */
#ifndef PX_BASE_TEXT_OUT_H
#define PX_BASE_TEXT_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "engine/base/assert.h"

#define TEXT_NUMBER_CHARS_MAX 20 /* of a uint64_t */

struct text_out;

/* Moves all that is in the room, [begin, at), elsewhere; false: it failed. */
typedef bool text_drain(struct text_out *t);

struct text_out {
	char *begin;
	char *at; /* where the next byte goes */
	/* the byte for text_end(); equals `at` once bad, so that nothing fits any more */
	char *end;
	text_drain *drain; /* NULL: full means bad */
	void *to;          /* for the drain */
	bool bad;
};

static inline struct text_out text_out_of(void *memory, size_t room)
{
	char *begin = memory;

	px_assert(room > 0);
	return (struct text_out){.begin = begin, .at = begin, .end = begin + room - 1};
}

static inline size_t text_left(const struct text_out *t)
{
	return (size_t)(t->end - t->at);
}

/* Bytes in the room. */
static inline size_t text_len(const struct text_out *t)
{
	return (size_t)(t->at - t->begin);
}

/* Terminates what is in the room and returns it, even if bad. More text may follow. */
static inline const char *text_end(struct text_out *t)
{
	px_assert(t->at <= t->end); /* which is a byte of the room, too */
	*t->at = '\0';
	return t->begin;
}

/* The slow path of the calls below, when something does not fit. */
void text_put_hard(struct text_out *t, const void *from, size_t len);
char *text_reserve_hard(struct text_out *t, size_t len);

static inline void text_put_bytes(struct text_out *t, const void *from, size_t len)
{
	if (len > text_left(t)) {
		text_put_hard(t, from, len);
		return;
	}
	memcpy(t->at, from, len);
	t->at += len;
}

static inline void text_put(struct text_out *t, const char *text)
{
	text_put_bytes(t, text, strlen(text));
}

static inline void text_put_char(struct text_out *t, char c)
{
	text_put_bytes(t, &c, 1);
}

/* Room for `len` bytes that the caller writes itself, ended by text_commit(); NULL, and bad: it
 * does not fit. */
static inline char *text_reserve(struct text_out *t, size_t len)
{
	return len <= text_left(t) ? t->at : text_reserve_hard(t, len);
}

static inline void text_commit(struct text_out *t, char *end)
{
	px_assert(end >= t->at && end <= t->end);
	t->at = end;
}

extern const uint64_t text_powers[TEXT_NUMBER_CHARS_MAX]; /* of ten; the first is 0 */
extern const char text_pairs[201];                        /* 00 01 02 .. 99 */

/* The number of digits. 1233 / 4096 is a little less than log10(2), so the number of bits gives the
 * number of digits, or one less. */
static inline unsigned text_digits_count(uint64_t number)
{
	unsigned bits = 64 - (unsigned)__builtin_clzll(number | 1);
	unsigned least = bits * 1233 >> 12;

	return least + (number >= text_powers[least]);
}

/* Writes digits and returns the position after them; the caller has checked the room. */
static inline char *text_digits(char *at, uint64_t number)
{
	char *end = at + text_digits_count(number);

	for (at = end; number >= 100; number /= 100)
		memcpy(at -= 2, text_pairs + number % 100 * 2, 2);
	if (number >= 10)
		memcpy(at - 2, text_pairs + number * 2, 2);
	else
		at[-1] = (char)('0' + number);
	return end;
}

void text_put_number(struct text_out *t, uint64_t number);

/* Two lower-case digits per byte. */
void text_put_hex(struct text_out *t, const void *bytes, size_t len);

/* Like printf(): all of it, or nothing and bad. */
__attribute__((format(printf, 2, 3))) void text_print(struct text_out *t, const char *format, ...);

/* Hands the last bytes to the drain, if there is one. */
void text_flush(struct text_out *t);

#endif
