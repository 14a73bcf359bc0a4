/*
 * asker.c - see asker.h: the connection, and the questions. The answers: asker_answer.c.
 *
 * Owner and memory: the crowd's program. A question whose answer is lost with the connection is
 * forgotten, but for a rollback, which may have been made (truth.h).
 */
#include "tests/sim/asker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "tests/prng.h"
#include "tests/sim/asker_priv.h"

#define REST_NS_MAX   60000000ULL
#define ANSWER_NS_MAX 20000000000ULL
#define QUESTIONS_MAX 6
#define HANG_UP       15 /* of 10,000 turns that wait for an answer */
#define ADMIN_TOKEN   "sim-admin-token-0"

uint64_t asker_below(struct asker *a, uint64_t end)
{
	return prng_below(&a->crowd->dice, end);
}

const struct truth_board *asker_board(const struct asker *a)
{
	return &a->crowd->boards[a->board];
}

struct asker *asker_new(struct crowd *crowd, unsigned clients)
{
	struct asker *a = calloc(1, sizeof(*a));

	px_assert(a != NULL);
	a->crowd = crowd;
	a->clients = clients;
	return a;
}

void asker_free(struct asker *a)
{
	net_sim_close(a->net);
	free(a->in.at);
	free(a->out.at);
	free(a);
}

void asker_cut_off(struct asker *a)
{
	net_sim_close(a->net);
	a->net = NULL;
	a->asks = false;
	a->in.len = a->out.len = 0;
	a->begin_ns = a->now_ns + asker_below(a, REST_NS_MAX);
}

void asker_leave(struct asker *a)
{
	a->gone = true;
	asker_cut_off(a);
}

/* --- questions ------------------------------------------------------------------------------ */

static void ask_cell(struct asker *a, char *text, size_t room)
{
	struct truth_cell *c = &a->cell;
	int len;

	if (c->next != 0) {
		c->before = c->next;
	} else {
		c->x = (uint32_t)asker_below(a, asker_board(a)->width);
		c->y = (uint32_t)asker_below(a, asker_board(a)->height);
		c->before = UINT64_MAX;
		if (asker_below(a, 4) == 0)
			c->before = asker_below(a, a->known_seq + 5);
	}
	c->board = a->board;
	c->known_seq = a->known_seq;
	c->count = 0;
	c->next = 0;
	len = snprintf(text, room, "GET /boards/%s/pixels/%u/%u/history?limit=%lu",
		       asker_board(a)->name, c->x, c->y, 1 + asker_below(a, TRUTH_CELL_MAX));
	if (c->before != UINT64_MAX)
		len += snprintf(text + len, room - (size_t)len, "&before=%lu", c->before);
	snprintf(text + len, room - (size_t)len, " HTTP/1.1\r\nHost: sim\r\n\r\n");
}

static void ask_pixel(struct asker *a, char *text, size_t room)
{
	a->pixel = (struct truth_pixel){.board = a->board,
					.x = (uint32_t)asker_below(a, asker_board(a)->width),
					.y = (uint32_t)asker_below(a, asker_board(a)->height),
					.known_seq = a->known_seq};
	snprintf(text, room, "GET /boards/%s/pixels/%u/%u HTTP/1.1\r\nHost: sim\r\n\r\n",
		 asker_board(a)->name, a->pixel.x, a->pixel.y);
}

static void ask_moment(struct asker *a, char *text, size_t room)
{
	struct truth_moment *m = &a->moment;
	uint64_t ago_ms = asker_below(a, asker_below(a, 4) == 0 ? 100000 : 3000);

	*m = (struct truth_moment){.board = a->board, .seq = UINT64_MAX, .at_ms = UINT64_MAX};
	m->known_seq = a->known_seq;
	if (a->ask == ASK_SEQ)
		m->seq = asker_below(a, m->known_seq + 3);
	else
		m->at_ms = a->crowd->wall_ms - ago_ms;
	snprintf(text, room, "GET /boards/%s/bitmap?%s=%lu HTTP/1.1\r\nHost: sim\r\n\r\n",
		 asker_board(a)->name, a->ask == ASK_SEQ ? "seq" : "at",
		 a->ask == ASK_SEQ ? m->seq : m->at_ms);
}

