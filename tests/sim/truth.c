/*
 * truth.c - see truth.h.
 *
 * Memory: arrays that grow, one per client (what it asked) and one per board (hashes by seq). A run
 * has some ten thousand placements on small boards, so truth_verify() folds everything anew each
 * time.
 */
#include "tests/sim/truth.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "persist/history/history.h"
#include "persist/recover/recover.h"
#include "tests/sim/sink.h"
#include "tests/sim/truth_priv.h"

#define SEQ_MAX  (1u << 24) /* no run comes that far; a new epoch begins beyond it */
#define CLOCK_MS 1          /* the two clocks tick at different moments */

void truth_failed(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fflush(stdout);
	fprintf(stderr, "\nBROKEN: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

struct truth *truth_new(const struct truth_board *boards, unsigned board_count, unsigned clients)
{
	struct truth *t = calloc(1, sizeof(*t));

	px_assert(t != NULL);
	px_assert(board_count <= TRUTH_BOARDS_MAX);
	memcpy(t->boards, boards, board_count * sizeof(*boards));
	t->board_count = board_count;
	t->clients = clients;
	t->asked = calloc(clients, sizeof(*t->asked));
	px_assert(t->asked != NULL);
	for (unsigned b = 0; b < board_count; b++) {
		truth_face(t, b, 0, &boards[b]);
		t->folds[b].colors = malloc((size_t)boards[b].width * boards[b].height);
		t->folds[b].placed_at_ms = calloc(clients, sizeof(uint64_t));
		px_assert(t->folds[b].colors != NULL && t->folds[b].placed_at_ms != NULL);
	}
	return t;
}

void truth_free(struct truth *t)
{
	for (unsigned i = 0; i < t->clients; i++) {
		free(t->asked[i].at);
		free(t->asked[i].kept_seq);
		free(t->asked[i].number);
	}
	for (unsigned b = 0; b < t->board_count; b++) {
		free(t->seen[b].hash);
		free(t->past[b].hash);
		free(t->faces[b].at);
		free(t->folds[b].placed);
		free(t->folds[b].colors);
		free(t->folds[b].placed_at_ms);
	}
	undo_free(t);
	told_free(t);
	free(t->copied);
	free(t->asked);
	free(t);
}

void *truth_grown(void *array, size_t len, size_t *max, size_t bytes)
{
	if (len < *max)
		return array;
	*max = *max == 0 ? 64 : *max * 2;
	array = realloc(array, *max * bytes);
	px_assert(array != NULL);
	return array;
}

/* --- faces ---------------------------------------------------------------------------------- */

void truth_board_widen(struct truth_board *b)
{
	if (b->colors_least == 0 || b->colors < b->colors_least)
		b->colors_least = b->colors;
	if (b->colors > b->colors_most)
		b->colors_most = b->colors;
	if (b->cooldown_ms > b->cooldown_most_ms)
		b->cooldown_most_ms = b->cooldown_ms;
	b->was_frozen |= b->frozen;
}

void truth_face(struct truth *t, unsigned board, uint64_t wall_ms, const struct truth_board *b)
{
	struct was_faces *f = &t->faces[board];

	f->at = truth_grown(f->at, f->len, &f->max, sizeof(*f->at));
	f->at[f->len++] = (struct was_face){.from_ms = wall_ms,
					    .colors = b->colors,
					    .cooldown_ms = b->cooldown_ms,
					    .frozen = b->frozen};
}

/* Whether one of the faces that the board had at that millisecond allows the placement, `since_ms`
 * after the last one of this person. */
static bool face_allows(const struct truth *t, unsigned board, const struct record_placement *r,
			uint64_t since_ms)
{
	const struct was_faces *f = &t->faces[board];

	for (size_t i = f->len; i-- > 0;) {
		if (f->at[i].from_ms > r->placed_at_ms)
			continue;
		if (r->color < f->at[i].colors && !f->at[i].frozen &&
		    since_ms + CLOCK_MS >= f->at[i].cooldown_ms)
			return true;
		if (f->at[i].from_ms < r->placed_at_ms)
			return false; /* older ones were over */
	}
	return false;
}

/* --- what clients tell ---------------------------------------------------------------------- */

uint64_t truth_ask(struct truth *t, unsigned client, const struct truth_placement *p)
{
	struct asked *a = &t->asked[client];

	px_assert(client < t->clients);
	if (a->len == a->max) {
		a->max = a->max == 0 ? 64 : a->max * 2;
		a->at = realloc(a->at, a->max * sizeof(*a->at));
		a->kept_seq = realloc(a->kept_seq, a->max * sizeof(*a->kept_seq));
		a->number = realloc(a->number, a->max * sizeof(*a->number));
		px_assert(a->at != NULL && a->kept_seq != NULL && a->number != NULL);
	}
	a->at[a->len] = *p;
	a->at[a->len++].seq = 0;
	a->number[a->len - 1] = a->len - 1;
	t->counts.asked++;
	return a->len;
}

void truth_named(struct truth *t, unsigned client, uint64_t request, uint64_t number)
{
	px_assert(truth_asked(t, client, request) != NULL);
	t->asked[client].number[request - 1] = number;
}

uint64_t truth_number(const struct truth *t, unsigned client, uint64_t request)
{
	px_assert(truth_asked(t, client, request) != NULL);
	return t->asked[client].number[request - 1];
}

uint64_t truth_asked_count(const struct truth *t, unsigned client)
{
	return t->asked[client].len;
}

uint64_t truth_numbered(const struct truth *t, unsigned client, uint64_t number)
{
	const struct asked *a = &t->asked[client];

	if (number < a->len && a->number[number] == number)
		return number + 1;
	for (uint64_t i = a->len; i > 0; i--)
		if (a->number[i - 1] == number)
			return i;
	return 0;
}

const struct truth_placement *truth_asked(const struct truth *t, unsigned client, uint64_t request)
{
	px_assert(client < t->clients);
	return request > 0 && request <= t->asked[client].len ? &t->asked[client].at[request - 1]
							      : NULL;
}

void truth_acknowledged(struct truth *t, unsigned client, uint64_t request, uint64_t seq)
{
	struct truth_placement *p;

	truth_check(truth_asked(t, client, request) != NULL,
		    "client %u was answered request %lu, which it never made", client, request);
	p = &t->asked[client].at[request - 1];
	truth_check(seq > 0, "client %u: request %lu was acknowledged without a seq", client,
		    request);
	truth_check(p->seq == 0 || p->seq == seq,
		    "client %u: request %lu was acknowledged as seq %lu and %lu", client, request,
		    p->seq, seq);
	t->counts.acknowledged += p->seq == 0;
	p->seq = seq;
}

uint64_t truth_colors_hash(const struct truth_board *b, const uint8_t *colors)
{
	return hash64(colors, (size_t)b->width * b->height, 0) | 1;
}

void truth_hash_set(struct truth *t, struct seen *s, unsigned board, uint64_t seq, uint64_t hash)
{
	px_assert(board < t->board_count);
	truth_check(seq < SEQ_MAX, "LOST: board %s: history was replaced: seq %lu",
		    t->boards[board].name, seq);
	if (seq >= s->max) {
		uint64_t max = seq * 2 + 64;

		s->hash = realloc(s->hash, max * sizeof(*s->hash));
		px_assert(s->hash != NULL);
		memset(s->hash + s->max, 0, (max - s->max) * sizeof(*s->hash));
		s->max = max;
	}
	truth_check(s->hash[seq] == 0 || s->hash[seq] == hash,
		    "board %s: two clients have different boards at seq %lu", t->boards[board].name,
		    seq);
	t->counts.boards_compared++;
	s->hash[seq] = hash;
	s->last = seq > s->last ? seq : s->last;
}

void truth_seen(struct truth *t, unsigned board, uint64_t seq, const uint8_t *colors)
{
	truth_hash_set(t, &t->seen[board], board, seq,
		       truth_colors_hash(&t->boards[board], colors));
}

uint64_t truth_known_seq(const struct truth *t, unsigned board)
{
	return t->seen[board].last;
}

/* --- what the disk tells -------------------------------------------------------------------- */

void truth_user(unsigned client, uint8_t user[static USER_BYTES])
{
	memset(user, 0x5a, 16);
	(void)put_u32(user, client);
}

static unsigned client_of(const struct truth *t, const uint8_t user[static USER_BYTES])
{
	struct bytes b = bytes_of(user, 4);
	unsigned client = get_u32(&b);
	uint8_t expected[16];

	truth_check(client < t->clients, "the journal has a user who does not exist");
	truth_user(client, expected);
	truth_check(memcmp(user, expected, 16) == 0, "the journal has a user who does not exist");
	return client;
}

static int board_named(const struct truth *t, const char *name)
{
	for (unsigned b = 0; b < t->board_count; b++)
		if (strcmp(t->boards[b].name, name) == 0)
			return (int)b;
	truth_failed("the journal has a board %s, which does not exist", name);
}

static int board_numbered(const struct truth *t, uint16_t number)
{
	for (unsigned b = 0; b < t->board_count; b++)
		if (t->folds[b].number == number)
			return (int)b;
	truth_failed("the journal has placements on board %u before it has the board", number);
}

static void hash_compare(const struct truth *t, const struct seen *s, unsigned board,
			 const char *whose)
{
	uint64_t seq = t->folds[board].next_seq - 1;

	if (seq < s->max && s->hash[seq] != 0)
		truth_check(s->hash[seq] ==
				    truth_colors_hash(&t->boards[board], t->folds[board].colors),
			    "board %s: %s another board at seq %lu than the journal gives",
			    t->boards[board].name, whose, seq);
}

/* The board at the seq before next_seq, against what clients had. */
static void fold_compare(const struct truth *t, unsigned board)
{
	hash_compare(t, &t->seen[board], board, "clients had");
	hash_compare(t, &t->past[board], board, "history told of");
}

static void fold_add(struct truth *t, unsigned board, const struct record_placement *r,
		     uint32_t client)
{
	struct fold *f = &t->folds[board];
	uint32_t cell = r->y * t->boards[board].width + r->x;

	f->placed = truth_grown(f->placed, f->next_seq - f->first_seq, &f->placed_max,
				sizeof(*f->placed));
	f->placed[f->next_seq - f->first_seq] =
		(struct placed){.at_ms = r->placed_at_ms,
				.rollback = client == NOBODY ? r->request : 0,
				.cell = cell,
				.client = client,
				.color = r->color};
	f->colors[cell] = r->color;
	f->next_seq++;
	fold_compare(t, board);
}

const struct placed *truth_placed(const struct truth *t, unsigned board, uint64_t seq)
{
	const struct fold *f = &t->folds[board];

	px_assert(seq >= f->first_seq && seq < f->next_seq);
	return &f->placed[seq - f->first_seq];
}

static void person_fold(struct truth *t, unsigned board, const struct record_placement *r)
{
	unsigned client = client_of(t, r->user);
	const struct truth_board *b = &t->boards[board];
	uint64_t request = truth_numbered(t, client, r->request);
	const struct truth_placement *p = truth_asked(t, client, request);
	struct fold *f = &t->folds[board];
	uint64_t since_ms = r->placed_at_ms - f->placed_at_ms[client];

	truth_check(p != NULL, "board %s, seq %lu: client %u never asked for request %lu", b->name,
		    r->seq, client, r->request);
	truth_check(p->board == board && p->x == r->x && p->y == r->y && p->color == r->color,
		    "board %s, seq %lu is not what client %u asked for as request %lu", b->name,
		    r->seq, client, r->request);
	truth_check(t->asked[client].kept_seq[request - 1] == 0,
		    "client %u: request %lu is in the journal twice", client, r->request);
	truth_check(
		face_allows(t, board, r, f->placed_at_ms[client] == 0 ? UINT32_MAX : since_ms),
		"board %s, seq %lu: client %u placed color %u, %lu ms after its last one, which "
		"the board did not allow",
		b->name, r->seq, client, r->color, since_ms);
	t->asked[client].kept_seq[request - 1] = r->seq;
	f->placed_at_ms[client] = r->placed_at_ms;
	t->counts.kept++;
	fold_add(t, board, r, client);
}

static void placement_fold(struct truth *t, uint64_t lsn, const struct record_placement *r)
{
	unsigned board = (unsigned)board_numbered(t, r->board);
	const struct truth_board *b = &t->boards[board];
	struct fold *f = &t->folds[board];

	truth_check(f->next_seq > 0, "board %s: the journal has placements before it has an epoch",
		    b->name);
	truth_check(r->seq == f->next_seq, "board %s: seq %lu is followed by %lu", b->name,
		    f->next_seq - 1, r->seq);
	if (!record_is_restored(r)) {
		undo_check_whole(t);
		person_fold(t, board, r);
		return;
	}
	undo_cell(t, board, lsn, r);
	fold_add(t, board, r, NOBODY);
}

/* Of a snapshot's boards nothing is taken: all must come from the records alone. */
static int handle_board(void *arg, const struct snapshot_board_read *board)
{
	(void)board_named(arg, board->meta.name);
	return 0;
}

static int handle_person(void *arg, const struct person *person)
{
	(void)client_of(arg, person->user);
	return 0;
}

static void record_fold(struct truth *t, uint64_t lsn, const struct record *r)
{
	t->last_lsn = lsn;
	if (t->sink != NULL)
		sink_verify_record(t->sink, lsn, r);
	if (r->type == RECORD_PLACEMENT) {
		placement_fold(t, lsn, &r->placement);
		return;
	}
	undo_check_whole(t);
	if (r->type == RECORD_BOARD) {
		t->folds[board_named(t, r->board.name)].number = r->board.board;
	} else if (r->type == RECORD_EPOCH) {
		struct fold *f = &t->folds[board_numbered(t, r->epoch.board)];

		truth_check(f->next_seq == 0,
			    "a second epoch, though nothing acknowledged may be lost");
		f->first_seq = f->next_seq = r->epoch.first_seq;
	} else if (r->type == RECORD_ROLLBACK) {
		undo_record(t, (unsigned)board_numbered(t, r->rollback.board), lsn, &r->rollback);
	}
}

/* --- records that retention removes --------------------------------------------------------- */

void truth_retain(struct truth *t)
{
	t->retains = true;
}

bool truth_retains(const struct truth *t)
{
	return t->retains;
}

static int record_copy(void *arg, uint64_t lsn, const struct record *r)
{
	struct truth *t = arg;

	truth_check(lsn == t->copied_len + 1, "LOST: record %lu is followed by %lu", t->copied_len,
		    lsn);
	t->copied = truth_grown(t->copied, t->copied_len, &t->copied_max, sizeof(*t->copied));
	t->copied[t->copied_len++] = *r;
	return 0;
}

void truth_copy(struct truth *t, uint64_t durable_lsn)
{
	const struct history_handler handler = {.arg = t, .record = record_copy};
	struct history_cursor cursor = {.next_lsn = t->copied_len + 1};
	struct history *history;
	struct disk *disk;
	int rc;

	if (!t->retains || durable_lsn == t->copied_len)
		return;
	px_assert(disk_open("sim", 0, 0, &disk) == 0);
	px_assert(history_new(disk, &history) == 0);
	px_assert(history_look(history, durable_lsn) == 0);
	do
		rc = history_step(history, &cursor, &handler);
	while (rc == 1);
	truth_check(rc == 0, "the journal cannot be read: %d", rc);
	history_free(history);
	disk_close(disk);
}

static bool records_equal(const struct record *a, const struct record *b)
{
	uint8_t of_a[RECORD_BYTES_MAX], of_b[RECORD_BYTES_MAX];
	size_t len = (size_t)(record_put(of_a, a) - of_a);

	return len == (size_t)(record_put(of_b, b) - of_b) && memcmp(of_a, of_b, len) == 0;
}

/* Those before `lsn` that are not in the journal any more. */
static void copied_fold(struct truth *t, uint64_t lsn)
{
	while (t->retains && t->last_lsn + 1 < lsn) {
		truth_check(t->last_lsn < t->copied_len, "LOST: record %lu is not in the journal",
			    t->last_lsn + 1);
		record_fold(t, t->last_lsn + 1, &t->copied[t->last_lsn]);
	}
}

static int handle_record(void *arg, uint64_t lsn, const struct record *r, bool replay)
{
	struct truth *t = arg;

	(void)replay;
	copied_fold(t, lsn);
	truth_check(lsn > t->copied_len || records_equal(r, &t->copied[lsn - 1]),
		    "LOST: record %lu was durable, and is another one now", lsn);
	record_fold(t, lsn, r);
	return 0;
}

static void verify_begin(struct truth *t)
{
	t->counts.kept = 0;
	for (unsigned i = 0; i < t->clients; i++)
		if (t->asked[i].len > 0)
			memset(t->asked[i].kept_seq, 0, t->asked[i].len * sizeof(uint64_t));
	for (unsigned b = 0; b < t->board_count; b++) {
		struct fold *f = &t->folds[b];

		f->number = -1;
		f->first_seq = f->next_seq = 0;
		memset(f->colors, 0, (size_t)t->boards[b].width * t->boards[b].height);
		memset(f->placed_at_ms, 0, t->clients * sizeof(uint64_t));
	}
	undo_verify_begin(t);
}

void truth_verify(struct truth *t, struct disk *disk, struct sink *sink)
{
	const struct recover_options options = {
		.fresh_journal_id = 1, .history_records = UINT64_MAX, .read_only = true};
	const struct recover_handler handler = {
		.arg = t, .board = handle_board, .person = handle_person, .record = handle_record};
	struct recover_result result;
	char why[RECOVER_WHY_BYTES] = "";

	verify_begin(t);
	t->sink = sink;
	t->last_lsn = 0;
	if (sink != NULL)
		sink_verify_begin(sink);
	truth_check(recover_run(disk, &options, &handler, &result, why) == 0, "recovery: %s", why);
	copied_fold(t, result.start.next_lsn);
	for (unsigned i = 0; i < t->clients; i++)
		for (uint64_t k = 0; k < t->asked[i].len; k++)
			truth_check(t->asked[i].at[k].seq == 0 ||
					    t->asked[i].at[k].seq == t->asked[i].kept_seq[k],
				    "LOST: client %u: request %lu was acknowledged as seq %lu; the "
				    "journal has it as %lu",
				    i, k + 1, t->asked[i].at[k].seq, t->asked[i].kept_seq[k]);
	for (unsigned b = 0; b < t->board_count; b++)
		truth_check(t->seen[b].last == 0 || t->seen[b].last < t->folds[b].next_seq,
			    "LOST: board %s: clients saw seq %lu; the journal ends before %lu",
			    t->boards[b].name, t->seen[b].last, t->folds[b].next_seq);
	if (sink != NULL)
		sink_verify_end(sink, t->last_lsn);
	undo_verify_end(t);
	told_verify_end(t);
}

struct truth_counts truth_counts(const struct truth *t)
{
	return t->counts;
}
