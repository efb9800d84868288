#include "lib/utf8.h"

static bool follows(unsigned char c, unsigned char low, unsigned char high)
{
	return c >= low && c <= high;
}

size_t utf8_character(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned char low = 0x80, high = 0xbf;
	size_t n;

	if (*s < 0x80)
		return *s ? 1 : 0;
	n = *s >= 0xc2 && *s <= 0xdf ? 2 : *s >= 0xe0 && *s <= 0xef ? 3 : *s >= 0xf0 && *s <= 0xf4 ? 4 : 0;
	/* The second byte's range excludes what is overlong, a surrogate or too large. */
	if (*s == 0xe0)
		low = 0xa0;
	else if (*s == 0xed)
		high = 0x9f;
	else if (*s == 0xf0)
		low = 0x90;
	else if (*s == 0xf4)
		high = 0x8f;
	for (size_t i = 1; i < n; i++) {
		if (!follows(s[i], low, high))
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return n;
}

bool utf8_valid(const char *text)
{
	size_t n;

	while ((n = utf8_character(text)))
		text += n;
	return !*text;
}
