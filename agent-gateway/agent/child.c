#include "agent-gateway/agent/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent-gateway/agent/process.h"
#include "agent-gateway/agent/task.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static _Noreturn void fail(int report, enum process_step step, int error, bool not_in_path)
{
	struct process_failure f = { .step = step, .error = error, .not_in_path = not_in_path };

	if (write(report, &f, sizeof f) != (ssize_t)sizeof f)
		_exit(125);
	_exit(127);
}

void child_reset_signals(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	/* Fails for KILL, STOP and libc's own: they have no handler. */
	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(022);
}

void child_seal_files(void)
{
	long max = sysconf(_SC_OPEN_MAX);

	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	/* Linux before 5.11. Descriptors are given out from below, so the limit may be cut. */
	for (int fd = 3; fd < (max > 0 && max < 65536 ? max : 65536); fd++)
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			continue;
}

/* As runc does: a working directory that isn't there is made. */
static int enter(const char *cwd)
{
	char path[PATH_MAX];

	if (chdir(cwd) == 0)
		return 0;
	if (errno != ENOENT || snprintf(path, sizeof path, "%s", cwd) >= (int)sizeof path)
		return -1;
	for (char *at = path + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		mkdir(path, 0755);
		*at = '/';
	}
	mkdir(path, 0755);
	if (chdir(cwd) == 0)
		return 0;
	errno = ENOENT;
	return -1;
}

/* 0, or why this file is none that can be executed. */
static int check_program(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EACCES;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? errno : 0;
}

/* Goes through PATH as Go's LookPath does: whatever can't be executed is passed over. */
static bool find_in_path(const char *name, const char *path, char *found, size_t size)
{
	while (*name) {
		size_t len = strcspn(path, ":");

		if (snprintf(found, size, "%.*s%s%s", (int)len, path, len ? "/" : "./", name) < (int)size &&
		    check_program(found) == 0)
			return true;
		if (!path[len])
			return false;
		path += len + 1;
	}
	return false;
}

/* Where links lead elsewhere, a shell shows the directory by the name that it was given. */
static char **name_directory(char **env, const char *cwd)
{
	char real[PATH_MAX], **longer, *entry;
	size_t n = 0, size = strlen(cwd) + sizeof "PWD=";

	if (env_get(env, "PWD") || !getcwd(real, sizeof real) || !strcmp(real, cwd))
		return env;
	while (env && env[n])
		n++;
	longer = calloc(n + 2, sizeof *longer);
	entry = malloc(size);
	if (!longer || !entry)
		return env;
	if (n)
		memcpy(longer, env, n * sizeof *longer);
	snprintf(entry, size, "PWD=%s", cwd);
	longer[n] = entry;
	return longer;
}

_Noreturn void child_exec(const struct launch *l, int report)
{
	const char *program = l->args[0], *path = env_get(l->env, "PATH");
	char found[PATH_MAX];
	int error;

	if (enter(l->cwd) < 0)
		fail(report, PROCESS_CHDIR, errno, false);
	if (!strchr(program, '/')) {
		if (!find_in_path(program, path ? path : DEFAULT_PATH, found, sizeof found))
			fail(report, PROCESS_EXEC, ENOENT, true);
		program = found;
	} else {
		error = check_program(program);
		if (error)
			fail(report, PROCESS_EXEC, error, false);
	}
	execve(program, l->args, name_directory(l->env, l->cwd));
	fail(report, PROCESS_EXEC, errno, false);
}

static int place_files(const struct child_files *files)
{
	if (setsid() < 0 && errno != EPERM)
		return -1;
	if (files->terminal && ioctl(files->in, TIOCSCTTY, 0) < 0)
		return -1;
	if (dup2(files->in, 0) < 0 || dup2(files->out, 1) < 0 || dup2(files->err, 2) < 0)
		return -1;
	return 0;
}

/* Nothing is executed that would close the agent's descriptors, and others wait for the end of those. */
static _Noreturn void run_task(const struct launch *l)
{
	if (close_range(3, ~0U, 0) < 0)
		for (int fd = 3; fd < 65536; fd++)
			close(fd);
	task_main(l->task, l->layer);
}

_Noreturn void child_main(const struct launch *l, const struct child_files *files)
{
	child_reset_signals();
	if (place_files(files) < 0)
		fail(files->report, PROCESS_SETUP, errno, false);
	if (l->task)
		run_task(l);
	child_seal_files();
	if (l->init)
		init_main(l, files);
	child_exec(l, files->report);
}
