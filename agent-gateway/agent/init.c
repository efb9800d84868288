#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent-gateway/agent/child.h"
#include "agent-gateway/agent/children.h"
#include "agent-gateway/agent/process.h"

#define PAUSE_NS 5000000
#define ENDING_MAX 100 /* what can't be killed by then (a process in the kernel) stays to the agent */

/* Nothing of the agent's or the program's stays open here: an end held would keep a pipe from its EOF. */
static void let_go_of_files(void)
{
	long max = sysconf(_SC_OPEN_MAX);

	if (close_range(0, ~0U, 0) < 0)
		for (int fd = 0; fd < (max > 0 ? max : 1024); fd++)
			close(fd);
	if (open("/dev/null", O_RDWR) == 0 && dup(0) == 1)
		dup(0);
}

/* Reaps what ended; true with *code once the program is among it. */
static bool reap(pid_t program, int *code)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != program)
			continue;
		*code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		return true;
	}
	return false;
}

/* As when process 1 of a namespace ends: nothing outlives it. It is the last to go, too: proot's code is that of the last. */
static _Noreturn void end_with_all(int code)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };

	for (int i = 0; i < ENDING_MAX && children_kill() > 0; i++)
		nanosleep(&pause, NULL);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	_exit(code);
}

static _Noreturn void forward(pid_t program, const sigset_t *all)
{
	int code = 0;

	for (;;) {
		int sig = sigwaitinfo(all, NULL);

		if (sig == SIGCHLD) {
			if (reap(program, &code))
				end_with_all(code);
		} else if (sig > 0) {
			kill(program, sig);
		}
	}
}

_Noreturn void init_main(const struct launch *l, const struct child_files *files)
{
	sigset_t all;
	pid_t program;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	program = fork();
	if (program < 0) {
		struct process_failure f = { .step = PROCESS_SETUP, .error = errno };

		if (write(files->report, &f, sizeof f) < 0)
			_exit(125);
		_exit(125);
	}
	if (program == 0) {
		setpgid(0, 0);
		/* TTOU is still blocked: a background group may take the terminal. */
		if (files->terminal && tcsetpgrp(0, getpid()) < 0)
			_exit(125);
		child_reset_signals();
		child_exec(l, files->report);
	}
	let_go_of_files();
	while (files->relay > 0 && waitpid(files->relay, NULL, 0) < 0 && errno == EINTR)
		;
	forward(program, &all);
}
