/* Manifest and config as a registry might send them, two documents with a NUL between; what passes can be sealed and derived. */
#include "tests/fuzz/fuzz.h"

#include "lib/json.h"
#include "lib/registry/derive.h"
#include "lib/registry/image.h"

static void check_config(struct image *i, const char *text, size_t len)
{
	CLEANUP_JSON struct json_object *derived = NULL;
	struct err e = { 0 };

	/* A registry that lies can make the digest agree. */
	if (digest_of(text, len, i->id, &e) < 0 || image_parse_config(i, text, len, &e) < 0) {
		FUZZ_CHECK(e.kind && *e.text);
		return;
	}
	for (size_t n = 0; n < i->n_layers; n++)
		FUZZ_CHECK(digest_valid(i->layers[n].digest) && digest_valid(i->layers[n].diff_id) && i->layers[n].size >= 0);
	if (derive_config(i->config, NULL, &derived, &e) == 0)
		FUZZ_CHECK(json_text(derived));
	free(i->config_text);
	free(i->manifest);
	i->config_text = i->manifest = NULL;
	if (image_seal(i, &e) == 0)
		FUZZ_CHECK(digest_valid(i->id) && digest_valid(i->digest) && i->manifest && i->config_text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct registry_manifest m = { .digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" };
	CLEANUP_JSON struct json_object *index = NULL;
	IMAGE_CLEANUP struct image i = { 0 };
	char digest[DIGEST_SIZE];
	struct err e = { 0 };
	size_t len;
	char *config;

	m.body = fuzz_text(&in, '\0', &m.len);
	config = fuzz_rest(&in, &len);
	if (json_parse(m.body, m.len, &index, &e) == 0 && image_choose_platform(index, "amd64", digest, &e) == 0)
		FUZZ_CHECK(digest_valid(digest));
	if (image_parse_manifest(&m, &i, &e) == 0) {
		FUZZ_CHECK(i.n_layers <= IMAGE_LAYERS_MAX && i.size >= 0 && digest_valid(i.id));
		check_config(&i, config, len);
	} else {
		FUZZ_CHECK(e.kind && *e.text && !i.manifest && !i.layers);
	}
	free(m.body);
	free(config);
	return 0;
}
