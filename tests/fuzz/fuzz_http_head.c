/* Requests that reach the gateway: a byte that says how they are cut, then the bytes. However they are cut, the same request is read. */
#include "tests/fuzz/fuzz.h"

#include "agent-gateway/conn.h"
#include "agent-gateway/request.h"

struct seen {
	struct request *request;
	size_t used;
	bool failed;
};

static struct seen feed(struct fuzz_input in, uint8_t cut)
{
	struct seen s = { .request = request_new() };

	FUZZ_CHECK(s.request);
	while (in.len && !request_done(s.request)) {
		size_t n = fuzz_cut(&cut, in.len);
		char *part;
		long used;

		part = fuzz_copy(in.data, n);
		used = request_feed(s.request, part, n);
		free(part);
		if (used < 0) {
			s.failed = true;
			break;
		}
		FUZZ_CHECK((size_t)used <= n && ((size_t)used == n || request_done(s.request)));
		s.used += (size_t)used;
		in.data += used;
		in.len -= (size_t)used;
	}
	return s;
}

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	uint8_t how = fuzz_byte(&in);
	struct seen whole = feed(in, 0), parts = feed(in, how | 2);

	FUZZ_CHECK(whole.failed == parts.failed);
	FUZZ_CHECK(strlen(request_target(whole.request)) <= CONN_HEAD_MAX);
	if (!whole.failed && request_done(whole.request)) {
		FUZZ_CHECK(request_done(parts.request) && whole.used == parts.used);
		FUZZ_CHECK(same(request_target(whole.request), request_target(parts.request)));
		FUZZ_CHECK(same(request_header(whole.request, "upgrade"), request_header(parts.request, "upgrade")));
		FUZZ_CHECK(same(request_header(whole.request, "sec-websocket-key"), request_header(parts.request, "sec-websocket-key")));
	}
	request_free(whole.request);
	request_free(parts.request);
	return 0;
}
