/* text_file.c - see text_file.h. No state. */
#include "tools/loadgen/report/text_file.h"

static bool to_file(struct text_out *t)
{
	FILE *to = t->to;

	return fwrite(t->begin, 1, text_len(t), to) == text_len(t);
}

struct text_out text_to_file(FILE *to, void *memory, size_t room)
{
	struct text_out t = text_out_of(memory, room);

	t.drain = to_file;
	t.to = to;
	return t;
}
