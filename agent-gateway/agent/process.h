/* Starts a process with pipes or a terminal and tells at once whether its program could be executed. */
#ifndef SOCKERLESS_AGENT_PROCESS_H
#define SOCKERLESS_AGENT_PROCESS_H

#include <sys/types.h>

#include "agent-gateway/agent/launch.h"

/* The agent's ends, non-blocking, -1 where there is none. With a terminal `in` and `out` are both its master. */
struct process_pipes {
	int in, out, err;
};

enum process_step { PROCESS_STARTED, PROCESS_SETUP, PROCESS_CHDIR, PROCESS_EXEC };

struct process_failure {
	enum process_step step;
	int error;         /* an errno */
	int not_in_path;   /* a bare name that no directory of PATH has */
};

/*
 * Blocks until execve succeeded or something failed. Negative: *ret_failure says
 * what, no process and no descriptor is left.
 */
int process_start(const struct launch *l, struct process_pipes *ret_pipes, pid_t *ret_pid, struct process_failure *ret_failure);

const char *process_step_name(enum process_step step);
/* The text for a failure, as runc words it. Static. */
const char *process_failure_text(const struct process_failure *f);

/* Of the agent's terminal end; errors don't matter to anyone. */
void process_resize(int fd, unsigned short height, unsigned short width);

#endif
