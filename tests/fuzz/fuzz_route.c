/* Method and target of a request against the route table: "METHOD target". */
#include "tests/fuzz/fuzz.h"

#include "fcgi/route.h"

static void check(const char *method, const char *uri, int depth)
{
	struct route_match m;
	struct err e = { 0 };

	if (route_match(method, uri, &m, &e) < 0)
		abort();
	switch (m.result) {
	case ROUTE_FOUND:
		FUZZ_CHECK(m.handler_name || m.missing_status >= 400);
		FUZZ_CHECK(m.minor >= 24 && m.minor <= 47);
		break;
	case ROUTE_MOVED:
		/* A redirect leads to a clean path, on this host. */
		FUZZ_CHECK(m.location && m.location[0] == '/' && m.location[1] != '/');
		FUZZ_CHECK(!strpbrk(m.location, "\r\n\\"));
		FUZZ_CHECK(depth == 0);
		check(method, m.location, depth + 1);
		break;
	default:
		break;
	}
	route_match_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	char *method = fuzz_text(&in, ' ', NULL);
	size_t len;
	char *uri = fuzz_rest(&in, &len), *decoded;

	check(method, uri, 0);
	if (route_decode(uri, len, len & 1, &decoded)) {
		FUZZ_CHECK(strlen(decoded) <= len);
		free(decoded);
	}
	free(method);
	free(uri);
	return 0;
}
