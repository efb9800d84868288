/* A random UUID, as AWS names requests. */
#ifndef SOCKERLESS_LOCAL_UUID_H
#define SOCKERLESS_LOCAL_UUID_H

#include <stdio.h>

#include "lib/ids.h"

static inline void uuid_make(char ret[37])
{
	char hex[33];

	id_random(hex, 16);
	hex[12] = '4';
	hex[16] = "89ab"[hex[16] & 3];
	snprintf(ret, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

#endif
