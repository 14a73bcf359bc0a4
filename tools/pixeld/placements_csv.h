/*
 * placements_csv.h - placements from a CSV file: ours (`pixeld export`), or that of r/place 2022.
 *
 *	seq,time,user,x,y,color
 *	timestamp,user_id,pixel_color,coordinate     a coordinate is "x,y", or a rectangle
 *	                                              "x1,y1,x2,y2": all its cells, row by row
 *
 * The order of the file is the order of the placements; seqs are ignored. A user is 32 hex digits,
 * or any other text, which is hashed. Owner: main(); one line in memory.
 */
#ifndef PX_PIXELD_PLACEMENTS_CSV_H
#define PX_PIXELD_PLACEMENTS_CSV_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "persist/format/record.h"
#include "server/settings/settings.h"

#define PLACEMENTS_CSV_WHY 256

struct placements_csv {
	/* private */
	FILE *in;
	const struct settings_board *board; /* bounds and palette */
	char *line;
	size_t room;
	uint64_t line_number;
	uint64_t last_ms;
	bool is_reddit;
	struct record_placement row;
	uint32_t x1, x2, y2; /* rest of a rectangle; row.x, row.y: its next cell */
	bool in_rectangle;
	char why[PLACEMENTS_CSV_WHY];
};

/* Reads the first line. 0, or -EINVAL and `why`. Call _fini() in any case. */
int placements_csv_init(struct placements_csv *c, FILE *in, const struct settings_board *board);
void placements_csv_fini(struct placements_csv *c);

/* 1: the next placement, with x, y, color, user, placed_at_ms; 0: the end; -EINVAL and `why`, with
 * the line number. */
int placements_csv_next(struct placements_csv *c, struct record_placement *ret_placement);

#endif
