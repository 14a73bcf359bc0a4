/*
 * ring_uring.c - ring.h on io_uring. The only file that includes <liburing.h>.
 *
 * Owner      the thread that opened the ring; only ring_wake() is for others.
 * Memory     the ring, its provided buffers and its events are made once, in ring_open().
 * In flight  on a lead: one read of its eventfd (TAG_WAKE), always armed while it sleeps.
 *
 * The minimum is kernel 6.1 with liburing 2.3. Later features are used if the kernel reports them,
 * unless PIXELD_RING_MAX=6.1 masks them; the test suite also runs once that way.
 */
#include "engine/ring/ring.h"

#include <errno.h>
#include <liburing.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/base/assert.h"
#include "engine/base/clock.h"
#include "engine/memory/pages.h"

#define TAG_WAKE        UINT64_MAX /* ours alone: op_tag_pack() never makes it */
#define BUF_GROUP       0
#define REAP_MAX        256
#define SUBMIT_TRIES    1000
#define SLEEP_MAX_NS    (60 * NS_PER_SEC)
#define FEAT_BUNDLE     (1U << 14) /* IORING_FEAT_RECVSEND_BUNDLE: a 6.10 kernel */
#define ACCEPT_POLL1ST  (1U << 2)  /* IORING_ACCEPT_POLL_FIRST, since 6.10 */
#define TASKRUN_PENDING (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)

struct ring {
	struct io_uring uring;
	struct ring *lead; /* itself, on a lead */
	/* provided receive buffers */
	struct io_uring_buf_ring *buf_ring;
	uint8_t *bufs;
	size_t buf_ring_bytes;
	uint32_t buf_count;
	uint32_t buf_bytes;
	uint32_t loans;
	uint32_t bufs_back; /* given back, not yet shown to the kernel */
	unsigned accept_flags;
	struct ring *next; /* of the lead's followers */
	/* lead only */
	struct ring *followers; /* list */
	int wake_fd;
	uint64_t wake_count; /* what the eventfd read writes */
	bool wake_armed;     /* true exactly when the read of wake_fd is in flight */
	_Atomic bool
		dozing; /* true from ring_doze() to the end of ring_wait(), or the first wake */
};

/* --- opening ---------------------------------------------------------------------------------- */

static bool features_are_masked(void)
{
	const char *max = getenv("PIXELD_RING_MAX");

	return max != NULL && strcmp(max, "6.1") == 0;
}

static int bufs_open(struct ring *r, const struct ring_config *config)
{
	struct io_uring_buf_reg reg;
	size_t bytes = (size_t)config->recv_bufs * config->recv_buf_bytes;
	int rc;

	px_assert((config->recv_bufs & (config->recv_bufs - 1)) == 0 && config->recv_bufs <= 32768);
	px_assert(config->recv_buf_bytes > 0);
	r->buf_ring_bytes = config->recv_bufs * sizeof(struct io_uring_buf);
	r->buf_ring = pages_new(r->buf_ring_bytes + bytes, "receive buffers");
	if (r->buf_ring == NULL)
		return -ENOMEM;
	r->bufs = (uint8_t *)r->buf_ring + r->buf_ring_bytes;
	r->buf_ring_bytes += bytes;
	r->buf_count = config->recv_bufs;
	r->buf_bytes = config->recv_buf_bytes;

	memset(&reg, 0, sizeof(reg));
	reg.ring_addr = (uint64_t)(uintptr_t)r->buf_ring;
	reg.ring_entries = config->recv_bufs;
	reg.bgid = BUF_GROUP;
	rc = io_uring_register_buf_ring(&r->uring, &reg, 0);
	if (rc < 0)
		return rc;
	io_uring_buf_ring_init(r->buf_ring);
	for (uint32_t i = 0; i < r->buf_count; i++)
		io_uring_buf_ring_add(r->buf_ring, r->bufs + (size_t)i * r->buf_bytes, r->buf_bytes,
				      (unsigned short)i, io_uring_buf_ring_mask(r->buf_count),
				      (int)i);
	io_uring_buf_ring_advance(r->buf_ring, (int)r->buf_count);
	return 0;
}

