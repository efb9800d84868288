#include "lib/docker/versions.h"

#include <limits.h>

#define NEWEST INT_MAX

bool version_shows(enum version_field f, int minor)
{
	static const struct {
		int first, last;
	} fields[] = {
#define FIELD(symbol, object, field, first, last) { first, last },
#include "lib/docker/versions.def"
#undef FIELD
	};

	return fields[f].first <= minor && minor <= fields[f].last;
}
