/*
 * remedy.h - which settings of the server lift a refusal. Pure, any thread.
 *
 * A recording that is played as fast as it is answered ends at the first such refusal: everything
 * behind it would be refused, too. One that does not fit on the board ends at whatever pace: it
 * cannot be played there.
 */
#ifndef PX_LOADGEN_REMEDY_H
#define PX_LOADGEN_REMEDY_H

#include <stdbool.h>

/* What to start the server with, static text; NULL: no setting lifts it. `refusal`: its code, or
 * one that we do not know. */
const char *remedy_of(unsigned refusal);

/* What lifts a refusal that ends the replay; NULL: the replay goes on. `as_answered`: it keeps no
 * times of its own, see above. */
const char *remedy_of_replay(unsigned refusal, bool as_answered);

#endif
