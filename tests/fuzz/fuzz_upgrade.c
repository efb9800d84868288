/* The answer to the agent's WebSocket handshake. */
#include "tests/fuzz/fuzz.h"

#include "agent-gateway/agent/upgrade.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char accept[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
	struct fuzz_input in = { data, size };
	size_t len;
	char *head = fuzz_rest(&in, &len), *before = fuzz_copy(head, len);
	int status = upgrade_status(head, accept);

	FUZZ_CHECK(status == 0 || (status >= 100 && status <= 599));
	FUZZ_CHECK(status != 101 || strstr(before, accept));
	free(head);
	free(before);
	return 0;
}
