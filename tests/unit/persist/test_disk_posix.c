/* test_disk_posix.c - the real disk: its lock, its errors, and the tool on a real directory. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/exit_code.h"
#include "persist/disk/disk.h"
#include "persist/format/journal_format.h"
#include "tools/pixeld/journal_tool.h"
#include "persist/format/record.h"
#include "tests/temp_dir.h"

static char dir[TEMP_DIR_BYTES];

static int setup(void **state)
{
	(void)state;
	return temp_dir_make(dir, "disk") < 0;
}

static int teardown(void **state)
{
	(void)state;
	return temp_dir_remove(dir);
}

static void second_server_on_a_directory_is_refused(void **state)
{
	struct disk *first;
	struct disk *second;
	struct disk *reader;

	(void)state;
	assert_int_equal(disk_open(dir, 1, 1, &first), 0);
	assert_int_equal(disk_open(dir, 1, 1, &second), -EBUSY);
	assert_non_null(strstr(disk_open_remedy(-EBUSY), "another pixeld"));
	assert_int_equal(disk_open(dir, 0, 0, &reader), 0);
	disk_close(reader);
	disk_close(first);
	assert_int_equal(disk_open(dir, 1, 1, &second), 0);
	disk_close(second);
}

static void lock_ends_with_its_process(void **state)
{
	struct disk *d;
	int status;
	pid_t child = fork();

	(void)state;
	if (child == 0)
		_exit(disk_open(dir, 1, 1, &d) == 0 ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(disk_open(dir, 1, 1, &d), 0);
	disk_close(d);
}

static void paths_that_cannot_be_are_told_apart(void **state)
{
	char path[128];
	struct disk *d;
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s/none", dir);
	assert_int_equal(disk_open(path, 0, 0, &d), -ENOENT);
	snprintf(path, sizeof(path), "%s/file", dir);
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(disk_open(path, 1, 1, &d), -ENOTDIR);
	snprintf(path, sizeof(path), "%s/file/below", dir);
	assert_int_equal(disk_open(path, 1, 1, &d), -ENOTDIR);
	snprintf(path, sizeof(path), "%s/lock", dir);
	assert_int_equal(symlink("/tmp/elsewhere", path), 0);
	assert_int_equal(disk_open(dir, 1, 1, &d), -ELOOP);
}

static void directory_is_made_when_it_is_missing(void **state)
{
	char path[128];
	struct disk *d;
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/new", dir);
	assert_int_equal(disk_open(path, 1, 1, &d), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_string_equal(disk_path(d), path);
	assert_int_equal(disk_unlink(d, "lock"), 0);
	disk_close(d);
	assert_int_equal(rmdir(path), 0);
}

static void file_is_written_read_cut_and_renamed(void **state)
{
	char out[16];
	struct disk *d;
	int fd;

	(void)state;
	assert_int_equal(disk_open(dir, 1, 1, &d), 0);
	fd = disk_file_create(d, "a");
	assert_true(fd >= 0);
	assert_int_equal(disk_file_create(d, "a"), -EEXIST);
	assert_int_equal(disk_write(d, fd, "0123456789", 10, 5), 0);
	assert_int_equal(disk_sync(d, fd), 0);
	assert_int_equal(disk_file_bytes(d, fd), 15);
	assert_int_equal(disk_read(d, fd, out, sizeof(out), 7), 8);
	assert_memory_equal(out, "23456789", 8);
	assert_int_equal(disk_truncate(d, fd, 6), 0);
	assert_int_equal(disk_read(d, fd, out, sizeof(out), 5), 1);
	disk_file_close(d, fd);
	assert_int_equal(disk_rename(d, "a", "b"), 0);
	assert_int_equal(disk_sync_dir(d), 0);
	assert_int_equal(disk_file_open(d, "a", 0), -ENOENT);
	fd = disk_file_open(d, "b", 0);
	assert_true(fd >= 0);
	assert_int_equal(disk_write(d, fd, "x", 1, 0), -EBADF); /* opened to read */
	disk_file_close(d, fd);
	assert_int_equal(disk_unlink(d, "b"), 0);
	assert_int_equal(disk_unlink(d, "b"), -ENOENT);
	assert_true(disk_free_bytes(d) > 0);
	disk_close(d);
}

