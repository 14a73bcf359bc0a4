/*
 * raw_template.h - a message to send, with parts that vary: \{seq}, \{now_ns}, \{re [a-z]{8}}.
 *
 * Outside of these, \n \r \t \\ and \xHH are bytes. Made by the main thread, then constant and read
 * by all.
 */
#ifndef PX_LOADGEN_RAW_TEMPLATE_H
#define PX_LOADGEN_RAW_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAW_MESSAGE_BYTES_MAX 60000

struct raw_template;

/* 0; -ENOMEM, or -EINVAL with a sentence in *ret_why (static). */
int raw_template_new(const char *text, struct raw_template **ret_template, const char **ret_why);
void raw_template_free(struct raw_template *t); /* NULL is allowed */

/* At most RAW_MESSAGE_BYTES_MAX. */
size_t raw_template_bytes_max(const struct raw_template *t);
bool raw_template_has_now(const struct raw_template *t);

/* Writes one message and returns its length. `now_ns` becomes 19 digits (raw_stamp.h). */
size_t raw_template_write(const struct raw_template *t, uint64_t seq, uint64_t now_ns,
			  uint64_t *rng, uint8_t *out);

#endif
