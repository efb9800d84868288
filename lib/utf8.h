/* Well-formed UTF-8 (RFC 3629): no surrogates, nothing overlong, nothing above U+10FFFF. */
#ifndef SOCKERLESS_UTF8_H
#define SOCKERLESS_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the well-formed character that `text` (ended by NUL) begins with; 0 if it begins with none. */
size_t utf8_character(const char *text);

bool utf8_valid(const char *text);

#endif
