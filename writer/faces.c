/*
 * faces.c - boards get other faces while users place (engine/face.h).
 *
 *	wished ──▶ fits? ──no──▶ answered with a sentence; nothing has changed
 *	             └──yes─▶ published: applies from the next placement on ──▶ answered
 *	                          ├─▶ sent in the logs, before everything it shows (cut.c)
 *	                          └─▶ the old one: kept until every worker has begun a turn since
 *
 * A palette must have all colors that its board shows, or will show once the journal has settled
 * what is accepted. Colors are not counted as they are placed, which would cost every placement:
 * the whole board is scanned, and only when a palette gets shorter. That takes about 0.1 ms for a
 * board of 1000x1000 with 4 bits, 0.2 s for the largest, during which no placement is answered.
 */
#include <stdio.h>
#include <string.h>

#include "writer/writer_priv.h"

/* --- what fits -------------------------------------------------------------------------------- */

bool faces_size_fits(const struct record_board *meta, const struct settings_board *s,
		     char why[static FACE_WHY_BYTES])
{
	if (s->width == meta->width && s->height == meta->height && s->bits == meta->bits)
		return true;
	snprintf(why, FACE_WHY_BYTES,
		 "board %s is %ux%u:%u in the data directory and %ux%u:%u in the settings: change "
		 "the settings back, or start with another --data directory",
		 meta->name, meta->width, meta->height, meta->bits, s->width, s->height, s->bits);
	return false;
}

/* Cells that show a color which a palette does not have. */
struct beyond {
	uint32_t count;
	uint32_t cell; /* the first one found, */
	uint8_t color; /* and what it shows */
};

static void beyond_note(struct beyond *found, unsigned colors, uint32_t cell, uint8_t color)
{
	if (color < colors)
		return;
	if (found->count++ > 0)
		return;
	found->cell = cell;
	found->color = color;
}

/* What is accepted and waits for the journal counts as shown. */
static void waiting_look(const struct writer *w, const struct writer_board *b, unsigned colors,
			 struct beyond *found)
{
	const struct rollback_work *work = &w->rollback;

	for (uint64_t i = w->pending_head; i != w->pending_tail; i++) {
		const struct pending *p = &w->pending[i % PENDING_MAX];

		if (p->kind == PENDING_PLACE && p->board == b->meta.board)
			beyond_note(found, colors, p->place.cell, p->place.color);
	}
	if (work->phase != ROLLBACK_JOURNALLED || work->job.board != b->meta.board)
		return;
	for (uint32_t i = 0; i < work->job.offer->count; i++)
		beyond_note(found, colors, work->job.offer->cells[i].cell,
			    work->job.offer->cells[i].color);
}

bool faces_palette_fits(const struct writer *w, const struct writer_board *b,
			const struct settings_board *s, char why[static FACE_WHY_BYTES])
{
	struct beyond found = {.count = 0};

	found.count = board_beyond(b->live.board, s->colors, &found.cell);
	if (found.count > 0)
		found.color = board_get(b->live.board, found.cell);
	waiting_look(w, b, s->colors, &found);
	if (found.count == 0)
		return true;
	snprintf(why, FACE_WHY_BYTES,
		 "board %s has %u cell%s in colors that are not among the %u of the palette in the "
		 "settings (the first is %u,%u in color %u): restore these colors in the palette, "
		 "or start with another --data directory",
		 s->name, found.count, found.count == 1 ? "" : "s", s->colors,
		 found.cell % b->meta.width, found.cell / b->meta.width, found.color);
	return false;
}

int faces_make(const struct writer *w, const struct writer_board *b, const struct settings_board *s,
	       struct face **ret_face)
{
	const struct face_plan plan = {.name = b->meta.name,
				       .number = b->meta.board,
				       .journal_id = w->start.journal_id,
				       .version = b->face != NULL ? b->face->version + 1 : 1,
				       .width = b->meta.width,
				       .height = b->meta.height,
				       .bits = b->meta.bits,
				       .frozen = s->frozen,
				       .cooldown_ms = (uint32_t)s->cooldown_ms,
				       .palette_len = s->colors,
				       .palette = s->palette};

	return face_new(&plan, ret_face);
}

/* --- a wish ----------------------------------------------------------------------------------- */

static struct writer_board *served(const struct writer *w, const char *name)
{
	for (uint32_t i = 0; i < w->boards_end; i++)
		if (w->boards[i] != NULL && w->boards[i]->room != NULL &&
		    strcmp(w->boards[i]->meta.name, name) == 0)
			return w->boards[i];
	return NULL;
}

