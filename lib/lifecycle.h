/* A container's states and what may follow what; pure, one table (lifecycle.def). */
#ifndef SOCKERLESS_LIFECYCLE_H
#define SOCKERLESS_LIFECYCLE_H

enum container_state {
	STATE_CREATING,
	STATE_CREATED,
	STATE_STARTING,
	STATE_RUNNING,
	STATE_PAUSED,
	STATE_RESTARTING,
	STATE_EXITED,
	STATE_REMOVING,
	STATE_COUNT
};

enum container_event {
	EVENT_CREATED,
	EVENT_START,
	EVENT_STARTED,
	EVENT_START_FAILED,
	EVENT_EXITED,
	EVENT_RESTART,
	EVENT_PAUSE,
	EVENT_UNPAUSE,
	EVENT_REMOVE,
	EVENT_COUNT
};

/* The word that stands in the store ("running"). */
const char *state_name(enum container_state s);
/* -1 for a word that names no state. */
int state_from_name(const char *name);
/* The next state, or -1 if the event can't happen in this state. */
int lifecycle_next(enum container_state s, enum container_event ev);

#endif
