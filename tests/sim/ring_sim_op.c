/*
 * ring_sim_op.c - what each operation of the simulated ring does, and when it ends. See ring_sim.c.
 *
 * An operation is owned by its ring's list until op_end() frees it; a _try that returns true has
 * done so.
 */
#include "tests/sim/ring_sim_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/hash.h"

#define world ring_sim_world

void ring_sim_op_free(struct op *op)
{
	if (op != NULL)
		free(op->waits);
	free(op);
}

static bool op_is_of_slot(const struct op *op)
{
	return op->kind != SIM_ACCEPT && op->kind != SIM_CANCEL_TAG && op->kind != SIM_WRITE &&
	       op->kind != SIM_SYNC;
}

static uint32_t *op_counter(struct ring *r, const struct op *op)
{
	struct slot *s = &r->slots[op->slot];

	if (op->kind == SIM_RECV || op->kind == SIM_RECV_MULTI)
		return &s->recvs;
	return op->kind == SIM_SEND_ALL ? &s->sends : &s->others;
}

static void op_check_bytes(const struct op *op)
{
	px_assert(op->bytes == NULL || hash64(op->bytes, op->len, 0) == op->sum);
}

static void fly(struct ring *r, struct op *op);

/* Ends an operation with its last event, and starts the one that waits for it. */
static void op_end(struct ring *r, struct op *op, int32_t res)
{
	struct op *waits = op->waits;

	op_check_bytes(op);
	if (op_is_of_slot(op))
		(*op_counter(r, op))--;
	(void)ring_sim_event_add(r, op, res);
	if (waits != NULL && res == (int32_t)op->len) {
		fly(r, waits);
	} else if (waits != NULL) {
		(void)ring_sim_event_add(r, waits, -ECANCELED);
		free(waits);
	}
	free(op);
}

/* Each _try returns whether the operation has ended (and is gone). */

/* A kernel wakes one accept per client, of all rings the one that has slept longest. If that one is
 * being cancelled, the wake is lost: the client waits until something accepts of itself. */
void ring_sim_accept_wake(int listen_fd)
{
	struct op *oldest = NULL;

	for (uint32_t i = 0; i < world.rings_len; i++) {
		const struct ring *r = world.rings[i];

		for (uint32_t k = 0; k < r->flying_len; k++) {
			struct op *op = r->flying[k];

			if (op == NULL || op->kind != SIM_ACCEPT || op->fd != listen_fd ||
			    op->asleep == 0)
				continue;
			if (oldest == NULL || op->asleep < oldest->asleep)
				oldest = op;
		}
	}
	if (oldest != NULL)
		oldest->asleep = 0;
}

static bool accept_try(struct ring *r, struct op *op)
{
	uint32_t slots = r->config.slots, at = (uint32_t)prng_below(&world.dice, slots), i;
	struct net_end *e = op->asleep == 0 ? net_sim_accept(world.net, op->fd) : NULL;

	if (e == NULL) {
		op->asleep = op->asleep == 0 ? ++world.sleeps : op->asleep;
		return false;
	}
	for (i = 0; i < slots && r->slots[(at + i) % slots].end != NULL; i++)
		;
	if (i == slots ||
	    ring_sim_chance(world.faults.accept_fail, &world.counts.accept_failures)) {
		net_sim_reset(e);
		op_end(r, op, i == slots ? -ENFILE : -ECONNABORTED);
		return true;
	}
	at = (at + i) % slots;
	r->slots[at] = (struct slot){.end = e};
	if (op->addr != NULL) {
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(1)};

		in.sin_addr.s_addr = htonl(net_sim_addr(e));
		memcpy(op->addr, &in, *op->addr_len < sizeof(in) ? *op->addr_len : sizeof(in));
		*op->addr_len = sizeof(in);
	}
	op_end(r, op, (int32_t)at);
	return true;
}

static uint8_t *buf_borrow(struct ring *r, uint16_t *ret_id)
{
	uint32_t at = (uint32_t)prng_below(&world.dice, r->free_len);
	uint16_t id = r->free_ids[at];
	uint8_t *buf = r->bufs + (size_t)id * r->config.recv_buf_bytes;

	r->free_ids[at] = r->free_ids[--r->free_len];
	px_assert(!r->loaned[id]);
	r->loaned[id] = true;
	r->loans++;
	ASAN_UNPOISON_MEMORY_REGION(buf, r->config.recv_buf_bytes);
	*ret_id = id;
	return buf;
}

