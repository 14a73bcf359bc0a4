/*
 * machine.h - where a run took place, so that its numbers can be compared.
 *
 * Facts about the system the program runs on, and the command line. Plain memory.
 */
#ifndef PX_LOADGEN_MACHINE_H
#define PX_LOADGEN_MACHINE_H

#include <stdint.h>

#define LOADGEN_VERSION "0.1.0"

struct machine {
	uint64_t cpus;
	uint64_t memory_bytes;
	char host[64];
	char cpu[96];    /* the model; "": unknown */
	char kernel[96]; /* "Linux 6.1.0 x86_64" */
	char loadgen[64];
	char command[1024]; /* without secrets; as many words as fit */
};

void machine_look(struct machine *ret_machine, int argc, char *const *argv);

#endif
