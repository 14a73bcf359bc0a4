/*
 * server_reload.c - SIGHUP: the settings are read again while people place.
 *
 *	read ─▶ compare with what runs ─▶ boards: the writer agrees ─▶ limits ─▶ log
 *
 * Everything that can refuse comes before anything is changed. Main thread: the others look at
 * atomics, or at the faces that the writer has agreed to, and wait for nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "engine/base/log.h"
#include "engine/base/text_out.h"
#include "persist/journal/keeper.h"
#include "server/server_priv.h"
#include "server/settings/settings_compare.h"

#define WHERE_CHARS 160
#define RELOADED    "reloaded config=%s changed=%u need_restart=%u hidden=%u"

/* Between what was read and what holds. */
struct reload {
	struct settings *read, *taken;
	struct keeper_limits *limits;
	const char *remedy;
	char why[SETTINGS_WHY_CHARS];
};

/* --- what is said ----------------------------------------------------------------------------- */

struct tally {
	unsigned changed, kept, hidden;
	unsigned colors; /* of those that changed */
};

/* board=main setting=palette color=3 */
static void where_print(const struct settings_change *c, char out[static WHERE_CHARS])
{
	struct text_out t = text_out_of(out, WHERE_CHARS);

	if (c->board != NULL)
		text_print(&t, "board=%s ", c->board);
	text_print(&t, "setting=%s", c->name);
	if (c->color >= 0)
		text_print(&t, " color=%d", c->color);
	if (c->line > 0)
		text_print(&t, " line=%d", c->line);
	(void)text_end(&t);
}

/* All of them, however many: whoever reloads wants to know. */
static void change_say(void *arg, const struct settings_change *c)
{
	struct log_limit none = {0};
	struct tally *tally = arg;
	char where[WHERE_CHARS];

	where_print(c, where);
	switch (c->kind) {
	case SETTINGS_TAKEN:
		tally->changed++;
		tally->colors += c->color >= 0;
		log_line(&none, LOG_LEVEL_INFO, "reload_changed %s by=%s old=\"%s\" new=\"%s\"",
			 where, settings_source_str(c->source), c->was, c->is);
		return;
	case SETTINGS_NEEDS_RESTART:
		tally->kept++;
		log_line(&none, LOG_LEVEL_WARN,
			 "reload_needs_restart %s running=\"%s\" new=\"%s\" "
			 "remedy=\"restart pixeld, or change it back\"",
			 where, c->was, c->is);
		return;
	case SETTINGS_HIDDEN:
		tally->hidden++;
		log_line(&none, LOG_LEVEL_WARN,
			 "reload_hidden %s by=%s running=\"%s\" remedy=\"flags and environment of "
			 "the start win over the file: start without them, or remove the line\"",
			 where, settings_source_str(c->source), c->was);
		return;
	}
}

/* --- what can refuse -------------------------------------------------------------------------- */

/* A pipe gave its text at startup and would block now, or be empty, and an editor may have emptied
 * the file to write it again: everything would return to its default. */
static bool file_is_there(const struct server *s, struct reload *r)
{
	const char *what = "is not a file that can be read again";
	struct stat st;

	r->remedy = "start with the name of a file";
	if (stat(s->running->config, &st) < 0 || (S_ISREG(st.st_mode) && st.st_size > 0))
		return true; /* the reader reports what is wrong */
	if (S_ISREG(st.st_mode)) {
		what = "is empty: it may still be written";
		r->remedy = "send SIGHUP again when it is complete; one comment is enough to "
			    "return everything to its default";
	}
	snprintf(r->why, sizeof(r->why), "%.255s: %s", s->running->config, what);
	return false;
}

_Static_assert(SETTINGS_WHY_CHARS >= FACE_WHY_BYTES, "the writer's sentence fits");

static void boards_answered(void *arg)
{
	(void)sem_post(arg);
}

/* The last that can refuse, and the first that changes something. Waits for the writer's turn. */
static bool boards_change(struct server *s, struct reload *r)
{
	struct face_wish wish = {.boards = r->taken->boards,
				 .count = r->taken->boards_count,
				 .answered = boards_answered};
	sem_t done;

	r->remedy = "change the palette back, or roll back what is placed in these colors first";
	(void)sem_init(&done, 0, 0);
	wish.arg = &done;
	writer_faces_wish(s->writer, &wish);
	server_wake_writer(s);
	while (sem_wait(&done) < 0 && errno == EINTR)
		;
	(void)sem_destroy(&done);
	snprintf(r->why, sizeof(r->why), "%s", wish.why);
	return wish.why[0] == '\0';
}

static bool read_all(struct server *s, int argc, char *const argv[], char *const envp[],
		     struct reload *r)
{
	if (!file_is_there(s, r))
		return false;
	r->remedy = "correct it, and send SIGHUP again";
	if (settings_load(argc, argv, envp, &r->read, r->why) != EXIT_PASS)
		return false;
	r->taken = settings_take(s->running, r->read, r->why);
	if (r->taken == NULL)
		return false;
	r->limits = server_keeper_limits_new(r->taken);
	if (r->limits == NULL) {
		snprintf(r->why, sizeof(r->why), "no memory");
		return false;
	}
	r->remedy = "restart pixeld, or list fewer";
	if (server_origins_fit(s, r->taken))
		return true;
	snprintf(r->why, sizeof(r->why), "origin: there have been more than %d since the start",
		 ORIGINS_MAX);
	return false;
}

/* ---------------------------------------------------------------------------------------------- */

/* The log tells as much as the more talkative of the two levels says. */
static void take_over(struct server *s, struct reload *r)
{
	enum log_level was = (enum log_level)s->running->log_level;
	enum log_level is = (enum log_level)r->taken->log_level;
	struct tally tally = {0};

	server_limits_set(s, r->taken);
	server_keeper_limits_set(s, r->limits);
	log_level_set(was < is ? was : is);
	settings_compare(s->running, r->read, change_say, &tally);
	if (tally.changed > 0)
		log_line(&(struct log_limit){0}, LOG_LEVEL_INFO, RELOADED, s->running->config,
			 tally.changed, tally.kept, tally.hidden);
	else
		log_info(RELOADED, s->running->config, 0, tally.kept, tally.hidden);
	log_level_set(is);
	settings_free(s->reloaded);
	s->running = s->reloaded = r->taken;
	if (tally.colors > 0)
		server_receivers_palettes_set(s, s->running);
}

void server_reload(struct server *s, int argc, char *const argv[], char *const envp[])
{
	struct reload r = {0};

	if (s->running->config[0] == '\0') {
		log_info("signal_ignored signal=SIGHUP remedy=\"there is no configuration file to "
			 "read again: start with --config\"");
		return;
	}
	if (read_all(s, argc, argv, envp, &r) && boards_change(s, &r)) {
		atomic_fetch_add(&s->reloads, 1);
		take_over(s, &r);
	} else {
		atomic_fetch_add(&s->reloads_refused, 1);
		log_error("reload_refused why=\"%s\" what=\"nothing was changed\" remedy=\"%s\"",
			  r.why, r.remedy);
		settings_free(r.taken);
		free(r.limits);
	}
	settings_free(r.read);
}
