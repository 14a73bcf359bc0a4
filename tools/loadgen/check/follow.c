/*
 * follow.c - sequence continuity of one client.
 *
 * States: not joined -> joined (subscribed arrived) -> streaming (the first delta of this
 * subscription arrived). A new subscription returns to joined. No memory beyond the struct.
 */
#include "tools/loadgen/check/follow.h"

#include "engine/base/assert.h"

static enum trouble wrong(struct follow *f, enum trouble t)
{
	f->wrong = true;
	return t;
}

enum trouble follow_subscribed(struct follow *f, const struct msg_subscribed *m, bool resuming)
{
	f->streaming = false;
	if (!f->joined) {
		f->joined = true;
		f->epoch = m->epoch;
		f->start = m->seq;
		f->seq = m->seq;
		return TROUBLE_NONE;
	}
	if (m->epoch != f->epoch)
		return wrong(f, TROUBLE_EPOCH);
	if (resuming && !m->resumed)
		return wrong(f, TROUBLE_NOT_RESUMED);
	if (m->seq < f->seq) /* ahead of the server: it must answer stale */
		return wrong(f, TROUBLE_GAP);
	return TROUBLE_NONE;
}

enum trouble follow_delta(struct follow *f, const struct msg_delta *m, uint64_t *ret_from)
{
	enum trouble t = TROUBLE_NONE;
	uint64_t expected = f->streaming ? f->stream_last + 1 : f->seq + 1;

	px_assert(f->joined);
	*ret_from = m->first > f->seq ? m->first : f->seq + 1;
	if (m->last < m->first)
		return wrong(f, TROUBLE_MESSAGE);
	if (m->first > expected) {
		f->missed += m->first - 1 > f->seq ? m->first - 1 - f->seq : 0;
		t = wrong(f, TROUBLE_GAP);
	} else if (f->streaming && m->first < expected) {
		t = wrong(f, TROUBLE_REPEATED);
	}
	f->streaming = true;
	f->stream_last = m->last;
	if (m->last > f->seq)
		f->seq = m->last;
	return t;
}

void follow_passed(struct follow *f, uint64_t last)
{
	px_assert(f->streaming && last >= f->stream_last);
	f->stream_last = last;
	if (last > f->seq)
		f->seq = last;
}

enum trouble follow_status(struct follow *f, const struct msg_status *m)
{
	if (m->epoch != f->epoch)
		return wrong(f, TROUBLE_EPOCH);
	if (m->seq > f->seq)
		return wrong(f, TROUBLE_STATUS);
	return TROUBLE_NONE;
}

void follow_fetched(struct follow *f, uint32_t epoch, uint64_t seq)
{
	if (!f->joined)
		f->start = seq;
	f->joined = true;
	f->epoch = epoch;
	f->streaming = false;
	if (seq > f->seq)
		f->seq = seq;
}

uint64_t follow_received(const struct follow *f, uint64_t final)
{
	uint64_t upto = f->seq < final ? f->seq : final;

	if (!f->joined || upto <= f->start + f->missed)
		return 0;
	return upto - f->start - f->missed;
}
