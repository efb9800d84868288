#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent-gateway/agent/upgrade.h"

#define GOOD "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: abc\r\n\r\n"

static void statuses(void **state)
{
	static const struct {
		const char *head;
		int status;
	} cases[] = {
		{ "HTTP/1.1 101 Switching Protocols\r\n" GOOD, 101 },
		{ "HTTP/1.0 101\r\n" GOOD, 101 },
		{ "HTTP/1.1 101 x\r\nuPGRADE:WebSocket\r\nconnection: keep-alive, upgrade\r\nsec-websocket-accept:abc\r\n\r\n", 101 },
		{ "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 0 },
		{ "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: abcd\r\n\r\n", 0 },
		{ "HTTP/1.1 101 x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: abc\r\n\r\n", 0 },
		{ "HTTP/1.1 101 x\r\nSec-WebSocket-Extensions: permessage-deflate\r\n" GOOD, 0 },
		{ "HTTP/1.1 403 Forbidden\r\n\r\n", 403 },
		{ "HTTP/1.1 410\r\n\r\n", 410 },
		{ "HTTP/1.1 1010 x\r\n\r\n", 0 },
		{ "HTTP/2 101 x\r\n" GOOD, 0 },
		{ "SSH-2.0-OpenSSH\r\n\r\n", 0 },
		{ "\r\n\r\n", 0 },
		{ "HTTP/1.", 0 },
		{ "", 0 },
	};
	char head[512];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int status;

		snprintf(head, sizeof head, "%s", cases[i].head);
		status = upgrade_status(head, "abc");
		if (status != cases[i].status)
			fail_msg("case %zu gave %d", i, status);
	}
}

static void keys(void **state)
{
	char one[UPGRADE_KEY_LEN + 1], other[UPGRADE_KEY_LEN + 1];

	(void)state;
	upgrade_make_key(one);
	upgrade_make_key(other);
	assert_int_equal(strlen(one), UPGRADE_KEY_LEN);
	assert_string_not_equal(one, other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statuses),
		cmocka_unit_test(keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