/* A follower's events must end the sleep of its lead: they count up the lead's eventfd. Polling the
 * follower's own descriptor does not work with DEFER_TASKRUN. */
static int lead_join(struct ring *r, struct ring *lead)
{
	int rc;

	if (lead == NULL) {
		r->lead = r;
		r->wake_fd = eventfd(0, EFD_CLOEXEC);
		return r->wake_fd < 0 ? -errno : 0;
	}
	px_assert(lead->lead == lead);
	r->lead = lead;
	rc = io_uring_register_eventfd(&r->uring, lead->wake_fd);
	if (rc < 0)
		return rc;
	(void)io_uring_cq_eventfd_toggle(&r->uring, false); /* only sleep needs it */
	r->next = lead->followers;
	lead->followers = r;
	return 0;
}

static int uring_open(struct ring *r, const struct ring_config *config)
{
	struct io_uring_params params;
	int rc;

	memset(&params, 0, sizeof(params));
	/* SINGLE_ISSUER + DEFER_TASKRUN: completions are made when we ask, never by interrupting
	 * the fan-out. TASKRUN_FLAG: we see without a system call whether asking is worth it.
	 * SUBMIT_ALL: one bad entry does not hold back the rest of a batch. */
	params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
		       IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE;
	params.cq_entries = config->cq_entries;
	rc = io_uring_queue_init_params(config->sq_entries, &r->uring, &params);
	if (rc < 0)
		return rc == -EINVAL ? -ENOSYS : rc; /* EINVAL: flags newer than the kernel */
	if (!(params.features & IORING_FEAT_CQE_SKIP)) {
		io_uring_queue_exit(&r->uring);
		return -ENOSYS;
	}
	if ((params.features & FEAT_BUNDLE) && !features_are_masked())
		r->accept_flags = ACCEPT_POLL1ST;
	return 0;
}

int ring_open(const struct ring_config *config, struct ring **ret_ring)
{
	struct ring *r = calloc(1, sizeof(*r));
	int rc;

	if (r == NULL)
		return -ENOMEM;
	px_assert(config->cq_entries >= config->sq_entries);
	r->wake_fd = -1;
	rc = uring_open(r, config);
	if (rc < 0) {
		free(r);
		return rc;
	}
	if (config->slots > 0)
		rc = io_uring_register_files_sparse(&r->uring, config->slots);
	if (rc >= 0 && config->recv_bufs > 0)
		rc = bufs_open(r, config);
	if (rc >= 0)
		rc = lead_join(r, config->lead);
	if (rc < 0) {
		ring_close(r);
		return rc;
	}
	(void)io_uring_register_ring_fd(&r->uring); /* only makes entering cheaper */
	*ret_ring = r;
	return 0;
}

/* A follower that could not be opened never joined. */
static void lead_leave(const struct ring *r, struct ring *lead)
{
	struct ring **at = &lead->followers;

	while (*at != NULL && *at != r)
		at = &(*at)->next;
	if (*at != NULL)
		*at = r->next;
}

void ring_close(struct ring *r)
{
	if (r == NULL)
		return;
	if (r->lead != NULL && r->lead != r)
		lead_leave(r, r->lead);
	px_assert(r->followers == NULL); /* the lead is the last */
	io_uring_queue_exit(&r->uring);
	pages_free(r->buf_ring, r->buf_ring_bytes);
	if (r->wake_fd >= 0)
		(void)close(r->wake_fd);
	free(r);
}

const char *ring_open_remedy(int error)
{
	switch (error) {
	case -EPERM:
		return "io_uring is disabled for this user: sysctl -w "
		       "kernel.io_uring_disabled=0, or allow "
		       "io_uring_setup, io_uring_enter and io_uring_register in the container's "
		       "seccomp profile";
	case -ENOSYS:
		return "the kernel has no io_uring of Linux 6.1 or newer, or seccomp blocks it: "
		       "use Linux 6.1 or "
		       "newer, and allow io_uring_* in the container's seccomp profile";
	case -EMFILE:
		return "RLIMIT_NOFILE is too low for the rings and their slots: raise it (ulimit "
		       "-n), or "
		       "lower "
		       "clients-max";
	case -ENOMEM:
		return "out of memory for the ring, or RLIMIT_MEMLOCK is too low: ulimit -l "
		       "unlimited";
	default:
		return "see errno";
	}
}

