/*
 * options_value.c - the values of options: texts to numbers, each with its bounds. No state.
 */
#include "tools/loadgen/pixel/options_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/loadgen/load/units.h"

#define WINDOW_MAX     65536
#define NOOP_SHARE_MAX 0.95
#define READ_MARK_MAX  1048576U

/* HEX, or @FILE whose bytes are the secret as they stand there. */
static int secret_parse(const char *text, struct options *o)
{
	size_t len = strlen(text);
	bool more = false;

	if (text[0] == '@') {
		FILE *file = fopen(text + 1, "rb");

		if (file == NULL)
			return -errno;
		o->secret_len = fread(o->secret, 1, sizeof(o->secret), file);
		more = fgetc(file) != EOF; /* cut, it would be another secret */
		(void)fclose(file);
	} else {
		if (len % 2 != 0 || len / 2 > sizeof(o->secret) ||
		    strspn(text, "0123456789abcdefABCDEF") != len)
			return -EINVAL;
		for (size_t i = 0; i < len / 2; i++) {
			const char pair[3] = {text[2 * i], text[2 * i + 1], '\0'};

			o->secret[i] = (uint8_t)strtoul(pair, NULL, 16);
		}
		o->secret_len = len / 2;
	}
	return o->secret_len < SESSION_SECRET_BYTES_MIN || more ? -EINVAL : 0;
}

static int u32_parse(const char *text, uint64_t low, uint64_t high, uint32_t *ret_value)
{
	uint64_t v;
	int r = units_count(text, &v);

	if (r < 0)
		return r;
	if (v < low || v > high)
		return -ERANGE;
	*ret_value = (uint32_t)v;
	return 0;
}

static int url_parse(const char *text, struct options *o)
{
	const char *why = "";
	int r;

	if (o->net.targets_count == NET_TARGETS_MAX)
		return -E2BIG;
	r = target_parse(text, &o->net.targets[o->net.targets_count], &why);
	if (r == 0 && o->net.targets[o->net.targets_count].tls) {
		why = "wss:// is for --profile-protocol raw; name the plain port behind "
		      "the TLS proxy";
		r = -EINVAL;
	}
	if (r < 0) {
		fprintf(stderr, "loadgen: --url %s: %s\n", text, why);
		return r;
	}
	if (o->net.targets_count++ == 0)
		o->net.url = text;
	return 0;
}

static int phase_parse(const char *text, struct options *o)
{
	const char *why = "";
	int r = timeline_add(&o->timeline, text, &why);

	if (r == -EINVAL)
		fprintf(stderr, "loadgen: --phase %s: %s\n", text, why);
	return r;
}

/* N:SHARE%. */
static int hot_cells_parse(const char *text, struct options *o)
{
	const char *colon = strchr(text, ':');
	char count[32];
	uint64_t cells;

	if (colon == NULL || (size_t)(colon - text) >= sizeof(count))
		return -EINVAL;
	memcpy(count, text, (size_t)(colon - text));
	count[colon - text] = '\0';
	if (units_count(count, &cells) < 0 || cells == 0 || cells > UINT32_MAX)
		return -EINVAL;
	o->hot_cells = (uint32_t)cells;
	return units_share(colon + 1, &o->hot_share);
}

static int noop_share_parse(const char *text, struct options *o)
{
	int r = units_share(text, &o->noop_share);

	return r == 0 && o->noop_share > NOOP_SHARE_MAX ? -ERANGE : r;
}

static int cooldown_parse(const char *text, struct options *o)
{
	o->cooldown_keep = strcmp(text, "keep") == 0;
	return o->cooldown_keep || strcmp(text, "break") == 0 ? 0 : -EINVAL;
}

static int speedup_parse(const char *text, struct options *o)
{
	char *end;

	o->speedup = strtod(text, &end);
	return end == text || *end != '\0' || !(o->speedup > 0) || o->speedup > 1e6 ? -EINVAL : 0;
}

static int observers_parse(const char *text, struct options *o)
{
	uint64_t count;

	if (units_share(text, &o->observers_share) == 0)
		return 0;
	if (units_count(text, &count) < 0 || count > NET_CLIENTS_MAX)
		return -EINVAL;
	o->observers = (uint32_t)count;
	return 0;
}

static int read_mark_parse(const char *text, struct options *o)
{
	uint64_t bytes;
	int r = units_bytes(text, &bytes);

	if (r < 0)
		return r;
	if (bytes > READ_MARK_MAX)
		return -ERANGE;
	o->read_mark = (uint32_t)bytes;
	return 0;
}

