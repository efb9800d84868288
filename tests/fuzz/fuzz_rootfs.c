/* Two layers of strangers, one on the other, cut where the first byte says; every path is found again and the tar is whole. */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/rootfs/layer_index.h"
#include "lib/rootfs/rootfs.h"

#define NODES_TRIED 200

static int file_of(const uint8_t *data, size_t size, char path[64])
{
	int fd = memfd_create("layer", MFD_CLOEXEC);

	FUZZ_CHECK(fd >= 0 && (!size || write(fd, data, size) == (ssize_t)size));
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

static int take(void *arg, const void *data, size_t len, struct err *e)
{
	*(size_t *)arg += len;
	return 0;
}

static void look(const struct rootfs *fs)
{
	const struct rootfs_node *root, *n, *again;
	struct rootfs_stat st;
	struct err e = { 0 };
	size_t len = 0;
	int tried = 0;

	FUZZ_CHECK(rootfs_find(fs, "/", true, &root, &e) == 0);
	for (n = root; n && tried < NODES_TRIED; n = rootfs_next(root, n), tried++) {
		BUF_CLEANUP struct buf path = BUF_INIT, real = BUF_INIT;

		rootfs_path(n, &path);
		rootfs_stat(n, &st);
		FUZZ_CHECK(path.data && *path.data == '/' && !strstr(path.data, "//") && st.size >= 0);
		if (rootfs_find(fs, path.data, false, &again, &e) == 0)
			FUZZ_CHECK(again == n);
		else
			FUZZ_CHECK(!strcmp(e.text, "file name too long"));
		if (rootfs_resolve(fs, path.data, &real, &e) == 0)
			FUZZ_CHECK(*real.data == '/' && !strstr(real.data, "/../"));
	}
	if (rootfs_tar(fs, root, "", take, &len, &e) < 0)
		FUZZ_CHECK(e.kind && *e.text);
	else
		FUZZ_CHECK(len >= 1024);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	size_t cut = fuzz_byte(&in) << 8;
	char paths[2][64];
	struct rootfs_source sources[2] = { { .tar = paths[0] }, { .tar = paths[1] } };
	struct rootfs *fs = NULL;
	struct err e = { 0 };
	int lower, upper;

	cut = cut < in.len ? cut : in.len;
	lower = file_of(in.data, cut, paths[0]);
	upper = file_of(in.data + cut, in.len - cut, paths[1]);
	if (rootfs_open("/nonexistent", sources, 2, &fs, &e) == 0)
		look(fs);
	else
		FUZZ_CHECK(e.kind && *e.text);
	rootfs_close(fs);
	close(lower);
	close(upper);
	return 0;
}
