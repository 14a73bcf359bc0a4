/* test_mail.c - mail that nobody reads any more: what it holds is given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/mail/mail.h"
#include "engine/base/blob.h"

static _Atomic uint64_t alive; /* bytes of blobs */

static struct blob *blob(void)
{
	struct blob *b = blob_new(100);

	assert_non_null(b);
	blob_account(b, &alive);
	return b;
}

static void history_drop(enum question_kind kind, enum history_verdict verdict,
			 struct history_result result)
{
	struct mail_answer a = {.head = {.type = MAIL_HISTORY}, .history = result};

	a.history.kind = (uint8_t)kind;
	a.history.verdict = (uint8_t)verdict;
	mail_answer_drop(&a);
}

static void answer_gives_back_every_blob_that_its_type_holds(void **state)
{
	struct mail_answer bitmap = {.head = {.type = MAIL_BITMAP}, .bitmap = {.blob = blob()}};
	struct mail_answer told = {.head = {.type = MAIL_ROLLBACK}, .rollback = {.told = blob()}};
	struct mail_answer preview = {.head = {.type = MAIL_ROLLBACK},
				      .rollback = {.preview = blob()}};

	(void)state;
	mail_answer_drop(&bitmap);
	mail_answer_drop(&told);
	mail_answer_drop(&preview);
	history_drop(QUESTION_BOARD, HISTORY_FOUND,
		     (struct history_result){.board.bitmap.blob = blob()});
	history_drop(QUESTION_CELL, HISTORY_FOUND,
		     (struct history_result){.cell.placements = blob()});
	assert_int_equal(alive, 0);
}

/* In the place of a blob stands something else, or nothing that was ever written. */
static void answer_without_a_blob_gives_none_back(void **state)
{
	const enum mail_answer_type types[] = {MAIL_PLACED, MAIL_REFUSED, MAIL_SUBSCRIBED,
					       MAIL_STALE,  MAIL_YOU,     MAIL_PIXEL};
	struct mail_answer a;

	(void)state;
	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		memset(&a, 0xa5, sizeof(a));
		a.head.type = (uint8_t)types[i];
		mail_answer_drop(&a);
	}
	history_drop(QUESTION_BOARD, HISTORY_NOT_YET, (struct history_result){.present_seq = 7});
	history_drop(QUESTION_BOARD, HISTORY_GONE, (struct history_result){.since = {7, 8}});
	history_drop(QUESTION_CELL, HISTORY_AWAY, (struct history_result){.present_seq = 7});
	history_drop(QUESTION_BOARD, HISTORY_FOUND, (struct history_result){.present_seq = 0});
}

static void request_gives_back_the_order_of_a_rollback(void **state)
{
	struct mail_request m = {.head = {.type = MAIL_QUESTION},
				 .question.ask = {.kind = QUESTION_ROLLBACK}};

	(void)state;
	mail_request_drop(&m); /* to list: there is none */
	m.question.ask.rollback.order = malloc(sizeof(*m.question.ask.rollback.order));
	assert_non_null(m.question.ask.rollback.order);
	mail_request_drop(&m); /* a leak if not */
	memset(&m, 0xa5, sizeof(m));
	m.head.type = MAIL_PLACE;
	mail_request_drop(&m);
}

static void a_queue_that_nobody_reads_gives_back_what_is_in_it(void **state)
{
	struct spsc *queue;

	(void)state;
	assert_int_equal(spsc_new(8, sizeof(struct mail_request), &queue), 0);
	for (int i = 0; i < 3; i++) {
		struct mail_request *m = spsc_push(queue);

		*m = (struct mail_request){.head = {.type = MAIL_QUESTION},
					   .question.ask = {.kind = QUESTION_ROLLBACK}};
		m->question.ask.rollback.order = malloc(sizeof(struct rollback_order));
		if (i == 1)
			(void)spsc_publish(queue); /* the last one is not even out */
	}
	mail_requests_free(queue); /* a leak if not */
	mail_requests_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answer_gives_back_every_blob_that_its_type_holds),
		cmocka_unit_test(answer_without_a_blob_gives_none_back),
		cmocka_unit_test(request_gives_back_the_order_of_a_rollback),
		cmocka_unit_test(a_queue_that_nobody_reads_gives_back_what_is_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