static void area_draw(struct asker *a, struct placement_filter *f)
{
	const struct truth_board *b = asker_board(a);
	uint64_t x = asker_below(a, b->width), y = asker_below(a, b->height);

	f->x = (uint16_t)x;
	f->y = (uint16_t)y;
	f->x_last = (uint16_t)(x + asker_below(a, b->width - x));
	f->y_last = (uint16_t)(y + asker_below(a, b->height - y));
}

/* One condition at least, beside upto. */
static void filter_draw(struct asker *a, struct placement_filter *f)
{
	unsigned what = 1 + (unsigned)asker_below(a, 15);

	*f = PLACEMENT_FILTER_ALL;
	if (what & 1)
		area_draw(a, f);
	f->by_user = (what & 2) != 0 && asker_below(a, 2) == 0;
	f->by_color = (what & 4) != 0 && asker_below(a, 3) == 0;
	if (f->by_user)
		truth_user((unsigned)asker_below(a, a->clients), f->user);
	if (f->by_color)
		f->color = (uint8_t)asker_below(a, asker_board(a)->colors);
	if (!(what & 1) && !f->by_user && !f->by_color)
		f->from_ms = a->crowd->wall_ms - asker_below(a, 3000);
	if ((what & 8) && asker_below(a, 2) == 0)
		f->to_ms = a->crowd->wall_ms - asker_below(a, 1000);
	if (f->from_ms >= f->to_ms)
		f->to_ms = UINT64_MAX;
	if (asker_below(a, 3) == 0)
		f->upto_seq = asker_below(a, a->known_seq + 3);
}

static size_t filter_print(const struct placement_filter *f, char *out, size_t room)
{
	size_t len = 0;

#define SAY(...) len += (size_t)snprintf(out + len, len < room ? room - len : 0, __VA_ARGS__)
	if (f->x_last != UINT16_MAX)
		SAY(",\"area\":{\"x\":%u,\"y\":%u,\"width\":%u,\"height\":%u}", f->x, f->y,
		    f->x_last - f->x + 1u, f->y_last - f->y + 1u);
	if (f->by_user) {
		SAY(",\"user\":\"");
		for (unsigned i = 0; i < sizeof(f->user); i++)
			SAY("%02x", f->user[i]);
		SAY("\"");
	}
	if (f->by_color)
		SAY(",\"color\":%u", f->color);
	if (f->from_ms != 0)
		SAY(",\"from\":%lu", f->from_ms);
	if (f->to_ms != UINT64_MAX)
		SAY(",\"to\":%lu", f->to_ms);
	if (f->upto_seq != UINT64_MAX)
		SAY(",\"upto\":%lu", f->upto_seq);
#undef SAY
	px_assert(len < room);
	return len;
}

static void ask_rollback(struct asker *a, char *text, size_t room)
{
	struct truth_rollback *r = &a->rollback;
	char body[512];
	size_t len;

	*r = (struct truth_rollback){.board = a->board, .filter = PLACEMENT_FILTER_ALL};
	if (asker_below(a, 3) == 0)
		r->undoes = truth_rollback_pick(a->crowd->truth, a->board, asker_below(a, 1000));
	if (r->undoes != 0 && asker_below(a, 20) == 0)
		r->undoes += asker_below(a, 3); /* not what it is the number of */
	if (r->undoes == 0)
		filter_draw(a, &r->filter);
	len = (size_t)snprintf(body, sizeof(body), "{\"dry_run\":%s",
			       a->ask == ASK_TRY ? "true" : "false");
	if (r->undoes != 0)
		len += (size_t)snprintf(body + len, sizeof(body) - len, ",\"undo\":%lu", r->undoes);
	else
		len += filter_print(&r->filter, body + len, sizeof(body) - len - 1);
	body[len++] = '}';
	body[len] = '\0';
	if (a->ask == ASK_DO)
		a->number = truth_rollback_ask(a->crowd->truth, r);
	snprintf(text, room,
		 "POST /boards/%s/rollback%s HTTP/1.1\r\nHost: sim\r\n"
		 "Authorization: Bearer " ADMIN_TOKEN "\r\nContent-Length: %zu\r\n\r\n%s",
		 asker_board(a)->name, a->ask == ASK_SHOW ? "/preview.png" : "", len, body);
}

static void ask_list(struct asker *a, char *text, size_t room)
{
	snprintf(text, room,
		 "GET /boards/%s/rollbacks HTTP/1.1\r\nHost: sim\r\n"
		 "Authorization: Bearer " ADMIN_TOKEN "\r\n\r\n",
		 asker_board(a)->name);
}

