/*
 * sink.c - see sink.h.
 *
 *	CLOSED ──init──▶ OPEN ──event...flush──▶ OPEN
 *	   ▲              │ any verdict but OK
 *	   └──close──  FAILED
 *
 * Memory: one row per record, and every position that was ever kept, to be put back to.
 */
#include "tests/sim/sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/hash.h"
#include "tests/prng.h"
#include "tests/sim/disk_sim.h"
#include "tests/sim/truth_priv.h"

#define BAD_ONE_OF   400 /* placements */
#define AWAY_NS_MAX  2000000000ULL
#define AWAY_LONG_NS 40000000000ULL
#define SLOW_NS_MAX  200000000ULL
#define AHEAD        1000000
#define FILE_NAME    "quarantine-sink.csv"

enum sink_state { SINK_CLOSED, SINK_OPEN, SINK_FAILED };

struct row {
	uint64_t lsn, hash;
};

struct sink {
	enum sink_state state;
	uint64_t seed, dice;
	uint32_t level; /* how bad it is, 0 to 3 */
	bool calm, aborted, attached, holds;
	uint64_t now_ns, away_until_ns, busy_ns;
	struct row *rows; /* in order of lsn: those that are kept, then the batch */
	size_t rows_len, rows_max, batch_at;
	struct receiver_position at, *kept; /* the present one; all that there were since the last
					       that it was put back to */
	size_t kept_len, kept_max;
	bool is_ahead;     /* it told of a position that is none */
	uint64_t next_lsn; /* that may be handed over next, but for those that it refuses */
	const char *why;
	/* sink_verify_*() */
	size_t verified;
	uint64_t last_lsn;
	const uint8_t *file;
	size_t file_len;
	struct sink_counts counts;
};

static uint64_t below(struct sink *s, uint64_t end)
{
	return prng_below(&s->dice, end);
}

/* Of 1,000, at the worst level. */
static bool chance(struct sink *s, uint32_t of_1000)
{
	return !s->calm && below(s, 3000) < (uint64_t)of_1000 * s->level;
}

struct sink *sink_new(uint64_t seed)
{
	struct sink *s = calloc(1, sizeof(*s));

	px_assert(s != NULL);
	s->seed = s->dice = seed;
	s->level = (uint32_t)below(s, 4);
	return s;
}

void sink_free(struct sink *s)
{
	if (s == NULL)
		return;
	free(s->rows);
	free(s->kept);
	free(s);
}

void sink_hold(struct sink *s)
{
	s->holds = true;
}

void sink_clock_set(struct sink *s, uint64_t now_ns)
{
	s->now_ns = now_ns;
}

void sink_calm(struct sink *s)
{
	s->calm = true;
	s->away_until_ns = s->busy_ns = 0;
}

void sink_cut(struct sink *s)
{
	s->rows_len = s->batch_at;
	s->state = SINK_CLOSED;
	s->aborted = false;
	s->busy_ns = 0;
}

void sink_abort(struct sink *s)
{
	s->aborted = true;
}

uint64_t sink_busy_ns(struct sink *s)
{
	uint64_t ns = s->busy_ns;

	s->busy_ns = 0;
	return ns;
}

uint64_t sink_lsn(const struct sink *s)
{
	return s->at.lsn;
}

struct sink_counts sink_counts(const struct sink *s)
{
	return s->counts;
}

/* A placement that is never taken. */
static bool is_bad(const struct sink *s, uint64_t lsn)
{
	return s->level > 0 && hash64(&lsn, sizeof(lsn), s->seed) % BAD_ONE_OF == 0;
}

static enum receiver_verdict fail(struct sink *s, enum receiver_verdict verdict, const char *why,
				  uint64_t *count)
{
	s->state = SINK_FAILED;
	s->why = why;
	++*count;
	return verdict;
}

static void slow(struct sink *s)
{
	if (!chance(s, 100))
		return;
	s->counts.slow++;
	s->busy_ns = below(s, SLOW_NS_MAX);
}

/* --- starting ------------------------------------------------------------------------------- */

