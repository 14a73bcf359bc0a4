/*
 * journal_tool.c - `pixeld journal list|verify|dump|cut`.
 *
 * Owner   main(), before any other thread. Memory: one segment at a time.
 *
 * All but `cut` take no lock: they may read a directory that a server works on. What they see then
 * is one moment; the tail of the journal may look torn, because it is being written.
 */
#include "tools/pixeld/journal_tool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/command_line.h"
#include "engine/base/exit_code.h"
#include "persist/recover/recover.h"
#include "persist/format/segment_list.h"
#include "persist/snapshot/snapshot.h"

const char journal_tool_usage[] =
	"usage: pixeld journal list DIR      lists segments and snapshots\n"
	"       pixeld journal verify DIR    reads everything and reports whether it is whole\n"
	"       pixeld journal dump DIR      every placement as CSV:\n"
	"                                    "
	"lsn,board,epoch,seq,placed_at_ms,user,x,y,color,request\n"
	"       pixeld journal cut DIR LSN   gives up records from LSN on, after damage; stop the\n"
	"                                    server first\n";

static int say_error(const char *dir, int error)
{
	fprintf(stderr, "pixeld: %s: %s (%s)\n", dir, strerror(-error), disk_open_remedy(error));
	return error == -EBADMSG ? EXIT_DATA_WRONG : EXIT_FAILED;
}

/* --- list ----------------------------------------------------------------------------------- */

static void segment_show(const struct segment_entry *e)
{
	static const char *const verdicts[] = {
		[SEGMENT_GOOD] = "good",
		[SEGMENT_UNUSED] = "unused",
		[SEGMENT_BAD] = "no header",
		[SEGMENT_NEWER] = "newer version",
	};
	char name[JOURNAL_NAME_BYTES];

	journal_segment_name(name, e->number);
	printf("%s  %" PRIu64 " bytes  %s", name, e->bytes, verdicts[e->verdict]);
	if (e->verdict == SEGMENT_GOOD)
		printf("  journal %016" PRIx64 "  from record %" PRIu64 "  sync %s%s%s",
		       e->header.journal_id, e->header.first_lsn, journal_sync_str(e->header.sync),
		       e->live ? "" : "  overruled",
		       e->header.flags & SEGMENT_RESTART ? "  restart" : "");
	printf("\n");
}

static void snapshot_show(struct disk *disk, uint64_t lsn)
{
	char name[SNAPSHOT_NAME_BYTES], why[RECOVER_WHY_BYTES];
	struct snapshot_head head;

	snapshot_name(name, lsn);
	printf("%s  record %" PRIu64, name, lsn);
	if (snapshot_head_read(disk, name, &head, why, sizeof(why)) < 0)
		printf("  %s\n", why);
	else
		printf("  version %u\n", head.version);
}

static int list(struct disk *disk, uint64_t lsn)
{
	struct segment_list segments;
	uint64_t lsns[SNAPSHOTS_MAX];
	int count = snapshot_list(disk, lsns, SNAPSHOTS_MAX);
	int rc = segment_list_read(disk, &segments);

	(void)lsn;
	if (count < 0 || rc < 0)
		return say_error(disk_path(disk), count < 0 ? count : rc);
	for (int i = count; i-- > 0;)
		snapshot_show(disk, lsns[i]);
	for (size_t i = 0; i < segments.count; i++)
		segment_show(&segments.entries[i]);
	segment_list_free(&segments);
	return 0;
}

/* --- verify, dump --------------------------------------------------------------------------- */

static void placement_print(uint64_t lsn, const struct record_placement *p)
{
	printf("%" PRIu64 ",%u,%" PRIu32 ",%" PRIu64 ",%" PRIu64 ",", lsn, p->board, p->epoch,
	       p->seq, p->placed_at_ms);
	for (int i = 0; i < USER_BYTES; i++)
		printf("%02x", p->user[i]);
	printf(",%u,%u,%u,%" PRIu64 "\n", p->x, p->y, p->color, p->request);
}

static int placements_print(void *arg, uint64_t lsn, const struct record *record, bool replay)
{
	struct record_cells cells = {record, 0};
	const struct record_placement *p;

	(void)arg;
	(void)replay;
	while ((p = record_cells_next(&cells)) != NULL)
		placement_print(lsn, p);
	return ferror(stdout) ? -EIO : 0;
}

static void sentence_print(void *arg, const char *sentence)
{
	(void)arg;
	fprintf(stderr, "pixeld: %s\n", sentence);
}

/* Reads the whole journal as recovery would, from its oldest segment on. */
static int read_all(struct disk *disk, const struct recover_handler *handler,
		    struct recover_result *ret_result)
{
	const struct recover_options options = {
		.fresh_journal_id = 1,
		.history_records = UINT64_MAX,
		.read_only = true,
	};
	char why[RECOVER_WHY_BYTES];
	int rc = recover_run(disk, &options, handler, ret_result, why);

