#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/aws/sigv4.h"

#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define TIME_2015 1440938160 /* 20150830T123600Z */

static struct sigv4_request vanilla(void)
{
	static const struct sigv4_header headers[] = { { "Host", "example.amazonaws.com" } };

	return (struct sigv4_request){
		.method = "GET", .path = "/", .headers = headers, .n_headers = 1, .payload_hash = EMPTY_HASH,
		.time = TIME_2015, .access_key_id = "AKIDEXAMPLE",
		.secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", .region = "us-east-1", .service = "service",
	};
}

/* Signatures of AWS's published test suite. */
static const struct {
	const char *name, *method, *path, *query, *signature;
} suite[] = {
	{ "get-vanilla", "GET", "/", NULL, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "post-vanilla", "POST", "/", NULL, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b" },
	{ "get-vanilla-query-order-key-case", "GET", "/", "Param2=value2&Param1=value1",
	  "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500" },
	{ "get-vanilla-empty-query-key", "GET", "/", "Param1=value1",
	  "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb" },
	{ "post-vanilla-query", "POST", "/", "Param1=value1", "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11" },
	{ "get-utf8", "GET", "/\xe1\x88\xb4", NULL, "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85" },
	{ "get-space", "GET", "/example space/", NULL, "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741" },
	{ "get-vanilla-utf8-query", "GET", "/", "\xe1\x88\xb4=bar",
	  "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04" },
};

static void matches_published_signatures(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof suite / sizeof *suite; i++) {
		BUF_CLEANUP struct buf out = BUF_INIT;
		struct sigv4_request r = vanilla();
		const char *signature;

		r.method = suite[i].method;
		r.path = suite[i].path;
		r.query = suite[i].query;
		assert_int_equal(sigv4_sign(&r, &out, NULL), 0);
		signature = strstr(out.data, "Signature=");
		assert_non_null(signature);
		if (strcmp(signature + 10, suite[i].signature))
			fail_msg("%s: %s", suite[i].name, out.data);
	}
}

static void writes_the_whole_header(void **state)
{
	BUF_CLEANUP struct buf out = BUF_INIT;
	struct sigv4_request r = vanilla();

	(void)state;
	assert_int_equal(sigv4_sign(&r, &out, NULL), 0);
	assert_string_equal(out.data,
			    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, "
			    "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

static void joins_and_trims_headers(void **state)
{
	static const struct sigv4_header headers[] = {
		{ "Host", "example.amazonaws.com" }, { "My-Header1", "  value4  " }, { "My-Header1", "value1" },
		{ "a-header", "a   b  c" },
	};
	BUF_CLEANUP struct buf out = BUF_INIT;
	struct sigv4_request r = vanilla();

	(void)state;
	r.headers = headers;
	r.n_headers = 4;
	assert_int_equal(sigv4_canonical(&r, &out, NULL), 0);
	assert_string_equal(out.data, "GET\n/\n\na-header:a b c\nhost:example.amazonaws.com\nmy-header1:value4,value1\n"
				      "x-amz-date:20150830T123600Z\n\na-header;host;my-header1;x-amz-date\n" EMPTY_HASH);
}

/* AWS's "get-header-value-order" and trimming cases sign to these. */
static void matches_published_header_case(void **state)
{
	static const struct sigv4_header headers[] = {
		{ "Host", "example.amazonaws.com" }, { "My-Header1", "value4" }, { "My-Header1", "value1" },
		{ "My-Header1", "value3" }, { "My-Header1", "value2" }, { "X-Amz-Date", "20150830T123600Z" },
	};
	BUF_CLEANUP struct buf out = BUF_INIT;
	struct sigv4_request r = vanilla();

	(void)state;
	r.headers = headers;
	r.n_headers = 6;
	assert_int_equal(sigv4_sign(&r, &out, NULL), 0);
	assert_non_null(strstr(out.data, "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"));
}

static void signs_the_session_token(void **state)
{
	BUF_CLEANUP struct buf out = BUF_INIT;
	struct sigv4_request r = vanilla();

	(void)state;
	r.session_token = "TOKEN";
	assert_int_equal(sigv4_canonical(&r, &out, NULL), 0);
	assert_non_null(strstr(out.data, "x-amz-security-token:TOKEN\n\nhost;x-amz-date;x-amz-security-token\n"));
}

static void escapes_the_wire_path_once_more(void **state)
{
	BUF_CLEANUP struct buf out = BUF_INIT;
	struct sigv4_request r = vanilla();

	(void)state;
	r.path = "/2017-03-31/tags/arn%3Aaws%3Alambda";
	assert_int_equal(sigv4_canonical(&r, &out, NULL), 0);
	assert_non_null(strstr(out.data, "\n/2017-03-31/tags/arn%253Aaws%253Alambda\n"));
}

static const struct {
	const char *wire, *canonical;
} queries[] = {
	{ "", "" },
	{ "b=2&a=1", "a=1&b=2" },
	{ "a=2&a=1", "a=1&a=2" },
	{ "flag", "flag=" },
	{ "flag&", "flag=" },
	{ "a=b=c", "a=b%3Dc" },
	{ "a=%2f", "a=%2F" },
	{ "a=%zz", "a=%25zz" },
	{ "a-b=1&a=2", "a=2&a-b=1" },
	{ "Marker=x%2By", "Marker=x%2By" },
};

static void sorts_and_normalizes_queries(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
		BUF_CLEANUP struct buf out = BUF_INIT;
		BUF_CLEANUP struct buf want = BUF_INIT;
		struct sigv4_request r = vanilla();

		r.query = queries[i].wire;
		assert_int_equal(sigv4_canonical(&r, &out, NULL), 0);
		buf_printf(&want, "GET\n/\n%s\nhost:", queries[i].canonical);
		if (strncmp(out.data, want.data, want.len))
			fail_msg("%s: %s", queries[i].wire, out.data);
	}
}

static void refuses_too_much(void **state)
{
	BUF_CLEANUP struct buf query = BUF_INIT;
	BUF_CLEANUP struct buf out = BUF_INIT;
	struct sigv4_request r = vanilla();
	struct err e = { 0 };

	(void)state;
	for (int i = 0; i <= SIGV4_QUERY_MAX; i++)
		buf_printf(&query, "k%d=v&", i);
	r.query = query.data;
	assert_int_equal(sigv4_sign(&r, &out, &e), -1);
	assert_int_equal(e.kind, ERR_INVALID);
	r = vanilla();
	r.n_headers = SIGV4_HEADERS_MAX + 1;
	assert_int_equal(sigv4_sign(&r, &out, &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches_published_signatures), cmocka_unit_test(writes_the_whole_header),
		cmocka_unit_test(joins_and_trims_headers), cmocka_unit_test(matches_published_header_case),
		cmocka_unit_test(signs_the_session_token), cmocka_unit_test(escapes_the_wire_path_once_more),
		cmocka_unit_test(sorts_and_normalizes_queries), cmocka_unit_test(refuses_too_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
