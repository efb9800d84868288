#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent-gateway/intent.h"

int signal_from_name(const char *name)
{
	size_t digits = strspn(name, "0123456789");
	int n;

	if (*name && !name[digits]) {
		n = atoi(name);
		return n > 0 && n <= 64 ? n : 0;
	}
	if (!strncasecmp(name, "SIG", 3))
		name += 3;
	if (!strncasecmp(name, "RTMIN+", 6) || !strncasecmp(name, "RTMAX-", 6)) {
		n = strncasecmp(name, "RTMIN+", 6) ? 64 - atoi(name + 6) : 34 + atoi(name + 6);
		return n >= 34 && n <= 64 ? n : 0;
	}
	for (n = 1; n < 32; n++) {
		const char *known = sigabbrev_np(n);

		if (known && !strcasecmp(known, name))
			return n;
	}
	return 0;
}
