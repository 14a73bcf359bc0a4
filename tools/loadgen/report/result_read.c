/*
 * result_read.c - the counterpart of report_json.c, over jansson. The tree lives for the duration
 * of the call.
 */
#include "tools/loadgen/report/result_read.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tools/loadgen/result/run_number.h"

/* What stands there; 0, false or "" when nothing of the kind does. */
static uint64_t whole_of(const json_t *object, const char *name)
{
	json_int_t value = json_integer_value(json_object_get(object, name));

	return value > 0 ? (uint64_t)value : 0;
}

static double number_of(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

static bool truth_of(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

static void text_of(const json_t *object, const char *name, char *out, size_t room)
{
	const char *text = json_string_value(json_object_get(object, name));

	(void)snprintf(out, room, "%s", text == NULL ? "" : text);
}

/* [[high, count], ...] and the maximum, which must lie in the last bucket. */
static bool histogram_read(const json_t *from, struct hdr *h)
{
	const json_t *counts = json_object_get(from, "counts");
	uint64_t low, high;
	uint64_t last = 0;

	if (!json_is_array(counts))
		return false;
	h->max_ns = whole_of(from, "max_ns");
	for (size_t i = 0; i < json_array_size(counts); i++) {
		const json_t *pair = json_array_get(counts, i);
		json_int_t top = json_integer_value(json_array_get(pair, 0));
		json_int_t count = json_integer_value(json_array_get(pair, 1));

		if (top <= 0 || (uint64_t)top <= last || count <= 0 ||
		    hdr_add(h, (uint64_t)top, (uint64_t)count) < 0)
			return false;
		last = (uint64_t)top;
	}
	hdr_bucket_edges(h->max_ns, &low, &high);
	return last == 0 ? h->max_ns == 0 : h->max_ns >= low && high == last;
}

static bool histograms_read(const json_t *root, struct run_result *result)
{
	const json_t *all = json_object_get(root, "histograms");

	for (unsigned i = 0; i < LATENCY_MAX; i++) {
		const json_t *one = json_object_get(all, latency_str(i));

		if (!histogram_read(json_object_get(one, "corrected"),
				    &result->latencies.corrected[i]) ||
		    !histogram_read(json_object_get(one, "raw"), &result->latencies.raw[i]))
			return false;
	}
	return histogram_read(json_object_get(all, "lag"), &result->lag);
}

static void classes_read(const json_t *root, struct run_result *result)
{
	const json_t *refused = json_object_get(root, "refused");
	const json_t *errors = json_object_get(root, "errors");

	for (unsigned i = 0; i < REFUSAL_MAX; i++)
		if (i == REFUSAL_NONE || refusal_is_known((enum refusal)i))
			result->totals.refused[i] = whole_of(refused, refusal_str(i));
	for (unsigned i = TROUBLE_NONE + 1; i < TROUBLE_MAX; i++) {
		const json_t *one = json_object_get(errors, trouble_str(i));

		result->totals.tally.trouble[i] = whole_of(one, "count");
		text_of(one, "first", result->outcome.first[i], TROUBLE_WORDS_MAX);
	}
}

static int machines_read(const json_t *root, struct run_result *result)
{
	const json_t *list = json_object_get(root, "machines");
	size_t count = json_array_size(list);

	result->machines = calloc(count + 1, sizeof(*result->machines));
	if (result->machines == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct machine *to = &result->machines[result->machines_count++];
		const json_t *m = json_array_get(list, i);

		to->cpus = whole_of(m, "cpus");
		to->memory_bytes = whole_of(m, "memory_bytes");
		text_of(m, "host", to->host, sizeof(to->host));
		text_of(m, "cpu", to->cpu, sizeof(to->cpu));
		text_of(m, "kernel", to->kernel, sizeof(to->kernel));
		text_of(m, "loadgen", to->loadgen, sizeof(to->loadgen));
		text_of(m, "command", to->command, sizeof(to->command));
	}
	return 0;
}

static int root_read(const json_t *root, struct run_result *result, const char **why)
{
	char hash[20];

	*why = "it is not a result of loadgen, version 1";
	if (whole_of(root, "loadgen") != 1 || json_object_get(root, "verdict") == NULL)
		return -EBADMSG;
	*why = "it is from --profile-protocol raw, and those cannot be merged";
	if (json_object_get(root, "profile") != NULL)
		return -EBADMSG;
	*why = "a number is missing";
	for (unsigned i = 0; i < RUN_NUMBERS; i++) {
		if (json_object_get(root, run_number_str(i)) == NULL)
			return -EBADMSG;
		run_number_set(result, i, whole_of(root, run_number_str(i)));
	}
	result->outcome.code = json_object_get(root, "exit") == NULL
				       ? EXIT_FAILED
				       : (enum exit_code)whole_of(root, "exit");
	text_of(root, "words", result->outcome.words, sizeof(result->outcome.words));
	result->saturated = truth_of(root, "saturated");
	result->ledger_verdict.folded = truth_of(root, "folded");
	result->epoch = (uint32_t)whole_of(root, "epoch");
	text_of(root, "board_xxh3", hash, sizeof(hash));
	result->board_hash = strtoull(hash, NULL, 16);
	result->run_s = number_of(root, "run_seconds");
	result->cpu_percent = number_of(root, "cpu_percent");
	classes_read(root, result);
	*why = "a histogram is inconsistent";
	return histograms_read(root, result) ? machines_read(root, result) : -EBADMSG;
}

int result_read(FILE *from, struct run_result *ret_result, const char **ret_why)
{
	json_error_t error;
	json_t *root = json_loadf(from, 0, &error);
	int r;

	*ret_why = "it is not JSON";
	if (root == NULL && ferror(from))
		return -EIO;
	if (root == NULL)
		return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EBADMSG;
	r = root_read(root, ret_result, ret_why);
	json_decref(root);
	return r;
}
