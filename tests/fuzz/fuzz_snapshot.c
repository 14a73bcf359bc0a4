/*
 * fuzz_snapshot.c - the snapshot reader on arbitrary bytes. The first byte of the input selects
 * what the rest is:
 *
 *	0  a snapshot file as it is
 *	1  a list of chunks, written with correct checksums: otherwise nothing unusual is accepted
 *	2  positions and values to change in a good snapshot: it must be refused, or read as before
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "persist/snapshot/snapshot.h"
#include "persist/snapshot/snapshot_priv.h"
#include "tests/temp_dir.h"
#include "writer/writer.h"

#define FILE_BYTES_MAX 131072u
#define ITEM_HEAD      5u /* of a chunk in an input: type, item, position, length */
#define HEAD           5u /* of an input: see header_put() */
#define LSN            5u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[TEMP_DIR_BYTES];
static struct disk *disk;
static struct settings *settings;
static char name[SNAPSHOT_NAME_BYTES];

static void all_free(void)
{
	settings_free(settings);
	disk_close(disk);
	(void)temp_dir_remove(dir);
}

static void all_make(void)
{
	char *argv[] = {(char[]){"pixeld"},
			(char[]){"--board=main:4x2:4"},
			(char[]){"--people-max=1024"},
			(char[]){"--requests-max=16384"},
			(char[]){"--log-bytes=64KiB"},
			NULL};
	char *envp[] = {NULL};
	char why[SETTINGS_WHY_CHARS];
	bool made = temp_dir_make(dir, "fuzz-snapshot") == 0 && disk_open(dir, 0, 0, &disk) == 0 &&
		    settings_load(5, argv, envp, &settings, why) == EXIT_PASS;

	px_assert(made);
	log_start(LOG_LEVEL_ERROR, open("/dev/null", O_WRONLY | O_CLOEXEC));
	(void)atexit(all_free);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* What a reader was given. */
struct seen {
	uint64_t hash;
	uint32_t boards, people, requests;
};

static int board_see(void *arg, const struct snapshot_board_read *b)
{
	struct seen *seen = arg;

	px_assert(seen->people == 0 && seen->requests == 0); /* boards come first */
	px_assert(strlen(b->meta.name) <= BOARD_NAME_BYTES_MAX);
	px_assert(b->meta.width >= 1 && b->meta.width <= BOARD_SIDE_MAX);
	px_assert(b->meta.height >= 1 && b->meta.height <= BOARD_SIDE_MAX);
	px_assert(b->len == ((uint64_t)b->meta.width * b->meta.height * b->meta.bits + 7) / 8);
	px_assert(b->hash == board_hash_bytes(b->bytes, b->len));
	seen->hash = hash64(b->meta.name, strlen(b->meta.name), seen->hash ^ b->hash ^ b->seq);
	seen->boards++;
	return 0;
}

static int person_see(void *arg, const struct person *p)
{
	struct seen *seen = arg;

	px_assert(seen->requests == 0);
	seen->hash = hash64(p->user, sizeof(p->user), seen->hash ^ p->last_seq);
	seen->people++;
	return 0;
}

static int request_see(void *arg, const struct request *r)
{
	struct seen *seen = arg;

	seen->hash = hash64(r->user, sizeof(r->user), seen->hash ^ r->seq ^ r->cell);
	seen->requests++;
	return 0;
}

/* What a reader takes, a start takes or refuses with a reason. */
static void start(void)
{
	const struct writer_config config = {
		.settings = settings, .disk = disk, .worker_count = 1, .read_only = true};
	char why[RECOVER_WHY_BYTES] = "";
	struct writer *w = NULL;
	int code = writer_new(&config, (struct now){.mono_ns = 1, .wall_ms = 2000}, &w, why);

	px_assert(code == EXIT_PASS || why[0] != 0);
	writer_free(w);
}

/* As recovery reads: first without a handler. True: it is good. */
static bool file_read(const uint8_t *bytes, size_t len, bool and_start, struct seen *ret_seen)
{
	const struct snapshot_handler handler = {
		.arg = ret_seen, .board = board_see, .person = person_see, .request = request_see};
	struct snapshot_head head, again;
	char why[512] = "";
	struct bytes lsn = bytes_of(bytes + 24, 8);
	int fd, rc;

	snapshot_name(name, len < SNAPSHOT_HEADER_BYTES ? LSN : get_u64(&lsn));
	fd = disk_file_create(disk, name);
	px_assert(fd >= 0);
	rc = disk_write(disk, fd, bytes, len, 0);
	px_assert(rc == 0);
	disk_file_close(disk, fd);
	*ret_seen = (struct seen){0};
	rc = snapshot_read(disk, name, NULL, &head, why, sizeof(why));
	px_assert(rc == 0 || why[0] != 0);
	if (rc == 0) {
		rc = snapshot_read(disk, name, &handler, &again, why, sizeof(why));
		px_assert(rc == 0);
		px_assert(ret_seen->boards == head.board_count);
		px_assert(ret_seen->people == head.people_count);
		px_assert(ret_seen->requests == head.requests_count);
	} else {
		(void)snapshot_head_read(disk, name, &again, why, sizeof(why));
	}
	if (and_start)
		start();
	(void)disk_unlink(disk, name);
	return rc == 0;
}

/* --- writing, with right checksums ------------------------------------------------------------ */

static uint64_t head_lsn(const uint8_t head[static HEAD])
{
	return head[4] == 0 ? LSN : RECORD_LSN_MAX - 128 + head[4];
}

/* Counts of boards, people, requests; how it was synced and whether it is clean; lsn, from the end.
 * */
static uint8_t *header_put(uint8_t *out, const uint8_t head[static HEAD])
{
	uint8_t *p = put_u64(out, SNAPSHOT_MAGIC);

	p = put_u32(p, SNAPSHOT_VERSION);
	p = put_u32(p, SNAPSHOT_HEADER_BYTES);
	p = put_u64(p, 7); /* the journal's id */
	p = put_u64(p, head_lsn(head));
	p = put_u64(p, 1000); /* made at */
	p = put_u32(p, head[0]);
	p = put_u32(p, head[1]);
	p = put_u16(p, head[3] % 3); /* enum journal_sync */
	p = put_u16(p, head[3] & 128 ? SNAPSHOT_CLEAN : 0);
	p = put_u32(p, head[2]);
	return put_u64(p, hash64(out, 56, SEED_SNAPSHOT));
}

/* Behind the payload that is in its place already. */
static void chunk_seal(uint8_t *at, const uint8_t *item, size_t len, uint64_t salt)
{
	uint8_t *p = put_u32(at, item[0]);

	p = put_u32(p, item[1]);
	p = put_u64(p, item[2]);
	p = put_u32(p, (uint32_t)len);
	p = put_u32(p, 0);
	put_u64(p, chunk_sum(at, at + CHUNK_HEADER_BYTES, len, salt));
}

/* A board's description: the hash of the bytes that follow it, which no fuzzer guesses. */
static void board_hash_put(uint8_t *payload, size_t len, const uint8_t *next, size_t left)
{
	size_t bytes;

	if (len < 4 + 8 + 8 || left < ITEM_HEAD || next[0] != CHUNK_BYTES)
		return;
	bytes = next[3] + 256u * next[4];
	if (bytes <= left - ITEM_HEAD)
		put_u64(payload + 4 + 8, board_hash_bytes(next + ITEM_HEAD, bytes));
}

/* HEAD bytes, then items: type, item, place, length (2 bytes), payload. Returns
 * the file's bytes. */
static size_t chunks_put(const uint8_t *data, size_t size, uint8_t out[static FILE_BYTES_MAX])
{
	const uint8_t *end = data + size, *item;
	uint8_t *at = out;
	uint64_t salt;

	if (size < HEAD)
		return 0;
	at = header_put(at, data);
	salt = hash64(out, 56, SEED_SNAPSHOT);
	for (item = data + HEAD; (size_t)(end - item) >= ITEM_HEAD;) {
		const uint8_t *payload = item + ITEM_HEAD;
		size_t len = item[3] + 256u * item[4], left = (size_t)(end - payload);

		len = len < left ? len : left;
		if ((size_t)(out + FILE_BYTES_MAX - at) < CHUNK_HEADER_BYTES + len)
			break;
		memcpy(at + CHUNK_HEADER_BYTES, payload, len);
		if (item[0] == CHUNK_BOARD)
			board_hash_put(at + CHUNK_HEADER_BYTES, len, payload + len, left - len);
		chunk_seal(at, item, len, salt);
		at += CHUNK_HEADER_BYTES + len;
		item = payload + len;
	}
	return (size_t)(at - out);
}

static void chunks_read(const uint8_t *data, size_t size)
{
	static uint8_t out[FILE_BYTES_MAX];
	struct seen seen;

	(void)file_read(out, chunks_put(data, size, out), true, &seen);
}

/* --- a good one, changed ---------------------------------------------------------------------- */

/* As an input of chunks_read(): a board of 4 x 2 cells of 4 bits, a person, one request. */
static size_t good_make(uint8_t *out)
{
	struct record board = {.type = RECORD_BOARD,
			       .board = {.width = 4, .height = 2, .bits = 4, .name = "main"}};
	uint8_t *p = out, *payload;

	p = put_bytes(p, (const uint8_t[HEAD]){1, 1, 1, 128, 0}, HEAD);
	payload = p + ITEM_HEAD;
	payload = put_u32(payload, 1); /* epoch */
	payload = put_u64(payload, 9); /* seq */
	payload = put_u64(payload, 0); /* hash: see board_hash_put() */
	payload = put_u64(payload, 4); /* bytes */
	payload = record_put(payload, &board);
	payload = put_u64(payload, 900); /* newest */
	p[0] = CHUNK_BOARD;
	p[1] = p[2] = p[4] = 0;
	p[3] = (uint8_t)(payload - p - ITEM_HEAD);
	p = put_bytes(payload, (const uint8_t[]){CHUNK_BYTES, 0, 0, 4, 0, 1, 2, 3, 4}, 9);
	p = put_bytes(p, (const uint8_t[]){CHUNK_PEOPLE, 0, 0, CHUNK_PERSON_BYTES, 0}, 5);
	memset(p, 3, CHUNK_PERSON_BYTES);
	p += CHUNK_PERSON_BYTES;
	p = put_bytes(p, (const uint8_t[]){CHUNK_REQUESTS, 0, 0, CHUNK_REQUEST_BYTES, 0}, 5);
	memset(p, 4, CHUNK_REQUEST_BYTES);
	p += CHUNK_REQUEST_BYTES;
	p = put_bytes(p, (const uint8_t[]){CHUNK_END, 0, 0, 0, 0}, 5);
	return (size_t)(p - out);
}

static void changed_read(const uint8_t *data, size_t size)
{
	static uint8_t file[FILE_BYTES_MAX];
	uint8_t chunks[512];
	size_t len = chunks_put(chunks, good_make(chunks), file);
	struct seen before, after;
	bool good = file_read(file, len, false, &before);

	px_assert(good && before.boards == 1 && before.people == 1 && before.requests == 1);
	for (; size >= 3; data += 3, size -= 3)
		file[(data[0] + 256u * data[1]) % len] = data[2];
	if (file_read(file, len, false, &after))
		px_assert(memcmp(&before, &after, sizeof(before)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen seen;

	if (disk == NULL)
		all_make();
	if (size == 0 || size > FILE_BYTES_MAX / 2)
		return 0;
	if (data[0] == 1)
		chunks_read(data + 1, size - 1);
	else if (data[0] == 2)
		changed_read(data + 1, size - 1);
	else
		(void)file_read(data + 1, size - 1, false, &seen);
	return 0;
}
