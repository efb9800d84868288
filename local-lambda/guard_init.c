#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "local-lambda/sandbox.h"
#include "local-lambda/sandbox_guard.h"
#include "local-lambda/seccomp.h"

static void start_fail(int fd, enum start_stage stage) __attribute__((noreturn));
static void start_fail(int fd, enum start_stage stage)
{
	struct start_result result = { .stage = stage, .error = errno };

	_exit(write(fd, &result, sizeof result) < 0 ? 1 : 2);
}

static int capabilities_drop(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 }, { 0 } };

	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -1;
	if (setgroups(0, NULL) < 0 || setresgid(SANDBOX_GID, SANDBOX_GID, SANDBOX_GID) < 0 ||
	    setresuid(SANDBOX_UID, SANDBOX_UID, SANDBOX_UID) < 0)
		return -1;
	return (int)syscall(SYS_capset, &header, none);
}

static int limit_set(__rlimit_resource_t what, rlim_t value)
{
	return setrlimit(what, &(struct rlimit){ .rlim_cur = value, .rlim_max = value });
}

static int groups_enter(const int procs[CGROUP_HIERARCHIES])
{
	for (int h = 0; h < CGROUP_HIERARCHIES; h++)
		if (procs[h] >= 0 && write(procs[h], "0", 1) != 1)
			return -1;
	return 0;
}

static void signals_reset(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Lambda takes an absolute path that is no symbolic link itself. */
static int entrypoint_check(const char *path)
{
	struct stat st;

	if (path[0] != '/') {
		errno = ENOENT;
		return -1;
	}
	if (lstat(path, &st) < 0)
		return -1;
	if (S_ISLNK(st.st_mode)) {
		errno = ELOOP;
		return -1;
	}
	return 0;
}

static void function_exec(const struct guard_plan *plan, int output, int result_fd) __attribute__((noreturn));
static void function_exec(const struct guard_plan *plan, int output, int result_fd)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	umask(022);
	setsid();
	/* Its owner may open it again by /dev/stdout. */
	if (groups_enter(plan->procs) < 0 || null < 0 || fchown(output, SANDBOX_UID, SANDBOX_GID) < 0 || dup2(null, 0) < 0 ||
	    dup2(output, 1) < 0 || dup2(output, 2) < 0)
		start_fail(result_fd, START_SETUP);
	if (limit_set(RLIMIT_NOFILE, SANDBOX_FILES_MAX) < 0 || limit_set(RLIMIT_CORE, 0) < 0 ||
	    (plan->limit_processes && limit_set(RLIMIT_NPROC, SANDBOX_PROCESSES_MAX) < 0))
		start_fail(result_fd, START_SETUP);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || capabilities_drop() < 0)
		start_fail(result_fd, START_SETUP);
	signals_reset();
	if (close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		start_fail(result_fd, START_SETUP);
	if (chdir(plan->workdir) < 0)
		start_fail(result_fd, START_WORKDIR);
	if (seccomp_apply(&plan->filter) < 0)
		start_fail(result_fd, START_SETUP);
	if (entrypoint_check(plan->argv[0]) == 0)
		execve(plan->argv[0], plan->argv, plan->envp);
	start_fail(result_fd, START_EXEC);
}

/* Reaps everybody's orphans until the function's own process ends. */
static int init_wait(pid_t function, const sigset_t *signals)
{
	for (;;) {
		siginfo_t info;
		int status;
		pid_t pid;

		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			if (pid == function)
				return status;
		if (sigwaitinfo(signals, &info) < 0)
			continue;
		/* From process 1, -1 means everybody else inside. */
		if (info.si_signo == SIGUSR1)
			kill(-1, SIGSTOP);
		else if (info.si_signo == SIGUSR2)
			kill(-1, SIGCONT);
	}
}

void guard_init(const struct guard_plan *plan, int output, int result_fd, int status_fd)
{
	sigset_t signals;
	pid_t function;
	int status;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	syscall(SYS_prctl, PR_SET_NAME, "sandbox-init", 0, 0, 0); /* sandbox_guard.c says why */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	sigprocmask(SIG_SETMASK, &signals, NULL);
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 ||
	    mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5") < 0)
		start_fail(result_fd, START_SETUP);
	function = fork();
	if (function < 0)
		start_fail(result_fd, START_SETUP);
	if (function == 0)
		function_exec(plan, output, result_fd);
	close(output);
	close(result_fd);
	status = init_wait(function, &signals);
	/* With process 1 the kernel ends all the others before the guard hears of it. */
	_exit(write(status_fd, &status, sizeof status) == sizeof status ? 0 : 1);
}
