/*
 * raw_verdict.c - what a run against some server proved. No state, no memory.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/loadgen/raw/raw_run.h"

/* The first trouble of this kind that happened; TROUBLE_NONE without any. */
static enum trouble first_of(const struct raw_result *result, enum trouble_kind kind)
{
	for (unsigned t = TROUBLE_NONE + 1; t < TROUBLE_MAX; t++)
		if (result->totals.tally.trouble[t] > 0 && trouble_kind(t) == kind)
			return t;
	return TROUBLE_NONE;
}

static void fail(struct raw_result *result, enum exit_code code, enum trouble t)
{
	result->code = code;
	(void)snprintf(result->words, sizeof(result->words), "FAIL: %s (%s%s%s)", trouble_text(t),
		       trouble_str(t), result->trouble_first[t][0] != '\0' ? ", first: " : "",
		       result->trouble_first[t]);
}

/* Troubles that only the whole shows. */
static void late_troubles_count(const struct raw_options *o, struct raw_result *result)
{
	uint64_t *trouble = result->totals.tally.trouble;

	trouble[TROUBLE_ECHO_MISSING] += result->totals.tally.outstanding;
	trouble[TROUBLE_BYTES_DIFFER] += result->tracked.differ;
	if (o->expect == RAW_EXPECT_BROADCAST)
		trouble[TROUBLE_BEHIND] += result->stood - result->whole;
}

static void reach_set(const struct raw_options *o, struct raw_result *result)
{
	uint64_t expected = result->tracked.expected;
	uint64_t received = result->tracked.received;

	if (o->expect == RAW_EXPECT_ECHO) {
		expected = result->totals.sent;
		received = result->totals.echoed;
	}
	result->reach = expected == 0 ? result->stood == o->net.clients
				      : (double)received / (double)expected;
}

static void pass(const struct raw_options *o, struct raw_result *result)
{
	const struct raw_totals *t = &result->totals;

	result->code = EXIT_PASS;
	if (o->expect == RAW_EXPECT_ECHO)
		(void)snprintf(result->words, sizeof(result->words),
			       "PASS: all %" PRIu64 " messages were echoed, unchanged and in order",
			       t->echoed);
	else if (o->expect == RAW_EXPECT_BROADCAST)
		(void)snprintf(result->words, sizeof(result->words),
			       "PASS: all %" PRIu64 " messages reached each of %" PRIu64
			       " clients once, and with the same bytes",
			       result->tracked.messages, result->stood);
	else
		(void)snprintf(result->words, sizeof(result->words),
			       "PASS: all %" PRIu64 " clients stayed connected; %" PRIu64
			       " messages were sent, %" PRIu64 " received",
			       result->stood, t->sent, t->tally.deliveries);
}

void raw_verdict_decide(const struct raw_options *o, struct raw_result *result)
{
	const struct raw_totals *t = &result->totals;
	enum trouble data, link;

	late_troubles_count(o, result);
	reach_set(o, result);
	data = first_of(result, TROUBLE_KIND_DATA);
	link = first_of(result, TROUBLE_KIND_LINK);
	if (t->tally.failed != 0) {
		result->code = exit_code_of_ring(-(int)t->tally.failed);
		(void)snprintf(result->words, sizeof(result->words),
			       "FAIL: a thread could not open its rings: %s",
			       strerror((int)t->tally.failed));
	} else if (!result->began && data == TROUBLE_NONE) {
		fail(result, EXIT_UNREACHABLE, link == TROUBLE_NONE ? TROUBLE_TIMEOUT : link);
	} else if (data != TROUBLE_NONE) {
		fail(result, EXIT_DATA_WRONG, data);
	} else if (result->stood < o->net.clients || link != TROUBLE_NONE) {
		fail(result, EXIT_FAILED, link == TROUBLE_NONE ? TROUBLE_TIMEOUT : link);
	} else if (o->expect == RAW_EXPECT_BROADCAST && result->tracked.messages == 0) {
		result->code = EXIT_FAILED;
		(void)snprintf(result->words, sizeof(result->words),
			       "FAIL: no message came in the whole time");
	} else if (result->dropped > 0) {
		result->code = EXIT_FAILED;
		(void)snprintf(result->words, sizeof(result->words),
			       "FAIL: %" PRIu64
			       " messages were too many to keep: use a lower rate or less time",
			       result->dropped);
	} else {
		pass(o, result);
	}
}
