/*
 * disk_sim.c - see disk_sim.h. A file has its bytes twice: as they are read, and as they are on the
 * plate.
 *
 *	write ──▶ cached, sector dirty ──sync──▶ durable
 *	                     │                      ▲ power cut: cached := durable, but for
 *	                     └── sync fails: clean, │ dirty sectors that a coin lets through
 *	                         not durable ───────┘
 *
 * The directory likewise: changes are made to the cached names and kept in a list; a power cut lets
 * the first few of the list through, as a journaling file system does.
 */
#include "tests/sim/disk_sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "persist/disk/disk.h"
#include "tests/prng.h"

#define SECTOR_BYTES 512
#define NAME_BYTES   64
#define NAMES_MAX    512
#define CHANGES_MAX  4096
#define FILES_MAX    8192
#define FDS_MAX      256
#define FD_FIRST     1000

struct file {
	uint8_t *cached;
	uint8_t *durable;
	uint8_t *dirty; /* one per sector */
	size_t room;    /* of all three, in bytes of file */
	size_t cached_len;
	size_t durable_len;
	bool sync_failed; /* in this life of the process */
};

struct names {
	struct {
		char name[NAME_BYTES];
		struct file *file;
	} at[NAMES_MAX];
	uint32_t count;
};

/* file NULL: the name goes. Else the name becomes this file's (from: and that name goes). */
struct change {
	char name[NAME_BYTES];
	char from[NAME_BYTES];
	struct file *file;
};

struct disk {
	bool locked;
};

static struct {
	struct file *files[FILES_MAX];
	struct file *fds[FDS_MAX];
	struct names cached;
	struct names durable;
	struct change changes[CHANGES_MAX];
	struct disk_sim_counts counts;
	uint32_t chance[DISK_SIM_OP_MAX];
	int chance_error[DISK_SIM_OP_MAX];
	uint64_t fail_at[DISK_SIM_OP_MAX];
	int fail_error[DISK_SIM_OP_MAX];
	const char *denied; /* how the names begin of files that cannot be opened; NULL: none */
	int denied_error;
	uint64_t capacity;
	uint64_t life; /* operations until death; UINT64_MAX: immortal */
	uint64_t changed;
	uint64_t random;
	uint32_t file_count;
	uint32_t change_count;
	bool locked;
} world;

/* --- names ---------------------------------------------------------------------------------- */

static uint32_t names_find(const struct names *n, const char *name)
{
	uint32_t i = 0;

	while (i < n->count && strcmp(n->at[i].name, name) != 0)
		i++;
	return i;
}

static void names_remove(struct names *n, const char *name)
{
	uint32_t i = names_find(n, name);

	if (i < n->count)
		n->at[i] = n->at[--n->count];
}

static void change_apply(struct names *n, const struct change *c)
{
	names_remove(n, c->from);
	names_remove(n, c->name);
	if (c->file == NULL)
		return;
	px_assert(n->count < NAMES_MAX);
	memcpy(n->at[n->count].name, c->name, NAME_BYTES);
	n->at[n->count++].file = c->file;
}

static void change_make(const char *name, const char *from, struct file *file)
{
	struct change *c = &world.changes[world.change_count++];

	px_assert(world.change_count <= CHANGES_MAX);
	*c = (struct change){.file = file};
	snprintf(c->name, NAME_BYTES, "%s", name);
	snprintf(c->from, NAME_BYTES, "%s", from);
	change_apply(&world.cached, c);
}

static void changes_keep(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		change_apply(&world.durable, &world.changes[i]);
	world.change_count = 0;
}

static struct file *named(const char *name)
{
	uint32_t i = names_find(&world.cached, name);

	return i < world.cached.count ? world.cached.at[i].file : NULL;
}

/* --- files ---------------------------------------------------------------------------------- */

static struct file *file_new(void)
{
	struct file *f = calloc(1, sizeof(*f));

	px_assert(f != NULL);
	px_assert(world.file_count < FILES_MAX);
	world.files[world.file_count++] = f;
	return f;
}

