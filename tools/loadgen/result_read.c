/*
 * result_read.c - the counterpart of report_json.c. The text and the tree live as long as the call.
 */
#include "tools/loadgen/result_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/loadgen/json_in.h"
#include "tools/loadgen/run_number.h"

#define TEXT_BYTES_MAX (256U << 20)

/* The whole stream, with a NUL behind it. */
static int text_slurp(FILE *from, char **ret_text)
{
	size_t room = 1U << 20;
	size_t len = 0;
	char *text = malloc(room);

	while (text != NULL) {
		char *more;

		len += fread(text + len, 1, room - len - 1, from);
		if (len + 1 < room)
			break;
		more = room * 2 > TEXT_BYTES_MAX ? NULL : realloc(text, room * 2);
		if (more == NULL)
			free(text);
		text = more;
		room *= 2;
	}
	if (text == NULL)
		return -ENOMEM;
	if (ferror(from)) {
		free(text);
		return -EIO;
	}
	text[len] = '\0';
	*ret_text = text;
	return 0;
}

/* [[high, count], ...] and the maximum, which must lie in the last bucket. */
static bool histogram_read(const struct json *from, struct hdr *h)
{
	const struct json *counts = json_member(from, "counts");
	uint64_t low, high;
	uint64_t last = 0;

	if (counts == NULL || counts->kind != JSON_ARRAY)
		return false;
	h->max_ns = json_whole_or(from, "max_ns", 0);
	for (const struct json *pair = counts->first; pair != NULL; pair = pair->next) {
		if (pair->kind != JSON_ARRAY || pair->first == NULL || pair->first->next == NULL ||
		    pair->first->whole <= last || pair->first->next->whole == 0 ||
		    hdr_add(h, pair->first->whole, pair->first->next->whole) < 0)
			return false;
		last = pair->first->whole;
	}
	hdr_bucket_edges(h->max_ns, &low, &high);
	return last == 0 ? h->max_ns == 0 : h->max_ns >= low && high == last;
}

static bool histograms_read(const struct json *root, struct run_result *result)
{
	const struct json *all = json_member(root, "histograms");

	for (unsigned i = 0; i < LATENCY_MAX; i++) {
		const struct json *one = json_member(all, latency_str(i));

		if (!histogram_read(json_member(one, "corrected"),
				    &result->latencies.corrected[i]) ||
		    !histogram_read(json_member(one, "raw"), &result->latencies.raw[i]))
			return false;
	}
	return histogram_read(json_member(all, "lag"), &result->lag);
}

static void classes_read(const struct json *root, struct run_result *result)
{
	const struct json *refused = json_member(root, "refused");
	const struct json *errors = json_member(root, "errors");

	for (unsigned i = 0; i < REFUSAL_MAX; i++)
		if (i == REFUSAL_NONE || refusal_is_known((enum refusal)i))
			result->totals.refused[i] = json_whole_or(refused, refusal_str(i), 0);
	for (unsigned i = TROUBLE_NONE + 1; i < TROUBLE_MAX; i++) {
		const struct json *one = json_member(errors, trouble_str(i));

		result->totals.trouble[i] = json_whole_or(one, "count", 0);
		(void)snprintf(result->trouble_first[i], TROUBLE_WORDS_MAX, "%s",
			       json_text_or(one, "first", ""));
	}
}

static int machines_read(const struct json *root, struct run_result *result)
{
	const struct json *list = json_member(root, "machines");
	uint32_t count = 0;

	for (const struct json *m = list == NULL ? NULL : list->first; m != NULL; m = m->next)
		count++;
	result->machines = calloc(count + 1U, sizeof(*result->machines));
	if (result->machines == NULL)
		return -ENOMEM;
	for (const struct json *m = list == NULL ? NULL : list->first; m != NULL; m = m->next) {
		struct machine *to = &result->machines[result->machines_count++];

		to->cpus = json_whole_or(m, "cpus", 0);
		to->memory_bytes = json_whole_or(m, "memory_bytes", 0);
		(void)snprintf(to->host, sizeof(to->host), "%s", json_text_or(m, "host", ""));
		(void)snprintf(to->cpu, sizeof(to->cpu), "%s", json_text_or(m, "cpu", ""));
		(void)snprintf(to->kernel, sizeof(to->kernel), "%s", json_text_or(m, "kernel", ""));
		(void)snprintf(to->loadgen, sizeof(to->loadgen), "%s",
			       json_text_or(m, "loadgen", ""));
		(void)snprintf(to->command, sizeof(to->command), "%s",
			       json_text_or(m, "command", ""));
	}
	return 0;
}

static int root_read(const struct json *root, struct run_result *result, const char **why)
{
	*why = "it is no result of loadgen, version 1";
	if (json_whole_or(root, "loadgen", 0) != 1 || json_member(root, "verdict") == NULL)
		return -EBADMSG;
	*why = "it is of --profile-protocol raw, and those are not merged";
	if (json_member(root, "profile") != NULL)
		return -EBADMSG;
	*why = "a number is missing";
	for (unsigned i = 0; i < RUN_NUMBERS; i++) {
		if (json_member(root, run_number_str(i)) == NULL)
			return -EBADMSG;
		run_number_set(result, i, json_whole_or(root, run_number_str(i), 0));
	}
	result->code = (enum exit_code)json_whole_or(root, "exit", EXIT_FAILED);
	(void)snprintf(result->words, sizeof(result->words), "%s", json_text_or(root, "words", ""));
	result->saturated = json_truth_or(root, "saturated", false);
	result->ledger_verdict.folded = json_truth_or(root, "folded", false);
	result->epoch = (uint32_t)json_whole_or(root, "epoch", 0);
	result->board_hash = strtoull(json_text_or(root, "board_xxh3", "0"), NULL, 16);
	result->run_s = json_number_or(root, "run_seconds", 0);
	result->cpu_percent = json_number_or(root, "cpu_percent", 0);
	classes_read(root, result);
	*why = "a histogram is broken";
	return histograms_read(root, result) ? machines_read(root, result) : -EBADMSG;
}

int result_read(FILE *from, struct run_result *ret_result, const char **ret_why)
{
	struct json_tree tree;
	char *text;
	int r = text_slurp(from, &text);

	*ret_why = "";
	if (r < 0)
		return r;
	r = json_read(text, &tree);
	*ret_why = "it is no JSON";
	if (r == 0) {
		r = root_read(&tree.nodes[0], ret_result, ret_why);
		json_tree_fini(&tree);
	}
	free(text);
	return r;
}
