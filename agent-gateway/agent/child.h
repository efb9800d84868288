/* What runs between fork and execve. */
#ifndef SOCKERLESS_AGENT_CHILD_H
#define SOCKERLESS_AGENT_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "agent-gateway/agent/launch.h"

struct child_files {
	int in, out, err; /* become 0, 1 and 2; one descriptor thrice with a terminal */
	bool terminal;
	pid_t relay; /* of an init: the process that must have ended before the program counts as started; 0: none */
	int report; /* a struct process_failure goes here when the program can't be executed */
};

_Noreturn void child_main(const struct launch *l, const struct child_files *files);
/* Marks every descriptor above 2 close-on-exec: not all of the libraries' are. */
void child_seal_files(void);
/* Default actions, nothing blocked, the umask Docker gives. */
void child_reset_signals(void);
/* Changes directory and executes; reports a failure to `report` and exits. */
_Noreturn void child_exec(const struct launch *l, int report);

/* The `--init` process: forks the program, forwards signals, reaps; exits as the program did. */
_Noreturn void init_main(const struct launch *l, const struct child_files *files);

#endif
