#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json.h"
#include "lib/registry/derive.h"
#include "lib/registry/image.h"
#include "lib/registry/transport.h"

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define LAYER(digest, type) "{\"mediaType\":\"" type "\",\"size\":3,\"digest\":\"" digest "\"}"
#define CONFIG "{\"mediaType\":\"" MEDIA_CONFIG_DOCKER "\",\"size\":5,\"digest\":\"" A "\"}"
#define MANIFEST(config, layers) "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_MANIFEST_DOCKER "\",\"config\":" config ",\"layers\":[" layers "]}"

static struct json_object *parse(const char *text)
{
	struct json_object *o = NULL;

	assert_int_equal(json_parse(text, strlen(text), &o, NULL), 0);
	return o;
}

static const struct {
	const char *entries, *digest;
} indexes[] = {
	{ "{\"digest\":\"" A "\",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}}", A },
	{ "{\"digest\":\"" A "\",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\",\"variant\":\"v3\"}},"
	  "{\"digest\":\"" B "\",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}}", B },
	{ "{\"digest\":\"" A "\",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\",\"variant\":\"v2\"}}", A },
	{ "{\"digest\":\"" A "\",\"platform\":{\"os\":\"windows\",\"architecture\":\"amd64\"}}", NULL },
	{ "{\"digest\":\"" A "\",\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"}}", NULL },
	{ "{\"digest\":\"sha256:short\",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}}", NULL },
	{ "1,null,[],{}", NULL },
	{ "", NULL },
};

static void chooses_platforms(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof indexes / sizeof *indexes; i++) {
		BUF_CLEANUP struct buf text = BUF_INIT;
		CLEANUP_JSON struct json_object *o = NULL;
		char digest[DIGEST_SIZE];
		struct err e = { 0 };

		buf_printf(&text, "{\"manifests\":[%s]}", indexes[i].entries);
		o = parse(text.data);
		if (image_choose_platform(o, "amd64", digest, &e) < 0) {
			assert_null(indexes[i].digest);
			assert_int_equal(e.kind, ERR_NOT_FOUND);
		} else {
			assert_string_equal(digest, indexes[i].digest);
		}
	}
}

static const struct {
	const char *text;
	enum err_kind kind;
} manifests[] = {
	{ MANIFEST(CONFIG, LAYER(B, MEDIA_LAYER_DOCKER)), ERR_NONE },
	{ MANIFEST(CONFIG, ""), ERR_NONE },
	{ MANIFEST(CONFIG, LAYER(B, "application/vnd.oci.image.layer.v1.tar+zstd")), ERR_NONE },
	{ MANIFEST(CONFIG, LAYER(B, "text/plain")), ERR_NOT_SUPPORTED },
	{ MANIFEST(CONFIG, LAYER("x", MEDIA_LAYER_DOCKER)), ERR_UPSTREAM },
	{ MANIFEST(CONFIG, "7"), ERR_NOT_SUPPORTED },
	{ MANIFEST("{}", ""), ERR_UPSTREAM },
	{ MANIFEST("{\"mediaType\":\"x\",\"size\":5,\"digest\":\"" A "\"}", ""), ERR_NOT_SUPPORTED },
	{ MANIFEST("{\"mediaType\":\"x\",\"size\":99999999,\"digest\":\"" A "\"}", ""), ERR_TOO_LARGE },
	{ "{\"schemaVersion\":2,\"config\":" CONFIG "}", ERR_UPSTREAM },
	{ "{\"schemaVersion\":1}", ERR_NOT_SUPPORTED },
	{ "{}", ERR_NOT_SUPPORTED },
	{ "x", ERR_UPSTREAM },
};

static void parses_manifests(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof manifests / sizeof *manifests; i++) {
		struct registry_manifest m = { .body = (char *)(uintptr_t)manifests[i].text, .len = strlen(manifests[i].text) };
		IMAGE_CLEANUP struct image image = { 0 };
		struct err e = { 0 };

		if (image_parse_manifest(&m, &image, &e) < 0)
			assert_int_not_equal(e.kind, ERR_NONE);
		if (e.kind != manifests[i].kind)
			fail_msg("%s: kind %d, %s", manifests[i].text, e.kind, e.text);
	}
}

