/*
 * ring_sim.c - engine/ring/ring.h in memory, seeded. See ring_sim.h.
 *
 * Owner      one thread plays all; the world (time, dice, faults) is one static struct, because
 * ring_open()
 *            has no argument for it.
 * Memory     one allocation per operation, so that ASan sees an operation used after its end.
 * In flight  an operation lives in this order:
 *
 *	PREPARED ──ring_submit──▶ FLYING ──due and possible──▶ its event, or events, and free
 *	                            │  file operations are done first and told later: DONE
 *	                            └── cancelled: ends with -ECANCELED a little later
 *
 * Operations that fly are looked at, in an order that the dice decide, whenever the owner submits
 * or reaps: that is when a DEFER_TASKRUN ring works.
 */
#include "tests/sim/ring_sim_priv.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/hash.h"

#define world ring_sim_world

struct ring_sim_world ring_sim_world;
/* --- the world ------------------------------------------------------------------------------ */

void ring_sim_begin(struct net_sim *net, const struct ring_sim_disk *disk, uint64_t seed)
{
	px_assert(!world.begun);
	memset(&world, 0, sizeof(world));
	world.begun = true;
	world.net = net;
	world.dice = seed;
	world.now_ns = 1000000000ULL;
	if (net != NULL)
		net_sim_on_arrival(net, ring_sim_accept_wake);
	if (disk != NULL)
		world.disk = *disk;
}

void ring_sim_end(void)
{
	px_assert(world.begun);
	px_assert(world.rings_len == 0);
	world.begun = false;
}

void ring_sim_faults_set(const struct ring_sim_faults *faults)
{
	world.faults = *faults;
}

const struct ring_sim_counts *ring_sim_counts(void)
{
	return &world.counts;
}

void ring_sim_advance(uint64_t ns)
{
	world.now_ns += ns;
}

uint64_t ring_sim_now_ns(void)
{
	return world.now_ns;
}

bool ring_sim_chance(uint32_t of_1000, uint64_t *counter)
{
	bool hit = of_1000 > 0 && prng_below(&world.dice, 1000) < of_1000;

	*counter += hit;
	return hit;
}

uint64_t ring_sim_due_in(uint64_t ns_max)
{
	return world.now_ns + (ns_max > 0 ? prng_below(&world.dice, ns_max) : 0);
}

/* --- opening and closing -------------------------------------------------------------------- */

static void bufs_open(struct ring *r)
{
	uint32_t n = r->config.recv_bufs;

	r->bufs = malloc((size_t)n * r->config.recv_buf_bytes);
	r->free_ids = calloc(n, sizeof(*r->free_ids));
	r->back_ids = calloc(n, sizeof(*r->back_ids));
	r->loaned = calloc(n, sizeof(*r->loaned));
	px_assert(r->bufs != NULL);
	px_assert(r->free_ids != NULL && r->back_ids != NULL && r->loaned != NULL);
	for (uint32_t i = 0; i < n; i++)
		r->free_ids[i] = (uint16_t)i;
	r->free_len = n;
	ASAN_POISON_MEMORY_REGION(r->bufs, (size_t)n * r->config.recv_buf_bytes);
}

int ring_open(const struct ring_config *config, struct ring **ret_ring)
{
	struct ring *r = calloc(1, sizeof(*r));

	px_assert(world.begun);
	px_assert(world.rings_len < RINGS_MAX);
	px_assert(r != NULL);
	r->config = *config;
	r->lead = config->lead != NULL ? config->lead : r;
	px_assert(r->lead->lead == r->lead);
	r->slots = calloc(config->slots + 1, sizeof(*r->slots));
	px_assert(r->slots != NULL);
	r->looks = 1;
	if (config->recv_bufs > 0)
		bufs_open(r);
	world.rings[world.rings_len++] = r;
	*ret_ring = r;
	return 0;
}

void ring_close(struct ring *r)
{
	struct op *next;

	if (r == NULL)
		return;
	for (uint32_t i = 0; i < world.rings_len; i++)
		if (world.rings[i] == r)
			world.rings[i] = world.rings[--world.rings_len];
	for (struct op *op = r->first; op != NULL; op = next) {
		next = op->next;
		ring_sim_op_free(op);
	}
	for (uint32_t i = 0; i < r->flying_len; i++)
		ring_sim_op_free(r->flying[i]);
	for (uint32_t i = 0; i < r->config.slots; i++)
		net_sim_close(r->slots[i].end);
	if (r->bufs != NULL)
		ASAN_UNPOISON_MEMORY_REGION(r->bufs,
					    (size_t)r->config.recv_bufs * r->config.recv_buf_bytes);
	free(r->flying);
	free(r->events);
	free(r->slots);
	free(r->bufs);
	free(r->free_ids);
	free(r->back_ids);
	free(r->loaned);
	free(r);
}