/* Takes a loan and fills it. */
static void recv_event(struct ring *r, const struct op *op, bool more)
{
	struct ring_event *ev = ring_sim_event_add(r, op, 0);
	size_t len = r->config.recv_buf_bytes;

	if (ring_sim_chance(world.faults.recv_split, &world.counts.splits))
		len = 1 + prng_below(&world.dice, 16);
	ev->data = buf_borrow(r, &ev->buf);
	ev->res = (int32_t)net_sim_recv(r->slots[op->slot].end, ev->data, len);
	px_assert(ev->res > 0);
	ev->flags = (uint16_t)(RING_BUFFER | (more ? RING_MORE : 0));
}

static bool recv_try(struct ring *r, struct op *op)
{
	struct net_end *e = r->slots[op->slot].end;
	bool multi = op->kind == SIM_RECV_MULTI;

	while (net_sim_is_readable(e)) {
		if (r->free_len == 0 ||
		    ring_sim_chance(world.faults.recv_starve, &world.counts.starved)) {
			op_end(r, op, -ENOBUFS);
			return true;
		}
		if (!net_sim_has_bytes(e)) {
			uint8_t none;

			op_end(r, op, (int32_t)net_sim_recv(e, &none, 0));
			return true;
		}
		if (!multi || ring_sim_chance(world.faults.multi_end, &world.counts.multi_ends)) {
			recv_event(r, op, false);
			r->slots[op->slot].recvs--;
			free(op);
			return true;
		}
		recv_event(r, op, true);
	}
	return false;
}

/* How much of a send is tried. */
static size_t send_len(size_t len)
{
	if (!ring_sim_chance(world.faults.send_short, &world.counts.short_sends))
		return len;
	return prng_below(&world.dice, len + 1);
}

/* At submit, inline. Ends in any case; an event only for what did not go well. */
static void send_now(struct ring *r, struct op *op)
{
	struct slot *s = &r->slots[op->slot];
	size_t len = send_len(op->len);
	int64_t n = len > 0 ? net_sim_send(s->end, op->bytes, len) : -EAGAIN;

	px_assert(s->unseen == 0);
	px_assert(s->send_look != r->looks);
	px_assert(s->sends == 0);
	op_check_bytes(op);
	s->send_look = r->looks;
	if (n != (int64_t)op->len) {
		(void)ring_sim_event_add(r, op, (int32_t)n);
		s->unseen++;
	}
	free(op);
}

static bool send_all_try(struct ring *r, struct op *op)
{
	size_t left = op->len - op->sent;
	int64_t n = net_sim_send(r->slots[op->slot].end, op->bytes + op->sent, send_len(left));

	if (n < 0 && n != -EAGAIN) {
		op_end(r, op, op->sent > 0 ? (int32_t)op->sent : (int32_t)n);
		return true;
	}
	op->sent += n > 0 ? (size_t)n : 0;
	if (op->sent < op->len)
		return false;
	op_end(r, op, (int32_t)op->len);
	return true;
}

static bool slot_close_try(struct ring *r, struct op *op)
{
	struct slot *s = &r->slots[op->slot];

	px_assert(s->recvs == 0);
	px_assert(s->sends == 0);
	px_assert(s->unseen == 0);
	px_assert(s->others == 1); /* this one */
	net_sim_close(s->end);
	op_end(r, op, 0);
	s->end = NULL;
	return true;
}

static bool op_try(struct ring *r, struct op *op);

static bool cancel_matches(const struct op *by, const struct op *op)
{
	if (op == by || op->cancelled || op->done || op->kind == SIM_SLOT_CLOSE)
		return false;
	return op->tag == by->offset;
}

static bool cancel_try(struct ring *r, struct op *op)
{
	int32_t count = 0;

	for (uint32_t i = 0; i < r->flying_len; i++) {
		struct op *target = r->flying[i];

		if (target == NULL || !cancel_matches(op, target))
			continue;
		count++;
		if (ring_sim_chance(world.faults.cancel_lost, &world.counts.cancels_lost)) {
			r->flying[i] = NULL; /* its end may make others fly */
			if (op_try(r, target))
				continue;
			r->flying[i] = target;
		}
		world.counts.cancels++;
		target->cancelled = true;
		target->due_ns = ring_sim_due_in(world.faults.delay_ns_max);
	}
	op_end(r, op, count);
	return true;
}