static void link_in_the_directory_is_not_followed(void **state)
{
	char path[128];
	struct disk *d;

	(void)state;
	assert_int_equal(disk_open(dir, 1, 1, &d), 0);
	snprintf(path, sizeof(path), "%s/journal-00000001.seg", dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(disk_file_open(d, "journal-00000001.seg", 0), -ELOOP);
	assert_int_equal(disk_file_create(d, "journal-00000001.seg"), -EEXIST);
	disk_close(d);
}

/* One segment with one batch of two placements, after a clean stop. */
static void segment_make(void)
{
	const struct segment_header h = {
		.journal_id = 1,
		.segment_bytes = 4096,
		.first_lsn = 1,
		.segment = 1,
	};
	struct batch_header batch = {.journal_id = 1, .first_lsn = 1, .records = 2};
	struct record r = {.type = RECORD_PLACEMENT};
	uint8_t bytes[4096] = {0};
	uint8_t *payload = bytes + SEGMENT_HEADER_BYTES + BATCH_HEADER_BYTES;
	uint8_t *p = payload;
	struct disk *d;
	int fd;

	segment_header_put(bytes, &h);
	r.placement = (struct record_placement){.seq = 11, .x = 3, .y = 4, .color = 5, .epoch = 2};
	r.placement.user[0] = 0xab;
	p = record_put(p, &r);
	r.placement.seq = 12;
	p = record_put(p, &r);
	batch.payload_bytes = (uint32_t)(p - payload);
	batch.chain = batch_seal(bytes + SEGMENT_HEADER_BYTES, &batch, 1);
	p = bytes + SEGMENT_HEADER_BYTES + batch_bytes(batch.payload_bytes);
	batch.first_lsn = 3;
	batch.durable_lsn = 2;
	batch.records = 0;
	batch.payload_bytes = 0;
	batch.flags = BATCH_CLOSING;
	batch_seal(p, &batch, 1);
	assert_int_equal(disk_open(dir, 1, 1, &d), 0);
	fd = disk_file_create(d, "journal-00000001.seg");
	assert_true(fd >= 0);
	assert_int_equal(disk_write(d, fd, bytes, sizeof(bytes), 0), 0);
	disk_file_close(d, fd);
	disk_close(d);
}

static int tool(const char *verb, const char *more, char *out, size_t out_bytes)
{
	char verb_arg[16];
	char more_arg[16];
	char *argv[] = {verb_arg, dir, more == NULL ? NULL : more_arg, NULL};
	int saved = dup(1);
	FILE *file = tmpfile();
	size_t len;
	int rc;

	assert_non_null(file);
	snprintf(verb_arg, sizeof(verb_arg), "%s", verb);
	snprintf(more_arg, sizeof(more_arg), "%s", more == NULL ? "" : more);
	fflush(stdout);
	assert_int_equal(dup2(fileno(file), 1), 1);
	rc = journal_tool(more == NULL ? 2 : 3, argv);
	fflush(stdout);
	assert_int_equal(dup2(saved, 1), 1);
	close(saved);
	rewind(file);
	len = fread(out, 1, out_bytes - 1, file);
	out[len] = 0;
	fclose(file);
	return rc;
}

static void tool_dumps_placements_as_csv_while_a_server_runs(void **state)
{
	struct disk *server;
	char out[1024];

	(void)state;
	segment_make();
	assert_int_equal(disk_open(dir, 1, 1, &server), 0);
	assert_int_equal(tool("dump", NULL, out, sizeof(out)), 0);
	assert_string_equal(out, "lsn,board,epoch,seq,placed_at_ms,user,x,y,color,request\n"
				 "1,0,2,11,0,ab000000000000000000000000000000,3,4,5,0\n"
				 "2,0,2,12,0,ab000000000000000000000000000000,3,4,5,0\n");
	assert_int_equal(tool("verify", NULL, out, sizeof(out)), 0);
	assert_non_null(strstr(out, "whole: records up to 2"));
	assert_int_equal(tool("list", NULL, out, sizeof(out)), 0);
	assert_non_null(strstr(out, "journal-00000001.seg  4096 bytes  good"));
	assert_int_equal(tool("cut", "2", out, sizeof(out)),
			 EXIT_FAILED); /* not while a server runs */
	disk_close(server);
}

static void tool_says_damage_by_its_exit_code(void **state)
{
	char path[128];
	char out[1024];
	FILE *file;

	(void)state;
	segment_make();
	snprintf(path, sizeof(path), "%s/journal-00000001.seg", dir);
	file = fopen(path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, 200, SEEK_SET), 0);
	fputc(0xff, file);
	fclose(file);
	assert_int_equal(tool("verify", NULL, out, sizeof(out)), EXIT_DATA_WRONG);
	assert_int_equal(tool("nonsense", NULL, out, sizeof(out)), EXIT_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(second_server_on_a_directory_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(lock_ends_with_its_process, setup, teardown),
		cmocka_unit_test_setup_teardown(paths_that_cannot_be_are_told_apart, setup,
						teardown),
		cmocka_unit_test_setup_teardown(directory_is_made_when_it_is_missing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(file_is_written_read_cut_and_renamed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(link_in_the_directory_is_not_followed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(tool_dumps_placements_as_csv_while_a_server_runs,
						setup, teardown),
		cmocka_unit_test_setup_teardown(tool_says_damage_by_its_exit_code, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
