/*
 * server_process.h - what another process on this machine uses: CPU time of all its threads
 * (io_uring's included) and resident memory. Any thread.
 */
#ifndef PX_LOADGEN_SERVER_PROCESS_H
#define PX_LOADGEN_SERVER_PROCESS_H

#include <stdint.h>

struct server_use {
	uint64_t cpu_ns; /* user and system, since its start */
	uint64_t rss_bytes;
};

/* 0; -ESRCH: there is no such process, or it may not be inspected. */
int server_use_get(int pid, struct server_use *ret_use);

#endif