static uint8_t *grown(uint8_t *old, size_t old_bytes, size_t bytes)
{
	uint8_t *p = calloc(1, bytes);

	px_assert(p != NULL);
	if (old_bytes > 0)
		memcpy(p, old, old_bytes);
	free(old);
	return p;
}

static void file_reserve(struct file *f, size_t len)
{
	size_t room = f->room == 0 ? SECTOR_BYTES * 8 : f->room;

	while (room < len)
		room *= 2;
	if (room == f->room)
		return;
	f->cached = grown(f->cached, f->room, room);
	f->durable = grown(f->durable, f->room, room);
	f->dirty = grown(f->dirty, f->room / SECTOR_BYTES, room / SECTOR_BYTES);
	f->room = room;
}

static void file_keep(struct file *f)
{
	for (size_t s = 0; s < f->room / SECTOR_BYTES; s++) {
		if (!f->dirty[s])
			continue;
		memcpy(f->durable + s * SECTOR_BYTES, f->cached + s * SECTOR_BYTES, SECTOR_BYTES);
		f->dirty[s] = 0;
	}
	f->durable_len = f->cached_len;
}

static void file_cut_power(struct file *f)
{
	if (f->room == 0)
		return;
	if (f->cached_len != f->durable_len && prng_below(&world.random, 2) == 0)
		f->durable_len = f->cached_len;
	for (size_t s = 0; s < f->room / SECTOR_BYTES; s++) {
		size_t at = s * SECTOR_BYTES;

		if (!f->dirty[s])
			continue;
		f->dirty[s] = 0;
		if (prng_below(&world.random, 2) == 0)
			memcpy(f->durable + at, f->cached + at, SECTOR_BYTES);
		else
			world.counts.sectors_lost++;
	}
	memset(f->durable + f->durable_len, 0, f->room - f->durable_len);
	memcpy(f->cached, f->durable, f->room);
	f->cached_len = f->durable_len;
}

/* Sectors that count as clean are read from the plate again. */
static void file_evict(struct file *f)
{
	for (size_t s = 0; s < f->room / SECTOR_BYTES; s++)
		if (!f->dirty[s] && prng_below(&world.random, 2) == 0)
			memcpy(f->cached + s * SECTOR_BYTES, f->durable + s * SECTOR_BYTES,
			       SECTOR_BYTES);
}

static uint64_t used_bytes(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < world.cached.count; i++)
		sum += world.cached.at[i].file->cached_len;
	return sum;
}

/* --- the world ------------------------------------------------------------------------------ */

void disk_sim_begin(uint64_t seed)
{
	memset(&world, 0, sizeof(world));
	world.random = seed;
	world.capacity = UINT64_MAX;
	world.life = UINT64_MAX;
}

void disk_sim_end(void)
{
	for (uint32_t i = 0; i < world.file_count; i++) {
		free(world.files[i]->cached);
		free(world.files[i]->durable);
		free(world.files[i]->dirty);
		free(world.files[i]);
	}
	world.file_count = 0;
}

void disk_sim_chance_set(enum disk_sim_op op, uint32_t chance, int error)
{
	world.chance[op] = chance;
	world.chance_error[op] = error;
}

void disk_sim_deny(const char *prefix, int error)
{
	world.denied = prefix;
	world.denied_error = error;
}

void disk_sim_fail_at(enum disk_sim_op op, uint64_t nth, int error)
{
	world.fail_at[op] = nth;
	world.fail_error[op] = error;
}

void disk_sim_die_after(uint64_t ops)
{
	world.life = ops;
}

void disk_sim_capacity_set(uint64_t bytes)
{
	world.capacity = bytes;
}

static void descriptors_forget(void)
{
	memset(world.fds, 0, sizeof(world.fds));
	for (uint32_t i = 0; i < world.file_count; i++)
		world.files[i]->sync_failed = false;
	world.locked = false;
	world.life = UINT64_MAX;
}

