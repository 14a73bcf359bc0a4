/*
 * server_packer.c - the packer's thread: boards in the forms that clients ask for, see
 * edge/picture/pack.h.
 *
 * Memory   its queues with the writer; at the end the writer empties them.
 */
#include <errno.h>
#include <stdlib.h>

#include "edge/picture/pack.h"
#include "engine/base/blob.h"
#include "server/server_priv.h"

#define PACKS_MAX 1024
#define LOOK_NS   (NS_PER_SEC / 10)

struct server_packer {
	struct packer *packer;
	struct spsc *jobs, *done;
};

static void wake_packer(void *arg)
{
	server_helper_wake(arg, HELPER_PACKER);
}

static int wire(struct server_helper *h)
{
	struct writer_config *writer = &h->server->writer_config;
	struct server_packer *p = calloc(1, sizeof(*p));

	h->self = p;
	if (p == NULL || spsc_new(PACKS_MAX, sizeof(struct pack_job), &p->jobs) < 0 ||
	    spsc_new(PACKS_MAX, sizeof(struct pack_job), &p->done) < 0)
		return -ENOMEM;
	writer->pack_jobs = p->jobs;
	writer->pack_done = p->done;
	writer->wake_packer = wake_packer;
	return packer_new(&p->packer);
}

static uint64_t turn(struct server_helper *h, struct now now)
{
	struct server_packer *p = h->self;
	const struct pack_job *job;

	(void)now;
	while ((job = spsc_peek(p->jobs)) != NULL) {
		struct pack_job *done = spsc_push(p->done);

		if (done == NULL)
			break; /* the writer is behind: at the next look */
		*done = *job;
		done->blob =
			packer_run(p->packer, job->face, job->copy, (enum board_form)job->form);
		if (done->blob != NULL)
			blob_account(done->blob, job->account);
		spsc_pop(p->jobs);
		(void)spsc_publish(p->done);
		server_wake_writer(h->server);
	}
	return LOOK_NS;
}

static void packer_gone(struct server_helper *h)
{
	struct server_packer *p = h->self;

	packer_free(p->packer);
	spsc_free(p->jobs);
	spsc_free(p->done);
	free(p);
}

const struct server_helper_ops server_packer = {
	.name = "packer",
	.wire = wire,
	.turn = turn,
	.free = packer_gone,
};
