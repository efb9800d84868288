/* A request that local-lambda checks the signature of: path, query, Authorization and more headers, a line each, then the body. */
#include "tests/fuzz/fuzz.h"

#include "local-lambda/sigv4_verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sigv4_expected x = { .access_key_id = "AKIDEXAMPLE", .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
						 .session_token = "", .region = "us-east-1", .service = "service", .now = 1440938160 };
	struct fuzz_input in = { data, size };
	struct request r = { .method = fuzz_copy("GET", 3) };
	struct sigv4_failure why = { 0 };
	char *value;

	r.path = fuzz_text(&in, '\n', NULL);
	r.query = fuzz_text(&in, '\n', NULL);
	FUZZ_CHECK(request_add_header(&r, "X-Amz-Date", "20150830T123600Z") && request_add_header(&r, "Host", "example.amazonaws.com"));
	for (int i = 0; i < 4; i++) {
		char *line = fuzz_text(&in, '\n', NULL), *colon = strchr(line, ':');

		if (i == 0)
			FUZZ_CHECK(request_add_header(&r, "Authorization", line));
		else if (colon) {
			*colon = '\0';
			FUZZ_CHECK(request_add_header(&r, line, colon + 1));
		}
		free(line);
	}
	buf_append(&r.body, in.data, in.len);
	if (sigv4_verify(&r, &x, &why) < 0)
		FUZZ_CHECK(why.type && *why.text);
	value = request_query(&r, "Marker");
	FUZZ_CHECK(!value || strlen(value) <= strlen(r.query));
	free(value);
	request_free(&r);
	return 0;
}
