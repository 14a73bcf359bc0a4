/*
 * verdict.c - what a run proved. No state, no memory.
 */
#include "tools/loadgen/pixel/verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/text_out.h"
#include "tools/loadgen/result/remedy.h"

#define SATURATED_LAG_NS      1000000ULL
#define SATURATED_CPU_PERCENT 90.0 /* of each thread */

enum trouble verdict_board(const struct reference *reference, const struct board_bytes *final)
{
	size_t len;
	const uint8_t *bytes = reference_bytes(reference, &len);

	if (reference_epoch(reference) != final->epoch)
		return TROUBLE_BEHIND;
	if (reference_seq(reference) < final->seq)
		return TROUBLE_BEHIND;
	if (reference_seq(reference) > final->seq)
		return TROUBLE_BOARD_MOVES;
	if (len != final->len || memcmp(bytes, final->bytes, len) != 0)
		return TROUBLE_BOARD_DIFFERS;
	return TROUBLE_NONE;
}

static void late_troubles_count(struct run_result *result)
{
	result->totals.tally.trouble[TROUBLE_ACK_LOST] += result->ledger_verdict.lost;
	result->totals.tally.trouble[TROUBLE_ACK_TWICE] += result->ledger_verdict.twice;
	result->totals.tally.trouble[TROUBLE_BEHIND] += result->reach.behind;
	result->totals.tally.trouble[TROUBLE_FACE] += result->reach.faceless;
}

static void conclusions_draw(struct run_result *result)
{
	const struct run_totals *t = &result->totals;

	result->unanswered = t->placed - t->acknowledged - t->looked_up - t->refused_all;
	for (unsigned i = TROUBLE_NONE + 1; i < TROUBLE_MAX; i++)
		result->errors_all += t->tally.trouble[i];
	result->saturated = hdr_quantile(&result->lag, 0.99) > SATURATED_LAG_NS ||
			    result->cpu_percent > SATURATED_CPU_PERCENT * (double)result->threads;
}

static void replay_fail(struct run_result *result)
{
	unsigned refusal = result->replay_refused;

	result->outcome.code = EXIT_FAILED;
	(void)snprintf(result->outcome.words, sizeof(result->outcome.words),
		       "FAIL: the server's settings do not allow this replay (%s: %s): start it "
		       "with %s",
		       refusal_str(refusal), refusal_text(refusal),
		       remedy_of_replay(refusal, true));
}

static void pass(struct run_result *result)
{
	struct text_out words = text_out_of(result->outcome.words, sizeof(result->outcome.words));
	const struct run_totals *t = &result->totals;

	result->outcome.code = EXIT_PASS;
	text_print(&words,
		   "PASS: all %" PRIu64 " clients received every sequence number up to %" PRIu64
		   ", and the boards made from what they received equal the server's",
		   result->reach.clients, result->seq_last);
	if (result->unanswered > 0 || t->to_place > 0)
		text_print(&words, "; %" PRIu64 " placements were not answered",
			   result->unanswered);
	if (t->refused_all > 0)
		text_print(&words, "; %" PRIu64 " were refused", t->refused_all);
	(void)text_end(&words);
}

void verdict_decide(struct run_result *result)
{
	const struct run_totals *t = &result->totals;
	enum trouble data, link;

	late_troubles_count(result);
	conclusions_draw(result);
	data = tally_trouble(&t->tally, TROUBLE_KIND_DATA);
	link = tally_trouble(&t->tally, TROUBLE_KIND_LINK);
	if (outcome_of_rings(&result->outcome, &t->tally))
		return;
	if (result->board_hash == 0 && data == TROUBLE_NONE) {
		outcome_fail(&result->outcome, EXIT_UNREACHABLE,
			     link == TROUBLE_NONE ? TROUBLE_FETCH : link);
	} else if (data != TROUBLE_NONE) {
		outcome_fail(&result->outcome, EXIT_DATA_WRONG, data);
	} else if (result->replay_refused != 0) {
		replay_fail(result);
	} else if (result->reach.complete < result->reach.clients ||
		   t->tally.trouble[TROUBLE_BOARD_MOVES] > 0) {
		outcome_fail(&result->outcome, EXIT_FAILED,
			     t->tally.trouble[TROUBLE_BOARD_MOVES] > 0 ? TROUBLE_BOARD_MOVES
								       : link);
	} else {
		pass(result);
	}
}