void disk_sim_power_cut(void)
{
	uint32_t kept = (uint32_t)prng_below(&world.random, world.change_count + 1);

	world.counts.power_cuts++;
	world.counts.names_lost += world.change_count - kept;
	changes_keep(kept);
	world.cached = world.durable;
	for (uint32_t i = 0; i < world.file_count; i++)
		file_cut_power(world.files[i]);
	descriptors_forget();
}

void disk_sim_process_kill(void)
{
	for (uint32_t i = 0; i < world.file_count; i++)
		file_evict(world.files[i]);
	descriptors_forget();
}

const uint8_t *disk_sim_file(const char *name, size_t *ret_len)
{
	struct file *f = named(name);

	if (f == NULL)
		return NULL;
	*ret_len = f->cached_len;
	return f->cached;
}

void disk_sim_file_put(const char *name, const uint8_t *bytes, size_t len)
{
	struct file *f = bytes == NULL ? NULL : named(name);

	if (bytes != NULL && f == NULL)
		f = file_new();
	if (f != NULL) {
		file_reserve(f, len);
		memset(f->cached, 0, f->room);
		memcpy(f->cached, bytes, len);
		f->cached_len = len;
		memset(f->dirty, 1, f->room / SECTOR_BYTES);
		file_keep(f);
	}
	change_make(name, "", f);
	changes_keep(world.change_count);
}

uint32_t disk_sim_open_files(void)
{
	uint32_t open = 0;

	for (uint32_t i = 0; i < FDS_MAX; i++)
		open += world.fds[i] != NULL;
	return open;
}

uint64_t disk_sim_changes(void)
{
	return world.changed;
}

const struct disk_sim_counts *disk_sim_counts(void)
{
	return &world.counts;
}

/* 0, or the error that is to be given instead of doing it. */
static int fault(enum disk_sim_op op)
{
	int error = 0;

	world.changed++;
	if (world.life == 0)
		return -EIO;
	if (world.life != UINT64_MAX)
		world.life--;
	if (world.fail_at[op] > 0 && --world.fail_at[op] == 0)
		error = world.fail_error[op];
	else if (prng_below(&world.random, 1000) < world.chance[op])
		error = world.chance_error[op];
	world.counts.errors += error < 0;
	return error;
}

/* --- disk.h --------------------------------------------------------------------------------- */

const char *disk_open_remedy(int error)
{
	(void)error;
	return "simulated";
}

int disk_open(const char *path, int create, int lock, struct disk **ret_disk)
{
	struct disk *d;

	(void)path;
	(void)create;
	if (lock && world.locked)
		return -EBUSY;
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return -ENOMEM;
	d->locked = lock;
	world.locked |= lock != 0;
	*ret_disk = d;
	return 0;
}

void disk_close(struct disk *d)
{
	if (d == NULL)
		return;
	if (d->locked)
		world.locked = false;
	free(d);
}

const char *disk_path(const struct disk *d)
{
	(void)d;
	return "sim";
}

int disk_list(struct disk *d, int (*each)(void *arg, const char *name), void *arg)
{
	struct names seen = world.cached;
	int rc = 0;

	(void)d;
	for (uint32_t i = 0; i < seen.count && rc == 0; i++)
		rc = each(arg, seen.at[i].name);
	return rc;
}

static int fd_add(struct file *f)
{
	for (int i = 0; i < FDS_MAX; i++) {
		if (world.fds[i] != NULL)
			continue;
		world.fds[i] = f;
		return FD_FIRST + i;
	}
	return -EMFILE;
}

static struct file *fd_file(int fd)
{
	px_assert(fd >= FD_FIRST && fd < FD_FIRST + FDS_MAX);
	px_assert(world.fds[fd - FD_FIRST] != NULL);
	return world.fds[fd - FD_FIRST];
}

int disk_file_open(struct disk *d, const char *name, int writable)
{
	struct file *f = named(name);

	(void)d;
	(void)writable;
	if (f != NULL && world.denied != NULL &&
	    strncmp(name, world.denied, strlen(world.denied)) == 0)
		return world.denied_error;
	return f == NULL ? -ENOENT : fd_add(f);
}

