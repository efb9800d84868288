#include "fcgi/create_parse.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

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