static bool is_away(struct sink *s)
{
	if (s->now_ns >= s->away_until_ns && chance(s, 200))
		s->away_until_ns =
			s->now_ns + below(s, below(s, 4) == 0 ? AWAY_LONG_NS : AWAY_NS_MAX);
	return s->now_ns < s->away_until_ns || s->aborted;
}

/* As from a backup. */
static void put_back(struct sink *s)
{
	s->counts.put_back++;
	s->kept_len -= below(s, s->kept_len < 20 ? s->kept_len : 20);
	s->at = s->kept[s->kept_len - 1];
	while (s->rows_len > 0 && s->rows[s->rows_len - 1].lsn > s->at.lsn)
		s->rows_len--;
	s->batch_at = s->rows_len;
}

static void at_keep(struct sink *s, const struct receiver_position *at)
{
	s->at = *at;
	s->kept = truth_grown(s->kept, s->kept_len, &s->kept_max, sizeof(*s->kept));
	s->kept[s->kept_len++] = *at;
}

static enum receiver_verdict sink_init(void *self, const struct receiver_journal *journal,
				       struct receiver_position *ret_position)
{
	struct sink *s = self;

	truth_check(s->state == SINK_CLOSED, "a receiver's init() before close()");
	if (is_away(s))
		return fail(s, RECEIVER_RETRY, "away", &s->counts.away);
	if (chance(s, 20))
		return fail(s, RECEIVER_STOP, "somebody has to decide", &s->counts.stopped);
	s->state = SINK_OPEN;
	s->rows_len = s->batch_at;
	*ret_position = s->at;
	if (!s->attached) {
		s->attached = true;
		truth_check(journal->oldest_lsn == 1, "the journal begins with %lu",
			    journal->oldest_lsn);
		at_keep(s, &(struct receiver_position){.lsn = 0});
		*ret_position = (struct receiver_position){.is_new = true};
	} else if (!s->holds && chance(s, 200)) {
		put_back(s);
		*ret_position = s->at;
	} else if (chance(s, 100)) {
		s->counts.ahead++;
		s->is_ahead = true;
		ret_position->lsn += AHEAD;
	} else if (chance(s, 50)) {
		ret_position->chain = 0;
	}
	s->next_lsn = s->at.lsn + 1;
	return RECEIVER_OK;
}

/* --- a batch -------------------------------------------------------------------------------- */

static uint64_t record_hash(uint64_t lsn, const struct record *r)
{
	uint8_t bytes[RECORD_BYTES_MAX];

	return hash64(bytes, (size_t)(record_put(bytes, r) - bytes), lsn);
}

/* What lies between is what it refuses. */
static void gap_check(const struct sink *s, uint64_t next_lsn, uint64_t lsn)
{
	truth_check(lsn >= next_lsn, "a receiver was handed record %lu after %lu", lsn,
		    next_lsn - 1);
	for (; next_lsn < lsn; next_lsn++)
		truth_check(is_bad(s, next_lsn), "a receiver was not handed record %lu", next_lsn);
}

static enum receiver_verdict sink_event(void *self, uint64_t lsn, const struct record *record)
{
	struct sink *s = self;

	truth_check(s->state == SINK_OPEN && !s->is_ahead,
		    "a receiver was handed record %lu when it expects close()", lsn);
	gap_check(s, s->next_lsn, lsn);
	s->next_lsn = lsn + 1;
	if (s->aborted || chance(s, 2))
		return fail(s, RECEIVER_RETRY, "lost", &s->counts.lost_within);
	if (record->type == RECORD_PLACEMENT && is_bad(s, lsn) && below(s, 2) == 0)
		return fail(s, RECEIVER_REFUSED, "refused", &s->counts.refused);
	s->rows = truth_grown(s->rows, s->rows_len, &s->rows_max, sizeof(*s->rows));
	s->rows[s->rows_len++] = (struct row){lsn, record_hash(lsn, record)};
	if (record->type == RECORD_PLACEMENT && is_bad(s, lsn))
		s->rows[s->rows_len - 1].hash = 0; /* seen at the flush */
	return RECEIVER_OK;
}

