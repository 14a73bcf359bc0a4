/*
 * snapshot_read.c - the reader of snapshots, and their names.
 *
 * Owner   the caller's thread, where blocking is allowed.
 * Memory  a chunk, and one board at a time; freed before return.
 *
 * Handlers are called during the walk; a caller that wants all or nothing walks once without one
 * first.
 */
#include "persist/snapshot/snapshot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "persist/snapshot/snapshot_priv.h"

struct reader {
	struct disk *disk;
	const char *name;
	const struct snapshot_handler *handler; /* NULL: only verify */
	struct snapshot_head head;
	uint64_t salt;
	uint64_t offset;
	uint8_t *board_bytes;
	uint8_t *chunk;
	char *why;
	size_t why_bytes;
	int fd;
};

struct chunk {
	uint32_t type;
	uint32_t item;
	uint64_t position;
	uint32_t len;
};

void snapshot_name(char out[static SNAPSHOT_NAME_BYTES], uint64_t lsn)
{
	_Static_assert(sizeof("snapshot-ffffffffffffffff.snap") <= SNAPSHOT_NAME_BYTES, "fits");
	_Static_assert(sizeof(".tmp") <= sizeof(".snap") && sizeof(".bad") <= sizeof(".snap"),
		       "put in its place by snapshot_write.c and recover.c");

	snprintf(out, SNAPSHOT_NAME_BYTES, "snapshot-%016" PRIx64 ".snap", lsn);
}

bool snapshot_name_lsn(const char *name, uint64_t *ret_lsn)
{
	char again[SNAPSHOT_NAME_BYTES];
	uint64_t lsn;

	if (strncmp(name, "snapshot-", 9) != 0)
		return false;
	lsn = strtoull(name + 9, NULL, 16);
	snapshot_name(again, lsn);
	if (strcmp(again, name) != 0)
		return false;
	*ret_lsn = lsn;
	return true;
}

struct lsn_list {
	uint64_t *out;
	int count;
	int max;
};

/* Keeps the newest, in order. */
static int lsn_collect(void *arg, const char *name)
{
	struct lsn_list *list = arg;
	uint64_t lsn;
	int at;

	px_assert(list->count <= list->max);
	if (!snapshot_name_lsn(name, &lsn))
		return 0;
	for (at = list->count; at > 0 && list->out[at - 1] < lsn; at--)
		if (at < list->max)
			list->out[at] = list->out[at - 1];
	if (at < list->max)
		list->out[at] = lsn;
	if (list->count < list->max)
		list->count++;
	return 0;
}

int snapshot_list(struct disk *disk, uint64_t *out, int max)
{
	struct lsn_list list = {.out = out, .max = max};
	int rc = disk_list(disk, lsn_collect, &list);

	return rc < 0 ? rc : list.count;
}

static int bad(struct reader *r, const char *what)
{
	snprintf(r->why, r->why_bytes, "%s/%s, offset %" PRIu64 ": %s.", disk_path(r->disk),
		 r->name, r->offset, what);
	return -EBADMSG;
}

static int read_all(struct reader *r, void *out, size_t len, uint64_t offset)
{
	int rc = disk_read(r->disk, r->fd, out, len, offset);

	if (rc < 0) {
		snprintf(r->why, r->why_bytes, "%s/%s, offset %" PRIu64 ": cannot be read: %s.",
			 disk_path(r->disk), r->name, offset, strerror(-rc));
		return rc;
	}
	if ((size_t)rc < len)
		return bad(r, "the snapshot ends too early");
	return 0;
}

static int head_check(struct reader *r)
{
	uint64_t named;

	if (r->head.lsn > RECORD_LSN_MAX)
		return bad(r, "the snapshot's record number is out of range");
	if (!snapshot_name_lsn(r->name, &named) || named == r->head.lsn)
		return 0;
	snprintf(r->why, r->why_bytes,
		 "%s/%s: is the snapshot of record %" PRIu64
		 " by its header: the file was renamed.",
		 disk_path(r->disk), r->name, r->head.lsn);
	return -EBADMSG;
}

