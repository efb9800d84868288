/* When a container that ended starts again: dockerd's restart policies and their pauses; pure. */
#ifndef SOCKERLESS_DOCKER_RESTART_POLICY_H
#define SOCKERLESS_DOCKER_RESTART_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#define RESTART_PAUSE_FIRST 100  /* ms */
#define RESTART_PAUSE_MAX 60000
#define RESTART_FAILURES_MAX 10  /* starts in a row that Lambda failed, until the container stays ended */

enum restart_name { RESTART_NO, RESTART_ON_FAILURE, RESTART_ALWAYS, RESTART_UNLESS_STOPPED };

struct restart_policy {
	enum restart_name name;
	int64_t max; /* of on-failure; 0: no limit */
};

/* What is kept from one end to the next; all 0 after a client's start. */
struct restart_history {
	int64_t count;    /* RestartCount */
	int64_t pause_ms; /* the last one */
	int64_t failures; /* starts in a row that failed before the process was there */
};

struct restart_end {
	int code;
	bool stopped;     /* a client wanted it */
	bool failed;      /* Lambda failed the start that the policy made */
	int64_t ran_ms;
};

/* "" and unknown words are RESTART_NO. */
struct restart_policy restart_policy_of(const char *name, int64_t max);

/* True: it starts again in h->pause_ms; the history is brought up to date. False: it stays ended, the history as it is. */
bool restart_next(const struct restart_policy *p, const struct restart_end *end, struct restart_history *h);

/* The container starts again when everything here has been started anew. */
bool restart_at_boot(const struct restart_policy *p, bool stopped);

#endif
