/*
 * The main of a fuzz target without libFuzzer: gives it every seed, then
 * mutations of them, always the same ones. Arguments are files to give it
 * instead. SOCKERLESS_FUZZ_SEEDS names another directory of seeds.
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <limits.h>
#include <time.h>
#include <unistd.h>

#ifndef FUZZ_ENGINE

#define SEEDS_MAX 1024
#define SEED_BYTES_MAX (1u << 20)
#define MUTATED_BYTES_MAX 65536
#define MUTATIONS 4000
#define SECONDS 1.0
#define HANGING 120 /* seconds after which the program is ended */

/* AddressSanitizer asks for it: an input that fills the memory fails the test, not the machine. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "hard_rss_limit_mb=2048";
}

struct seed {
	uint8_t *data;
	size_t len;
};

struct seeds {
	struct seed seed[SEEDS_MAX];
	size_t count;
};

static struct seed seed_read(const char *path)
{
	struct seed s = { .data = malloc(SEED_BYTES_MAX) };
	FILE *f = fopen(path, "re");

	FUZZ_CHECK(s.data);
	if (!f) {
		perror(path);
		exit(2);
	}
	s.len = fread(s.data, 1, SEED_BYTES_MAX, f);
	fclose(f);
	return s;
}

/* In the order of their names, whatever the file system's order is. */
static void seeds_read(struct seeds *all, const char *dir)
{
	struct dirent **names;
	int n = scandir(dir, &names, NULL, alphasort);

	if (n < 0) {
		perror(dir);
		exit(2);
	}
	for (int i = 0; i < n; i++) {
		char path[PATH_MAX + NAME_MAX + 2];

		snprintf(path, sizeof path, "%s/%s", dir, names[i]->d_name);
		if (names[i]->d_name[0] != '.' && all->count < SEEDS_MAX)
			all->seed[all->count++] = seed_read(path);
		free(names[i]);
	}
	free(names);
}

static void give(const uint8_t *data, size_t len)
{
	/* A copy of exactly this size: AddressSanitizer sees what is read beyond. */
	uint8_t *copy = malloc(len ? len : 1);

	FUZZ_CHECK(copy);
	if (len)
		memcpy(copy, data, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

/* 0 to below - 1. */
static size_t chance(uint64_t *state, size_t below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (size_t)((*state >> 32) % below);
}

/* One change of `data`, which has room for MUTATED_BYTES_MAX bytes; its new length. */
static size_t mutate(uint8_t *data, size_t len, const struct seed *other, uint64_t *state)
{
	static const uint8_t odd[] = { 0, 1, 0x7f, 0x80, 0xff, '"', '\\', '/', '%', '{', '[', ':', '-', '9', '\n', ' ' };
	size_t at = chance(state, len + 1), n;

	switch (len ? chance(state, 6) : 5) {
	case 0:
		if (at < len)
			data[at] ^= (uint8_t)(1u << chance(state, 8));
		return len;
	case 1:
		if (at < len)
			data[at] = odd[chance(state, sizeof odd)];
		return len;
	case 2: /* cut out */
		n = chance(state, len - at + 1);
		memmove(data + at, data + at + n, len - at - n);
		return len - n;
	case 3: /* cut off */
		return at;
	case 4: /* repeat */
		n = chance(state, len - at + 1);
		if (len + n > MUTATED_BYTES_MAX)
			return len;
		memmove(data + at + n, data + at, len - at);
		return len + n;
	default: /* a part of another seed */
		n = other->len ? chance(state, other->len) + 1 : 0;
		if (len + n > MUTATED_BYTES_MAX)
			return len;
		memmove(data + at + n, data + at, len - at);
		if (n)
			memcpy(data + at, other->data + chance(state, other->len - n + 1), n);
		return len + n;
	}
}

static double processor_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned mutations_give(const struct seeds *all)
{
	uint8_t *data = malloc(MUTATED_BYTES_MAX);
	double begun = processor_time();
	uint64_t state = 0x9e3779b97f4a7c15u;
	unsigned done = 0;

	FUZZ_CHECK(data);
	while (all->count && done < MUTATIONS && processor_time() - begun < SECONDS) {
		const struct seed *s = &all->seed[chance(&state, all->count)];
		size_t len = s->len < MUTATED_BYTES_MAX ? s->len : MUTATED_BYTES_MAX;

		if (len)
			memcpy(data, s->data, len);
		for (size_t i = 1 + chance(&state, 4); i; i--)
			len = mutate(data, len, &all->seed[chance(&state, all->count)], &state);
		give(data, len);
		done++;
	}
	free(data);
	return done;
}

/* tests/fuzz/seeds/NAME for a program fuzz_NAME. */
static void seeds_path(char *path, size_t cap, const char *program)
{
	const char *named = getenv("SOCKERLESS_FUZZ_SEEDS"), *top = getenv("top_srcdir");
	const char *name = strstr(strrchr(program, '/') ? strrchr(program, '/') : program, "fuzz_");

	if (named)
		snprintf(path, cap, "%s", named);
	else
		snprintf(path, cap, "%s/tests/fuzz/seeds/%s", top ? top : ".", name ? name + 5 : "");
}

int main(int argc, char **argv)
{
	struct seeds *all = calloc(1, sizeof *all);
	unsigned mutated = 0;
	char dir[PATH_MAX];

	FUZZ_CHECK(all);
	alarm(HANGING);
	seeds_path(dir, sizeof dir, argv[0]);
	for (int i = 1; i < argc && i <= SEEDS_MAX; i++)
		all->seed[all->count++] = seed_read(argv[i]);
	if (argc == 1)
		seeds_read(all, dir);
	for (size_t i = 0; i < all->count; i++)
		give(all->seed[i].data, all->seed[i].len);
	if (argc == 1)
		mutated = mutations_give(all);
	printf("%zu seeds and %u mutations\n", all->count, mutated);
	for (size_t i = 0; i < all->count; i++)
		free(all->seed[i].data);
	free(all);
	return argc == 1 && !mutated;
}

#endif