	if (rc == 0)
		return 0;
	fprintf(stderr, "pixeld: %s\n", why);
	return rc == -EBADMSG ? EXIT_DATA_WRONG : EXIT_FAILED;
}

static int verify(struct disk *disk, uint64_t lsn)
{
	const struct recover_handler handler = {.report = sentence_print};
	struct recover_result result;
	int rc = read_all(disk, &handler, &result);

	(void)lsn;
	if (rc != 0)
		return rc;
	if (result.is_missing) {
		printf("not whole: files are missing before record %" PRIu64 "\n",
		       result.start.next_lsn);
		return EXIT_DATA_WRONG;
	}
	printf("whole: records up to %" PRIu64 ", newest snapshot of record %" PRIu64 ", %s\n",
	       result.start.next_lsn - 1, result.snapshot_lsn,
	       result.was_clean ? "stopped cleanly" : "not stopped cleanly (or running)");
	return 0;
}

static int dump(struct disk *disk, uint64_t lsn)
{
	const struct recover_handler handler = {
		.record = placements_print,
		.report = sentence_print,
	};
	struct recover_result result;
	int rc;

	(void)lsn;
	printf("lsn,board,epoch,seq,placed_at_ms,user,x,y,color,request\n");
	rc = read_all(disk, &handler, &result);
	return fflush(stdout) == 0 ? rc : EXIT_FAILED;
}

/* --- cut ------------------------------------------------------------------------------------ */

static int segment_write(struct disk *disk, const struct segment_header *h)
{
	uint8_t bytes[SEGMENT_HEADER_BYTES];
	char name[JOURNAL_NAME_BYTES];
	int fd;
	int rc;

	segment_header_put(bytes, h);
	journal_segment_name(name, h->segment);
	fd = disk_file_create(disk, name);
	if (fd < 0)
		return fd;
	rc = disk_write(disk, fd, bytes, sizeof(bytes), 0);
	if (rc == 0)
		rc = disk_sync(disk, fd);
	disk_file_close(disk, fd);
	return rc == 0 ? disk_sync_dir(disk) : rc;
}

static uint64_t journal_id_find(struct disk *disk, const struct segment_list *segments)
{
	struct snapshot_head head;
	char why[RECOVER_WHY_BYTES];
	char name[SNAPSHOT_NAME_BYTES];
	uint64_t lsn;

	for (size_t i = 0; i < segments->count; i++)
		if (segments->entries[i].verdict == SEGMENT_GOOD)
			return segments->entries[i].header.journal_id;
	if (snapshot_list(disk, &lsn, 1) != 1)
		return 0;
	snapshot_name(name, lsn);
	return snapshot_read(disk, name, NULL, &head, why, sizeof(why)) == 0 ? head.journal_id : 0;
}

/* A batch is whole or not at all, and nothing can follow what is not there: a segment that began in
 * between would never be read. *ret_lsn: the last record before which can be cut instead. */
static int cut_position_check(struct disk *disk, const struct segment_list *segments, uint64_t lsn,
			      uint64_t *ret_lsn)
{
	const struct segment_entry *e = NULL;
	struct segment_reader reader;
	struct batch batch;
	uint8_t *bytes;
	size_t len;
	int rc;

	*ret_lsn = lsn;
	for (size_t i = 0; i < segments->count; i++)
		if (segments->entries[i].live && segments->entries[i].header.first_lsn < lsn &&
		    lsn <= segments->entries[i].limit_lsn)
			e = &segments->entries[i];
	if (e == NULL) /* where a segment begins, or before all that there are */
		return 0;
	rc = segment_load(disk, e->number, &bytes, &len);
	if (rc < 0)
		return rc;
	segment_reader_init(&reader, &e->header, bytes, len);
	while (reader.next_lsn < lsn && segment_reader_next(&reader, &batch))
		if (reader.next_lsn > lsn)
			*ret_lsn = batch.header.first_lsn;
	if (reader.next_lsn < lsn)
		*ret_lsn = reader.next_lsn;
	free(bytes);
	return 0;
}

/* By the format's own rule: a segment that begins with `lsn` overrules all others from there on. It
 * says sync=off, so that the next start begins a new epoch: what is cut may have been seen. */
