/*
 * assert.h - for the first of three kinds of failure: a bug of ours.
 *
 * px_assert() stays on in release builds: it documents what must hold, and stops the process before
 * a broken invariant reaches the journal. Never assert on a peer's bytes or on results of the
 * outside world (disk, kernel, network): those have close reasons and error codes.
 */
#ifndef PX_BASE_ASSERT_H
#define PX_BASE_ASSERT_H

/* Prints the place and the fact that did not hold, then aborts. Any thread. */
_Noreturn void px_assert_failed(const char *fact, const char *file, int line, const char *func);

#define px_assert(fact) ((fact) ? (void)0 : px_assert_failed(#fact, __FILE__, __LINE__, __func__))

#define px_unreachable(what) px_assert_failed("unreachable: " what, __FILE__, __LINE__, __func__)

#endif