static bool batch_is_bad(const struct sink *s)
{
	for (size_t i = s->batch_at; i < s->rows_len; i++)
		if (s->rows[i].hash == 0)
			return true;
	return false;
}

static enum receiver_verdict sink_flush(void *self, const struct receiver_position *to)
{
	struct sink *s = self;

	truth_check(s->state == SINK_OPEN && !s->is_ahead, "a receiver's flush() without init()");
	gap_check(s, s->next_lsn, to->lsn + 1);
	truth_check(to->lsn > s->at.lsn, "a receiver's position goes from %lu to %lu", s->at.lsn,
		    to->lsn);
	s->counts.flushes++;
	slow(s);
	if (batch_is_bad(s) || (s->rows_len - s->batch_at > 1 && chance(s, 20)))
		return fail(s, RECEIVER_REFUSED, "refused", &s->counts.refused);
	if (chance(s, 5))
		return fail(s, RECEIVER_STOP, "somebody has to decide", &s->counts.stopped);
	if (s->aborted || chance(s, 50))
		return fail(s, RECEIVER_RETRY, "lost", &s->counts.lost_before);
	at_keep(s, to);
	s->batch_at = s->rows_len;
	s->next_lsn = to->lsn + 1;
	if (chance(s, 50))
		return fail(s, RECEIVER_RETRY, "lost", &s->counts.lost_after);
	return RECEIVER_OK;
}

static void sink_close(void *self)
{
	struct sink *s = self;

	s->rows_len = s->batch_at;
	s->is_ahead = false;
	s->state = SINK_CLOSED;
}

static const char *sink_why(const void *self)
{
	return ((const struct sink *)self)->why;
}

const struct receiver_ops sink_ops = {
	.name = "sink",
	.init = sink_init,
	.event = sink_event,
	.flush = sink_flush,
	.close = sink_close,
	.why = sink_why,
};

/* --- what it keeps, and the journal --------------------------------------------------------- */

void sink_verify_begin(struct sink *s)
{
	s->verified = 0;
	s->counts.kept = s->counts.quarantined = 0;
	s->file = disk_sim_file(FILE_NAME, &s->file_len);
}

/* Whether the quarantine has a line that begins with the lsn. */
static bool is_in_quarantine(const struct sink *s, uint64_t lsn)
{
	char line[32];
	size_t len = (size_t)snprintf(line, sizeof(line), "\n%lu,", lsn);

	if (s->file == NULL)
		return false;
	return (s->file_len >= len - 1 && memcmp(s->file, line + 1, len - 1) == 0) ||
	       memmem(s->file, s->file_len, line, len) != NULL;
}

void sink_verify_record(struct sink *s, uint64_t lsn, const struct record *r)
{
	const struct row *row = s->verified < s->batch_at ? &s->rows[s->verified] : NULL;

	if (lsn > s->at.lsn)
		return;
	if (row != NULL && row->lsn == lsn) {
		truth_check(row->hash == record_hash(lsn, r),
			    "LOST: the receiver has record %lu otherwise than the journal", lsn);
		s->verified++;
		s->counts.kept++;
		return;
	}
	truth_check(r->type == RECORD_PLACEMENT && is_bad(s, lsn),
		    "the receiver has not record %lu", lsn);
	truth_check(is_in_quarantine(s, lsn), "record %lu was refused, and is in no quarantine",
		    lsn);
	s->counts.quarantined++;
}

void sink_verify_end(struct sink *s, uint64_t last_lsn)
{
	s->last_lsn = last_lsn;
	truth_check(s->at.lsn <= last_lsn,
		    "LOST: the receiver has record %lu; the journal ends with "
		    "%lu",
		    s->at.lsn, last_lsn);
	truth_check(s->verified == s->batch_at, "the receiver has record %lu, and no such is there",
		    s->rows[s->verified < s->batch_at ? s->verified : 0].lsn);
}

void sink_check_all(const struct sink *s)
{
	truth_check(s->at.lsn == s->last_lsn,
		    "the receiver was ended at record %lu; the journal ends with %lu", s->at.lsn,
		    s->last_lsn);
}
