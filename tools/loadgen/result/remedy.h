/*
 * remedy.h - which server settings lift a refusal. Pure, any thread.
 *
 * A recording that is played as fast as it is answered ends at the first such refusal: everything
 * after it would be refused, too. A recording that does not fit on the board ends at any pace: it
 * cannot be played there.
 */
#ifndef PX_LOADGEN_REMEDY_H
#define PX_LOADGEN_REMEDY_H

#include <stdbool.h>

/* What to start the server with, static text; NULL: no setting lifts it. `refusal`: a code,
 * possibly one that this version does not know. */
const char *remedy_of(unsigned refusal);

/* What lifts a refusal that ends the replay; NULL: the replay continues. `as_answered`: it keeps no
 * times of its own, see above. */
const char *remedy_of_replay(unsigned refusal, bool as_answered);

#endif
