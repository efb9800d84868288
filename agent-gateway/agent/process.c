#include "agent-gateway/agent/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent-gateway/agent/child.h"
#include "agent-gateway/agent/fake_root.h"

struct ends {
	struct process_pipes ours;
	struct child_files child;
};

static void close_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

static void ends_close_child(struct ends *x)
{
	close_all((int[]){ x->child.in, x->child.out, x->child.err }, x->child.terminal ? 1 : 3);
}

static void ends_close_ours(struct ends *x)
{
	close_all((int[]){ x->ours.in, x->ours.out, x->ours.err }, 3);
}

/* The agent's end alone is non-blocking: each end of a pipe has flags of its own. */
static int make_pipe(int *ours, int *theirs, bool ours_writes)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	*ours = fds[ours_writes];
	*theirs = fds[!ours_writes];
	return fcntl(*ours, F_SETFL, O_NONBLOCK);
}

static int open_pipes(const struct launch *l, struct ends *x)
{
	int fds[2];

	if (l->open_stdin) {
		if (make_pipe(&x->ours.in, &x->child.in, true) < 0)
			return -1;
	} else {
		x->child.in = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (x->child.in < 0) {
			/* An image without /dev/null: a pipe whose other end is closed reads the same. */
			if (pipe2(fds, O_CLOEXEC) < 0)
				return -1;
			close(fds[1]);
			x->child.in = fds[0];
		}
	}
	if (make_pipe(&x->ours.out, &x->child.out, false) < 0)
		return -1;
	return make_pipe(&x->ours.err, &x->child.err, false);
}

void process_resize(int fd, unsigned short height, unsigned short width)
{
	struct winsize size = { .ws_row = height, .ws_col = width };

	if (fd >= 0 && ioctl(fd, TIOCSWINSZ, &size) < 0)
		return;
}

static int open_terminal(const struct launch *l, struct ends *x)
{
	char path[64];

	x->ours.out = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (x->ours.out < 0 || grantpt(x->ours.out) < 0 || unlockpt(x->ours.out) < 0)
		return -1;
	x->child.in = ioctl(x->ours.out, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	/* A sandbox may not know the call; the path needs /dev/pts. */
	if (x->child.in < 0 && ptsname_r(x->ours.out, path, sizeof path) == 0)
		x->child.in = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (x->child.in < 0)
		return -1;
	x->child.out = x->child.err = x->child.in;
	if (l->height || l->width)
		process_resize(x->ours.out, l->height, l->width);
	if (fcntl(x->ours.out, F_SETFL, O_NONBLOCK) < 0)
		return -1;
	x->ours.in = fcntl(x->ours.out, F_DUPFD_CLOEXEC, 3);
	return x->ours.in < 0 ? -1 : 0;
}

/*
 * Waits for the report, true if it is a failure. None means that execve closed
 * the pipe; in a fake root that proot itself ended, as where ptrace is forbidden.
 */
static bool read_report(int fd, bool fake_root, struct process_failure *ret)
{
	ssize_t n;

	do {
		n = read(fd, ret, sizeof *ret);
	} while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof *ret)
		return ret->step != PROCESS_STARTED;
	*ret = (struct process_failure){ .step = PROCESS_SETUP, .error = EPERM };
	return fake_root;
}

static int fail_setup(struct process_failure *f, int error)
{
	*f = (struct process_failure){ .step = PROCESS_SETUP, .error = error };
	return -1;
}

static int fork_child(const struct launch *l, struct ends *x, pid_t *ret_pid, struct process_failure *f)
{
	struct process_failure report;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return fail_setup(f, errno);
	x->child.report = fds[1];
	pid = fork();
	if (pid == 0)
		child_main(l, &x->child);
	close(fds[1]);
	if (pid < 0) {
		int error = errno;

		close(fds[0]);
		return fail_setup(f, error);
	}
	if (read_report(fds[0], !l->task && fake_root_is_on(), &report)) {
		close(fds[0]);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		*f = report;
		return -1;
	}
	close(fds[0]);
	*ret_pid = pid;
	return 0;
}

int process_start(const struct launch *l, struct process_pipes *ret_pipes, pid_t *ret_pid, struct process_failure *ret_failure)
{
	struct ends x = { .ours = { -1, -1, -1 }, .child = { .in = -1, .out = -1, .err = -1, .terminal = l->tty } };
	int done;

	if ((l->tty ? open_terminal(l, &x) : open_pipes(l, &x)) < 0)
		done = fail_setup(ret_failure, errno);
	else
		done = fork_child(l, &x, ret_pid, ret_failure);
	ends_close_child(&x);
	if (done < 0)
		ends_close_ours(&x);
	else
		*ret_pipes = x.ours;
	return done;
}

const char *process_step_name(enum process_step step)
{
	switch (step) {
	case PROCESS_CHDIR:
		return "chdir";
	case PROCESS_EXEC:
		return "exec";
	default:
		return "setup";
	}
}

const char *process_failure_text(const struct process_failure *f)
{
	if (f->not_in_path)
		return "executable file not found in $PATH";
	switch (f->error) {
	case ENOENT:
		return "no such file or directory";
	case EACCES:
		return "permission denied";
	case ENOEXEC:
		return "exec format error";
	case ENOTDIR:
		return "not a directory";
	default:
		return strerror(f->error);
	}
}
