#include "builder/builder.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"

#define SLIRP "/usr/bin/slirp4netns"

struct range {
	char start[16], count[16];
};

/* The user's line in /etc/subuid or /etc/subgid: name or number, first id, how many. */
static int read_range(const char *path, const char *user, struct range *ret, struct err *e)
{
	CLEANUP_FCLOSE FILE *f = fopen(path, "re");
	char line[256], name[128], number[16];

	snprintf(number, sizeof number, "%u", (unsigned)geteuid());
	while (f && fgets(line, sizeof line, f)) {
		if (sscanf(line, "%127[^:]:%15[0-9]:%15[0-9]", name, ret->start, ret->count) == 3 &&
		    (strcmp(name, user) == 0 || strcmp(name, number) == 0))
			return 0;
	}
	return err_set(e, ERR_NOT_SUPPORTED, "docker build is not supported here: %s has no range for the user %s (usermod --add-subuids --add-subgids)", path, user);
}

static void run_map(const char *program, pid_t target, unsigned own, const struct range *r)
{
	char pid[16], id[16];
	pid_t child = fork();
	int status;

	if (child == 0) {
		snprintf(pid, sizeof pid, "%d", (int)target);
		snprintf(id, sizeof id, "%u", own);
		execlp(program, program, pid, "0", id, "1", "1", r->start, r->count, (char *)NULL);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0)
		_exit(1);
}

/*
 * Forks the process that writes the id maps by newuidmap and newgidmap, from
 * outside, once a byte stands in the pipe. Its end tells the result.
 */
static pid_t fork_mapper(int ret_go[2], const struct range *uids, const struct range *gids)
{
	pid_t target = getpid(), pid;
	char byte;

	if (pipe2(ret_go, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid != 0) {
		close(ret_go[0]);
		return pid;
	}
	close(ret_go[1]);
	if (read(ret_go[0], &byte, 1) != 1)
		_exit(1);
	run_map("/usr/bin/newuidmap", target, geteuid(), uids);
	run_map("/usr/bin/newgidmap", target, getegid(), gids);
	_exit(0);
}

static int map_ids(int go, pid_t mapper, struct err *e)
{
	int status;

	/* newuidmap looks at the owner of this process in /proc, which is root while it isn't dumpable. */
	if (prctl(PR_SET_DUMPABLE, 1) < 0 || write(go, "g", 1) != 1 || waitpid(mapper, &status, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_errno(e, errno, "mapping users");
	if (status != 0)
		return err_set(e, ERR_NOT_SUPPORTED, "docker build is not supported here: newuidmap or newgidmap (package uidmap) failed");
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 || setgroups(0, NULL) < 0)
		return err_errno(e, errno, "becoming root of the sandbox");
	return 0;
}

static int enter_user(struct builder *b, struct err *e)
{
	struct passwd *who = getpwuid(geteuid());
	struct rlimit processes = { b->processes, b->processes };
	struct range uids, gids;
	int go[2];
	pid_t mapper;

	if (!who)
		return err_set(e, ERR_INTERNAL, "the worker's user %u has no name", (unsigned)geteuid());
	if (read_range("/etc/subuid", who->pw_name, &uids, e) < 0 || read_range("/etc/subgid", who->pw_name, &gids, e) < 0)
		return -1;
	mapper = fork_mapper(go, &uids, &gids);
	/* The limit that stands when the user namespace is made holds for all of its users together. */
	if (mapper < 0 || setrlimit(RLIMIT_NPROC, &processes) < 0)
		return err_errno(e, errno, "preparing the sandbox");
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return err_errno(e, errno, "docker build is not supported here: this machine lets no unprivileged user make namespaces: unshare");
	if (map_ids(go[1], mapper, e) < 0)
		return -1;
	close(go[1]);
	return 0;
}

int namespaces_enter(struct builder *b, struct err *e)
{
	struct egress egress;

	if (netns_host_read(&b->host, e) < 0)
		return -1;
	b->subnet = egress_subnet(&b->host);
	if (!b->egress)
		return enter_user(b, e) < 0 || netns_up(e) < 0 ? -1 : 0;
	if (egress_prepare(&egress, SLIRP, b->subnet, e) < 0 || enter_user(b, e) < 0 || netns_up(e) < 0)
		return -1;
	/* slirp4netns enters by this process's files in /proc, as newuidmap does; it ends when egress.go is closed, with this process. */
	if (prctl(PR_SET_DUMPABLE, 1) < 0 || egress_start(&egress, e) < 0 || egress_wait(&egress, e) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_prefix(e, "the build's network");
	return netns_refuse(&b->host, e);
}