static int board_parse(const char *text, struct options *o)
{
	if (text[0] == '\0' || strlen(text) > BOARD_NAME_BYTES_MAX ||
	    strpbrk(text, "/? \r\n") != NULL)
		return -EINVAL;
	memcpy(o->board, text, strlen(text) + 1);
	return 0;
}

static int text_take(const char *text, const char **ret_text)
{
	*ret_text = text;
	return 0;
}

static int threshold_take(const char *text, struct options *o)
{
	const char *why;
	int r;

	if (o->thresholds_count == THRESHOLDS_MAX)
		return -ERANGE;
	r = threshold_parse(text, &o->thresholds[o->thresholds_count], &why);
	if (r < 0)
		fprintf(stderr, "loadgen: --threshold '%s': %s\n", text, why);
	else
		o->thresholds_count++;
	return r;
}

static int flag_set(bool *flag)
{
	*flag = true;
	return 0;
}

/* Who connects, and how. */
static int crowd_value_take(enum option_id id, const char *text, struct options *o)
{
	switch (id) {
	case OPTION_URL:
		return url_parse(text, o);
	case OPTION_CLIENTS:
		return u32_parse(text, 1, NET_CLIENTS_MAX, &o->net.clients);
	case OPTION_CONNECT_RATE:
		return units_rate(text, &o->net.connect_rate);
	case OPTION_RESUME:
		return flag_set(&o->resume);
	case OPTION_STOP_READING:
		return u32_parse(text, 0, NET_CLIENTS_MAX, &o->stop_reading);
	case OPTION_SLOW_READERS:
		return u32_parse(text, 0, NET_CLIENTS_MAX, &o->slow_readers);
	case OPTION_RECEIVE_BUFFER:
		return units_bytes(text, &o->receive_buffer_bytes);
	case OPTION_SOURCE:
		return source_parse(text, &o->net.sources);
	case OPTION_OBSERVERS:
		return observers_parse(text, o);
	case OPTION_READ_MARK:
		return read_mark_parse(text, o);
	case OPTION_THREADS:
		return u32_parse(text, 1, NET_THREADS_MAX, &o->net.threads);
	case OPTION_SECRET:
		return secret_parse(text, o);
	case OPTION_BOARD:
		return board_parse(text, o);
	default:
		return 0;
	}
}

/* What is placed, and when. */
static int plan_value_take(enum option_id id, const char *text, struct options *o)
{
	switch (id) {
	case OPTION_RATE:
		return units_rate(text, &o->rate);
	case OPTION_UNIFORM:
		return flag_set(&o->uniform);
	case OPTION_DURATION:
		return units_duration(text, &o->duration_ns);
	case OPTION_REPLAY:
		return text_take(text, &o->replay);
	case OPTION_PAINTERS:
		return u32_parse(text, 1, NET_CLIENTS_MAX, &o->painters);
	case OPTION_WINDOW:
		return u32_parse(text, 1, WINDOW_MAX, &o->window);
	case OPTION_PHASE:
		return phase_parse(text, o);
	case OPTION_PROFILE:
		return text_take(text, &o->profile);
	case OPTION_SPEEDUP:
		return speedup_parse(text, o);
	case OPTION_HOT_CELLS:
		return hot_cells_parse(text, o);
	case OPTION_NOOP_SHARE:
		return noop_share_parse(text, o);
	case OPTION_COOLDOWN:
		return cooldown_parse(text, o);
	case OPTION_SETTLE:
		return units_duration(text, &o->settle_ns);
	case OPTION_SEED:
		return units_count(text, &o->net.seed);
	case OPTION_START_AT:
		return units_time_of_day(text, (uint64_t)time(NULL), &o->start_at_s);
	default:
		return crowd_value_take(id, text, o);
	}
}

int options_value_take(enum option_id id, const char *text, struct options *o)
{
	switch (id) {
	case OPTION_CHECK_SYSTEM:
		return flag_set(&o->check_system);
	case OPTION_JSON:
		return text_take(text, &o->files.json);
	case OPTION_CSV:
		return text_take(text, &o->files.csv);
	case OPTION_HGRM:
		return text_take(text, &o->files.hgrm);
	case OPTION_HTML:
		return text_take(text, &o->files.html);
	case OPTION_THRESHOLD:
		return threshold_take(text, o);
	case OPTION_ACKS:
		return text_take(text, &o->files.acks);
	case OPTION_QUIET:
		return flag_set(&o->quiet);
	default:
		return plan_value_take(id, text, o);
	}
}
