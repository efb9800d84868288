/*
 * usage: sockerless-builder BUILD_DIR STORAGE_DIR egress|none MEMORY DISK PROCESSES SECONDS STEP [; STEP]...
 *
 * Exits with the status of the first step that fails, 0 after the last one.
 */
#include "builder/builder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static int report(int status, const struct err *e)
{
	dprintf(BUILDER_REPORT_FD, "%s\n", e->text);
	return status;
}

static int read_number(const char *text, uint64_t *ret, struct err *e)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	return errno || *end || end == text || *text == '-' ? err_set(e, ERR_INVALID, "%s is no number", text) : 0;
}

static int read_arguments(int argc, char **argv, struct builder *ret, struct err *e)
{
	if (argc < 9)
		return err_set(e, ERR_INVALID, "usage: sockerless-builder BUILD_DIR STORAGE_DIR egress|none MEMORY DISK PROCESSES SECONDS STEP [; STEP]...");
	ret->build_dir = argv[1];
	ret->storage_dir = argv[2];
	ret->egress = strcmp(argv[3], "egress") == 0;
	ret->steps = argv + 8;
	if (geteuid() == 0)
		return err_set(e, ERR_NOT_SUPPORTED, "docker build is not supported by workers that run as root");
	return read_number(argv[4], &ret->memory, e) < 0 || read_number(argv[5], &ret->disk, e) < 0 ||
	       read_number(argv[6], &ret->processes, e) < 0 || read_number(argv[7], &ret->seconds, e) < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct builder b = { 0 };
	struct err e = { 0 };
	int status, ready[2];
	char byte;
	pid_t pid;

	/* What runs inside has the same user outside: it must not be able to look into this process. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return BUILDER_FAILED;
	if (read_arguments(argc, argv, &b, &e) < 0 || namespaces_enter(&b, &e) < 0 || root_enter(&b, &e) < 0)
		return report(BUILDER_FAILED, &e);
	if (pipe2(ready, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		err_errno(&e, errno, "starting the build");
		return report(BUILDER_FAILED, &e);
	}
	if (pid == 0)
		init_run(&b, ready[1]);
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		return BUILDER_FAILED; /* init has told why */
	status = watch(&b, pid, &e);
	if (status < 0)
		status = report(BUILDER_LIMIT, &e);
	/* Not by exit(): what a sanitizer looks for there it can't in a process that isn't dumpable. */
	_exit(status);
}
