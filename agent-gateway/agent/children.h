/* The processes beneath the agent, as /proc shows them. */
#ifndef SOCKERLESS_AGENT_CHILDREN_H
#define SOCKERLESS_AGENT_CHILDREN_H

#include <stdbool.h>
#include <sys/types.h>

/* Sends KILL to every descendant of this process; returns how many there were that still live. */
int children_kill(void);

/* Whether the process has a handler for the signal. */
bool child_handles(pid_t pid, int sig);

/*
 * Delivers a signal as the kernel would to process 1 of a namespace: one for
 * which the process has no handler isn't delivered, KILL, STOP and CONT excepted.
 */
void child_signal_first(pid_t pid, int sig);

#endif
