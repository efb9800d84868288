/* AWS's shared credentials file. */
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "lib/aws/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("credentials", MFD_CLOEXEC);
	struct err e = { 0 };
	char path[64], *value;

	FUZZ_CHECK(fd >= 0 && (!size || write(fd, data, size) == (ssize_t)size));
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
	setenv("AWS_CONFIG_FILE", path, 1);
	setenv("AWS_PROFILE", "own", 1);
	for (const char *const *key = (const char *const[]){ "aws_access_key_id", "region", NULL }; *key; key++) {
		FUZZ_CHECK(aws_profile_value(*key, &value, &e) == 0);
		FUZZ_CHECK(!value || (strlen(value) <= size && !strchr(value, '\n')));
		free(value);
	}
	close(fd);
	return 0;
}
