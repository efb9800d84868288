/* The settings file. */
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "lib/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("settings", MFD_CLOEXEC);
	struct settings s = { 0 };
	struct err e = { 0 };
	char path[64];

	FUZZ_CHECK(fd >= 0 && (!size || write(fd, data, size) == (ssize_t)size));
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	clearenv();
	setenv("SOCKERLESS_SETTINGS", path, 1);
	if (settings_load(&s, &e) == 0) {
#define FUZZ_TEXT(field) FUZZ_CHECK(field)
#define FUZZ_NUMBER(field) (void)(field)
#define SETTING(field, variable, type, default_value, help) FUZZ_##type(s.field);
#include "lib/settings.def"
#undef SETTING
		settings_free(&s);
	} else {
		FUZZ_CHECK(e.kind && *e.text);
	}
	close(fd);
	return 0;
}
