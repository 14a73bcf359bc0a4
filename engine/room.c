/* room.c - see room.h. */
#include "engine/room.h"

#include <string.h>

struct room *rooms_find(const struct rooms *rooms, const char *name, size_t len)
{
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
