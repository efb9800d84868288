/*
 * The guard: the process between the host process and what runs inside. It is
 * forked, never exec'ed, has one thread, and ends when its control socket
 * does; the kernel then takes down pid namespace, mounts, loop device and
 * network with it. Forked out of a process with threads, it allocates no
 * memory.
 */
#ifndef SOCKERLESS_LOCAL_SANDBOX_GUARD_H
#define SOCKERLESS_LOCAL_SANDBOX_GUARD_H

#include <linux/filter.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "lib/err.h"
#include "local-lambda/cgroup.h"
#include "lib/netns/netns.h"

/* All that a guard needs to know; borrowed from the host process's memory as it was at the fork. */
struct guard_plan {
	const char *image_dir;    /* links 0 to layers-1 */
	unsigned layers;
	const char *skeleton_dir; /* the top layer */
	const char *root_dir;     /* where to mount */
	const char *tmp_image;    /* NULL: tmp_dir is bound instead */
	const char *tmp_dir;
	const char *slirp;        /* NULL: no way out */
	const char *subnet;
	struct netns_host host;   /* addresses to refuse */
	bool relay;
	struct sockaddr_in relay_inside;
	char *const *argv;
	char *const *envp;
	const char *workdir;
	bool limit_processes;     /* by rlimit, since no cgroup does */
	struct sock_fprog filter;
	int procs[CGROUP_HIERARCHIES];       /* cgroup.procs of the sandbox; -1: none */
	int guard_procs[CGROUP_HIERARCHIES]; /* of the guards */
	int control;
};

/* Messages on the control socket (SOCK_SEQPACKET); descriptors come beside them. */
enum guard_verb {
	GUARD_START, /* fds: output, exit pipe; answered */
	GUARD_KILL,
	GUARD_STOP,  /* SIGSTOP to all, where no cgroup freezes */
	GUARD_CONTINUE,
};

struct guard_request {
	enum guard_verb verb;
};

/* The answer to creation (fds: runtime listener, relay listener) and to GUARD_START. */
struct guard_reply {
	int failed;
	enum err_kind kind;
	char text[512];
};

/* Where the start of the process failed. */
enum start_stage { START_OK, START_SETUP, START_WORKDIR, START_EXEC };
struct start_result {
	enum start_stage stage;
	int error;
};

/* Never returns. */
void guard_run(const struct guard_plan *plan) __attribute__((noreturn));

/* guard_mount.c: leaves the caller with the sandbox's root as its root. */
int guard_mount(const struct guard_plan *plan, struct err *e);

/* guard_init.c: process 1 of a new pid namespace. Result of the start goes to result_fd, the process's wait status to status_fd. */
void guard_init(const struct guard_plan *plan, int output, int result_fd, int status_fd) __attribute__((noreturn));

#endif
