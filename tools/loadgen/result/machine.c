/* machine.c - see machine.h. No state. */
#include "tools/loadgen/result/machine.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "engine/base/text_out.h"

/* The text behind "name : " of the first such line; "" without one. */
static void cpuinfo_read(const char *name, char *out, size_t room)
{
	FILE *file = fopen("/proc/cpuinfo", "r");
	char line[256];

	out[0] = '\0';
	while (file != NULL && out[0] == '\0' && fgets(line, sizeof(line), file) != NULL) {
		const char *at = strchr(line, ':');

		if (strncmp(line, name, strlen(name)) != 0 || at == NULL)
			continue;
		line[strcspn(line, "\n")] = '\0';
		(void)snprintf(out, room, "%s", at + 1 + strspn(at + 1, " "));
	}
	if (file != NULL)
		(void)fclose(file);
}

/* --session-secret HEX is not told; @FILE is. */
static void command_write(char *out, size_t room, int argc, char *const *argv)
{
	static const char secret[] = "--session-secret";
	struct text_out t = text_out_of(out, room);

	for (int i = 0; i < argc; i++) {
		const char *word = argv[i];
		const char *hidden = word;

		if (strncmp(word, "--session-secret=", sizeof(secret)) == 0 &&
		    word[sizeof(secret)] != '@')
			hidden = "--session-secret=***";
		else if (i > 0 && strcmp(argv[i - 1], secret) == 0 && word[0] != '@')
			hidden = "***";
		text_print(&t, "%s%s", i > 0 ? " " : "", hidden);
	}
	(void)text_end(&t);
}

void machine_look(struct machine *ret_machine, int argc, char *const *argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	long pages = sysconf(_SC_PHYS_PAGES);
	long page_bytes = sysconf(_SC_PAGESIZE);
	struct machine m = {.cpus = cpus > 0 ? (uint64_t)cpus : 1};
	struct utsname name;

	if (pages > 0 && page_bytes > 0)
		m.memory_bytes = (uint64_t)pages * (uint64_t)page_bytes;
	cpuinfo_read("model name", m.cpu, sizeof(m.cpu));
	if (uname(&name) == 0) {
		(void)snprintf(m.host, sizeof(m.host), "%s", name.nodename);
		(void)snprintf(m.kernel, sizeof(m.kernel), "%s %s %s", name.sysname, name.release,
			       name.machine);
	}
	(void)snprintf(m.loadgen, sizeof(m.loadgen), "%s (%s)", LOADGEN_VERSION, __VERSION__);
	command_write(m.command, sizeof(m.command), argc, argv);
	*ret_machine = m;
}
