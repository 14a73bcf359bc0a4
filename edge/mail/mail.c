/* mail.c - see mail.h. */
#include "edge/mail/mail.h"

#include "engine/base/blob.h"

void mail_request_drop(const struct mail_request *m)
{
	if (m->head.type == MAIL_QUESTION)
		question_drop(&m->question.ask);
}

void mail_requests_free(struct spsc *requests)
{
	const struct mail_request *m;

	if (requests == NULL)
		return;
	(void)spsc_publish(requests);
	while ((m = spsc_peek(requests)) != NULL) {
		mail_request_drop(m);
		spsc_pop(requests);
	}
	spsc_free(requests);
}

void mail_answer_drop(const struct mail_answer *a)
{
	if (a->head.type == MAIL_BITMAP)
		blob_unref(a->bitmap.blob);
	else if (a->head.type == MAIL_HISTORY)
		history_result_drop(&a->history);
	else if (a->head.type == MAIL_ROLLBACK)
		rollback_result_drop(&a->rollback);
}
