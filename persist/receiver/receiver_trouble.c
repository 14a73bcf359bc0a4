/*
 * receiver_trouble.c - what follows a verdict other than OK, or a journal that cannot be read.
 *
 * Trouble that passes by itself is retried after a while. A batch that is refused is retried in
 * halves: the good records are stored, and the one that is refused goes to the quarantine. More
 * than a few of them are no accident of records: then the receiver stops, as for everything that an
 * operator has to decide.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/hash.h"
#include "engine/base/log.h"
#include "persist/receiver/receiver_priv.h"
#include "persist/receiver/receiver_quarantine.h"

#define WAIT_NS_MIN    (200 * NS_PER_MS)
#define WAIT_NS_MAX    (30 * NS_PER_SEC)
#define STOPPED_NS     (60 * NS_PER_SEC)
#define QUARANTINE_MAX 100 /* since the start */

static void batch_forget(struct receiver *r)
{
	r->batch_records = 0;
	r->batch_placements = 0;
	r->batch_bytes = 0;
	r->sought = false;
	r->was_following = false;
}

/* Twice as long each time, and never quite as long as others wait. */
static void retry(struct receiver *r)
{
	uint64_t draw = hash64(&r->draws, sizeof(r->draws), r->config.seed);

	r->draws++;
	r->wait_ns = r->wait_ns == 0 ? WAIT_NS_MIN : 2 * r->wait_ns;
	r->wait_ns = r->wait_ns < WAIT_NS_MAX ? r->wait_ns : WAIT_NS_MAX;
	r->due_ns = r->now.mono_ns + r->wait_ns / 2 + draw % (r->wait_ns / 2);
	receiver_count(&r->retries, 1);
	log_warn("receiver_waiting receiver=%s lsn=%" PRIu64 " again_in_ms=%" PRIu64 " why=\"%s\"",
		 r->config.ops->name, r->at.lsn,
		 (uint64_t)((r->due_ns - r->now.mono_ns) / NS_PER_MS),
		 r->config.ops->why(r->config.self));
	r->config.ops->close(r->config.self);
	batch_forget(r);
	receiver_state_set(r, RECEIVER_WAITING);
}

void receiver_stop_for(struct receiver *r, const char *why)
{
	if (strncmp(r->why, why, RECEIVER_WHY_BYTES - 1) != 0) {
		log_error("receiver_stopped receiver=%s lsn=%" PRIu64 " why=\"%s\" "
			  "placing continues; checked again every minute",
			  r->config.ops->name, r->at.lsn, why);
		snprintf(r->why, RECEIVER_WHY_BYTES, "%s", why);
	}
	receiver_count(&r->stops, 1);
	r->due_ns = r->now.mono_ns + STOPPED_NS;
	r->config.ops->close(r->config.self);
	batch_forget(r);
	receiver_state_set(r, RECEIVER_STOPPED);
}

/* One record is left of what was refused. */
static bool quarantine(struct receiver *r)
{
	char why[RECEIVER_WHY_BYTES];
	int rc;

	if (atomic_load_explicit(&r->quarantined, memory_order_relaxed) >= QUARANTINE_MAX) {
		snprintf(why, sizeof(why),
			 "%d placements were quarantined since the start and the next is refused "
			 "too, so the table is at fault: %s",
			 QUARANTINE_MAX, r->config.ops->why(r->config.self));
		receiver_stop_for(r, why);
		return false;
	}
	rc = receiver_quarantine(r->disk, r->config.ops->name, r->batch_lsn, &r->last);
	if (rc < 0) {
		snprintf(why, sizeof(why),
			 "record %" PRIu64 " is refused (%s), and the quarantine "
			 "cannot be written: %s",
			 r->batch_lsn, r->config.ops->why(r->config.self), strerror(-rc));
		receiver_stop_for(r, why);
		return false;
	}
	receiver_count(&r->quarantined, 1);
	log_error("receiver_quarantine receiver=%s lsn=%" PRIu64
		  " file=%s/quarantine-%s.csv why=\"%s\" the others continue",
		  r->config.ops->name, r->batch_lsn, r->config.data, r->config.ops->name,
		  r->config.ops->why(r->config.self));
	r->skip_lsn = r->batch_lsn;
	return true;
}

static void refused(struct receiver *r)
{
	if (r->batch_records > 1) {
		if (r->narrow == 0)
			log_warn("receiver_refused receiver=%s lsn=%" PRIu64 " records=%" PRIu64
				 " why=\"%s\" searching for the one at fault",
				 r->config.ops->name, r->at.lsn, r->batch_records,
				 r->config.ops->why(r->config.self));
		r->narrow = r->batch_records / 2;
	} else if (!quarantine(r)) {
		return;
	}
	r->config.ops->close(r->config.self);
	batch_forget(r);
	receiver_state_set(r, RECEIVER_START);
}

void receiver_verdict_take(struct receiver *r, enum receiver_verdict verdict)
{
	switch (verdict) {
	case RECEIVER_OK:
		return;
	case RECEIVER_RETRY:
		retry(r);
		return;
	case RECEIVER_REFUSED:
		if (r->batch_records > 0) {
			refused(r);
			return;
		}
		receiver_stop_for(r, r->config.ops->why(r->config.self));
		return;
	case RECEIVER_STOP:
		receiver_stop_for(r, r->config.ops->why(r->config.self));
		return;
	case RECEIVER_COPY:
		break; /* only init() says it */
	}
	px_unreachable("verdict of a receiver");
}

void receiver_stop_reading(struct receiver *r, int error)
{
	char why[RECEIVER_WHY_BYTES];
	uint64_t oldest = 0;

	(void)journal_reader_oldest(r->reader, &oldest);
	if (error == -ENODATA)
		snprintf(why, sizeof(why),
			 "it holds records up to %" PRIu64 ", and the journal in %s begins with "
			 "%" PRIu64 ": those in between are gone. Restore the missing journal "
			 "files, or accept the gap: %s",
			 r->at.lsn, r->config.data, oldest, "see docs/operations.md, PostgreSQL");
	else if (error == -EBADMSG)
		snprintf(why, sizeof(why), "%s. Stop the server and run `pixeld journal verify %s`",
			 journal_reader_why(r->reader), r->config.data);
	else
		snprintf(why, sizeof(why), "the journal in %s cannot be read: %s", r->config.data,
			 strerror(-error));
	receiver_stop_for(r, why);
}