/* --- submitting and reaping ---------------------------------------------------------------------
 * */

/* Shows the kernel the receive buffers that came back. */
static void bufs_give(struct ring *r)
{
	if (r->bufs_back == 0)
		return;
	px_assert(r->bufs_back <= r->buf_count);
	io_uring_buf_ring_advance(r->buf_ring, (int)r->bufs_back);
	r->bufs_back = 0;
}

void ring_submit(struct ring *r)
{
	bufs_give(r);
	for (unsigned tries = 0; io_uring_sq_ready(&r->uring) > 0; tries++) {
		int rc = io_uring_submit(&r->uring);

		if (rc >= 0)
			continue;
		/* These pass: a signal, no memory for a request, completions that wait. Others are
		 * about our entries or our ring. If none passes for so long, nothing can be sent,
		 * written or answered any more: then an end is the answer. */
		px_assert(rc == -EINTR || rc == -EAGAIN || rc == -EBUSY);
		px_assert(tries < SUBMIT_TRIES);
		(void)io_uring_get_events(&r->uring);
	}
}

/* An empty entry; `more` entries behind it are sure to go to the kernel in the same batch. */
static struct io_uring_sqe *sqe_get(struct ring *r, unsigned more)
{
	struct io_uring_sqe *sqe;

	if (io_uring_sq_space_left(&r->uring) <= more)
		ring_submit(r);
	sqe = io_uring_get_sqe(&r->uring);
	px_assert(sqe != NULL);
	return sqe;
}

/* The library does not clear user_data: every entry gets its tag here. */
static void sqe_tag(struct io_uring_sqe *sqe, unsigned flags, uint64_t tag)
{
	sqe->flags |= (uint8_t)flags;
	io_uring_sqe_set_data64(sqe, tag);
}

