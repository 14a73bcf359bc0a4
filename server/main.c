/*
 * main.c - pixeld: command line in, exit code (engine/exit_code.h) out.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/log.h"
#include "persist/journal_tool.h"
#include "persist/postgres.h"
#include "server/check_system.h"
#include "server/server.h"
#include "server/settings.h"
#include "server/tool.h"

/* What asks for something that pixeld does not do: a terminal that closed, settings to be read
 * again, a log file to be opened anew. Their default would be to end the process. */
static const int signals_without_effect[] = {SIGHUP, SIGUSR1, SIGUSR2};

#define SIGNALS_WITHOUT_EFFECT (sizeof(signals_without_effect) / sizeof(signals_without_effect[0]))

static void signal_ignore(int number)
{
	(void)sigaction(number, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
}

/* SIGTERM and SIGINT, and those without effect: every thread blocks them, and the main thread waits
 * for them. Linux hands over an ignored signal too when it is blocked. */
static void signals_block(sigset_t *ret_stop, sigset_t *ret_all)
{
	sigemptyset(ret_stop);
	sigaddset(ret_stop, SIGTERM);
	sigaddset(ret_stop, SIGINT);
	*ret_all = *ret_stop;
	for (size_t i = 0; i < SIGNALS_WITHOUT_EFFECT; i++)
		sigaddset(ret_all, signals_without_effect[i]);
	pthread_sigmask(SIG_BLOCK, ret_all, NULL); /* inherited by every thread */
}

/* Whoever sent one of the others reads in the log that nothing came of it. */
static void stop_await(const sigset_t *stop, const sigset_t *all)
{
	int got;

	while (sigwait(all, &got) == 0 && !sigismember(stop, got))
		log_info("signal_ignored signal=SIG%s remedy=\"settings are read at the start, and "
			 "the log is standard error: restart pixeld\"",
			 sigabbrev_np(got));
}

/* SIGTERM and SIGINT stop in order; the second one at once. */
static int serve(const struct settings *s)
{
	char why[SERVER_WHY_CHARS] = "";
	struct server *server;
	sigset_t stop, all;
	int rc;

	signal_ignore(SIGPIPE); /* sends say it; and a log that nobody reads is no reason to end */
	log_start((enum log_level)s->log_level, STDERR_FILENO);
	signals_block(&stop, &all);
	rc = server_start(s, &server, why);
	if (rc != 0) {
		log_error("start_failed why=\"%s\"", why);
		return rc;
	}
	stop_await(&stop, &all);
	pthread_sigmask(SIG_UNBLOCK, &stop, NULL);
	server_stop(server);
	return 0;
}

/* `pixeld migrate`, with the settings of the server. */
static int migrate(const struct settings *s)
{
	const _Atomic bool never = false;
	const struct postgres_config config = {
		.dsn = s->postgres,
		.timeout_ms = (uint32_t)s->postgres_timeout_ms,
		.abort = &never,
	};

	if (s->postgres[0] == '\0') {
		fprintf(stderr, "pixeld: migrate: which database? --postgres DSN\n");
		return EXIT_USAGE;
	}
	return postgres_migrate(&config, stdout);
}

/* Programs beside the server: `pixeld VERB ...`. */
static const struct {
	const char *verb;
	int (*run)(int argc, char **argv);
} tools[] = {
	{"journal", journal_tool},     {"export", tool_export}, {"import", tool_import},
	{"timelapse", tool_timelapse}, {"verify", tool_verify},
};

int main(int argc, char **argv)
{
	char why[SETTINGS_WHY_CHARS];
	struct settings *s;
	bool is_migrate = argc >= 2 && strcmp(argv[1], "migrate") == 0;
	int rc;

	for (size_t i = 0; i < SIGNALS_WITHOUT_EFFECT; i++)
		signal_ignore(signals_without_effect[i]);
	for (size_t i = 0; argc >= 2 && i < sizeof(tools) / sizeof(tools[0]); i++)
		if (strcmp(argv[1], tools[i].verb) == 0)
			return tools[i].run(argc - 2, argv + 2);
	rc = settings_load(argc - is_migrate, argv + is_migrate, environ, &s, why);
	if (rc != EXIT_PASS) {
		fprintf(stderr, "pixeld: %s\n", why);
		return rc;
	}
	if (s->action == SETTINGS_CHECK_SYSTEM) {
		struct system_facts facts;

		system_look(s, &facts);
		rc = system_report(&facts, s, stdout);
	} else if (!settings_show(s, stdout)) {
		rc = is_migrate ? migrate(s) : serve(s);
	}
	settings_free(s);
	return rc;
}
