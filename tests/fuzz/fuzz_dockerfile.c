/* Dockerfiles: target NUL text, with one build argument. What was parsed stays within its bounds. */
#include "tests/fuzz/fuzz.h"

#include "lib/docker/dockerfile.h"
#include "lib/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	size_t len;
	char *target = fuzz_text(&in, '\0', NULL), *text = fuzz_rest(&in, &len);
	CLEANUP_JSON struct json_object *args = json_tokener_parse("{\"B\":\"busybox\"}");
	DOCKERFILE_CLEANUP struct dockerfile d = { 0 };
	struct err e = { 0 };

	if (dockerfile_parse(text, len, args, target, &d, &e) == 0) {
		FUZZ_CHECK(d.count > 0 && d.count <= DOCKERFILE_STEPS_MAX && d.stages > 0 && d.length <= len);
		for (size_t i = 0; i < d.count; i++) {
			const struct dockerfile_step *s = &d.steps[i];

			FUZZ_CHECK(s->stage >= -1 && s->stage < d.stages && s->from_stage >= -1 && s->from_stage < d.stages);
			FUZZ_CHECK(s->text && *s->args && s->args > s->text && s->args < s->text + strlen(s->text) && s->end <= len);
		}
	} else {
		FUZZ_CHECK(e.kind != ERR_NONE && !d.steps);
	}
	free(target);
	free(text);
	return 0;
}
