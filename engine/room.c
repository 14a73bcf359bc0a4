/* room.c - see room.h. */
#include "engine/room.h"

#include <string.h>

#include "engine/base/assert.h"

struct room *rooms_find(const struct rooms *rooms, const char *name, size_t len)
{
	px_assert(rooms->end <= ROOMS_MAX);
	for (uint32_t i = 0; i < rooms->end; i++) {
		struct room *room = rooms->at[i];

		if (room != NULL && strlen(room->name) == len && memcmp(room->name, name, len) == 0)
			return room;
	}
	return NULL;
}

uint32_t room_online(const struct room *room)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < WORKERS_MAX; i++)
		sum += atomic_load_explicit(&room->online[i], memory_order_relaxed);
	return sum;
}

void rooms_faces_see(struct rooms *rooms, unsigned worker)
{
	_Atomic uint64_t *seen = &rooms->faces_seen[worker];
	uint64_t set = atomic_load_explicit(&rooms->faces_set, memory_order_acquire);

	px_assert(worker < WORKERS_MAX);
	/* What the turn before looked at is behind us; what comes sees the faces of this number. */
	if (atomic_load_explicit(seen, memory_order_relaxed) != set)
		atomic_store_explicit(seen, set, memory_order_release);
}

uint64_t rooms_faces_seen(const struct rooms *rooms, unsigned workers)
{
	uint64_t least = UINT64_MAX;

	px_assert(workers > 0 && workers <= WORKERS_MAX);
	for (unsigned i = 0; i < workers; i++) {
		uint64_t seen = atomic_load_explicit(&rooms->faces_seen[i], memory_order_acquire);

		least = seen < least ? seen : least;
	}
	return least;
}
