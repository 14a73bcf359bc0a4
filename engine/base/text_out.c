/* text_out.c - see text_out.h. No state of its own. */
#include "engine/base/text_out.h"

#include <stdarg.h>
#include <stdio.h>

const uint64_t text_powers[TEXT_NUMBER_CHARS_MAX] = {
	0,
	10,
	100,
	1000,
	10000,
	100000,
	1000000,
	10000000,
	100000000,
	1000000000,
	10000000000,
	100000000000,
	1000000000000,
	10000000000000,
	100000000000000,
	1000000000000000,
	10000000000000000,
	100000000000000000,
	1000000000000000000,
	10000000000000000000u,
};

const char text_pairs[201] = "00010203040506070809101112131415161718192021222324"
			     "25262728293031323334353637383940414243444546474849"
			     "50515253545556575859606162636465666768697071727374"
			     "75767778798081828384858687888990919293949596979899";

static void text_fail(struct text_out *t)
{
	t->bad = true;
	t->end = t->at;
}

/* Whether the room is empty now. */
static bool drained(struct text_out *t)
{
	if (t->bad || t->drain == NULL || !t->drain(t))
		return false;
	t->at = t->begin;
	return true;
}

void text_put_hard(struct text_out *t, const void *from, size_t len)
{
	const char *next = from;

	px_assert(len > text_left(t)); /* else it need not be here */
	while (len > text_left(t)) {
		size_t part = t->drain != NULL ? text_left(t) : 0;

		memcpy(t->at, next, part);
		t->at += part;
		if (!drained(t)) {
			text_fail(t);
			return;
		}
		next += part;
		len -= part;
	}
	memcpy(t->at, next, len);
	t->at += len;
}

char *text_reserve_hard(struct text_out *t, size_t len)
{
	px_assert(len > text_left(t));
	if (drained(t) && len <= text_left(t))
		return t->at;
	text_fail(t);
	return NULL;
}

void text_put_number(struct text_out *t, uint64_t number)
{
	char *at = text_reserve(t, text_digits_count(number));

	if (at != NULL)
		text_commit(t, text_digits(at, number));
}

void text_put_hex(struct text_out *t, const void *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *from = bytes;

	for (size_t i = 0; i < len; i++) {
		text_put_char(t, digits[from[i] >> 4]);
		text_put_char(t, digits[from[i] & 15]);
	}
}

/* Whether it fit. The byte for text_end() is what vsnprintf() ends its own text with. */
__attribute__((format(printf, 2, 0))) static bool print_fits(struct text_out *t, const char *format,
							     va_list args)
{
	size_t left = text_left(t);
	int n = vsnprintf(t->at, left + 1, format, args);

	if (n < 0 || (size_t)n > left)
		return false;
	t->at += n;
	return true;
}

void text_print(struct text_out *t, const char *format, ...)
{
	va_list args, again;

	if (t->bad)
		return;
	va_start(args, format);
	va_copy(again, args);
	if (!print_fits(t, format, args) && !(drained(t) && print_fits(t, format, again)))
		text_fail(t);
	va_end(again);
	va_end(args);
}

void text_flush(struct text_out *t)
{
	if (t->drain != NULL && !drained(t))
		text_fail(t);
}
