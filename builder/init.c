#include "builder/builder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const environment[] = {
	"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/tmp", "TMPDIR=/tmp", "BUILDAH_ISOLATION=chroot", "LANG=C.UTF-8",
	"CONTAINERS_STORAGE_CONF=/etc/containers/storage.conf", NULL,
};

static void step_exec(char **argv)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || close_range(3, ~0u, 0) < 0 || setsid() < 0 || signal(SIGPIPE, SIG_DFL) == SIG_ERR)
		_exit(126);
	execve(argv[0], argv, (char *const *)environment);
	_exit(127);
}

/* Runs one step; what it left running is ended before the next. */
static int step_run(char **argv)
{
	int status = 0, code = 1;
	pid_t child = fork(), pid;

	if (child == 0)
		step_exec(argv);
	if (child < 0)
		return 126;
	while ((pid = wait(&status)) != child)
		if (pid < 0 && errno != EINTR)
			return 126;
	code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	kill(-1, SIGKILL);
	while (wait(NULL) > 0 || errno == EINTR)
		;
	return code;
}

static int steps_run(char **steps)
{
	int code = 0;

	while (code == 0 && *steps) {
		char **next = steps;

		while (*next && strcmp(*next, ";") != 0)
			next++;
		if (*next)
			*next++ = NULL;
		code = step_run(steps);
		steps = next;
	}
	return code;
}

/*
 * /proc of the new pid namespace. The kernel lets it be mounted only where another one is
 * seen whole: root_enter() left the machine's, which goes before anything else runs.
 */
static int mount_proc(void)
{
	if (mount("proc", "/sys", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 || umount2("/proc", MNT_DETACH) < 0)
		return -1;
	return mount("/sys", "/proc", NULL, MS_MOVE, NULL);
}

void init_run(const struct builder *b, int ready)
{
	struct rlimit data = { b->memory, b->memory }, file = { b->disk, b->disk }, core = { 0, 0 };

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || mount_proc() < 0 ||
	    setrlimit(RLIMIT_DATA, &data) < 0 || setrlimit(RLIMIT_FSIZE, &file) < 0 || setrlimit(RLIMIT_CORE, &core) < 0 || write(ready, "r", 1) != 1) {
		dprintf(BUILDER_REPORT_FD, "preparing the sandbox's first process: %s\n", strerror(errno));
		_exit(BUILDER_FAILED);
	}
	close(ready);
	_exit(steps_run(b->steps));
}