static int cut(struct disk *disk, uint64_t lsn)
{
	struct segment_list segments;
	struct segment_header h = {
		.segment_bytes = SEGMENT_HEADER_BYTES,
		.first_lsn = lsn,
		.durable_lsn = lsn - 1,
		.flags = SEGMENT_RESTART,
		.sync = JOURNAL_SYNC_OFF,
	};
	uint64_t newest = 0, possible = 0;
	int rc = segment_list_read(disk, &segments);

	if (rc == 0)
		rc = cut_position_check(disk, &segments, lsn, &possible);
	if (rc < 0)
		return say_error(disk_path(disk), rc);
	if (segments.count > 0 && segments.entries[segments.count - 1].number == UINT32_MAX) {
		segment_list_free(&segments);
		fprintf(stderr, "pixeld: %s: no segment can follow journal-%" PRIu32 ".seg\n",
			disk_path(disk), UINT32_MAX);
		return EXIT_FAILED;
	}
	h.segment = segments.count == 0 ? 1 : segments.entries[segments.count - 1].number + 1;
	h.journal_id = journal_id_find(disk, &segments);
	h.chain = h.journal_id;
	segment_list_free(&segments);
	if (h.journal_id == 0) {
		fprintf(stderr, "pixeld: %s: there is no journal\n", disk_path(disk));
		return EXIT_FAILED;
	}
	if (possible != lsn) {
		fprintf(stderr,
			"pixeld: %s: cannot cut before record %" PRIu64
			": it is inside a batch, or after the end. Cut before record %" PRIu64 "\n",
			disk_path(disk), lsn, possible);
		return EXIT_FAILED;
	}
	if (snapshot_list(disk, &newest, 1) == 1 && newest >= lsn) {
		fprintf(stderr,
			"pixeld: %s: the newest snapshot has record %" PRIu64
			" already: nothing before record %" PRIu64 " can be cut\n",
			disk_path(disk), newest, newest + 1);
		return EXIT_FAILED;
	}
	rc = segment_write(disk, &h);
	if (rc < 0)
		return say_error(disk_path(disk), rc);
	printf("cut: records from %" PRIu64 " on are given up\n", lsn);
	return 0;
}

static const struct {
	const char *verb;
	int (*run)(struct disk *disk, uint64_t lsn);
	bool writes; /* takes the lock, and an LSN */
} verbs[] = {{"list", list, false},
	     {"verify", verify, false},
	     {"dump", dump, false},
	     {"cut", cut, true}};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

/* The number of the verb; VERBS: there is none of this name. */
static size_t verb_find(const char *name)
{
	size_t i = 0;

	while (i < VERBS && strcmp(verbs[i].verb, name) != 0)
		i++;
	return i;
}

/* 0: it is no record. */
static uint64_t lsn_parse(const char *text)
{
	char *end;
	uint64_t lsn = strtoull(text, &end, 10);

	return *text >= '0' && *text <= '9' && *end == '\0' ? lsn : 0;
}

static int usage(const char *what, const char *word, const char *rest)
{
	fprintf(stderr, "pixeld: journal: %s%.100s%s\n%s\n", what, word, rest, journal_tool_usage);
	return EXIT_USAGE;
}

static int verb_refuse(const char *word)
{
	struct nearest n = nearest_to(word);
	char rest[64] = "";

	for (size_t i = 0; i < VERBS; i++)
		nearest_try(&n, verbs[i].verb);
	if (nearest_get(&n) != NULL)
		snprintf(rest, sizeof(rest), "; the nearest is %s", nearest_get(&n));
	return usage("unknown command ", word, rest);
}

/* EXIT_PASS, or EXIT_USAGE and it was said what is wrong with the words. */
static int words_check(int argc, char *const argv[])
{
	size_t verb = argc > 0 ? verb_find(argv[0]) : VERBS;
	int wanted;

	if (argc == 0)
		return usage("list, verify, dump or cut is missing", "", "");
	if (verb == VERBS)
		return verb_refuse(argv[0]);
	wanted = verbs[verb].writes ? 3 : 2;
	for (int i = 1; i < argc; i++)
		if (argv[i][0] == '-')
			return usage("", argv[i],
				     ": unknown argument of this command: it takes DIR alone");
	if (argc < 2)
		return usage("DIR is missing", "", "");
	if (argc < wanted)
		return usage("LSN is missing", "", "");
	if (argc > wanted)
		return usage("", argv[wanted], " is one argument too many");
	if (verbs[verb].writes && lsn_parse(argv[2]) == 0)
		return usage("LSN is the number of a record, not ", argv[2], "");
	return EXIT_PASS;
}

int journal_tool(int argc, char **argv)
{
	struct disk *disk;
	uint64_t lsn;
	size_t verb;
	int rc = words_check(argc, argv);

	if (rc != EXIT_PASS)
		return rc;
	verb = verb_find(argv[0]);
	lsn = verbs[verb].writes ? lsn_parse(argv[2]) : 0;
	rc = disk_open(argv[1], 0, verbs[verb].writes, &disk);
	if (rc < 0)
		return say_error(argv[1], rc);
	rc = verbs[verb].run(disk, lsn);
	disk_close(disk);
	return rc;
}
