/* json_out.c - see json_out.h. No memory of its own. */
#include "tools/loadgen/report/json_out.h"

#include <inttypes.h>

/* Bytes of the UTF-8 character that begins here; 0: it is none (cut, too long, or a surrogate). */
static unsigned utf8_bytes(const char *at)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint8_t lead = (uint8_t)*at;
	unsigned bytes = lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	uint32_t code = lead & (0x7fU >> bytes);

	if (bytes < 2)
		return bytes;
	for (unsigned i = 1; i < bytes; i++) {
		if (((uint8_t)at[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | ((uint8_t)at[i] & 0x3f);
	}
	return lead > 0xf4 || code < least[bytes] || code > 0x10ffff || code >> 11 == 0xd800 >> 11
		       ? 0
		       : bytes;
}

/* Bytes that are no text become question marks: what is written is JSON, whatever a server says. */
static void escaped(FILE *to, const char *text)
{
	fputc('"', to);
	while (*text != '\0') {
		unsigned bytes = utf8_bytes(text);

		if (bytes == 0)
			fputc('?', to);
		else if (*text == '"' || *text == '\\')
			fprintf(to, "\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			fprintf(to, "\\u%04x", (unsigned)*text);
		else
			fwrite(text, 1, bytes, to);
		text += bytes == 0 ? 1 : bytes;
	}
	fputc('"', to);
}

static void begin(struct json_out *j, const char *name)
{
	if (j->filled)
		fputc(',', j->to);
	if (j->in_line && j->filled)
		fputc(' ', j->to);
	if (!j->in_line && j->depth > 0)
		fprintf(j->to, "\n%*s", (int)j->depth * 2, "");
	j->filled = true;
	if (name != NULL) {
		escaped(j->to, name);
		fputs(": ", j->to);
	}
}

void json_open(struct json_out *j, const char *name, char bracket)
{
	begin(j, name);
	fputc(bracket, j->to);
	j->depth++;
	j->filled = false;
}

void json_open_line(struct json_out *j, const char *name, char bracket)
{
	json_open(j, name, bracket);
	if (!j->in_line)
		j->line_depth = j->depth;
	j->in_line = true;
}

void json_close(struct json_out *j, char bracket)
{
	j->depth--;
	if (!j->in_line && j->filled)
		fprintf(j->to, "\n%*s", (int)j->depth * 2, "");
	if (j->depth < j->line_depth)
		j->in_line = false;
	fputc(bracket, j->to);
	if (j->depth == 0)
		fputc('\n', j->to);
	j->filled = true;
}

void json_text(struct json_out *j, const char *name, const char *text)
{
	begin(j, name);
	escaped(j->to, text);
}

void json_whole(struct json_out *j, const char *name, uint64_t value)
{
	begin(j, name);
	fprintf(j->to, "%" PRIu64, value);
}

void json_decimal(struct json_out *j, const char *name, double value, int digits)
{
	begin(j, name);
	fprintf(j->to, "%.*f", digits, value);
}

void json_truth(struct json_out *j, const char *name, bool value)
{
	begin(j, name);
	fputs(value ? "true" : "false", j->to);
}
