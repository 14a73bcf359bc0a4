/* host_report.c - see host_report.h. No state. */
#include "engine/host/host_report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/exit_code.h"
#include "engine/ring/ring.h"

void host_say(struct host_report *r, enum host_verdict verdict, const char *what,
	      const char *format, ...)
{
	static const char *const words[] = {"OK  ", "WARN", "FAIL"};
	va_list args;

	px_assert(verdict <= HOST_FAIL);
	fprintf(r->to, "%s  %-16s ", words[verdict], what);
	va_start(args, format);
	vfprintf(r->to, format, args);
	va_end(args);
	fputc('\n', r->to);
	r->failed |= verdict == HOST_FAIL;
}

void host_lift(struct host_report *r, const char *format, ...)
{
	va_list args;

	fprintf(r->to, "%24s", "");
	va_start(args, format);
	vfprintf(r->to, format, args);
	va_end(args);
	fputc('\n', r->to);
}

void host_check_ring(struct host_report *r, const struct host_facts *f)
{
	if (f->ring_error == 0) {
		host_say(r, HOST_OK, "io_uring", "allowed");
		return;
	}
	host_say(r, HOST_FAIL, "io_uring", "refused: %s", strerror(-f->ring_error));
	host_lift(r, "%s", ring_open_remedy(f->ring_error));
}

void host_check_files(struct host_report *r, const struct host_facts *f, uint64_t clients)
{
	bool few = f->files_max < clients + HOST_FILES_SPARE;

	if (f->files_max == HOST_UNKNOWN)
		return;
	host_say(r, few ? HOST_FAIL : HOST_OK, "fs.file-max",
		 "%" PRIu64 " open files on the whole machine", f->files_max);
	if (few)
		host_lift(r, "sysctl -w fs.file-max=%" PRIu64, 2 * clients + HOST_FILES_SPARE);
}

void host_check_conntrack(struct host_report *r, const struct host_facts *f, uint64_t clients)
{
	bool on = host_conntrack_is_on(f);
	bool low = on && f->conntrack_max < clients + HOST_FILES_SPARE;

	if (!on)
		host_say(r, HOST_OK, "conntrack", "tracks no connections");
	else
		host_say(r, low ? HOST_FAIL : HOST_OK, "conntrack",
			 "tracks at most %" PRIu64 " connections", f->conntrack_max);
	if (low)
		host_lift(r, "sysctl -w net.netfilter.nf_conntrack_max=%" PRIu64,
			  2 * clients + HOST_FILES_SPARE);
}

void host_check_somaxconn(struct host_report *r, const struct host_facts *f, const char *waits)
{
	bool low = f->somaxconn < HOST_SOMAXCONN_MIN;

	if (f->somaxconn == HOST_UNKNOWN)
		return;
	host_say(r, low ? HOST_WARN : HOST_OK, "somaxconn", "%" PRIu64 " %s", f->somaxconn, waits);
	if (low)
		host_lift(r, "sysctl -w net.core.somaxconn=65535");
}

int host_report_end(const struct host_report *r, const struct host_facts *f)
{
	if (f->ring_error != 0)
		return (int)exit_code_of_ring(f->ring_error);
	return r->failed ? EXIT_FAILED : EXIT_PASS;
}
