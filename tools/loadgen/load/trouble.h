/* trouble.h - classes of failures (trouble.def), counted by each crew. Pure, any thread. */
#ifndef PX_LOADGEN_TROUBLE_H
#define PX_LOADGEN_TROUBLE_H

#define TROUBLE_WORDS_MAX 160 /* bytes kept of the first report of each class */

enum trouble {
	TROUBLE_NONE,
#define TROUBLE(symbol, kind, name, text) TROUBLE_##symbol,
#include "tools/loadgen/load/trouble.def"
#undef TROUBLE
	TROUBLE_MAX
};

enum trouble_kind { TROUBLE_KIND_LINK, TROUBLE_KIND_DATA };

const char *trouble_str(enum trouble t);
const char *trouble_text(enum trouble t);
enum trouble_kind trouble_kind(enum trouble t);

#endif
