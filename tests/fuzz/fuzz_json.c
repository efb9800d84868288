/* JSON from peers: what is parsed can be written and parsed again; getters take any shape. */
#include "tests/fuzz/fuzz.h"

#include "lib/json.h"

static void look(struct json_object *o)
{
	FUZZ_CHECK(json_str(o, "s", "none"));
	(void)json_int(o, "n", 1);
	(void)json_flag(o, "b", true);
	(void)json_get(json_path(o, "a", "b", "c", NULL), "d");
	FUZZ_CHECK(!json_array(o, "l") || json_object_is_type(json_array(o, "l"), json_type_array));
	FUZZ_CHECK(!json_obj(o, "a") || json_object_is_type(json_obj(o, "a"), json_type_object));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_JSON struct json_object *o = NULL;
	CLEANUP_JSON struct json_object *again = NULL;
	struct fuzz_input in = { data, size };
	struct err e = { 0 };
	size_t len;
	char *text = fuzz_rest(&in, &len);
	int rc = json_parse(text, len, &o, &e);

	free(text);
	if (rc < 0) {
		FUZZ_CHECK(!o && e.kind && *e.text);
		return 0;
	}
	look(o);
	text = strdup(json_text(o));
	FUZZ_CHECK(text && json_parse(text, strlen(text), &again, &e) == 0);
	FUZZ_CHECK(!strcmp(text, json_text(again)));
	free(text);
	return 0;
}
