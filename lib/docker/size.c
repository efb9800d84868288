#include "lib/docker/size.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool parse(const char *text, int base, int64_t *ret)
{
	static const char units[] = "bkmgtp";
	char *end;
	double n = strtod(text, &end);
	int power = 0;

	if (end == text || !isdigit((unsigned char)*text))
		return false;
	if (*end == ' ')
		end++;
	if (*end) {
		const char *unit = strchr(units, tolower((unsigned char)*end));

		if (!unit)
			return false;
		power = (int)(unit - units);
		end++;
		if (power && tolower((unsigned char)*end) == 'i')
			end++;
		if (power && tolower((unsigned char)*end) == 'b')
			end++;
	}
	while (power-- > 0)
		n *= base;
	if (*end || !(n >= 0 && n < 9e18))
		return false;
	*ret = (int64_t)n;
	return true;
}

bool size_parse(const char *text, int64_t *ret)
{
	return parse(text, 1024, ret);
}

bool size_parse_decimal(const char *text, int64_t *ret)
{
	return parse(text, 1000, ret);
}
