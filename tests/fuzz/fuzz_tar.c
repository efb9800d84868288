/* A layer of an image as the local stand-in unpacks it. Nothing appears beside its directory. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/ids.h"
#include "local-lambda/image_unpack.h"
#include "local-lambda/tree_remove.h"

#define BYTES_MAX (1u << 20)

static int blob_open(const uint8_t *data, size_t size)
{
	int fd = memfd_create("blob", MFD_CLOEXEC);

	FUZZ_CHECK(fd >= 0 && (!size || write(fd, data, size) == (ssize_t)size));
	return fd;
}

static unsigned entries(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fdopendir(fd);
	unsigned n = 0;

	FUZZ_CHECK(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char base[] = "/tmp/fuzz_tar.XXXXXX", hex[65];
	unsigned char digest[32];
	uint64_t left = BYTES_MAX;
	struct err e = { 0 };
	int above, dir, blob = blob_open(data, size);

	FUZZ_CHECK(mkdtemp(base) && (above = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0);
	FUZZ_CHECK(mkdirat(above, "layer", 0700) == 0 && (dir = openat(above, "layer", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0);
	SHA256(data, size, digest);
	hex_encode(hex, digest, sizeof digest);
	if (layer_unpack(blob, dir, hex, &left, &e) < 0)
		FUZZ_CHECK(e.kind && *e.text);
	FUZZ_CHECK(left <= BYTES_MAX && entries(above) == 3);
	close(dir);
	close(blob);
	tree_remove(above, "layer");
	close(above);
	FUZZ_CHECK(rmdir(base) == 0);
	return 0;
}
