/* Random identifiers and hex. */
#ifndef SOCKERLESS_IDS_H
#define SOCKERLESS_IDS_H

#include <stdbool.h>
#include <stddef.h>

#define ID_HEX_LEN 64 /* a container's, image's or exec's id */

/* Fills `hex` with 2 * bytes lower-case hex digits and a NUL from the kernel's random source. Aborts if there is none. */
void id_random(char *hex, size_t bytes);

void hex_encode(char *hex, const void *data, size_t len);
/* False unless `hex` is exactly 2 * len lower- or upper-case hex digits. */
bool hex_decode(void *data, size_t len, const char *hex);
/* Every character of `text` is one of 0-9a-f, and there are 1 to max of them. */
bool hex_is(const char *text, size_t max);

#endif