static int header_read(struct reader *r)
{
	uint8_t in[SNAPSHOT_HEADER_BYTES];
	struct bytes b;
	uint64_t magic;
	uint16_t sync;
	int rc = read_all(r, in, sizeof(in), 0);

	if (rc < 0)
		return rc;
	b = bytes_of(in, sizeof(in));
	magic = get_u64(&b);
	r->head.version = get_u32(&b);
	get_u32(&b);
	r->head.journal_id = get_u64(&b);
	r->head.lsn = get_u64(&b);
	r->head.wall_ms = get_u64(&b);
	r->head.board_count = get_u32(&b);
	r->head.people_count = get_u32(&b);
	sync = get_u16(&b);
	r->head.sync = sync <= JOURNAL_SYNC_OFF ? (enum journal_sync)sync : JOURNAL_SYNC_OFF;
	r->head.clean = (get_u16(&b) & SNAPSHOT_CLEAN) != 0;
	r->head.requests_count = get_u32(&b);
	r->salt = get_u64(&b);
	if (r->salt != hash64(in, SNAPSHOT_SUMMED_BYTES, SEED_SNAPSHOT) || magic != SNAPSHOT_MAGIC)
		return bad(r, "the snapshot's header is damaged");
	if (r->head.version > SNAPSHOT_VERSION) {
		snprintf(r->why, r->why_bytes,
			 "%s/%s: has version %u, and this program reads up to %u: start the newer "
			 "program.",
			 disk_path(r->disk), r->name, r->head.version, SNAPSHOT_VERSION);
		return -EPROTONOSUPPORT;
	}
	r->offset = SNAPSHOT_HEADER_BYTES;
	return head_check(r);
}

/* The next chunk, its payload in r->chunk; r->offset moves behind it. */
static int chunk_read(struct reader *r, struct chunk *ret_chunk)
{
	uint8_t in[CHUNK_HEADER_BYTES];
	struct bytes b;
	struct chunk c;
	int rc = read_all(r, in, sizeof(in), r->offset);

	px_assert(r->offset >= SNAPSHOT_HEADER_BYTES); /* the header has the salt */
	if (rc < 0)
		return rc;
	b = bytes_of(in, sizeof(in));
	c.type = get_u32(&b);
	c.item = get_u32(&b);
	c.position = get_u64(&b);
	c.len = get_u32(&b);
	get_u32(&b);
	if (c.len > CHUNK_PAYLOAD_MAX)
		return bad(r, "a part of the snapshot is damaged");
	rc = read_all(r, r->chunk, c.len, r->offset + CHUNK_HEADER_BYTES);
	if (rc < 0)
		return rc;
	if (get_u64(&b) != chunk_sum(in, r->chunk, c.len, r->salt))
		return bad(r, "a part of the snapshot is damaged");
	r->offset += CHUNK_HEADER_BYTES + c.len;
	*ret_chunk = c;
	return 0;
}

static bool board_shape_is_good(const struct snapshot_board_read *b)
{
	const struct record_board *m = &b->meta;
	bool bits_good = m->bits == 1 || m->bits == 2 || m->bits == 4 || m->bits == 8;

	if (!bits_good || m->width == 0 || m->width > BOARD_SIDE_MAX || m->height == 0 ||
	    m->height > BOARD_SIDE_MAX)
		return false;
	return b->len == ((uint64_t)m->width * m->height * m->bits + 7) / 8;
}

static int board_meta_read(struct reader *r, uint32_t item, struct snapshot_board_read *ret_board)
{
	struct snapshot_board_read board = {.bytes = NULL};
	struct record record;
	struct bytes b;
	struct chunk c;
	int rc = chunk_read(r, &c);

	if (rc < 0)
		return rc;
	b = bytes_of(r->chunk, c.len);
	board.epoch = get_u32(&b);
	board.seq = get_u64(&b);
	board.hash = get_u64(&b);
	board.len = get_u64(&b);
	if (c.type != CHUNK_BOARD || c.item != item || record_get(&b, &record) < 0 ||
	    record.type != RECORD_BOARD)
		return bad(r, "a board's description is expected before this");
	board.meta = record.board;
	board.newest_ms = bytes_left(&b) > 0 ? get_u64(&b) : r->head.wall_ms;
	if (b.bad)
		return bad(r, "a board's description is cut short before this");
	if (!board_shape_is_good(&board))
		return bad(r, "a board has an impossible size");
	if (board.epoch > RECORD_EPOCH_MAX || board.seq > RECORD_SEQ_MAX)
		return bad(r, "a board's epoch or seq is out of range");
	*ret_board = board;
	return 0;
}

static int board_read(struct reader *r, uint32_t item)
{
	struct snapshot_board_read board;
	struct chunk c;
	int rc = board_meta_read(r, item, &board);

	if (rc < 0)
		return rc;
	px_assert(board.len > 0); /* board_shape_is_good() */
	free(r->board_bytes);
	r->board_bytes = malloc(board.len);
	if (r->board_bytes == NULL)
		return -ENOMEM;
	for (size_t have = 0; have < board.len; have += c.len) {
		rc = chunk_read(r, &c);
		if (rc < 0)
			return rc;
		if (c.type != CHUNK_BYTES || c.item != item || c.position != have || c.len == 0 ||
		    c.len > board.len - have)
			return bad(r, "bytes of a board are expected before this");
		memcpy(r->board_bytes + have, r->chunk, c.len);
	}
	board.bytes = r->board_bytes;
	if (board_hash_bytes(board.bytes, board.len) != board.hash)
		return bad(r, "the board before this does not have its recorded hash");
	if (r->handler == NULL)
		return 0;
	return r->handler->board(r->handler->arg, &board);
}

