/*
 * replay.c - feeds a fuzz target every file of the folders that are named, without libFuzzer.
 *
 * A corpus without files is a failure: then nothing would be tested.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_BYTES_MAX (1 << 22)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Into memory of exactly its size, so that the sanitizer sees a read behind it. */
static int feed(const char *folder, const char *name, uint8_t *room)
{
	char path[4096];
	uint8_t *input;
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "re");
	if (file == NULL) {
		perror(path);
		return 1;
	}
	len = fread(room, 1, INPUT_BYTES_MAX, file);
	fclose(file);
	input = malloc(len == 0 ? 1 : len);
	if (input == NULL)
		return 1;
	for (size_t i = 0; i < len; i++)
		input[i] = room[i];
	LLVMFuzzerTestOneInput(input, len);
	free(input);
	return 0;
}

static int feed_folder(const char *folder, uint8_t *room)
{
	DIR *dir = opendir(folder);
	unsigned count = 0;
	int failed = 0;

	if (dir == NULL) {
		perror(folder);
		return 1;
	}
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		if (entry->d_name[0] == '.')
			continue;
		failed |= feed(folder, entry->d_name, room);
		count++;
	}
	closedir(dir);
	printf("%s: %u inputs\n", folder, count);
	return failed || count == 0;
}

int main(int argc, char **argv)
{
	uint8_t *room = malloc(INPUT_BYTES_MAX);
	int failed = argc < 2 || room == NULL;

	for (int i = 1; i < argc && room != NULL; i++)
		failed |= feed_folder(argv[i], room);
	free(room);
	return failed;
}
