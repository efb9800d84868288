#include "agent-gateway/agent/fake_root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent-gateway/agent/child.h"
#include "agent-gateway/agent/process.h"
#include "lib/cleanup.h"

#define AGENT "/.sockerless/agent"
#define PROOT FAKE_ROOT_DIR "/proot"
#define LOADER FAKE_ROOT_DIR "/ld.so"
#define PROOT_TMP "PROOT_TMP_DIR"
#define INNER_ARGS 4 /* the agent, FAKE_ROOT_INNER, descriptor, directory */

#ifdef __x86_64__
#define OUR_ARCH AUDIT_ARCH_X86_64
#else
#define OUR_ARCH AUDIT_ARCH_AARCH64
#endif

bool fake_root_is_on(void)
{
	return access(PROOT, X_OK) == 0;
}

/*
 * proot 5.1 passes by what it doesn't know, so that these would name files of
 * the real root. The C libraries use older calls where a kernel hasn't them.
 */
static int refuse_new_calls(void)
{
	static const unsigned int calls[] = { SYS_statx, SYS_renameat2, SYS_execveat, 435 /* clone3 */, 437 /* openat2 */, 439 /* faccessat2 */, 452 /* fchmodat2 */ };
	enum { N = sizeof calls / sizeof *calls };
	struct sock_filter code[N + 5];
	struct sock_fprog program = { .len = N + 5, .filter = code };
	size_t at = 0;

	code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 0, N + 1);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < N; i++)
		code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i], (unsigned char)(N - i), 0);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static size_t count(char *const *strings)
{
	size_t n = 0;

	while (strings && strings[n])
		n++;
	return n;
}

/* proot's own files are no part of what the container wrote. */
static char **environment(char *const *env)
{
	size_t n = count(env);
	char **longer = calloc(n + 2, sizeof *longer);

	if (!longer)
		return NULL;
	if (n)
		memcpy(longer, env, n * sizeof *longer);
	longer[n] = (char *)PROOT_TMP "=/tmp/.sockerless";
	return longer;
}

void fake_root_exec(const struct launch *l, int report)
{
	static const char *const before[] = {
		LOADER, "--library-path", FAKE_ROOT_DIR, PROOT, "-v", "-1", "-0", "-r", FAKE_ROOT, "-b", "/proc", "-b", "/sys", "-b", "/dev",
		"-b", "/tmp", "-b", "/.sockerless", "-w", "/", AGENT, FAKE_ROOT_INNER,
	};
	size_t n = sizeof before / sizeof *before, given = count(l->args);
	char **args = calloc(n + given + 3, sizeof *args), **env = environment(l->env);
	char number[16];

	if (!args || !env)
		return;
	memcpy(args, before, sizeof before);
	snprintf(number, sizeof number, "%d", report);
	args[n] = number;
	args[n + 1] = l->cwd;
	memcpy(args + n + 2, l->args, given * sizeof *args);
	/* The program inside reports. */
	if (fcntl(report, F_SETFD, 0) < 0 || refuse_new_calls() < 0)
		return;
	execve(LOADER, args, env);
}

/*
 * proot keeps the descriptor open that this side has from the agent, so that
 * its end says nothing. A process of its own waits for what execve makes of
 * the program, and tells. Returns the end for the program's report.
 */
static int relay_report(int report, pid_t *ret_pid)
{
	struct process_failure f = { .step = PROCESS_STARTED };
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		close(fds[1]);
		if (read(fds[0], &f, sizeof f) < 0 || write(report, &f, sizeof f) != (ssize_t)sizeof f)
			_exit(1);
		_exit(0);
	}
	close(fds[0]);
	close(report);
	*ret_pid = pid;
	return pid < 0 ? -1 : fds[1];
}

int fake_root_inner(int argc, char **argv)
{
	extern char **environ;
	struct launch l = { .args = argv + INNER_ARGS, .init = true };
	struct child_files files = { .in = 0, .out = 1, .err = 2, .terminal = isatty(0) };

	if (argc <= INNER_ARGS)
		return 125;
	files.report = relay_report(atoi(argv[2]), &files.relay);
	l.cwd = argv[3];
	unsetenv(PROOT_TMP);
	l.env = environ;
	if (files.report < 0)
		return 125;
	init_main(&l, &files);
}

pid_t fake_root_process(pid_t pid)
{
	CLEANUP_FCLOSE FILE *f = NULL;
	char path[64];
	int child;

	if (!fake_root_is_on())
		return pid;
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
	f = fopen(path, "re");
	return f && fscanf(f, "%d", &child) == 1 ? child : pid;
}

/* What proot shows as it is. */
static bool is_bound(const char *path)
{
	static const char *const paths[] = { "/proc", "/sys", "/dev", "/tmp", "/.sockerless" };

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		size_t len = strlen(paths[i]);

		if (!strncmp(path, paths[i], len) && (!path[len] || path[len] == '/'))
			return true;
	}
	return false;
}

bool fake_root_path(const char *path, bool follow, char *to, size_t size)
{
	const char *slash = strrchr(path, '/');
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	CLEANUP_CLOSE int root = -1, fd = -1;
	char parent[PATH_MAX], link[64];
	ssize_t n;

	if (!fake_root_is_on() || is_bound(path))
		return (size_t)snprintf(to, size, "%s", path) < size;
	follow |= !path[1];
	snprintf(parent, sizeof parent, "%.*s", follow || slash == path ? PATH_MAX - 1 : (int)(slash - path), follow ? path : slash == path ? "/" : path);
	root = open(FAKE_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = root < 0 ? -1 : (int)syscall(SYS_openat2, root, parent, &how, sizeof how);
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = fd < 0 ? -1 : readlink(link, to, size - 1);
	if (n < 0)
		return (size_t)snprintf(to, size, "%s%s", FAKE_ROOT, path) < size;
	to[n] = '\0';
	return follow || (size_t)snprintf(to + n, size - (size_t)n, "%s", slash) < size - (size_t)n;
}

const char *fake_root_shown(const char *path)
{
	size_t len = strlen(FAKE_ROOT);

	if (!fake_root_is_on() || strncmp(path, FAKE_ROOT, len) || (path[len] && path[len] != '/'))
		return path;
	return path[len] ? path + len : "/";
}
