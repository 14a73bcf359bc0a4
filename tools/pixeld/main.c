/*
 * main.c - pixeld: command line in, exit code (engine/base/exit_code.h) out.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/command_line.h"
#include "engine/base/log.h"
#include "tools/pixeld/journal_tool.h"
#include "persist/postgres/postgres.h"
#include "server/check_config.h"
#include "server/check_system.h"
#include "server/server.h"
#include "server/settings/settings.h"
#include "tools/pixeld/tool.h"

/* What does not end pixeld, although it would by default: a terminal that closed, settings to be
 * read again, a log file to be opened anew. The server reads its settings again for SIGHUP, and
 * says of the others that nothing came of them; tools do neither. */
static const int signals_that_end_nothing[] = {SIGHUP, SIGUSR1, SIGUSR2};

#define SIGNALS_THAT_END_NOTHING                                                                   \
	(sizeof(signals_that_end_nothing) / sizeof(signals_that_end_nothing[0]))

/* Which settings there are at the start and at each reload. */
struct command_line {
	int argc;
	char **argv;
};

static void signal_ignore(int number)
{
	(void)sigaction(number, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
}

static void stop_set(sigset_t *ret_stop)
{
	sigemptyset(ret_stop);
	sigaddset(ret_stop, SIGTERM);
	sigaddset(ret_stop, SIGINT);
}

static void end_nothing_set(sigset_t *ret_set)
{
	sigemptyset(ret_set);
	for (size_t i = 0; i < SIGNALS_THAT_END_NOTHING; i++)
		sigaddset(ret_set, signals_that_end_nothing[i]);
}

/* Until SIGTERM or SIGINT. Signals of one kind that come while a reload is at work are one: what it
 * reads is newer than all of them. */
static void stop_await(struct server *server, const struct command_line *line, const sigset_t *stop)
{
	sigset_t all;
	int got;

	end_nothing_set(&all);
	sigorset(&all, &all, stop);
	while (sigwait(&all, &got) == 0 && !sigismember(stop, got)) {
		if (got == SIGHUP)
			server_reload(server, line->argc, line->argv, environ);
		else
			log_info("signal_ignored signal=SIG%s remedy=\"SIGHUP reads the settings "
				 "again; the log is standard error\"",
				 sigabbrev_np(got));
	}
}

/* SIGTERM and SIGINT stop in order; the second one at once. Every thread blocks them, and the main
 * thread waits for them. */
static int serve(const struct settings *s, const struct command_line *line)
{
	char why[SERVER_WHY_CHARS] = "";
	struct server *server;
	sigset_t stop;
	int rc;

	signal_ignore(SIGPIPE); /* sends say it; and a log that nobody reads is no reason to end */
	log_start((enum log_level)s->log_level, STDERR_FILENO);
	stop_set(&stop);
	pthread_sigmask(SIG_BLOCK, &stop, NULL); /* inherited by every thread */
	rc = server_start(s, &server, why);
	if (rc != 0) {
		log_error("start_failed why=\"%s\"", why);
		return rc;
	}
	stop_await(server, line, &stop);
	pthread_sigmask(SIG_UNBLOCK, &stop, NULL);
	server_stop(server);
	return 0;
}

static const char migrate_usage[] =
	"usage: pixeld migrate --postgres DSN\n"
	"       creates the schema of the database, or brings it up to date; safe to rerun";

/* `pixeld migrate`, with the settings of the server. */
static int migrate(int argc, char **argv)
{
	const _Atomic bool never = false;
	char why[SETTINGS_WHY_CHARS];
	struct postgres_config config = {.abort = &never};
	struct settings *s;
	int rc = settings_load(argc + 1, argv - 1, environ, &s, why);

	if (rc != EXIT_PASS) {
		fprintf(stderr, "pixeld: %s\n", why);
		return rc;
	}
	config.dsn = s->postgres;
	config.timeout_ms = (uint32_t)s->postgres_timeout_ms;
	if (s->postgres[0] == '\0') {
		fprintf(stderr, "pixeld: migrate: which database?\n%s\n", migrate_usage);
		rc = EXIT_USAGE;
	} else if (!settings_show(s, stdout)) {
		rc = postgres_migrate(&config, stdout);
	}
	settings_free(s);
	return rc;
}

/* Programs beside the server: `pixeld VERB ...`. */
static const struct {
	const char *verb;
	int (*run)(int argc, char **argv); /* without the verb, which stands in front */
	const char *usage;
} tools[] = {
	{"journal", journal_tool, journal_tool_usage},
	{"export", tool_export, tool_export_usage},
	{"import", tool_import, tool_import_usage},
	{"timelapse", tool_timelapse, tool_timelapse_usage},
	{"verify", tool_verify, tool_verify_usage},
	{"migrate", migrate, migrate_usage},
};

#define TOOLS (sizeof(tools) / sizeof(tools[0]))

static int tool_begin(size_t i, int argc, char **argv)
{
	char why[SETTINGS_WHY_CHARS];
	int rc;

	if (help_is_asked(argc, argv)) {
		puts(tools[i].usage);
		return EXIT_PASS;
	}
	rc = settings_env_check(environ, why);
	if (rc == EXIT_PASS)
		return tools[i].run(argc, argv);
	fprintf(stderr, "pixeld: %s\n", why);
	return rc;
}

static int tool_run(int argc, char **argv)
{
	struct nearest n = nearest_to(argv[1]);
	const char *near;

	for (size_t i = 0; i < TOOLS; i++) {
		nearest_try(&n, tools[i].verb);
		if (strcmp(argv[1], tools[i].verb) == 0)
			return tool_begin(i, argc - 2, argv + 2);
	}
	near = nearest_get(&n);
	fprintf(stderr, "pixeld: unknown command %.100s%s%s; see pixeld --help\n", argv[1],
		near != NULL ? "; the nearest is " : "", near != NULL ? near : "");
	return EXIT_USAGE;
}

static int server_run(int argc, char **argv)
{
	const struct command_line line = {.argc = argc, .argv = argv};
	char why[SETTINGS_WHY_CHARS];
	struct settings *s;
	sigset_t kept;
	int rc;

	/* One that comes behind the first reading is answered by another. Linux keeps an ignored
	 * signal too when it is blocked. */
	end_nothing_set(&kept);
	pthread_sigmask(SIG_BLOCK, &kept, NULL);
	rc = settings_load(argc, argv, environ, &s, why);
	if (rc != EXIT_PASS) {
		fprintf(stderr, "pixeld: %s\n", why);
		return rc;
	}
	if (s->action == SETTINGS_CHECK_SYSTEM) {
		struct system_facts facts;

		system_look(s, &facts);
		rc = system_report(&facts, s, stdout);
	} else if (s->action == SETTINGS_CHECK_CONFIG) {
		rc = config_check(s, stdout);
	} else if (!settings_show(s, stdout)) {
		rc = serve(s, &line);
	}
	settings_free(s);
	return rc;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; i < SIGNALS_THAT_END_NOTHING; i++)
		signal_ignore(signals_that_end_nothing[i]);
	if (argc >= 2 && argv[1][0] != '-')
		return tool_run(argc, argv);
	return server_run(argc, argv);
}
