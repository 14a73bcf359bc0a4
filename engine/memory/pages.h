/*
 * pages.h - large zeroed memory that costs nothing until it is touched.
 *
 * Any thread. The name says what it is for: it is shown in /proc/PID/smaps where the kernel keeps
 * such names, and in a trace of system calls everywhere (scripts/bench/memory.sh).
 */
#ifndef PX_MEMORY_PAGES_H
#define PX_MEMORY_PAGES_H

#include <stddef.h>

/* bytes: more than 0, rounded up to whole pages; name: letters and spaces. NULL: out of memory. */
void *pages_new(size_t bytes, const char *name);

/* The next two make memory faster to use; a kernel that cannot do it leaves it as it is. */

/* Huge pages, if the system has some, for memory that is looked at in random places. Before any of
 * it is touched. */
void pages_huge(void *pages, size_t bytes);

/* Takes memory now: the thread that uses it will not stop at each new page. `pages` begins with a
 * whole page. */
void pages_touch(void *pages, size_t bytes);

/* bytes: as given to pages_new(). NULL is allowed. */
void pages_free(void *pages, size_t bytes);

#endif
