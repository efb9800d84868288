/* Dockerfile instructions of import and commit, one a line, applied to one config. */
#include "tests/fuzz/fuzz.h"

#include "lib/json.h"
#include "lib/registry/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	CLEANUP_JSON struct json_object *config = json_object_new_object();

	FUZZ_CHECK(config);
	while (in.len) {
		char *line = fuzz_text(&in, '\n', NULL);
		struct err e = { 0 };

		if (image_change(config, line, &e) < 0)
			FUZZ_CHECK(e.kind && *e.text);
		free(line);
	}
	FUZZ_CHECK(json_text(config));
	return 0;
}