static void event_fill(struct ring *r, const struct io_uring_cqe *cqe, struct ring_event *ev)
{
	*ev = (struct ring_event){.tag = cqe->user_data, .res = cqe->res};
	if (cqe->flags & IORING_CQE_F_MORE)
		ev->flags |= RING_MORE;
	if (cqe->flags & IORING_CQE_F_BUFFER) {
		ev->flags |= RING_BUFFER;
		ev->buf = (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
		ev->data = r->bufs + (size_t)ev->buf * r->buf_bytes;
		r->loans++;
	}
}

uint32_t ring_reap(struct ring *r, struct ring_event *events, uint32_t max)
{
	struct io_uring_cqe *cqes[REAP_MAX];
	uint32_t count = 0;
	unsigned n;

	px_assert(max > 0); /* 0 events mean that none is left */
	bufs_give(r);       /* looking may receive */
	n = io_uring_peek_batch_cqe(&r->uring, cqes, max < REAP_MAX ? max : REAP_MAX);
	for (unsigned i = 0; i < n; i++) {
		if (cqes[i]->user_data == TAG_WAKE)
			r->wake_armed = false;
		else
			event_fill(r, cqes[i], &events[count++]);
	}
	io_uring_cq_advance(&r->uring, n);
	return count;
}

/* --- sleeping and waking ------------------------------------------------------------------------
 * */

void ring_doze(struct ring *lead)
{
	px_assert(lead->lead == lead);
	atomic_store(&lead->dozing, true); /* before the caller's last look at its inboxes */
}

/* Lets the followers signal; true when one of them has something already. */
static bool followers_arm(struct ring *lead)
{
	bool ready = false;

	for (struct ring *r = lead->followers; r != NULL; r = r->next)
		(void)io_uring_cq_eventfd_toggle(&r->uring, true);
	__sync_synchronize(); /* the kernel reads the switch, we what it left: a full barrier */
	for (const struct ring *r = lead->followers; r != NULL; r = r->next) {
		ready |= io_uring_cq_ready(&r->uring) > 0;
		ready |= (__atomic_load_n(r->uring.sq.kflags, __ATOMIC_ACQUIRE) &
			  TASKRUN_PENDING) != 0;
	}
	return ready;
}

/* Submits, then sleeps on the lead. timeout_ns > 0. */
static void lead_sleep(struct ring *lead, uint64_t timeout_ns)
{
	struct __kernel_timespec ts;
	struct io_uring_cqe *cqe;

	px_assert(lead->lead == lead && timeout_ns > 0);
	if (!lead->wake_armed) {
		struct io_uring_sqe *sqe = sqe_get(lead, 0);

		io_uring_prep_read(sqe, lead->wake_fd, &lead->wake_count, sizeof(lead->wake_count),
				   0);
		sqe_tag(sqe, 0, TAG_WAKE);
		lead->wake_armed = true;
	}
	bufs_give(lead);
	if (timeout_ns > SLEEP_MAX_NS)
		timeout_ns = SLEEP_MAX_NS;
	ts.tv_sec = (long long)(timeout_ns / NS_PER_SEC);
	ts.tv_nsec = (long long)(timeout_ns % NS_PER_SEC);
	/* -ETIME, -EINTR and events are all reasons to look around again */
	(void)io_uring_submit_and_wait_timeout(&lead->uring, &cqe, 1, &ts, NULL);
}

void ring_wait(struct ring *lead, uint64_t timeout_ns)
{
	px_assert(lead->lead == lead);
	if (timeout_ns > 0 && followers_arm(lead))
		timeout_ns = 0;
	if (timeout_ns == 0) {
		ring_submit(lead);
	} else {
		lead_sleep(lead, timeout_ns);
		for (struct ring *r = lead->followers; r != NULL; r = r->next)
			(void)io_uring_cq_eventfd_toggle(&r->uring, false);
	}
	atomic_store(&lead->dozing, false);
}

void ring_nap(struct ring *lead, uint64_t timeout_ns)
{
	px_assert(lead->lead == lead);
	if (timeout_ns == 0)
		ring_submit(lead);
	else
		lead_sleep(lead, timeout_ns);
	atomic_store(&lead->dozing, false);
}

void ring_wake(struct ring *lead)
{
	uint64_t one = 1;

	if (atomic_load(&lead->dozing) && atomic_exchange(&lead->dozing, false))
		while (write(lead->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
			;
}

/* --- sockets in slots ---------------------------------------------------------------------------
 * */

void ring_accept(struct ring *r, int listen_fd, struct sockaddr *addr, socklen_t *addr_len,
		 uint64_t tag)
{
	struct io_uring_sqe *sqe = sqe_get(r, 0);

	px_assert(listen_fd >= 0 && (addr == NULL) == (addr_len == NULL));
	io_uring_prep_accept(sqe, listen_fd, addr, addr_len, 0);
	sqe->file_index = IORING_FILE_INDEX_ALLOC;
	sqe->ioprio |= (uint16_t)r->accept_flags;
	sqe_tag(sqe, 0, tag);
}

int ring_slot_install(struct ring *r, uint32_t slot, int fd)
{
	int rc = io_uring_register_files_update(&r->uring, slot, &fd, 1);

	return rc < 0 ? rc : 0;
}

void ring_connect(struct ring *r, uint32_t slot, const struct sockaddr *addr, socklen_t addr_len,
		  uint64_t tag)
{
	struct io_uring_sqe *sqe = sqe_get(r, 0);

	io_uring_prep_connect(sqe, (int)slot, addr, addr_len);
	sqe_tag(sqe, IOSQE_FIXED_FILE, tag);
}

void ring_recv(struct ring *r, uint32_t slot, uint64_t tag)
{
	struct io_uring_sqe *sqe = sqe_get(r, 0);

	px_assert(r->buf_count > 0);
	io_uring_prep_recv(sqe, (int)slot, NULL, 0, 0);
	sqe->buf_group = BUF_GROUP;
	sqe_tag(sqe, IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT, tag);
}

void ring_recv_multi(struct ring *r, uint32_t slot, uint64_t tag)
{
	struct io_uring_sqe *sqe = sqe_get(r, 0);

	px_assert(r->buf_count > 0);
	io_uring_prep_recv_multishot(sqe, (int)slot, NULL, 0, 0);
	sqe->buf_group = BUF_GROUP;
	sqe_tag(sqe, IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT, tag);
}

void ring_recv_return(struct ring *r, uint16_t buf)
{
	px_assert(r->loans > 0);
	px_assert(buf < r->buf_count);
	r->loans--;
	io_uring_buf_ring_add(r->buf_ring, r->bufs + (size_t)buf * r->buf_bytes, r->buf_bytes, buf,
			      io_uring_buf_ring_mask(r->buf_count), (int)r->bufs_back++);
}

/* Without a loan and without an event that waits, no buffer holds anything: receives are made when
 * we ask for events, so none comes in between. The head of the mapping is the kernel's, too. */
void ring_recv_trim(struct ring *r)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = ((uintptr_t)r->bufs + page - 1) / page * page;
	uintptr_t end = (uintptr_t)r->buf_ring + r->buf_ring_bytes;

	if (r->buf_count == 0 || r->loans > 0 || io_uring_cq_ready(&r->uring) > 0 ||
	    io_uring_cq_has_overflow(&r->uring) || from >= end)
		return;
	(void)madvise((void *)from, end - from, MADV_DONTNEED);
}

uint32_t ring_recv_loans(const struct ring *r)
{
	return r->loans;
}

void ring_send_now(struct ring *r, uint32_t slot, const void *bytes, size_t len, uint64_t tag)
{
	struct io_uring_sqe *sqe = sqe_get(r, 0);

	px_assert(len > 0);
	/* MSG_WAITALL with CQE_SKIP_SUCCESS, always: without it a short send is a success, and
	 * swallowed. MSG_DONTWAIT keeps the kernel from waiting for the rest. */
	io_uring_prep_send(sqe, (int)slot, bytes, len, MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL);
	sqe_tag(sqe, IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS, tag);
}

void ring_send_all(struct ring *r, uint32_t slot, const void *bytes, size_t len, uint64_t tag)
{
	struct io_uring_sqe *sqe = sqe_get(r, 0);

	px_assert(len > 0);
	io_uring_prep_send(sqe, (int)slot, bytes, len, MSG_WAITALL | MSG_NOSIGNAL);
	sqe_tag(sqe, IOSQE_FIXED_FILE, tag);
}

void ring_shutdown(struct ring *r, uint32_t slot, int how, uint64_t tag)
{
	struct io_uring_sqe *sqe = sqe_get(r, 0);

	io_uring_prep_shutdown(sqe, (int)slot, how);
	sqe_tag(sqe, IOSQE_FIXED_FILE, tag);
}

void ring_cancel_tag(struct ring *r, uint64_t target, uint64_t tag)
{
	struct io_uring_sqe *sqe = sqe_get(r, 0);

	io_uring_prep_cancel64(sqe, target, IORING_ASYNC_CANCEL_ALL);
	sqe_tag(sqe, 0, tag);
}

void ring_slot_close(struct ring *r, uint32_t slot, uint64_t tag)
{
	struct io_uring_sqe *sqe = sqe_get(r, 0);

	io_uring_prep_close_direct(sqe, slot);
	sqe_tag(sqe, 0, tag);
}

/* --- files --------------------------------------------------------------------------------------
 * */

void ring_write(struct ring *r, int fd, const void *bytes, size_t len, uint64_t offset, bool linked,
		uint64_t tag)
{
	struct io_uring_sqe *sqe = sqe_get(r, linked ? 1 : 0);

	px_assert(fd >= 0 && len > 0 && len <= UINT32_MAX);
	io_uring_prep_write(sqe, fd, bytes, (unsigned)len, offset);
	sqe_tag(sqe, linked ? IOSQE_IO_LINK : 0, tag);
}

void ring_fdatasync(struct ring *r, int fd, uint64_t tag)
{
	struct io_uring_sqe *sqe = sqe_get(r, 0);

	px_assert(fd >= 0);
	io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
	sqe_tag(sqe, 0, tag);
}
