/* Errors and challenges of registries: a status byte, the WWW-Authenticate value, a newline, the body. */
#include "tests/fuzz/fuzz.h"

#include "lib/registry/transport.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct registry_reply reply = { .status = 400 + fuzz_byte(&in) % 150 };
	char *challenge = fuzz_text(&in, '\n', NULL), *body, *value;
	struct err e = { 0 };
	char code[16];

	body = fuzz_rest(&in, &reply.body.len);
	reply.body.data = body;
	FUZZ_CHECK(registry_failure(&reply, &e) < 0 && e.kind && *e.text);
	registry_error_code(&reply, code, sizeof code);
	FUZZ_CHECK(strlen(code) < sizeof code);
	for (const char *const *key = (const char *const[]){ "realm", "service", "scope", "error", NULL }; *key; key++) {
		value = registry_challenge_value(challenge, *key);
		FUZZ_CHECK(!value || strlen(value) <= strlen(challenge));
		free(value);
	}
	free(challenge);
	free(body);
	return 0;
}
