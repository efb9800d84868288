/* Image references: "name", or "name" NUL "tag". What was parsed and written is the same reference. */
#include "tests/fuzz/fuzz.h"

#include "lib/docker/reference.h"

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static void check(const struct reference *r, char *text)
{
	REFERENCE_CLEANUP struct reference again = { 0 };
	struct err e = { 0 };

	FUZZ_CHECK(text && reference_parse(text, &again, &e) == 0);
	FUZZ_CHECK(same(r->domain, again.domain) && same(r->path, again.path) && same(r->digest, again.digest));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	size_t len;
	char *name = fuzz_text(&in, '\0', NULL), *tag = fuzz_rest(&in, &len), *familiar;
	REFERENCE_CLEANUP struct reference r = { 0 };
	struct err e = { 0 };

	if (reference_parse_with_tag(name, tag, &r, &e) == 0) {
		FUZZ_CHECK(r.domain && *r.domain && r.path && *r.path);
		FUZZ_CHECK(!r.tag || reference_tag_valid(r.tag));
		FUZZ_CHECK(reference_default_tag(&r, &e) == 0 && *reference_target(&r));
		/* They go into a URL as they are. */
		FUZZ_CHECK(!strpbrk(r.path, "?#%\\ \r\n") && !strstr(r.path, "..") && !strpbrk(reference_target(&r), "/?#%\\ \r\n"));
		check(&r, reference_full(&r));
		/* The short form can mean another one (docker.io/a.b/c), in dockerd too. */
		familiar = reference_familiar(&r);
		FUZZ_CHECK(familiar && *familiar);
		free(familiar);
	} else {
		FUZZ_CHECK(e.kind && *e.text && !r.domain);
	}
	free(name);
	free(tag);
	return 0;
}