const char *ring_open_remedy(int error)
{
	return error == 0 ? "" : "a simulated ring always opens";
}

/* --- submitting and reaping ----------------------------------------------------------------- */

struct ring_event *ring_sim_event_add(struct ring *r, const struct op *op, int32_t res)
{
	struct waiting_event *at;

	if (r->events_len == r->events_max) {
		uint32_t max = r->events_max == 0 ? 64 : r->events_max * 2;
		struct waiting_event *grown = calloc(max, sizeof(*grown));

		px_assert(grown != NULL);
		for (uint32_t i = 0; i < r->events_len; i++)
			grown[i] = r->events[(r->events_head + i) % r->events_max];
		free(r->events);
		r->events = grown;
		r->events_max = max;
		r->events_head = 0;
	}
	at = &r->events[(r->events_head + r->events_len++) % r->events_max];
	at->event = (struct ring_event){.tag = op->tag, .res = res};
	at->send_now = op->kind == SIM_SEND_NOW ? &r->slots[op->slot] : NULL;
	return &at->event;
}

void ring_submit(struct ring *r)
{
	struct op *op;

	while (r->back_len > 0)
		r->free_ids[r->free_len++] = r->back_ids[--r->back_len];
	while ((op = r->first) != NULL) {
		r->first = op->next;
		r->prepared--;
		if (op->linked && r->first != NULL) {
			op->waits = r->first;
			r->first = r->first->next;
			r->prepared--;
		}
		ring_sim_op_submit(r, op);
	}
	r->last = NULL;
	ring_sim_work(r, true);
}

uint32_t ring_reap(struct ring *r, struct ring_event *events, uint32_t max)
{
	uint32_t n;

	ring_sim_work(r, false);
	r->looks++;
	for (n = 0; n < max && r->events_len > 0; n++) {
		struct waiting_event *at = &r->events[r->events_head];

		events[n] = at->event;
		if (at->send_now != NULL)
			at->send_now->unseen--;
		r->events_head = (r->events_head + 1) % r->events_max;
		r->events_len--;
	}
	return n;
}

/* --- sleeping and waking -------------------------------------------------------------------- */

void ring_doze(struct ring *lead)
{
	px_assert(lead->lead == lead);
	lead->dozing = true;
}

/* The sleep lasts until ring_sim_is_awake() says true: wakes of other threads come only after this
 * returned, because all threads are one here. */
void ring_wait(struct ring *lead, uint64_t timeout_ns)
{
	px_assert(lead->lead == lead);
	ring_submit(lead);
	lead->sleep_until_ns =
		timeout_ns < UINT64_MAX - world.now_ns ? world.now_ns + timeout_ns : UINT64_MAX;
}

void ring_nap(struct ring *lead, uint64_t timeout_ns)
{
	ring_wait(lead, timeout_ns);
}

void ring_wake(struct ring *lead)
{
	if (lead->dozing)
		lead->woken = true;
}

bool ring_sim_is_awake(struct ring *lead)
{
	bool awake = lead->woken || !lead->dozing || world.now_ns >= lead->sleep_until_ns;

	for (uint32_t i = 0; i < world.rings_len; i++) {
		struct ring *r = world.rings[i];

		if (r->lead != lead)
			continue;
		ring_sim_work(r, false);
		awake = awake || r->events_len > 0;
	}
	if (awake)
		lead->dozing = lead->woken = false;
	return awake;
}

uint64_t ring_sim_next_ns(void)
{
	uint64_t next = UINT64_MAX;

	for (uint32_t i = 0; i < world.rings_len; i++) {
		struct ring *r = world.rings[i];

		if (r->lead == r && r->sleep_until_ns < next)
			next = r->sleep_until_ns;
		for (uint32_t k = 0; k < r->flying_len; k++) {
			uint64_t due = r->flying[k]->due_ns;

			if (due > world.now_ns && due < next)
				next = due;
		}
	}
	return next;
}

struct ring_sim_left ring_sim_left(const struct ring *lead)
{
	struct ring_sim_left left = {0};

	for (uint32_t i = 0; i < world.rings_len; i++) {
		const struct ring *r = world.rings[i];

		if (r->lead != lead)
			continue;
		left.ops += r->flying_len + r->prepared;
		left.loans += r->loans;
		left.events += r->events_len;
		for (uint32_t k = 0; k < r->config.slots; k++)
			left.slots += r->slots[k].end != NULL;
	}
	return left;
}

/* --- preparing ------------------------------------------------------------------------------ */

static struct op *op_new(struct ring *r, enum op_kind kind, uint64_t tag)
{
	struct op *op = calloc(1, sizeof(*op));