/* Files are done at one moment and told at a later one: a power cut may come in between. */
static bool file_try(struct ring *r, struct op *op)
{
	size_t len = op->len;

	if (op->done) {
		op_end(r, op, op->res);
		return true;
	}
	op_check_bytes(op);
	if (op->kind == SIM_SYNC) {
		op->res = world.disk.sync(op->fd);
	} else {
		if (len > 0 &&
		    ring_sim_chance(world.faults.write_short, &world.counts.short_writes))
			len = prng_below(&world.dice, len);
		op->res = (int32_t)world.disk.write(op->fd, op->bytes, len, op->offset);
	}
	world.counts.disk_errors += op->res < 0;
	op->done = true;
	op->due_ns = ring_sim_due_in(world.faults.disk_ns_max);
	return false;
}

static bool op_try(struct ring *r, struct op *op)
{
	struct net_end *e = op_is_of_slot(op) ? r->slots[op->slot].end : NULL;

	switch (op->kind) {
	case SIM_ACCEPT:
		return accept_try(r, op);
	case SIM_CONNECT:
		op_end(r, op, net_sim_socket_connect(e, ntohs(op->connect_to.sin_port)));
		return true;
	case SIM_RECV:
	case SIM_RECV_MULTI:
		return recv_try(r, op);
	case SIM_SEND_ALL:
		return send_all_try(r, op);
	case SIM_SHUTDOWN:
		op_end(r, op, net_sim_shutdown(e, op->fd));
		return true;
	case SIM_CANCEL_TAG:
		return cancel_try(r, op);
	case SIM_SLOT_CLOSE:
		return slot_close_try(r, op);
	case SIM_WRITE:
	case SIM_SYNC:
		return file_try(r, op);
	case SIM_SEND_NOW:
		break;
	}
	px_unreachable("a send that should have been tried at submit");
}

/* --- operations together -------------------------------------------------------------------- */

/* A kernel tries a receive at its submit, before what was prepared behind it; and what came since
 * is received by any submit. */
static bool recv_is_early(const struct op *op)
{
	return (op->kind == SIM_RECV || op->kind == SIM_RECV_MULTI) && !op->cancelled &&
	       ring_sim_chance(world.faults.recv_early, &world.counts.early_recvs);
}

static void fly(struct ring *r, struct op *op)
{
	bool file = op->kind == SIM_WRITE || op->kind == SIM_SYNC;

	if (r->flying_len == r->flying_max) {
		r->flying_max = r->flying_max == 0 ? 64 : r->flying_max * 2;
		r->flying = realloc(r->flying, r->flying_max * sizeof(struct op *));
		px_assert(r->flying != NULL);
	}
	op->due_ns = ring_sim_due_in(file ? world.faults.disk_ns_max : world.faults.delay_ns_max);
	r->flying[r->flying_len++] = op;
}

void ring_sim_work(struct ring *r, bool at_submit)
{
	uint32_t n = r->flying_len, at = n > 0 ? (uint32_t)prng_below(&world.dice, n) : 0, kept = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct op **place = &r->flying[(at + i) % n];
		struct op *op = *place;

		if (op == NULL || (op->due_ns > world.now_ns && !(at_submit && recv_is_early(op))))
			continue;
		*place = NULL;
		if (op->cancelled) {
			op_end(r, op, op->sent > 0 ? (int32_t)op->sent : -ECANCELED);
			continue;
		}
		if (!op_try(r, op))
			r->flying[(at + i) % n] = op;
	}
	for (uint32_t i = 0; i < r->flying_len; i++)
		if (r->flying[i] != NULL)
			r->flying[kept++] = r->flying[i];
	r->flying_len = kept;
}

void ring_sim_op_submit(struct ring *r, struct op *op)
{
	struct slot *s = &r->slots[op_is_of_slot(op) ? op->slot : 0];

	world.counts.ops++;
	if (op_is_of_slot(op)) {
		px_assert(op->slot < r->config.slots);
		px_assert(s->end != NULL);
	}
	if (op->kind == SIM_SEND_NOW) {
		send_now(r, op);
		return;
	}
	if (op_is_of_slot(op))
		(*op_counter(r, op))++;
	px_assert(s->recvs <= 1 && s->sends <= 1);
	if (recv_is_early(op) && op_try(r, op))
		return;
	fly(r, op);
}
