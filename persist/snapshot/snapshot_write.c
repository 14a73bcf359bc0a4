/*
 * snapshot_write.c - the keeper's side of a snapshot: one file in synced steps.
 *
 * Owner   the keeper thread. The image is lent by the writer thread and not changed.
 * Memory  one buffer of a step, for the life of the writer.
 *
 *	new ──▶ step: fill buffer, write, sync ──▶ ... ──▶ step with the end: rename, sync directory
 *
 * Until the rename nothing changes the older snapshots.
 */
#include "persist/snapshot/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "persist/snapshot/snapshot_priv.h"

struct snapshot_writer {
	struct disk *disk;
	const struct snapshot_image *image;
	uint8_t *step; /* SNAPSHOT_STEP_BYTES */
	size_t step_len;
	uint64_t written;
	uint64_t salt;
	uint64_t position; /* in the board's bytes, or of people */
	uint32_t requests; /* which one comes next */
	uint32_t board;    /* likewise */
	bool in_board;     /* its meta is done, its bytes are not */
	bool ended;
	int fd;
	char tmp_name[SNAPSHOT_NAME_BYTES];
};

static void header_add(struct snapshot_writer *w)
{
	const struct snapshot_image *image = w->image;
	uint8_t *p = w->step;

	px_assert(w->written == 0 && w->step_len == 0); /* in front of everything */
	p = put_u64(p, SNAPSHOT_MAGIC);
	p = put_u32(p, image->requests_count > 0 ? SNAPSHOT_VERSION : 1);
	p = put_u32(p, SNAPSHOT_HEADER_BYTES);
	p = put_u64(p, image->journal_id);
	p = put_u64(p, image->lsn);
	p = put_u64(p, image->wall_ms);
	p = put_u32(p, image->board_count);
	p = put_u32(p, image->people_count);
	p = put_u16(p, (uint16_t)image->sync);
	p = put_u16(p, image->clean ? SNAPSHOT_CLEAN : 0);
	p = put_u32(p, image->requests_count);
	w->salt = hash64(w->step, (size_t)(p - w->step), SEED_SNAPSHOT);
	p = put_u64(p, w->salt);
	px_assert(p == w->step + SNAPSHOT_HEADER_BYTES);
	w->step_len = SNAPSHOT_HEADER_BYTES;
}

/* The payload stands already behind the room for the head. */
static void chunk_add(struct snapshot_writer *w, enum chunk_type type, uint64_t position,
		      size_t len)
{
	uint8_t *head = w->step + w->step_len;
	uint8_t *p = head;

	px_assert(len <= CHUNK_PAYLOAD_MAX);
	px_assert(w->step_len + CHUNK_HEADER_BYTES + len <= SNAPSHOT_STEP_BYTES);
	px_assert(!w->ended); /* nothing follows the end */
	p = put_u32(p, type);
	p = put_u32(p, w->board);
	p = put_u64(p, position);
	p = put_u32(p, (uint32_t)len);
	p = put_u32(p, 0);
	p = put_u64(p, chunk_sum(head, head + CHUNK_HEADER_BYTES, len, w->salt));
	px_assert(p == head + CHUNK_HEADER_BYTES);
	w->step_len += CHUNK_HEADER_BYTES + len;
}

static void board_meta_add(struct snapshot_writer *w)
{
	const struct snapshot_board *b = &w->image->boards[w->board];
	const struct record r = {.type = RECORD_BOARD, .board = b->meta};
	uint8_t *payload = w->step + w->step_len + CHUNK_HEADER_BYTES;
	uint8_t *p = payload;

	px_assert(b->copy != NULL && b->copy->len > 0); /* it is ours until the result is back */
	px_assert(w->position == 0);                    /* the board before is whole */
	p = put_u32(p, b->copy->epoch);
	p = put_u64(p, b->copy->seq);
	p = put_u64(p, b->copy->hash);
	p = put_u64(p, b->copy->len);
	p = record_put(p, &r);
	p = put_u64(p, b->newest_ms);
	chunk_add(w, CHUNK_BOARD, 0, (size_t)(p - payload));
	w->in_board = true;
	w->position = 0;
}

static void board_bytes_add(struct snapshot_writer *w)
{
	const struct board_copy *copy = w->image->boards[w->board].copy;
	size_t len = copy->len - w->position;

	px_assert(w->position < copy->len); /* else the next board would have its turn */
	if (len > CHUNK_PAYLOAD_MAX)
		len = CHUNK_PAYLOAD_MAX;
	memcpy(w->step + w->step_len + CHUNK_HEADER_BYTES, copy->bytes + w->position, len);
	chunk_add(w, CHUNK_BYTES, w->position, len);
	w->position += len;
	if (w->position == copy->len) {
		w->board++;
		w->in_board = false;
		w->position = 0;
	}
}

