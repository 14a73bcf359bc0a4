/* text_file.c - see text_file.h. No state. */
#include "tools/loadgen/report/text_file.h"

#include <errno.h>

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

/* fclose() tells only of the bytes that are left to it. */
int text_file_end(FILE *file)
{
	bool failed = ferror(file) != 0;

	if ((file == stdout ? fflush(file) : fclose(file)) != 0)
		return -errno;
	return failed ? -EIO : 0;
}
