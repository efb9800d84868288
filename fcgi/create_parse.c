#include "fcgi/create_parse.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

bool parse_size(const char *text, int64_t *ret)
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
		n *= 1024;
	if (*end || !(n >= 0 && n < 9e18))
		return false;
	*ret = (int64_t)n;
	return true;
}

static const char *port_number(const char *p, long *ret)
{
	char *end;

	if (!isdigit((unsigned char)*p))
		return NULL;
	*ret = strtol(p, &end, 10);
	return *ret <= 65535 ? end : NULL;
}

bool parse_port(const char *text)
{
	long from, to;
	const char *p = port_number(text, &from);

	if (p && *p == '-') {
		p = port_number(p + 1, &to);
		if (p && to < from)
			return false;
	}
	return p && (!*p || strcmp(p, "/tcp") == 0 || strcmp(p, "/udp") == 0 || strcmp(p, "/sctp") == 0);
}
