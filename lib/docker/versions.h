/* Which fields a version of the API knows: lib/docker/versions.def. */
#ifndef SOCKERLESS_DOCKER_VERSIONS_H
#define SOCKERLESS_DOCKER_VERSIONS_H

#include <stdbool.h>

enum version_field {
#define FIELD(symbol, object, field, first, last) VERSION_##symbol,
#include "lib/docker/versions.def"
#undef FIELD
};

/* The first version of each, for tables: VERSION_FIRST_ENDPOINT_DNS_NAMES and so on. */
enum version_first {
#define FIELD(symbol, object, field, first, last) VERSION_FIRST_##symbol = (first),
#include "lib/docker/versions.def"
#undef FIELD
};

/* Does a client of API 1.`minor` see it? */
bool version_shows(enum version_field f, int minor);

#endif
