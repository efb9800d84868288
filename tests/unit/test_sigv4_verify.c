/* The vectors that AWS published for Signature Version 4, and what must not pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "local-lambda/sigv4_verify.h"

#define NOW 1440938160 /* 20150830T123600Z */
#define SCOPE "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature="
#define VANILLA SCOPE "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
#define QUERY SCOPE "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"

static int verify(const char *method, const char *query, const char *authorization, int64_t now, struct sigv4_failure *why)
{
	const struct sigv4_expected x = { .access_key_id = "AKIDEXAMPLE", .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
					  .session_token = "", .region = "us-east-1", .service = "service", .now = now };
	struct request r = { .method = strdup(method), .path = strdup("/"), .query = strdup(query) };
	int rc;

	assert_true(request_add_header(&r, "Host", "example.amazonaws.com"));
	assert_true(request_add_header(&r, "X-Amz-Date", "20150830T123600Z"));
	assert_true(request_add_header(&r, "Authorization", authorization));
	rc = sigv4_verify(&r, &x, why);
	request_free(&r);
	return rc;
}

static void accepts_published_vectors(void **state)
{
	struct sigv4_failure why;

	(void)state;
	assert_int_equal(verify("GET", "", VANILLA, NOW, &why), 0);
	assert_int_equal(verify("GET", "Param2=value2&Param1=value1", QUERY, NOW, &why), 0);
	assert_int_equal(verify("GET", "Param1=value1&Param2=value2", QUERY, NOW + SIGV4_SKEW_SECONDS, &why), 0);
}

static void refuses_what_was_changed(void **state)
{
	struct sigv4_failure why;

	(void)state;
	assert_int_equal(verify("POST", "", VANILLA, NOW, &why), -1);
	assert_string_equal(why.type, "InvalidSignatureException");
	assert_int_equal(verify("GET", "a=1", VANILLA, NOW, &why), -1);
	assert_int_equal(verify("GET", "", QUERY, NOW, &why), -1);
	assert_int_equal(verify("GET", "%zz=1", QUERY, NOW, &why), -1);
	assert_int_equal(verify("GET", "", VANILLA, NOW + SIGV4_SKEW_SECONDS + 1, &why), -1);
	assert_non_null(strstr(why.text, "Signature expired"));
	assert_int_equal(verify("GET", "", VANILLA, NOW - SIGV4_SKEW_SECONDS - 1, &why), -1);
	assert_non_null(strstr(why.text, "not yet current"));
}

static void refuses_broken_headers(void **state)
{
	static const char *const headers[] = {
		"", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256 Credential=, SignedHeaders=, Signature=",
		"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service, SignedHeaders=host, Signature=0",
		"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=, Signature=0",
		"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date;none, Signature=0",
		SCOPE, SCOPE "5fa0",
	};
	struct sigv4_failure why;

	(void)state;
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
		if (verify("GET", "", headers[i], NOW, &why) != -1)
			fail_msg("\"%s\" passes", headers[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_published_vectors),
		cmocka_unit_test(refuses_what_was_changed),
		cmocka_unit_test(refuses_broken_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
