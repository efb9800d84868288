/* Lambda's deadline: what is done how long before it. */
#ifndef SOCKERLESS_AGENT_DEADLINE_H
#define SOCKERLESS_AGENT_DEADLINE_H

#include "agent-gateway/agent/agent.h"

struct deadline;

struct deadline_events {
	void (*terminate)(void *arg);
	void (*kill)(void *arg);
	void (*answer)(void *arg);
};

/* deadline_ms is since the epoch. NULL when out of memory. */
struct deadline *deadline_new(struct agent *a, int64_t deadline_ms, const struct deadline_events *events, void *arg);
void deadline_free(struct deadline *d);
/* The function's whole time, in seconds, as far as the run could see it. */
int deadline_seconds(const struct deadline *d);

#endif
