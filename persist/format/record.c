/*
 * record.c - see record.h. One row per type: body size and the two directions.
 *
 * Pure: bytes in, bytes out. A board's name is the only part of variable length; it is last,
 * preceded by its length, so that later versions can still add fields after it.
 */
#include "persist/format/record.h"

#include <errno.h>

#include "engine/base/assert.h"

/* What the functions below write, field by field. */
#define BOARD_BYTES     (2 + 4 + 4 + 1 + 1) /* and the name */
#define EPOCH_BYTES     (2 + 4 + 8)
#define PLACEMENT_BYTES (2 + 4 + 8 + USER_BYTES + 2 + 2 + 1 + 8 + 8)
#define FILTER_BYTES    (1 + USER_BYTES + 1 + 4 * 2 + 8 + 8 + 8)
#define ROLLBACK_BYTES  (2 + 4 + 8 + 8 + 8 + 8 + 4 + FILTER_BYTES)

_Static_assert(RECORD_HEAD_BYTES + BOARD_BYTES + BOARD_NAME_BYTES_MAX <= RECORD_BYTES_MAX, "fits");
_Static_assert(RECORD_HEAD_BYTES + EPOCH_BYTES <= RECORD_BYTES_MAX, "fits");
_Static_assert(RECORD_HEAD_BYTES + ROLLBACK_BYTES <= RECORD_BYTES_MAX, "fits");
_Static_assert(RECORD_BODY_BYTES_MAX <= UINT16_MAX, "the length of a body is a uint16_t");
_Static_assert(RECORD_HEAD_BYTES + PLACEMENT_BYTES == RECORD_PLACEMENT_BYTES,
	       "whoever cuts rollbacks into batches counts with it");

static uint8_t *board_put(uint8_t *p, const struct record_board *b)
{
	size_t name_len = strnlen(b->name, BOARD_NAME_BYTES_MAX);

	p = put_u16(p, b->board);
	p = put_u32(p, b->width);
	p = put_u32(p, b->height);
	p = put_u8(p, b->bits);
	p = put_u8(p, (uint8_t)name_len);
	return put_bytes(p, b->name, name_len);
}

static void board_get_body(struct bytes *in, struct record_board *b)
{
	size_t name_len;
	const uint8_t *name;

	b->board = get_u16(in);
	b->width = get_u32(in);
	b->height = get_u32(in);
	b->bits = get_u8(in);
	name_len = get_u8(in);
	if (name_len > BOARD_NAME_BYTES_MAX) {
		in->bad = true;
		return;
	}
	name = get_bytes(in, name_len);
	if (name != NULL)
		memcpy(b->name, name, name_len);
	b->name[name_len] = 0;
}

static uint8_t *epoch_put(uint8_t *p, const struct record_epoch *e)
{
	p = put_u16(p, e->board);
	p = put_u32(p, e->epoch);
	return put_u64(p, e->first_seq);
}

static void epoch_get_body(struct bytes *in, struct record_epoch *e)
{
	e->board = get_u16(in);
	e->epoch = get_u32(in);
	e->first_seq = get_u64(in);
	if (e->epoch > RECORD_EPOCH_MAX || e->first_seq > RECORD_SEQ_MAX)
		in->bad = true;
}

static uint8_t *placement_put(uint8_t *p, const struct record_placement *r)
{
	p = put_u16(p, r->board);
	p = put_u32(p, r->epoch);
	p = put_u64(p, r->seq);
	p = put_bytes(p, r->user, USER_BYTES);
	p = put_u16(p, r->x);
	p = put_u16(p, r->y);
	p = put_u8(p, r->color);
	p = put_u64(p, r->request);
	return put_u64(p, r->placed_at_ms);
}

static void placement_get_body(struct bytes *in, struct record_placement *r)
{
	const uint8_t *user;

	r->board = get_u16(in);
	r->epoch = get_u32(in);
	r->seq = get_u64(in);
	user = get_bytes(in, USER_BYTES);
	if (user != NULL)
		memcpy(r->user, user, USER_BYTES);
	r->x = get_u16(in);
	r->y = get_u16(in);
	r->color = get_u8(in);
	r->request = get_u64(in);
	r->placed_at_ms = get_u64(in);
}

/* --- rollback: the filter's two switches share a byte ----------------------------------------- */

enum filter_flag { FILTER_BY_USER = 1, FILTER_BY_COLOR = 2 };

static uint8_t *filter_put(uint8_t *p, const struct placement_filter *f)
{
	p = put_u8(p, (uint8_t)((f->by_user ? FILTER_BY_USER : 0) |
				(f->by_color ? FILTER_BY_COLOR : 0)));
	p = put_bytes(p, f->user, USER_BYTES);
	p = put_u8(p, f->color);
	p = put_u16(p, f->x);
	p = put_u16(p, f->y);
	p = put_u16(p, f->x_last);
	p = put_u16(p, f->y_last);
	p = put_u64(p, f->from_ms);
	p = put_u64(p, f->to_ms);
	return put_u64(p, f->upto_seq);
}

