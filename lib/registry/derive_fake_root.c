#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/registry/derive.h"

/* As build-aux/fake-root lays them out. */
static const char *const files[] = { "ld.so", "libc.so.6", "libtalloc.so.2", "proot" };

#define FILES (sizeof files / sizeof *files)

static int place(const char *dir, size_t i, char path[4096], struct err *e)
{
	if ((size_t)snprintf(path, 4096, "%s/%s", dir, files[i]) >= 4096)
		return err_set(e, ERR_INVALID, "%.200s: path too long", dir);
	return 0;
}

bool derive_has_fake_root(const char *dir)
{
	char path[4096];
	struct err e;

	for (size_t i = 0; i < FILES; i++)
		if (place(dir, i, path, &e) < 0 || access(path, R_OK) < 0)
			return false;
	return true;
}

int derive_hash_fake_root(EVP_MD_CTX *d, const char *dir, struct err *e)
{
	char path[4096];

	for (size_t i = 0; i < FILES; i++)
		if (place(dir, i, path, e) < 0 || derive_hash_file(d, path, e) < 0)
			return -1;
	return 0;
}

int derive_add_fake_root(struct layer_tar *t, const char *dir, struct err *e)
{
	char path[4096], name[256];

	if (layer_tar_dir(t, &(DERIVE_FAKE_ROOT "/")[1], e) < 0)
		return -1;
	for (size_t i = 0; i < FILES; i++) {
		snprintf(name, sizeof name, "%s/%s", &DERIVE_FAKE_ROOT[1], files[i]);
		if (place(dir, i, path, e) < 0 || derive_add_file(t, path, name, e) < 0)
			return -1;
	}
	return 0;
}
