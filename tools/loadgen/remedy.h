/*
 * remedy.h - which settings of the server lift a refusal. Pure, any thread.
 *
 * A recording that is played as fast as it is answered ends at the first such refusal: everything
 * behind it would be refused, too.
 */
#ifndef PX_LOADGEN_REMEDY_H
#define PX_LOADGEN_REMEDY_H

/* What to start the server with, static text; NULL: no setting lifts it. `refusal`: its code, or
 * one that we do not know. */
const char *remedy_of(unsigned refusal);

#endif
