/* face.c - see face.h. Memory: one piece per face, its text behind it. */
#include "engine/face.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/hash.h"
#include "engine/base/json_out.h"

static uint32_t tag_of(const struct face_plan *p)
{
	const uint32_t size[] = {p->width, p->height, p->bits, p->palette_len};
	uint64_t hash = hash64(p->name, strlen(p->name), p->journal_id);

	hash = hash64(size, sizeof(size), hash);
	for (uint32_t i = 0; i < p->palette_len; i++) {
		const struct palette_color *color = &p->palette[i];

		hash = hash64(color->name, strlen(color->name), hash);
		hash = hash64(&color->rgb, sizeof(color->rgb), hash);
	}
	return (uint32_t)hash;
}

static void members_put(const struct face_plan *p, const struct face *f, struct json_out *j)
{
	json_put_text(j, "name", p->name);
	json_put_number(j, "number", p->number);
	json_put_number(j, "width", f->width);
	json_put_number(j, "height", f->height);
	json_put_number(j, "bits", f->bits);
	json_put_bool(j, "frozen", f->frozen);
	json_put_number(j, "cooldown_ms", f->cooldown_ms);
	json_put_number(j, "tag", f->tag);
	json_open_array(j, "palette");
	for (uint32_t i = 0; i < f->palette_len; i++) {
		char rgb[sizeof("#rrggbb")];

		snprintf(rgb, sizeof(rgb), "#%06x", f->palette[i].rgb & 0xffffff);
		json_open_object(j, NULL);
		json_put_text(j, "name", f->palette[i].name);
		json_put_text(j, "rgb", rgb);
		json_close(j);
	}
	json_close(j);
}

static uint32_t json_make(const struct face_plan *p, const struct face *f,
			  char out[static FACE_JSON_BYTES_MAX + 1])
{
	struct json_out j = json_out_of(out, FACE_JSON_BYTES_MAX + 1);

	json_open_object(&j, NULL);
	members_put(p, f, &j);
	json_close(&j);
	px_assert(!j.text.bad); /* names are short, colors few */
	(void)text_end(&j.text);
	return (uint32_t)text_len(&j.text);
}

int face_new(const struct face_plan *p, struct face **ret_face)
{
	char json[FACE_JSON_BYTES_MAX + 1];
	struct face f = {.version = p->version,
			 .width = p->width,
			 .height = p->height,
			 .bits = (uint8_t)p->bits,
			 .frozen = p->frozen,
			 .cooldown_ms = p->cooldown_ms,
			 .tag = tag_of(p),
			 .palette_len = p->palette_len};
	struct face *made;
	char *text;

	px_assert(p->palette_len > 0 && p->palette_len <= 1u << p->bits);
	px_assert(p->version > 0 && strlen(p->name) <= BOARD_NAME_BYTES_MAX);
	memcpy(f.palette, p->palette, p->palette_len * sizeof(*p->palette));
	f.json_len = json_make(p, &f, json);
	made = malloc(sizeof(*made) + f.json_len + 1);
	if (made == NULL)
		return -ENOMEM;
	text = (char *)(made + 1);
	memcpy(text, json, f.json_len + 1);
	f.json = text;
	*made = f;
	atomic_init(&made->refs, 1);
	*ret_face = made;
	return 0;
}

struct face *face_ref(struct face *f)
{
	uint32_t before = atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);

	px_assert(before > 0);
	return f;
}

void face_unref(struct face *f)
{
	uint32_t before;

	if (f == NULL)
		return;
	before = atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel);
	px_assert(before > 0);
	if (before == 1)
		free(f);
}
