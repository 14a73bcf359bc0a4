/* asker_priv.h - what the files of the asker share. */
#ifndef PX_TESTS_SIM_ASKER_PRIV_H
#define PX_TESTS_SIM_ASKER_PRIV_H

#include "tests/sim/asker.h"
#include "tests/sim/client_priv.h"

enum ask {
	ASK_PIXEL, /* GET  /boards/{b}/pixels/{x}/{y} */
	ASK_CELL,  /* GET  /boards/{b}/pixels/{x}/{y}/history */
	ASK_SEQ,   /* GET  /boards/{b}/bitmap?seq= */
	ASK_TIME,  /* GET  /boards/{b}/bitmap?at= */
	ASK_LIST,  /* GET  /boards/{b}/rollbacks */
	ASK_TRY,   /* POST /boards/{b}/rollback, dry_run */
	ASK_SHOW,  /* POST /boards/{b}/rollback/preview.png */
	ASK_DO,    /* POST /boards/{b}/rollback */
	ASKS
};

struct asker {
	struct crowd *crowd;
	unsigned clients; /* whose placements are taken back */
	uint64_t now_ns, begin_ns, end_ns;
	struct net_end *net; /* NULL: not connected */
	struct heap_bytes in, out;
	bool gone;
	bool asks;     /* a question is out */
	unsigned left; /* questions on this connection */
	enum ask ask;
	unsigned board;
	uint64_t known_seq;     /* somebody had the board at it when it was asked, */
	uint64_t known_lsn;     /* and was told of this rollback; 0: of none */
	struct truth_cell cell; /* CELL; next != 0: the question after it goes on there */
	struct truth_pixel pixel;
	struct truth_moment moment; /* SEQ, TIME */
	struct truth_rollback rollback;
	size_t number; /* DO: of the truth */
};

uint64_t asker_below(struct asker *a, uint64_t end);
const struct truth_board *asker_board(const struct asker *a);

/* A question drawn, as bytes of HTTP in a->out. */
void asker_ask(struct asker *a);

/* An answer: its status and its body, which ends with a NUL that is not counted. */
void asker_hear(struct asker *a, const char *head, unsigned status, const uint8_t *body,
		size_t len);

#endif
