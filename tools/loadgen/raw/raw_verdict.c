/*
 * raw_verdict.c - what a run against some server proved. No state, no memory.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/loadgen/raw/raw_run.h"

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

	result->outcome.code = EXIT_PASS;
	if (o->expect == RAW_EXPECT_ECHO)
		(void)snprintf(result->outcome.words, sizeof(result->outcome.words),
			       "PASS: all %" PRIu64 " messages were echoed, unchanged and in order",
			       t->echoed);
	else if (o->expect == RAW_EXPECT_BROADCAST)
		(void)snprintf(result->outcome.words, sizeof(result->outcome.words),
			       "PASS: all %" PRIu64 " messages reached each of %" PRIu64
			       " clients once, and with the same bytes",
			       result->tracked.messages, result->stood);
	else
		(void)snprintf(result->outcome.words, sizeof(result->outcome.words),
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
	data = tally_trouble(&t->tally, TROUBLE_KIND_DATA);
	link = tally_trouble(&t->tally, TROUBLE_KIND_LINK);
	if (outcome_of_rings(&result->outcome, &t->tally))
		return;
	if (!result->began && data == TROUBLE_NONE) {
		outcome_fail(&result->outcome, EXIT_UNREACHABLE,
			     link == TROUBLE_NONE ? TROUBLE_TIMEOUT : link);
	} else if (data != TROUBLE_NONE) {
		outcome_fail(&result->outcome, EXIT_DATA_WRONG, data);
	} else if (result->stood < o->net.clients || link != TROUBLE_NONE) {
		outcome_fail(&result->outcome, EXIT_FAILED,
			     link == TROUBLE_NONE ? TROUBLE_TIMEOUT : link);
	} else if (o->expect == RAW_EXPECT_BROADCAST && result->tracked.messages == 0) {
		result->outcome.code = EXIT_FAILED;
		(void)snprintf(result->outcome.words, sizeof(result->outcome.words),
			       "FAIL: no message was received");
	} else if (result->dropped > 0) {
		result->outcome.code = EXIT_FAILED;
		(void)snprintf(result->outcome.words, sizeof(result->outcome.words),
			       "FAIL: %" PRIu64
			       " messages were too many to keep: use a lower rate or a shorter run",
			       result->dropped);
	} else {
		pass(o, result);
	}
}