static void people_add(struct snapshot_writer *w)
{
	uint8_t *payload = w->step + w->step_len + CHUNK_HEADER_BYTES;
	uint64_t first = w->position;
	uint8_t *p = payload;

	px_assert(w->board == w->image->board_count); /* people come behind all boards */
	for (; w->position < w->image->people_count && w->position - first < CHUNK_PEOPLE_MAX;
	     w->position++) {
		const struct person *person = &w->image->people[w->position];

		p = put_u64(p, person->charged_wall_ms);
		p = put_u64(p, person->last_request);
		p = put_u64(p, person->last_seq);
		p = put_u16(p, person->board);
		p = put_bytes(p, person->user, USER_BYTES);
	}
	chunk_add(w, CHUNK_PEOPLE, first, (size_t)(p - payload));
}

static void requests_put(struct snapshot_writer *w)
{
	uint8_t *payload = w->step + w->step_len + CHUNK_HEADER_BYTES;
	uint32_t first = w->requests;
	uint8_t *p = payload;

	px_assert(w->position == w->image->people_count); /* and requests behind all people */
	for (; w->requests < w->image->requests_count && w->requests - first < CHUNK_REQUESTS_MAX;
	     w->requests++) {
		const struct request *request = &w->image->requests[w->requests];

		p = put_u64(p, request->number);
		p = put_u64(p, request->seq);
		p = put_u64(p, request->placed_at_ms);
		p = put_u32(p, request->cell);
		p = put_u16(p, request->board);
		p = put_u8(p, request->color);
		p = put_bytes(p, request->user, USER_BYTES);
	}
	chunk_add(w, CHUNK_REQUESTS, first, (size_t)(p - payload));
}

static void step_fill(struct snapshot_writer *w)
{
	while (!w->ended &&
	       SNAPSHOT_STEP_BYTES - w->step_len >= CHUNK_HEADER_BYTES + CHUNK_PAYLOAD_MAX) {
		if (w->in_board) {
			board_bytes_add(w);
		} else if (w->board < w->image->board_count) {
			board_meta_add(w);
		} else if (w->position < w->image->people_count) {
			people_add(w);
		} else if (w->requests < w->image->requests_count) {
			requests_put(w);
		} else {
			chunk_add(w, CHUNK_END, 0, 0);
			w->ended = true;
		}
	}
}

int snapshot_writer_new(struct disk *disk, const struct snapshot_image *image,
			struct snapshot_writer **ret_writer)
{
	struct snapshot_writer *w = calloc(1, sizeof(*w));

	px_assert(image->board_count == 0 || image->boards != NULL);
	if (w == NULL)
		return -ENOMEM;
	w->step = malloc(SNAPSHOT_STEP_BYTES);
	if (w->step == NULL) {
		free(w);
		return -ENOMEM;
	}
	w->disk = disk;
	w->image = image;
	snapshot_name(w->tmp_name, image->lsn);
	memcpy(strrchr(w->tmp_name, '.'), ".tmp", sizeof(".tmp"));
	disk_unlink(disk, w->tmp_name);
	w->fd = disk_file_create(disk, w->tmp_name);
	if (w->fd < 0) {
		int error = w->fd;

		free(w->step);
		free(w);
		return error;
	}
	header_add(w);
	*ret_writer = w;
	return 0;
}

static int finish(struct snapshot_writer *w)
{
	char name[SNAPSHOT_NAME_BYTES];
	int rc;

	px_assert(w->ended && w->step_len == 0); /* its end is written, and synced */
	snapshot_name(name, w->image->lsn);
	rc = disk_rename(w->disk, w->tmp_name, name);
	if (rc < 0)
		return rc;
	disk_file_close(w->disk, w->fd);
	w->fd = -1;
	return disk_sync_dir(w->disk);
}

int snapshot_writer_step(struct snapshot_writer *w)
{
	int rc;

	px_assert(w->fd >= 0 && !w->ended); /* after a failure it is given up */
	step_fill(w);
	rc = disk_write(w->disk, w->fd, w->step, w->step_len, w->written);
	if (rc < 0)
		return rc;
	rc = disk_sync(w->disk, w->fd);
	if (rc < 0)
		return rc;
	w->written += w->step_len;
	w->step_len = 0;
	return w->ended ? finish(w) : 1;
}

uint64_t snapshot_writer_bytes(const struct snapshot_writer *w)
{
	return w->written;
}

void snapshot_writer_free(struct snapshot_writer *w)
{
	if (w == NULL)
		return;
	if (w->fd >= 0) {
		disk_file_close(w->disk, w->fd);
		disk_unlink(w->disk, w->tmp_name);
	}
	free(w->step);
	free(w);
}
