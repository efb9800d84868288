#include "lib/lifecycle.h"

#include <stddef.h>
#include <string.h>

static const char *const names[STATE_COUNT] = {
	[STATE_CREATING] = "creating", [STATE_CREATED] = "created", [STATE_STARTING] = "starting",
	[STATE_RUNNING] = "running",   [STATE_PAUSED] = "paused",   [STATE_EXITED] = "exited",
	[STATE_REMOVING] = "removing", [STATE_RESTARTING] = "restarting",
};

static const struct {
	enum container_state from;
	enum container_event event;
	enum container_state to;
} moves[] = {
#define MOVE(from, event, to) { STATE_##from, EVENT_##event, STATE_##to },
#include "lib/lifecycle.def"
#undef MOVE
};

const char *state_name(enum container_state s)
{
	return names[s];
}

int state_from_name(const char *name)
{
	for (int s = 0; s < STATE_COUNT; s++)
		if (!strcmp(name, names[s]))
			return s;
	return -1;
}

int lifecycle_next(enum container_state s, enum container_event ev)
{
	for (size_t i = 0; i < sizeof moves / sizeof *moves; i++)
		if (moves[i].from == s && moves[i].event == ev)
			return moves[i].to;
	return -1;
}
