/* The body of POST /containers/create, a NUL, and the config of the image: check, merge, plan. */
#include "tests/fuzz/fuzz.h"

#include "fcgi/create.h"
#include "fcgi/create_writable.h"
#include "lib/json.h"

#define ID "2dac9a0e3a37d28feeac9e2b7cc5397573007536fc4c0abc3148873874b514eb"

static struct json_object *parse(const char *text, size_t len)
{
	struct json_object *o = NULL;

	return json_parse(text, len, &o, NULL) < 0 ? NULL : o;
}

/* Lambda's limits hold in what it is told, whatever the client said. */
static void check_plan(const struct create_plan *p)
{
	size_t bytes = 0;

	FUZZ_CHECK(p->spec && p->environment && p->tags && p->entry_point && p->command && p->description);
	FUZZ_CHECK(p->memory >= CREATE_MEMORY_MIN && p->memory <= CREATE_MEMORY_MAX);
	FUZZ_CHECK(p->storage >= CREATE_STORAGE_MIN && p->storage <= CREATE_STORAGE_MAX);
	FUZZ_CHECK(strlen(p->description) <= 256);
	json_object_object_foreach(p->environment, key, value) {
		FUZZ_CHECK(create_env_key_valid(key, strlen(key)) || !strncmp(key, "SOCKERLESS_", 11));
		bytes += strlen(key) + (size_t)json_object_get_string_len(value);
	}
	FUZZ_CHECK(bytes <= 4096);
	json_object_object_foreach(p->tags, tag, text) {
		FUZZ_CHECK(strlen(tag) <= 128 && json_object_get_string_len(text) <= 256);
	}
	FUZZ_CHECK(json_text(p->spec) && json_text(p->tags));
}

static void writable(const struct create *c, const struct settings *s)
{
	CREATE_WRITABLE_CLEANUP struct create_writable w = { 0 };
	struct err e = { 0 };

	if (create_writable(c, s, &w, &e) < 0)
		FUZZ_CHECK(e.kind == ERR_INVALID && *e.text);
	for (size_t i = 0; i < w.wish.n_dirs; i++)
		FUZZ_CHECK(*w.wish.dirs[i].path == '/' || !strcmp(w.wish.dirs[i].path, DERIVE_HOME) || w.wish.dirs[i].flags & DERIVE_ASKED);
}

static void plan(struct create *c, struct json_object *image)
{
	static const struct settings settings = {
#define SETTING(field, variable, type, default_value, help) .field = FUZZ_##type(default_value),
#define FUZZ_TEXT(value) (char *)(uintptr_t)value
#define FUZZ_NUMBER(value) 1024
#include "lib/settings.def"
#undef SETTING
	};
	CREATE_PLAN_CLEANUP struct create_plan p = { 0 };
	struct err e = { 0 };

	if (create_merge(c, image, &e) < 0 || create_name_host(c, ID, &e) < 0) {
		FUZZ_CHECK(e.kind && *e.text);
		return;
	}
	writable(c, &settings);
	if (create_plan(c, &settings, ID, "0123456789abcdef", "name", &p, &e) == 0)
		check_plan(&p);
	else
		FUZZ_CHECK(e.kind && *e.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	size_t body_len, image_len;
	char *body_text = fuzz_text(&in, '\0', &body_len), *image_text = fuzz_rest(&in, &image_len);
	CLEANUP_JSON struct json_object *body = parse(body_text, body_len);
	CLEANUP_JSON struct json_object *image = parse(image_text, image_len);
	CREATE_CLEANUP struct create c = { 0 };
	struct err e = { 0 };

	free(body_text);
	free(image_text);
	/* Reading the request refuses anything else. */
	if (!json_object_is_type(body, json_type_object))
		return 0;
	if (create_check(body, &c, &e) < 0) {
		FUZZ_CHECK(e.kind && *e.text);
		return 0;
	}
	FUZZ_CHECK(json_text(c.config) && json_text(c.host_config) && json_text(c.networking) && json_text(c.warnings));
	plan(&c, json_object_is_type(image, json_type_object) ? image : NULL);
	return 0;
}
