#include "lib/docker/detach_keys.h"

#include <string.h>

#include "lib/ids.h"

/* ctrl-@ is 0, ctrl-a is 1, ctrl-_ is 31; -1: no such key. */
static int control_key(char c)
{
	static const char signs[] = "[\\]^_";
	const char *sign = strchr(signs, c);

	if (c == '@')
		return 0;
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 1;
	return c && sign ? 27 + (int)(sign - signs) : -1;
}

static int parse_key(const char *text, size_t len)
{
	if (len == 1)
		return (unsigned char)*text;
	if (len == 3 && memcmp(text, "DEL", 3) == 0)
		return 127;
	return len == 6 && memcmp(text, "ctrl-", 5) == 0 ? control_key(text[5]) : -1;
}

int detach_keys_hex(const char *text, char ret[DETACH_KEYS_HEX_MAX], struct err *e)
{
	unsigned char keys[DETACH_KEYS_COUNT_MAX];
	size_t n = 0;

	for (const char *at = text; *text;) {
		size_t len = strcspn(at, ",");
		int key = parse_key(at, len);

		if (key < 0 || n == sizeof keys)
			return err_set(e, ERR_INVALID, "Invalid detach keys (%.100s) provided", text);
		keys[n++] = (unsigned char)key;
		if (!at[len])
			break;
		at += len + 1;
	}
	hex_encode(ret, keys, n);
	return 0;
}
