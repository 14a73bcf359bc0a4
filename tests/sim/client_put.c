/*
 * client_put.c - a simulated client that places over HTTP: PUTs, pipelined on a connection of their
 * own.
 *
 * The Idempotency-Key of a request names it; the server makes its number from the key's hash, by
 * which truth.h finds it in the journal. Answers come in the order of the requests, or not at all.
 * Some are asked once more, in later connections and lives of the server.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/hash.h"
#include "tests/prng.h"
#include "tests/sim/client_priv.h"

#define PUT_NS_MAX   5000000000ULL
#define SEED_OF_KEYS 2  /* as in edge/http/http_board.c */
#define PUT_CHANCE   60 /* of 10,000 turns */
#define AGAIN_CHANCE 3000

static void put_end(struct put *p)
{
	net_sim_close(p->net);
	p->net = NULL;
	p->in.len = p->out.len = 0;
	p->count = p->answered = 0;
}

void put_cut(struct put *p)
{
	put_end(p);
}

void put_free(struct put *p)
{
	put_end(p);
	free(p->in.at);
	free(p->out.at);
}

static size_t key_make(const struct client *c, uint64_t request, char *out, size_t room)
{
	return (size_t)snprintf(out, room, "sim-%u-%lu", c->number, request);
}

static struct waiting request_new(struct client *c)
{
	unsigned board = (unsigned)prng_below(&c->crowd->dice, c->crowd->board_count);
	const struct truth_board *b = &c->crowd->boards[board];
	struct truth_placement p = {.board = board};
	uint64_t request;
	char key[48];
	size_t len;

	p.x = (uint32_t)prng_below(&c->crowd->dice, b->width + (b->width > 9));
	p.y = (uint32_t)prng_below(&c->crowd->dice, b->height);
	p.color = (uint32_t)prng_below(&c->crowd->dice, b->colors + 1);
	request = truth_ask(c->crowd->truth, c->number, &p);
	len = key_make(c, request, key, sizeof(key));
	truth_named(c->crowd->truth, c->number, request,
		    (hash64(key, len, SEED_OF_KEYS) | 1) & ((1ULL << 53) - 1));
	return (struct waiting){.request = request, .how = WAITING_FIRST};
}

/* An older PUT once more, or a new one. */
static struct waiting request_choose(struct client *c)
{
	uint64_t request = client_chance(c, AGAIN_CHANCE) ? place_pick(c) : 0;

	if (request == 0 || truth_number(c->crowd->truth, c->number, request) == request - 1)
		return request_new(c);
	if (truth_asked(c->crowd->truth, c->number, request)->seq == 0)
		return (struct waiting){.request = request, .how = WAITING_FIRST};
	c->crowd->counts.again++;
	return (struct waiting){.request = request, .how = WAITING_AGAIN};
}

static void request_add(struct client *c, struct put *p)
{
	struct waiting w = request_choose(c);
	const struct truth_placement *placement =
		truth_asked(c->crowd->truth, c->number, w.request);
	char token[SESSION_TOKEN_CHARS_MAX], body[32], key[48], text[768];
	uint64_t now_s = c->crowd->wall_ms / 1000;
	uint8_t user[USER_BYTES];
	int len, body_len;

	p->requests[p->count++] = w;
	(void)key_make(c, w.request, key, sizeof(key));
	truth_user(c->number, user);
	(void)session_mint(c->crowd->session_key, user, now_s, now_s + 100000, token);
	body_len = snprintf(body, sizeof(body), "{\"color\":%u}", placement->color);
	len = snprintf(
		text, sizeof(text),
		"PUT /boards/%s/pixels/%u/%u HTTP/1.1\r\nHost: sim\r\nIdempotency-Key: %s\r\n"
		"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s",
		c->crowd->boards[placement->board].name, placement->x, placement->y, key, token,
		body_len, body);
	px_assert(len < (int)sizeof(text));
	heap_add(&p->out, text, (size_t)len);
}

static void put_begin(struct client *c, struct put *p)
{
	if (c->crowd->calm || !client_chance(c, PUT_CHANCE))
		return;
	p->net = net_sim_connect(c->crowd->net, c->crowd->listener, 0x7f000001u,
				 64 + (uint32_t)prng_below(&c->crowd->dice, 4096));
	if (p->net == NULL)
		return;
	p->end_ns = c->now_ns + prng_below(&c->crowd->dice, PUT_NS_MAX);
	for (uint64_t n = 1 + prng_below(&c->crowd->dice, PUTS_MAX); n > 0; n--)
		request_add(c, p);
}

/* One answer in p->in; returns its bytes, 0: not whole. */
/* By the faces that the board has had. */
static bool put_may_be(const struct truth_board *b, const struct truth_placement *p,
		       unsigned long status)
{
	if (status >= 500)
		return true;
	if (status == 400)
		return p->x >= b->width || p->color >= b->colors_least;
	return p->x < b->width && p->color < b->colors_most && (status != 409 || b->was_frozen);
}

static size_t answer_take(struct client *c, struct put *p)
{
	char *head = (char *)p->in.at, *field;
	char *end = p->in.len > 0 ? memmem(head, p->in.len, "\r\n\r\n", 4) : NULL;
	const struct truth_placement *placement;
	struct waiting w;
	size_t len;
	unsigned long status;

	if (end == NULL)
		return 0;
	*end = '\0';
	field = strcasestr(head, "\nContent-Length: ");
	truth_check(strncmp(head, "HTTP/1.1 ", 9) == 0 && field != NULL, "a PUT's answer: %s",
		    head);
	len = (size_t)(end + 4 - head) + strtoul(field + 17, NULL, 10);
	*end = '\r';
	if (p->in.len < len)
		return 0;
	status = strtoul(head + 9, NULL, 10);
	truth_check(p->answered < p->count || status == 503, "an answer that was not asked for");
	if (p->answered == p->count)
		return len;
	w = p->requests[p->answered];
	placement = truth_asked(c->crowd->truth, c->number, w.request);
	truth_check(w.how != WAITING_AGAIN || status == 200 || status == 503,
		    "client %u: the PUT of request %lu was acknowledged as seq %lu, and now is "
		    "answered with %lu",
		    c->number, w.request, placement->seq, status);
	truth_check(put_may_be(&c->crowd->boards[placement->board], placement, status),
		    "client %u: PUT of (%u, %u, %u) was answered with %lu", c->number, placement->x,
		    placement->y, placement->color, status);
	if (status == 200) {
		field = memmem(head, len, "\"seq\":", 6);
		truth_check(field != NULL, "a PUT's answer without seq");
		c->crowd->counts.put++;
		truth_acknowledged(c->crowd->truth, c->number, w.request,
				   strtoull(field + 6, NULL, 10));
	}
	p->answered++;
	return len;
}

void put_turn(struct client *c)
{
	struct put *p = &c->put;
	uint8_t chunk[1024];
	size_t used;
	int64_t n;

	if (p->net == NULL) {
		put_begin(c, p);
		return;
	}
	n = p->out.len > 0 ? net_sim_send(p->net, p->out.at, p->out.len) : -EAGAIN;
	if (n > 0)
		heap_drop(&p->out, (size_t)n);
	n = net_sim_recv(p->net, chunk, 1 + prng_below(&c->crowd->dice, sizeof(chunk)));
	if (n > 0)
		heap_add(&p->in, chunk, (size_t)n);
	while ((used = answer_take(c, p)) > 0)
		heap_drop(&p->in, used);
	if (c->now_ns >= p->end_ns || n == 0 || (n < 0 && n != -EAGAIN) || p->answered == p->count)
		put_end(p);
}
