#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "local-lambda/image_fetch.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void references(void **state)
{
	static const struct {
		const char *uri, *host, *repo, *reference;
	} cases[] = {
		{ "127.0.0.1:5000/a@sha256:" HEX, "127.0.0.1:5000", "a", "sha256:" HEX },
		{ "127.0.0.1:5000/a/b-c:v1.2", "127.0.0.1:5000", "a/b-c", "v1.2" },
		{ "127.0.0.1:5000/a/b:v1@sha256:" HEX, "127.0.0.1:5000", "a/b", "sha256:" HEX },
		{ "localhost:1/a", "localhost:1", "a", "latest" },
		{ "[::1]:5000/a:x", "[::1]:5000", "a", "x" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct image_source source;
		struct err e;

		assert_int_equal(image_source_parse(&source, cases[i].uri, NULL, &e), 0);
		assert_string_equal(source.host, cases[i].host);
		assert_string_equal(source.repo, cases[i].repo);
		assert_string_equal(source.reference, cases[i].reference);
	}
}

static void refused_references(void **state)
{
	static const char *const wrong[] = {
		"", "a", "/a", "127.0.0.1:5000", "127.0.0.1:5000/", "127.0.0.1:5000/:x", "127.0.0.1:5000/a:", "127.0.0.1:5000/a@sha256:12",
		"127.0.0.1:5000/a/../b:x", "127.0.0.1:5000/A:x", "127.0.0.1:5000/a:x/y", "127.0.0.1:5000/a?b:x", "example.com/a:x",
		"10.0.0.1:5000/a:x", "127.0.0.1.example.com/a:x", "localhost.example.com:5000/a:x", "user@127.0.0.1:5000/a:x",
	};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct image_source source;
		struct err e;

		assert_true(image_source_parse(&source, wrong[i], NULL, &e) < 0);
		assert_int_equal(e.kind, ERR_INVALID);
	}
}

static void digests(void **state)
{
	assert_string_equal(digest_hex("sha256:" HEX), HEX);
	assert_null(digest_hex(NULL));
	assert_null(digest_hex(HEX));
	assert_null(digest_hex("sha256:" HEX "0"));
	assert_null(digest_hex("sha256:../../etc/passwd"));
	assert_null(digest_hex("sha256:ABCDEF6789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(references),
		cmocka_unit_test(refused_references),
		cmocka_unit_test(digests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
