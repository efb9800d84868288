/* The processes beneath the agent, as /proc shows them. */
#ifndef SOCKERLESS_AGENT_CHILDREN_H
#define SOCKERLESS_AGENT_CHILDREN_H

#include <stdbool.h>
#include <sys/types.h>

/* Sends KILL to every descendant of this process; returns how many there were that still live. */
int children_kill(void);

/* Processes that were stopped, in the order in which it was done. */
struct children_stopped {
	pid_t *pids; /* owned */
	size_t n;
};

/*
 * Stops every descendant but those for which `spared` says so (and what is
 * beneath them), parents first, until none is left that runs; adds them to
 * *s. What had stopped by itself is left as it is, for later too.
 */
void children_stop(struct children_stopped *s, bool (*spared)(void *arg, pid_t pid), void *arg);
/* Lets them go on, children first: no shell sees a job of its own stopped. Empties *s. */
void children_continue(struct children_stopped *s);

/* Whether the process has a handler for the signal. */
bool child_handles(pid_t pid, int sig);

/*
 * Delivers a signal as the kernel would to process 1 of a namespace: one for
 * which the process has no handler isn't delivered, KILL, STOP and CONT excepted.
 */
void child_signal_first(pid_t pid, int sig);

#endif
