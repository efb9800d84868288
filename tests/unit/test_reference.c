#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/docker/reference.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define BAD "invalid reference format"

static const struct {
	const char *text, *full, *familiar, *error;
} cases[] = {
	{ "busybox", "docker.io/library/busybox", "busybox", NULL },
	{ "busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36", NULL },
	{ "a/b", "docker.io/a/b", "a/b", NULL },
	{ "docker.io/busybox", "docker.io/library/busybox", "busybox", NULL },
	{ "index.docker.io/a/b:x", "docker.io/a/b:x", "a/b:x", NULL },
	{ "docker.io/library/a/b", "docker.io/library/a/b", "library/a/b", NULL },
	{ "127.0.0.1:5000/gold:1", "127.0.0.1:5000/gold:1", "127.0.0.1:5000/gold:1", NULL },
	{ "localhost/x", "localhost/x", "localhost/x", NULL },
	{ "[::1]:5000/x:y", "[::1]:5000/x:y", "[::1]:5000/x:y", NULL },
	{ "UPPER/x", "UPPER/x", "UPPER/x", NULL },
	{ "a.b/c/d__e/f-----g.h_i", "a.b/c/d__e/f-----g.h_i", "a.b/c/d__e/f-----g.h_i", NULL },
	{ "busybox@sha256:" HEX, "docker.io/library/busybox@sha256:" HEX, "busybox@sha256:" HEX, NULL },
	{ "busybox:1@sha256:" HEX, "docker.io/library/busybox:1@sha256:" HEX, "busybox:1@sha256:" HEX, NULL },
	{ "localhost:5000", "docker.io/library/localhost:5000", "localhost:5000", NULL },
	{ "", NULL, NULL, BAD },
	{ "BAD", NULL, NULL, "invalid reference format: repository name (library/BAD) must be lowercase" },
	{ "a/Bad:x", NULL, NULL, "invalid reference format: repository name (a/Bad) must be lowercase" },
	{ HEX, NULL, NULL, "invalid repository name (" HEX "), cannot specify 64-byte hexadecimal strings" },
	{ "a:", NULL, NULL, BAD },
	{ "a:.b", NULL, NULL, BAD },
	{ ":x", NULL, NULL, BAD },
	{ "/x", NULL, NULL, BAD },
	{ "a//b", NULL, NULL, BAD },
	{ "a/", NULL, NULL, BAD },
	{ "-a", NULL, NULL, BAD },
	{ "a-", NULL, NULL, BAD },
	{ "a..b", NULL, NULL, BAD },
	{ "a___b", NULL, NULL, BAD },
	{ "a._b", NULL, NULL, BAD },
	{ "a b", NULL, NULL, BAD },
	{ "a\n", NULL, NULL, BAD },
	{ "-x.y/a", NULL, NULL, BAD },
	{ "x:a/b", NULL, NULL, BAD },
	{ "a@sha256:12", NULL, NULL, BAD },
	{ "a@md5:" HEX, NULL, NULL, "unsupported digest algorithm" },
	{ "a@sha256:" HEX "00", NULL, NULL, "invalid checksum digest length" },
	{ "../../etc/passwd", NULL, NULL, BAD },
};

static void parses_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		REFERENCE_CLEANUP struct reference r = { 0 };
		struct err e = { 0 };
		int rc = reference_parse(cases[i].text, &r, &e);
		char *full, *familiar;

		if ((rc < 0) != (cases[i].error != NULL))
			fail_msg("\"%s\" gave %d (%s)", cases[i].text, rc, e.text);
		if (rc < 0) {
			assert_string_equal(e.text, cases[i].error);
			continue;
		}
		full = reference_full(&r);
		familiar = reference_familiar(&r);
		assert_string_equal(full, cases[i].full);
		assert_string_equal(familiar, cases[i].familiar);
		free(full);
		free(familiar);
	}
}

static void takes_tag_and_digest_apart_from_the_name(void **state)
{
	REFERENCE_CLEANUP struct reference r = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(reference_parse_with_tag("a:1", "2", &r, &e), 0);
	assert_string_equal(r.tag, "2");
	reference_free(&r);
	assert_int_equal(reference_parse_with_tag("a", "sha256:" HEX, &r, &e), 0);
	assert_string_equal(reference_target(&r), "sha256:" HEX);
	reference_free(&r);
	assert_int_equal(reference_parse_with_tag("a", "", &r, &e), 0);
	assert_null(r.tag);
	assert_string_equal(reference_target(&r), "latest");
	assert_int_equal(reference_default_tag(&r, &e), 0);
	assert_string_equal(r.tag, "latest");
	reference_free(&r);
	assert_int_equal(reference_parse_with_tag("a", "b/c", &r, &e), -1);
	assert_string_equal(e.text, BAD);
}

static void bounds_lengths(void **state)
{
	char text[400];
	REFERENCE_CLEANUP struct reference r = { 0 };
	struct err e = { 0 };

	(void)state;
	memset(text, 'a', sizeof text);
	text[sizeof text - 1] = '\0';
	assert_int_equal(reference_parse(text, &r, &e), -1);
	assert_string_equal(e.text, "repository name must not be more than 255 characters");
	text[1] = ':';
	text[2 + 128] = '\0';
	assert_int_equal(reference_parse(text, &r, &e), 0);
	reference_free(&r);
	text[2 + 128] = 'a';
	text[2 + 129] = '\0';
	assert_int_equal(reference_parse(text, &r, &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_table), cmocka_unit_test(takes_tag_and_digest_apart_from_the_name),
		cmocka_unit_test(bounds_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
