/*
 * client_put.c - a simulated client that places over HTTP: PUTs, pipelined on a connection of their
 * own.
 *
 * The Idempotency-Key of a request names it; the server makes its number from the key's hash, by
 * which truth.h finds it in the journal. Answers come in the order of the requests, or not at all.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/assert.h"
#include "engine/hash.h"
#include "tests/prng.h"
#include "tests/sim/client_priv.h"

#define PUT_NS_MAX   5000000000ULL
#define SEED_OF_KEYS 2  /* as in edge/http_board.c */
#define PUT_CHANCE   60 /* of 10,000 turns */

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

static void request_add(struct client *c, struct put *p)
{
	unsigned board = (unsigned)prng_below(&c->crowd->dice, c->crowd->board_count);
	const struct truth_board *b = &c->crowd->boards[board];
	struct truth_placement placement = {.board = board};
	char token[SESSION_TOKEN_CHARS_MAX], body[32], key[48], text[768];
	uint64_t now_s = c->crowd->wall_ms / 1000;
	uint8_t user[USER_BYTES];
	int len, body_len;

	placement.x = (uint32_t)prng_below(&c->crowd->dice, b->width + (b->width > 9));
	placement.y = (uint32_t)prng_below(&c->crowd->dice, b->height);
	placement.color = (uint32_t)prng_below(&c->crowd->dice, b->colors + 1);
	p->requests[p->count] = truth_ask(c->crowd->truth, c->number, &placement);
	len = snprintf(key, sizeof(key), "sim-%u-%lu", c->number, p->requests[p->count]);
	truth_named(c->crowd->truth, c->number, p->requests[p->count++],
		    (hash64(key, (size_t)len, SEED_OF_KEYS) | 1) & ((1ULL << 53) - 1));
	truth_user(c->number, user);
	(void)session_mint(c->crowd->session_key, user, now_s, now_s + 100000, token);
	body_len = snprintf(body, sizeof(body), "{\"color\":%u}", placement.color);
	len = snprintf(
		text, sizeof(text),
		"PUT /boards/%s/pixels/%u/%u HTTP/1.1\r\nHost: sim\r\nIdempotency-Key: %s\r\n"
		"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s",
		b->name, placement.x, placement.y, key, token, body_len, body);
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
static size_t answer_take(struct client *c, struct put *p)
{
	char *head = (char *)p->in.at, *field;
	char *end = p->in.len > 0 ? memmem(head, p->in.len, "\r\n\r\n", 4) : NULL;
	const struct truth_placement *placement;
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
	placement = truth_asked(c->crowd->truth, c->number, p->requests[p->answered]);
	truth_check((status ==
		     400) == (placement->x >= c->crowd->boards[placement->board].width ||
			      placement->color >= c->crowd->boards[placement->board].colors) ||
			    status >= 500,
		    "client %u: PUT of (%u, %u, %u) was answered with %lu", c->number, placement->x,
		    placement->y, placement->color, status);
	if (status == 200) {
		field = memmem(head, len, "\"seq\":", 6);
		truth_check(field != NULL, "a PUT's answer without seq");
		c->crowd->counts.put++;
		truth_acknowledged(c->crowd->truth, c->number, p->requests[p->answered],
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
