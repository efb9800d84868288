#include "lib/ids.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void hex_encode(char *hex, const void *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = data;

	for (size_t i = 0; i < len; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	hex[2 * len] = '\0';
}

void id_random(char *hex, size_t bytes)
{
	unsigned char raw[64];

	/* Up to 256 bytes getrandom gives all or nothing; without it no secret can be made. */
	if (bytes > sizeof raw || getrandom(raw, bytes, 0) != (ssize_t)bytes)
		abort();
	hex_encode(hex, raw, bytes);
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool hex_decode(void *data, size_t len, const char *hex)
{
	unsigned char *bytes = data;

	if (strlen(hex) != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = digit_value(hex[2 * i]);
		int low = digit_value(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

bool hex_is(const char *text, size_t max)
{
	size_t n = strspn(text, "0123456789abcdef");

	return n > 0 && n <= max && !text[n];
}