static void filter_get(struct bytes *in, struct placement_filter *f)
{
	uint8_t flags = get_u8(in);
	const uint8_t *user = get_bytes(in, USER_BYTES);

	f->by_user = flags & FILTER_BY_USER;
	f->by_color = flags & FILTER_BY_COLOR;
	if (user != NULL)
		memcpy(f->user, user, USER_BYTES);
	f->color = get_u8(in);
	f->x = get_u16(in);
	f->y = get_u16(in);
	f->x_last = get_u16(in);
	f->y_last = get_u16(in);
	f->from_ms = get_u64(in);
	f->to_ms = get_u64(in);
	f->upto_seq = get_u64(in);
}

static uint8_t *rollback_put(uint8_t *p, const struct record_rollback *r)
{
	p = put_u16(p, r->board);
	p = put_u32(p, r->epoch);
	p = put_u64(p, r->undoes);
	p = put_u64(p, r->placed_at_ms);
	p = put_u64(p, r->placements);
	p = put_u64(p, r->first_seq);
	p = put_u32(p, r->cells);
	return filter_put(p, &r->filter);
}

static void rollback_get_body(struct bytes *in, struct record_rollback *r)
{
	r->board = get_u16(in);
	r->epoch = get_u32(in);
	r->undoes = get_u64(in);
	r->placed_at_ms = get_u64(in);
	r->placements = get_u64(in);
	r->first_seq = get_u64(in);
	r->cells = get_u32(in);
	filter_get(in, &r->filter);
}

bool record_is_restored(const struct record_placement *p)
{
	static const uint8_t nobody[USER_BYTES];

	return memcmp(p->user, nobody, sizeof(nobody)) == 0;
}

size_t record_bytes(const struct record *r)
{
	switch (r->type) {
	case RECORD_BOARD:
		return RECORD_HEAD_BYTES + BOARD_BYTES +
		       strnlen(r->board.name, BOARD_NAME_BYTES_MAX);
	case RECORD_EPOCH:
		return RECORD_HEAD_BYTES + EPOCH_BYTES;
	case RECORD_PLACEMENT:
		return RECORD_PLACEMENT_BYTES;
	case RECORD_ROLLBACK:
		return RECORD_HEAD_BYTES + ROLLBACK_BYTES;
	default:
		return RECORD_HEAD_BYTES + (size_t)r->other.len;
	}
}

uint8_t *record_put(uint8_t *p, const struct record *r)
{
	uint8_t *body = p + RECORD_HEAD_BYTES;
	uint8_t *end = NULL;

	switch (r->type) {
	case RECORD_BOARD:
		end = board_put(body, &r->board);
		break;
	case RECORD_EPOCH:
		end = epoch_put(body, &r->epoch);
		break;
	case RECORD_PLACEMENT:
		end = placement_put(body, &r->placement);
		break;
	case RECORD_ROLLBACK:
		end = rollback_put(body, &r->rollback);
		break;
	default:
		end = put_bytes(body, r->other.body, r->other.len);
		break;
	}
	px_assert((size_t)(end - p) == record_bytes(r));
	p = put_u8(p, r->type);
	put_u16(p, (uint16_t)(end - body));
	return end;
}

int record_get(struct bytes *in, struct record *ret_record)
{
	struct record r = {.type = get_u8(in)};
	size_t len = get_u16(in);
	const uint8_t *start = get_bytes(in, len);
	struct bytes body;

	if (in->bad)
		return -EBADMSG;
	body = bytes_of(start, len);
	switch (r.type) {
	case RECORD_BOARD:
		board_get_body(&body, &r.board);
		break;
	case RECORD_EPOCH:
		epoch_get_body(&body, &r.epoch);
		break;
	case RECORD_PLACEMENT:
		placement_get_body(&body, &r.placement);
		break;
	case RECORD_ROLLBACK:
		rollback_get_body(&body, &r.rollback);
		break;
	default:
		r.other = (struct record_other){start, (uint16_t)len};
		break;
	}
	if (body.bad)
		return -EBADMSG;
	*ret_record = r;
	return 0;
}

bool record_follows(uint32_t epoch, uint64_t seq, uint32_t next_epoch, uint64_t next_seq)
{
	return next_epoch >= epoch &&
	       next_seq - 1 - seq == (uint64_t)(next_epoch - epoch) * RECORD_EPOCH_GAP;
}

const char *record_type_str(uint8_t type)
{
	switch (type) {
	case RECORD_BOARD:
		return "board";
	case RECORD_EPOCH:
		return "epoch";
	case RECORD_PLACEMENT:
		return "placement";
	case RECORD_ROLLBACK:
		return "rollback";
	default:
		return "unknown";
	}
}
