/*
 * op.h - the tag word: user_data of every operation given to a ring.
 *
 *   63     56 55           32 31            0
 *  +---------+---------------+---------------+
 *  | kind    | generation    | slot          |
 *  +---------+---------------+---------------+
 *
 * kind        the operation; each user of a ring has its own enum, 1..255
 * generation  of the slot when the operation was armed; a completion whose generation is not the
 *             slot's belongs to an earlier owner and only returns its buffer
 * slot        index into the pool that the kind belongs to
 */
#ifndef PX_RING_OP_H
#define PX_RING_OP_H

#include <stdint.h>

#include "engine/base/assert.h"

#define OP_GENERATION_MASK 0xffffffu

struct op_tag {
	uint8_t kind;
	uint32_t generation;
	uint32_t slot;
};

static inline uint64_t op_tag_pack(unsigned kind, uint32_t generation, uint32_t slot)
{
	px_assert(kind > 0);
	px_assert(kind < 256);
	return (uint64_t)kind << 56 | (uint64_t)(generation & OP_GENERATION_MASK) << 32 | slot;
}

static inline struct op_tag op_tag_unpack(uint64_t word)
{
	return (struct op_tag){
		.kind = (uint8_t)(word >> 56),
		.generation = (uint32_t)(word >> 32) & OP_GENERATION_MASK,
		.slot = (uint32_t)word,
	};
}

#endif