static bool board_fits(const struct writer *w, const struct settings_board *s,
		       char why[static FACE_WHY_BYTES])
{
	const struct writer_board *b = served(w, s->name);

	if (b == NULL) {
		snprintf(why, FACE_WHY_BYTES,
			 "board %s is not served: restart the server to make it", s->name);
		return false;
	}
	if (!faces_size_fits(&b->meta, s, why))
		return false;
	return s->colors >= b->face->palette_len || faces_palette_fits(w, b, s, why);
}

static bool palette_equals(const struct face *f, const struct settings_board *s)
{
	if (f->palette_len != s->colors)
		return false;
	for (uint32_t i = 0; i < s->colors; i++)
		if (f->palette[i].rgb != s->palette[i].rgb ||
		    strcmp(f->palette[i].name, s->palette[i].name) != 0)
			return false;
	return true;
}

static bool face_equals(const struct face *f, const struct settings_board *s)
{
	return f->frozen == s->frozen && f->cooldown_ms == s->cooldown_ms && palette_equals(f, s);
}

/* The faces of boards that shall look different; they are few: changed by hand. */
struct makings {
	struct writer_board *board[ROOMS_MAX];
	struct face *face[ROOMS_MAX];
	unsigned count;
};

static bool makings_make(const struct writer *w, const struct face_wish *wish, struct makings *m)
{
	for (unsigned i = 0; i < wish->count; i++) {
		struct writer_board *b = served(w, wish->boards[i].name);

		if (face_equals(b->face, &wish->boards[i]))
			continue;
		px_assert(m->count < ROOMS_MAX); /* each board once */
		if (faces_make(w, b, &wish->boards[i], &m->face[m->count]) < 0)
			return false;
		m->board[m->count++] = b;
	}
	return true;
}

static void makings_publish(struct writer *w, const struct makings *m)
{
	struct faces *faces = &w->faces;
	uint64_t set = atomic_load_explicit(&w->rooms.faces_set, memory_order_relaxed) + 1;

	for (unsigned i = 0; i < m->count; i++) {
		struct writer_board *b = m->board[i];

		px_assert(m->face[i]->version == b->face->version + 1);
		px_assert(faces->old_count < FACES_OLD_MAX);
		faces->old[faces->old_count++] = (struct old_face){b->face, set};
		b->face = m->face[i];
		w->cooldown_ms[b->meta.board] = b->face->cooldown_ms;
		atomic_store_explicit(&b->room->face, b->face, memory_order_release);
		busy_add(w, b);
	}
	atomic_store_explicit(&w->rooms.faces_set, set, memory_order_release);
}

static void wish_do(struct writer *w, struct face_wish *wish)
{
	struct makings m = {.count = 0};

	wish->why[0] = '\0';
	wish->changed = 0;
	for (unsigned i = 0; i < wish->count; i++)
		if (!board_fits(w, &wish->boards[i], wish->why))
			return;
	if (!makings_make(w, wish, &m)) {
		for (unsigned i = 0; i < m.count; i++)
			face_unref(m.face[i]);
		snprintf(wish->why, FACE_WHY_BYTES, "not enough memory for the faces of boards");
		return;
	}
	wish->changed = m.count;
	if (m.count > 0)
		makings_publish(w, &m);
}

/* --- every turn ------------------------------------------------------------------------------- */

/* Lets go of faces that no worker looks at any more. Who packs one holds a reference. */
static void old_drop(struct writer *w)
{
	struct faces *faces = &w->faces;
	uint64_t seen = rooms_faces_seen(&w->rooms, w->config.worker_count);
	unsigned left = 0;

	for (unsigned i = 0; i < faces->old_count; i++)
		if (faces->old[i].set <= seen)
			face_unref(faces->old[i].face);
		else
			faces->old[left++] = faces->old[i];
	faces->old_count = left;
}

void faces_run(struct writer *w)
{
	struct face_wish *wish = atomic_load_explicit(&w->faces.wish, memory_order_acquire);

	if (w->faces.old_count > 0)
		old_drop(w);
	if (wish == NULL || w->faces.old_count + wish->count > FACES_OLD_MAX)
		return;
	wish_do(w, wish);
	atomic_store_explicit(&w->faces.wish, NULL, memory_order_relaxed);
	wish->answered(wish->arg);
}

bool faces_have_mail(const struct writer *w)
{
	return atomic_load_explicit(&w->faces.wish, memory_order_acquire) != NULL;
}

void faces_free(struct writer *w)
{
	for (unsigned i = 0; i < w->faces.old_count; i++)
		face_unref(w->faces.old[i].face);
}

void writer_faces_wish(struct writer *w, struct face_wish *wish)
{
	struct face_wish *before = NULL;
	bool is_first;

	px_assert(wish->count <= ROOMS_MAX);
	is_first = atomic_compare_exchange_strong(&w->faces.wish, &before, wish);
	px_assert(is_first); /* one at a time */
}