void asker_ask(struct asker *a)
{
	char text[1024];

	uint64_t what = asker_below(a, a->crowd->calm ? ASK_TRY : ASKS + 2);

	a->ask = what < ASKS ? (enum ask)what : ASK_DO;
	a->board = (unsigned)asker_below(a, a->crowd->board_count);
	if (a->ask == ASK_CELL && a->cell.next != 0 && asker_below(a, 4) != 0)
		a->board = a->cell.board; /* goes on where the answer before ended */
	else
		a->cell.next = 0;
	a->known_seq = truth_known_seq(a->crowd->truth, a->board);
	a->known_lsn = truth_rollback_newest(a->crowd->truth, a->board);
	if (a->ask == ASK_PIXEL)
		ask_pixel(a, text, sizeof(text));
	else if (a->ask == ASK_CELL)
		ask_cell(a, text, sizeof(text));
	else if (a->ask == ASK_SEQ || a->ask == ASK_TIME)
		ask_moment(a, text, sizeof(text));
	else if (a->ask == ASK_LIST)
		ask_list(a, text, sizeof(text));
	else
		ask_rollback(a, text, sizeof(text));
	px_assert(strlen(text) + 1 < sizeof(text));
	heap_add(&a->out, text, strlen(text));
	a->asks = true;
	a->end_ns = a->now_ns + ANSWER_NS_MAX;
	a->crowd->counts.questions++;
}

/* --- the connection ------------------------------------------------------------------------- */

static void connect_try(struct asker *a)
{
	if (a->gone || a->now_ns < a->begin_ns)
		return;
	a->net = net_sim_connect(a->crowd->net, a->crowd->listener, 0x7f000001u,
				 512 + (uint32_t)asker_below(a, 8192));
	a->begin_ns = a->now_ns + asker_below(a, REST_NS_MAX);
	a->left = 1 + (unsigned)asker_below(a, QUESTIONS_MAX);
}

/* One answer in a->in; false: not whole. */
static bool answer_take(struct asker *a)
{
	char *head = (char *)a->in.at, *end, *field;
	size_t head_len, len;
	unsigned status;

	end = a->in.len > 0 ? memmem(head, a->in.len, "\r\n\r\n", 4) : NULL;
	if (end == NULL)
		return false;
	end[2] = '\0';
	field = strcasestr(head, "\nContent-Length: ");
	truth_check(strncmp(head, "HTTP/1.1 ", 9) == 0 && field != NULL, "an answer: %s", head);
	head_len = (size_t)(end + 4 - head);
	len = strtoul(field + 17, NULL, 10);
	end[2] = '\r';
	if (a->in.len < head_len + len)
		return false;
	end[2] = '\0';
	heap_add(&a->in, "", 1);
	a->in.len--;
	head = (char *)a->in.at;
	status = (unsigned)strtoul(head + 9, NULL, 10);
	truth_check(a->asks || status == 503, "an answer that was not asked for: %s", head);
	if (a->asks)
		asker_hear(a, head, status, a->in.at + head_len, len);
	heap_drop(&a->in, head_len + len);
	a->asks = false;
	a->left--;
	a->begin_ns = a->now_ns + asker_below(a, REST_NS_MAX);
	return true;
}

static void net_turn(struct asker *a)
{
	uint8_t chunk[2048];
	int64_t n;

	if (a->out.len > 0) {
		n = net_sim_send(a->net, a->out.at, a->out.len);
		if (n > 0)
			heap_drop(&a->out, (size_t)n);
	}
	n = net_sim_recv(a->net, chunk, 1 + asker_below(a, sizeof(chunk)));
	if (n > 0)
		heap_add(&a->in, chunk, (size_t)n);
	while (answer_take(a))
		;
	if (n == 0 || (n < 0 && n != -EAGAIN) || a->left == 0)
		asker_cut_off(a);
}

void asker_turn(struct asker *a, uint64_t now_ns)
{
	a->now_ns = now_ns;
	if (a->net == NULL) {
		connect_try(a);
		return;
	}
	if (!a->asks && now_ns >= a->begin_ns)
		asker_ask(a);
	net_turn(a);
	if (a->net == NULL || !a->asks)
		return;
	truth_check(!a->crowd->calm || now_ns < a->end_ns, "a question of kind %u has no answer",
		    a->ask);
	if (now_ns >= a->end_ns || (!a->crowd->calm && asker_below(a, 10000) < HANG_UP))
		asker_cut_off(a);
}