	px_assert(op != NULL);
	/* a linked operation and its follower go in one batch */
	if ((r->last == NULL || !r->last->linked) &&
	    (r->prepared >= r->config.sq_entries - 1 ||
	     ring_sim_chance(world.faults.submit_early, &world.counts.early_submits)))
		ring_submit(r);
	op->kind = kind;
	op->tag = tag;
	if (r->last == NULL)
		r->first = op;
	else
		r->last->next = op;
	r->last = op;
	r->prepared++;
	return op;
}

static struct op *slot_op_new(struct ring *r, enum op_kind kind, uint32_t slot, uint64_t tag)
{
	struct op *op = op_new(r, kind, tag);

	px_assert(slot < r->config.slots);
	op->slot = slot;
	return op;
}

static void op_bytes_set(struct op *op, const void *bytes, size_t len)
{
	op->bytes = bytes;
	op->len = len;
	op->sum = hash64(bytes, len, 0);
}

void ring_accept(struct ring *r, int listen_fd, struct sockaddr *addr, socklen_t *addr_len,
		 uint64_t tag)
{
	struct op *op = op_new(r, SIM_ACCEPT, tag);

	px_assert(r->config.slots > 0);
	op->fd = listen_fd;
	op->addr = addr;
	op->addr_len = addr_len;
}

/* There are no plain sockets here: the descriptor stands for a new one that is not connected. */
int ring_slot_install(struct ring *r, uint32_t slot, int fd)
{
	(void)fd;
	px_assert(slot < r->config.slots);
	px_assert(r->slots[slot].end == NULL);
	r->slots[slot] = (struct slot){.end = net_sim_socket(world.net, 16384)};
	return 0;
}

void ring_connect(struct ring *r, uint32_t slot, const struct sockaddr *addr, socklen_t addr_len,
		  uint64_t tag)
{
	struct op *op = slot_op_new(r, SIM_CONNECT, slot, tag);

	px_assert(addr_len >= sizeof(op->connect_to));
	memcpy(&op->connect_to, addr, sizeof(op->connect_to));
}

void ring_recv(struct ring *r, uint32_t slot, uint64_t tag)
{
	px_assert(r->config.recv_bufs > 0);
	(void)slot_op_new(r, SIM_RECV, slot, tag);
}

void ring_recv_multi(struct ring *r, uint32_t slot, uint64_t tag)
{
	px_assert(r->config.recv_bufs > 0);
	(void)slot_op_new(r, SIM_RECV_MULTI, slot, tag);
}

void ring_recv_return(struct ring *r, uint16_t buf)
{
	px_assert(buf < r->config.recv_bufs);
	px_assert(r->loaned[buf]);
	r->loaned[buf] = false;
	r->loans--;
	r->back_ids[r->back_len++] = buf;
	ASAN_POISON_MEMORY_REGION(r->bufs + (size_t)buf * r->config.recv_buf_bytes,
				  r->config.recv_buf_bytes);
}

void ring_recv_trim(struct ring *r)
{
	(void)r;
}

uint32_t ring_recv_loans(const struct ring *r)
{
	return r->loans;
}

void ring_send_now(struct ring *r, uint32_t slot, const void *bytes, size_t len, uint64_t tag)
{
	px_assert(len > 0);
	op_bytes_set(slot_op_new(r, SIM_SEND_NOW, slot, tag), bytes, len);
}

void ring_send_all(struct ring *r, uint32_t slot, const void *bytes, size_t len, uint64_t tag)
{
	px_assert(len > 0);
	op_bytes_set(slot_op_new(r, SIM_SEND_ALL, slot, tag), bytes, len);
}

void ring_shutdown(struct ring *r, uint32_t slot, int how, uint64_t tag)
{
	world.counts.shutdowns++;
	slot_op_new(r, SIM_SHUTDOWN, slot, tag)->fd = how;
}

void ring_cancel_tag(struct ring *r, uint64_t target, uint64_t tag)
{
	op_new(r, SIM_CANCEL_TAG, tag)->offset = target;
}

void ring_slot_close(struct ring *r, uint32_t slot, uint64_t tag)
{
	(void)slot_op_new(r, SIM_SLOT_CLOSE, slot, tag);
}

void ring_write(struct ring *r, int fd, const void *bytes, size_t len, uint64_t offset, bool linked,
		uint64_t tag)
{
	struct op *op = op_new(r, SIM_WRITE, tag);

	op->fd = fd;
	op->offset = offset;
	op->linked = linked;
	op_bytes_set(op, bytes, len);
}

void ring_fdatasync(struct ring *r, int fd, uint64_t tag)
{
	op_new(r, SIM_SYNC, tag)->fd = fd;
}
