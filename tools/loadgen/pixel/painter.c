/*
 * painter.c - the window of one painting client.
 *
 * `pending` is a ring of `window` entries, indexed by k. Answers may arrive in any order (a refusal
 * can overtake an acknowledgement that waits for the disk); tail follows when the gap closes. `out`
 * has room for a full window and one urgent frame.
 */
#include "tools/loadgen/pixel/painter.h"

#include <errno.h>
#include <stdlib.h>

#include "edge/codec/message.h"
#include "edge/codec/ws_frame.h"
#include "engine/base/assert.h"
#include "engine/base/bytes.h"
#include "tools/loadgen/load/rng.h"

int painter_init(struct painter *p, uint32_t number, uint32_t painters, uint32_t window,
		 uint64_t count)
{
	*p = (struct painter){.number = number, .painters = painters, .window = window};
	if (count == UINT64_MAX)
		p->limit = UINT64_MAX / painters - 1;
	else
		p->limit = count > number ? (count - number + painters - 1) / painters : 0;
	p->pending = calloc(window, sizeof(*p->pending));
	p->out = malloc((size_t)window * PAINTER_PLACE_BYTES + PAINTER_URGENT_BYTES);
	return p->pending == NULL || p->out == NULL ? -ENOMEM : 0;
}

void painter_fini(struct painter *p)
{
	free(p->pending);
	free(p->out);
	p->pending = NULL;
	p->out = NULL;
}

bool painter_has_room(const struct painter *p)
{
	return p->head - p->tail < p->window && p->head < p->limit;
}

void painter_assign(struct painter *p, uint64_t intended_ns)
{
	px_assert(painter_has_room(p));
	p->pending[p->head++ % p->window] = (struct pending){.span.intended_ns = intended_ns};
}

uint64_t painter_index(const struct painter *p, uint64_t k)
{
	return p->number + k * p->painters;
}

static size_t place_write(uint8_t *out, const struct place *place, uint16_t board, uint64_t request,
			  uint64_t *rng)
{
	struct message m = {
		.type = MSG_PLACE,
		.place = {.board = board,
			  .x = place->x,
			  .y = place->y,
			  .color = place->color,
			  .request = request},
	};
	uint8_t body[MESSAGE_IN_BYTES_MAX];
	uint8_t mask[4];
	size_t len = message_encode_client(&m, body);
	size_t head;

	put_u32(mask, (uint32_t)rng_next(rng));
	head = ws_head_write_masked(out, true, WS_BINARY, mask, body, len);
	put_bytes(out + head, body, len);
	px_assert(head + len == PAINTER_PLACE_BYTES);
	return head + len;
}

uint32_t painter_encode(struct painter *p, const struct plan *plan, const struct canvas *canvas,
			uint64_t now_ns, uint64_t *rng)
{
	uint32_t again = 0;

	for (; p->sent < p->head; p->sent++) {
		uint64_t index = painter_index(p, p->sent);
		struct pending *pending = &p->pending[p->sent % p->window];
		struct place place;

		if (pending->answered)
			continue;
		place = plan_place(plan, index, canvas->width, canvas->height, canvas->colors);
		if (pending->chosen)
			place.color = pending->color;
		pending->chosen = true;
		pending->color = place.color;
		p->out_len +=
			place_write(p->out + p->out_len, &place, canvas->board, index + 1, rng);
		pending->span.begun_ns = now_ns;
		again += p->sent < p->sent_ever;
	}
	if (p->sent > p->sent_ever)
		p->sent_ever = p->sent;
	return again;
}

static void tail_advance(struct painter *p)
{
	while (p->tail < p->head && p->pending[p->tail % p->window].answered)
		p->tail++;
	if (p->sent < p->tail)
		p->sent = p->tail;
}

bool painter_answer(struct painter *p, uint64_t request, struct pending *ret_pending)
{
	uint64_t k;

	if (request < p->number + 1 || (request - 1 - p->number) % p->painters != 0)
		return false;
	k = (request - 1 - p->number) / p->painters;
	if (k < p->tail || k >= p->sent || p->pending[k % p->window].answered)
		return false;
	p->pending[k % p->window].answered = true;
	*ret_pending = p->pending[k % p->window];
	tail_advance(p);
	return true;
}

void painter_broke(struct painter *p)
{
	p->sent = p->tail;
	p->out_len = 0;
	p->urgent_len = 0;
}

uint32_t painter_look_up(struct painter *p, uint64_t last_request, struct pending *ret_last)
{
	uint32_t answered = 0;

	*ret_last = (struct pending){0};
	for (uint64_t k = p->tail; k < p->sent_ever && painter_index(p, k) + 1 <= last_request;
	     k++) {
		if (p->pending[k % p->window].answered)
			continue;
		p->pending[k % p->window].answered = true;
		if (painter_index(p, k) + 1 == last_request)
			*ret_last = p->pending[k % p->window];
		answered++;
	}
	tail_advance(p);
	return answered;
}

uint64_t painter_waiting(const struct painter *p)
{
	uint64_t waiting = 0;

	for (uint64_t k = p->tail; k < p->head; k++)
		waiting += !p->pending[k % p->window].answered;
	return waiting;
}
