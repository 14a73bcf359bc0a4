/* pages.c - see pages.h: one private mapping each, which reserves no memory. */
#include "engine/memory/pages.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "engine/base/assert.h"

void *pages_new(size_t bytes, const char *name)
{
	void *p;
	int error;

	px_assert(bytes > 0);
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		 -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	error = errno;
	(void)prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, p, bytes, name); /* not every kernel has it */
	errno = error;
	return p;
}

static void advise(void *pages, size_t bytes, int advice)
{
	int error = errno;

	px_assert(pages != NULL && bytes > 0);
	(void)madvise(pages, bytes, advice); /* not every kernel can */
	errno = error;
}

void pages_huge(void *pages, size_t bytes)
{
	advise(pages, bytes, MADV_HUGEPAGE);
}

void pages_touch(void *pages, size_t bytes)
{
	advise(pages, bytes, MADV_POPULATE_WRITE);
}

void pages_free(void *pages, size_t bytes)
{
	if (pages != NULL)
		(void)munmap(pages, bytes);
}