static const struct {
	const char *config;
	enum err_kind kind;
} configs[] = {
	{ "{\"os\":\"linux\",\"rootfs\":{\"diff_ids\":[\"" A "\"]}}", ERR_NONE },
	{ "{\"os\":\"windows\",\"rootfs\":{\"diff_ids\":[\"" A "\"]}}", ERR_NOT_SUPPORTED },
	{ "{\"rootfs\":{\"diff_ids\":[]}}", ERR_UPSTREAM },
	{ "{\"rootfs\":{\"diff_ids\":[7]}}", ERR_UPSTREAM },
	{ "{\"rootfs\":{\"diff_ids\":{}}}", ERR_UPSTREAM },
	{ "[]", ERR_UPSTREAM },
	{ "", ERR_UPSTREAM },
};

static void parses_configs(void **state)
{
	const char *text = MANIFEST(CONFIG, LAYER(B, MEDIA_LAYER_DOCKER));
	struct registry_manifest m = { .body = (char *)(uintptr_t)text, .len = strlen(text) };

	(void)state;
	for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
		IMAGE_CLEANUP struct image image = { 0 };
		const char *config = configs[i].config;
		struct err e = { 0 };

		assert_int_equal(image_parse_manifest(&m, &image, &e), 0);
		assert_int_equal(image_parse_config(&image, config, strlen(config), &e), -1); /* not what the digest says */
		e.kind = ERR_NONE;
		assert_int_equal(digest_of(config, strlen(config), image.id, &e), 0);
		image_parse_config(&image, config, strlen(config), &e);
		if (e.kind != configs[i].kind)
			fail_msg("%s: kind %d, %s", config, e.kind, e.text);
	}
}

static void derives_configs(void **state)
{
	CLEANUP_JSON struct json_object *base = parse("{\"created\":\"c\",\"container_config\":{},\"config\":{\"Cmd\":[\"x\"],\"Entrypoint\":null,"
						      "\"User\":\"u\"},\"rootfs\":{\"diff_ids\":[\"" A "\"]}}");
	CLEANUP_JSON struct json_object *notes = parse("[\"told\"]");
	CLEANUP_JSON struct json_object *o = NULL;
	CLEANUP_JSON struct json_object *again = NULL;

	(void)state;
	assert_int_equal(derive_config(base, notes, &o, NULL), 0);
	again = derive_config_notes(o);
	assert_string_equal(json_text(again), "[\"told\"]");
	json_object_object_del(json_get(o, "config"), "Labels");
	assert_string_equal(json_text(o), "{\"created\":\"c\",\"config\":{\"Entrypoint\":[\"/.sockerless/agent\"],\"User\":\"u\",\"WorkingDir\":\"/\"},"
					  "\"rootfs\":{\"diff_ids\":[\"" A "\"]},\"history\":[{\"created\":\"1970-01-01T00:00:00Z\","
					  "\"created_by\":\"layer\"},{\"created\":\"1970-01-01T00:00:00Z\",\"created_by\":\"sockerless agent\"},"
					  "{\"created\":\"1970-01-01T00:00:00Z\",\"created_by\":\"sockerless files\"}]}");
	assert_non_null(json_get(base, "container_config"));
}

static const struct {
	const char *challenge, *key, *value;
} challenges[] = {
	{ "Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:x:pull,push\"", "realm", "https://a/t" },
	{ "Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:x:pull,push\"", "scope", "repository:x:pull,push" },
	{ "Bearer realm=\"r\", service=plain", "service", "plain" },
	{ "Bearer Realm=\"r\"", "realm", "r" },
	{ "Bearer realm=\"open", "realm", "open" },
	{ "Bearer x,,=,realm=\"r\"", "realm", "r" },
	{ "Bearer", "realm", NULL },
	{ "", "realm", NULL },
	{ "Bearer realm", "realm", NULL },
};

static void reads_challenges(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof challenges / sizeof *challenges; i++) {
		char *value = registry_challenge_value(challenges[i].challenge, challenges[i].key);

		if (!value || !challenges[i].value)
			assert_true(!value && !challenges[i].value);
		else
			assert_string_equal(value, challenges[i].value);
		free(value);
	}
}

static void knows_digests(void **state)
{
	char digest[DIGEST_SIZE];

	(void)state;
	assert_true(digest_valid(A));
	assert_false(digest_valid(A "0"));
	assert_false(digest_valid("sha256:AAAA"));
	assert_false(digest_valid("sha512:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
	assert_false(digest_valid(NULL));
	assert_int_equal(digest_of("", 0, digest, NULL), 0);
	assert_string_equal(digest, "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chooses_platforms), cmocka_unit_test(parses_manifests), cmocka_unit_test(parses_configs),
		cmocka_unit_test(derives_configs), cmocka_unit_test(reads_challenges), cmocka_unit_test(knows_digests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
