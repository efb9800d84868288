#include "lib/docker/restart_policy.h"

#include <string.h>

#define RAN_LONG 10000 /* ms: a run of this length begins the pauses anew */

struct restart_policy restart_policy_of(const char *name, int64_t max)
{
	static const char *const names[] = {
		[RESTART_NO] = "no", [RESTART_ON_FAILURE] = "on-failure", [RESTART_ALWAYS] = "always", [RESTART_UNLESS_STOPPED] = "unless-stopped",
	};
	struct restart_policy p = { .name = RESTART_NO, .max = max };

	for (int i = 0; i < (int)(sizeof names / sizeof *names); i++)
		if (!strcmp(name, names[i]))
			p.name = (enum restart_name)i;
	return p;
}

static bool wanted(const struct restart_policy *p, const struct restart_end *end, const struct restart_history *h)
{
	if (p->name == RESTART_NO || end->stopped)
		return false;
	if (end->failed)
		return h->failures + 1 < RESTART_FAILURES_MAX;
	if (p->name == RESTART_ON_FAILURE)
		return end->code != 0 && (p->max == 0 || h->count < p->max);
	return true;
}

bool restart_next(const struct restart_policy *p, const struct restart_end *end, struct restart_history *h)
{
	if (!wanted(p, end, h))
		return false;
	if (end->failed)
		h->failures++;
	else
		h->count++;
	if (!end->failed && end->ran_ms >= RAN_LONG)
		h->pause_ms = 0;
	h->pause_ms = h->pause_ms ? h->pause_ms * 2 : RESTART_PAUSE_FIRST;
	if (h->pause_ms > RESTART_PAUSE_MAX)
		h->pause_ms = RESTART_PAUSE_MAX;
	return true;
}

bool restart_at_boot(const struct restart_policy *p, bool stopped)
{
	return p->name == RESTART_ALWAYS || (p->name == RESTART_UNLESS_STOPPED && !stopped);
}