int disk_file_create(struct disk *d, const char *name)
{
	int error = fault(DISK_SIM_CREATE);
	struct file *f;

	(void)d;
	if (error < 0)
		return error;
	if (named(name) != NULL)
		return -EEXIST;
	f = file_new();
	change_make(name, "", f);
	return fd_add(f);
}

void disk_file_close(struct disk *d, int fd)
{
	(void)d;
	(void)fd_file(fd);
	world.fds[fd - FD_FIRST] = NULL;
}

int64_t disk_file_bytes(struct disk *d, int fd)
{
	(void)d;
	return (int64_t)fd_file(fd)->cached_len;
}

int disk_read(struct disk *d, int fd, void *out, size_t len, uint64_t offset)
{
	const struct file *f = fd_file(fd);
	size_t left = offset < f->cached_len ? f->cached_len - (size_t)offset : 0;

	(void)d;
	if (len > left)
		len = left;
	if (len > 0)
		memcpy(out, f->cached + offset, len);
	return (int)len;
}

static int64_t fd_write(int fd, const void *in, size_t len, uint64_t offset)
{
	struct file *f = fd_file(fd);
	int error = fault(DISK_SIM_WRITE);
	size_t end = (size_t)offset + len;

	if (error < 0)
		return error;
	world.counts.writes++;
	if (len == 0)
		return 0;
	if (end > f->cached_len && used_bytes() + (end - f->cached_len) > world.capacity)
		return -ENOSPC;
	file_reserve(f, end);
	memcpy(f->cached + offset, in, len);
	memset(f->dirty + offset / SECTOR_BYTES, 1,
	       (end - 1) / SECTOR_BYTES - offset / SECTOR_BYTES + 1);
	if (end > f->cached_len)
		f->cached_len = end;
	return (int64_t)len;
}

static int fd_sync(int fd)
{
	struct file *f = fd_file(fd);
	int error = fault(DISK_SIM_SYNC);

	px_assert(!f->sync_failed); /* it would only seem to work */
	f->sync_failed = error < 0;
	if (error == 0) {
		world.counts.syncs++;
		file_keep(f);
	} else if (f->room > 0) {
		memset(f->dirty, 0, f->room / SECTOR_BYTES);
	}
	return error;
}

const struct ring_sim_disk disk_sim_for_ring = {.write = fd_write, .sync = fd_sync};

int disk_write(struct disk *d, int fd, const void *in, size_t len, uint64_t offset)
{
	int64_t rc = fd_write(fd, in, len, offset);

	(void)d;
	return rc < 0 ? (int)rc : 0;
}

int disk_sync(struct disk *d, int fd)
{
	(void)d;
	return fd_sync(fd);
}

int disk_truncate(struct disk *d, int fd, uint64_t len)
{
	struct file *f = fd_file(fd);
	int error = fault(DISK_SIM_WRITE);

	(void)d;
	if (error < 0)
		return error;
	file_reserve(f, (size_t)len);
	if (len < f->cached_len)
		memset(f->cached + len, 0, f->cached_len - (size_t)len);
	f->cached_len = (size_t)len;
	return 0;
}

int disk_sync_dir(struct disk *d)
{
	int error = fault(DISK_SIM_SYNC_DIR);

	(void)d;
	if (error == 0)
		changes_keep(world.change_count);
	return error;
}

int disk_rename(struct disk *d, const char *from, const char *to)
{
	int error = fault(DISK_SIM_RENAME);

	(void)d;
	if (error < 0)
		return error;
	if (named(from) == NULL)
		return -ENOENT;
	change_make(to, from, named(from));
	return 0;
}

int disk_unlink(struct disk *d, const char *name)
{
	int error = fault(DISK_SIM_RENAME);

	(void)d;
	if (error < 0)
		return error;
	if (named(name) == NULL)
		return -ENOENT;
	change_make(name, "", NULL);
	return 0;
}

int64_t disk_free_bytes(struct disk *d)
{
	uint64_t used = used_bytes();

	(void)d;
	if (world.capacity > INT64_MAX)
		return INT64_MAX;
	return used < world.capacity ? (int64_t)(world.capacity - used) : 0;
}
