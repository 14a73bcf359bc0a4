/*
 * find_max.h - the highest rate, or the most clients, at which the thresholds hold:
 *
 *	loadgen find-max --rate --from 1k --to 200k --threshold 'ack.p99<50ms' --url ...
 */
#ifndef PX_LOADGEN_FIND_MAX_H
#define PX_LOADGEN_FIND_MAX_H

#include <stdbool.h>
#include <stdint.h>

/* The search itself, without a run. */
struct find_max {
	double from, to;
	double held;   /* the highest that held; 0: none */
	double missed; /* the lowest that did not; 0: none */
	double precision;
};

/* The next value to try: twice the last as long as everything holds, then the middle between the
 * highest that held and the lowest that did not. 0: there is nothing left to try. */
double find_max_next(const struct find_max *f);
void find_max_tell(struct find_max *f, double tried, bool held);

/* argv[0] is "find-max". Returns the exit code: 0: something held; 99: nothing did; a run's code
 * when a run ended with wrong data or found no server. */
int find_max_main(int argc, char **argv);

#endif