static int person_hand_over(struct reader *r, struct bytes *b)
{
	struct person person = {.charged_wall_ms = get_u64(b)};

	person.last_request = get_u64(b);
	person.last_seq = get_u64(b);
	person.board = get_u16(b);
	memcpy(person.user, get_bytes(b, USER_BYTES), USER_BYTES);
	px_assert(!b->bad); /* rows_read() counted them by their size */
	if (r->handler == NULL)
		return 0;
	return r->handler->person(r->handler->arg, &person);
}

static int request_hand_over(struct reader *r, struct bytes *b)
{
	struct request request = {.number = get_u64(b)};

	request.seq = get_u64(b);
	request.placed_at_ms = get_u64(b);
	request.cell = get_u32(b);
	request.board = get_u16(b);
	request.color = get_u8(b);
	memcpy(request.user, get_bytes(b, USER_BYTES), USER_BYTES);
	px_assert(!b->bad);
	if (r->handler == NULL || r->handler->request == NULL)
		return 0;
	return r->handler->request(r->handler->arg, &request);
}

/* What comes in rows of one size: people, requests. */
struct rows {
	enum chunk_type type;
	uint32_t bytes; /* of one */
	uint64_t count;
	int (*hand_over)(struct reader *r, struct bytes *b);
	const char *missing; /* a sentence */
};

static int rows_read(struct reader *r, const struct rows *rows)
{
	struct chunk c;

	for (uint64_t have = 0; have < rows->count;) {
		struct bytes b;
		uint32_t count;
		int rc = chunk_read(r, &c);

		if (rc < 0)
			return rc;
		count = c.len / rows->bytes;
		if (c.type != rows->type || c.position != have || count == 0 ||
		    c.len % rows->bytes != 0 || count > rows->count - have)
			return bad(r, rows->missing);
		b = bytes_of(r->chunk, c.len);
		for (uint32_t i = 0; i < count && rc == 0; i++)
			rc = rows->hand_over(r, &b);
		if (rc != 0)
			return rc;
		have += count;
	}
	return 0;
}

static int people_read(struct reader *r)
{
	const struct rows rows = {CHUNK_PEOPLE, CHUNK_PERSON_BYTES, r->head.people_count,
				  person_hand_over, "people are expected before this"};

	return rows_read(r, &rows);
}

static int requests_read(struct reader *r)
{
	const struct rows rows = {CHUNK_REQUESTS, CHUNK_REQUEST_BYTES, r->head.requests_count,
				  request_hand_over, "requests are expected before this"};

	return rows_read(r, &rows);
}

static int walk(struct reader *r)
{
	struct chunk c;
	int rc = header_read(r);

	for (uint32_t i = 0; rc == 0 && i < r->head.board_count; i++)
		rc = board_read(r, i);
	if (rc == 0)
		rc = people_read(r);
	if (rc == 0)
		rc = requests_read(r);
	if (rc == 0)
		rc = chunk_read(r, &c);
	if (rc == 0 && c.type != CHUNK_END)
		rc = bad(r, "the end of the snapshot is expected before this");
	return rc;
}

static const char *snapshot_open_remedy(int error)
{
	if (error == -EACCES || error == -EPERM)
		return "the user that runs pixeld may not read it: change the file's owner";
	return error == -EIO ? "the disk cannot read it" : "it cannot be opened";
}

static int file_read(struct reader *r, int (*read)(struct reader *r),
		     struct snapshot_head *ret_head)
{
	int rc;

	snprintf(r->why, r->why_bytes, "%s/%s: cannot be used.", disk_path(r->disk), r->name);
	r->fd = disk_file_open(r->disk, r->name, 0);
	if (r->fd < 0) {
		snprintf(r->why, r->why_bytes, "%s/%s: %s: %s. Nothing was changed.",
			 disk_path(r->disk), r->name, strerror(-r->fd),
			 snapshot_open_remedy(r->fd));
		return r->fd;
	}
	r->chunk = malloc(CHUNK_PAYLOAD_MAX);
	rc = r->chunk == NULL ? -ENOMEM : read(r);
	free(r->chunk);
	free(r->board_bytes);
	disk_file_close(r->disk, r->fd);
	if (rc >= 0)
		*ret_head = r->head;
	return rc;
}

int snapshot_read(struct disk *disk, const char *name, const struct snapshot_handler *handler,
		  struct snapshot_head *ret_head, char *why, size_t why_bytes)
{
	struct reader r = {
		.disk = disk,
		.name = name,
		.handler = handler,
		.why = why,
		.why_bytes = why_bytes,
	};

	return file_read(&r, walk, ret_head);
}

int snapshot_head_read(struct disk *disk, const char *name, struct snapshot_head *ret_head,
		       char *why, size_t why_bytes)
{
	struct reader r = {.disk = disk, .name = name, .why = why, .why_bytes = why_bytes};

	return file_read(&r, header_read, ret_head);
}
