/*
 * sockerless-builder runs the steps of one build in a sandbox of its own: a
 * user namespace in which the calling, unprivileged user is root and the
 * user's range of /etc/subuid the others; its own mounts, processes, network.
 * Of the machine's files there are /usr and the CA certificates, of the
 * network what slirp4netns passes, without the machine's own addresses.
 *
 *	launcher (this process, outside)      watches limits, time and its standard input
 *	  \_ slirp4netns
 *	  \_ init (process 1 inside)          runs one step after the other
 *	       \_ buildah ... \_ RUN's processes
 *
 * The end of standard input ends everything: its other end is held by whoever
 * wants the build. One thread; everything here blocks.
 */
#ifndef SOCKERLESS_BUILDER_H
#define SOCKERLESS_BUILDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"
#include "lib/netns/netns.h"

#define BUILDER_FAILED 249  /* exit status: the sandbox couldn't be made; the reason is on BUILDER_REPORT_FD */
#define BUILDER_LIMIT 250   /* exit status: a limit was reached; which one is on BUILDER_REPORT_FD */
#define BUILDER_REPORT_FD 3 /* lines: "used N", the storage's bytes at the end; else a reason */

struct builder {
	const char *build_dir;   /* becomes /build: context, bases, out, tmp, run */
	const char *storage_dir; /* becomes /storage: the tenant's layers */
	bool egress;             /* false: no network but lo */
	uint64_t memory;         /* bytes of all processes together */
	uint64_t disk;           /* bytes below both directories */
	uint64_t processes;
	uint64_t seconds;
	char **steps;            /* argv of each step, separated by ";" */
	struct netns_host host;
	const char *subnet;      /* "10.0.2.0" */
};

/* namespaces.c: leaves the caller as root of new namespaces with the network up. It is outside of the new pid namespace, its next child is process 1. */
int namespaces_enter(struct builder *b, struct err *e);

/* root.c: leaves the caller with the sandbox's root as its root, the machine's /proc still in it. */
int root_enter(const struct builder *b, struct err *e);

/* init.c: process 1. Writes a byte to `ready` once /proc is its own. Never returns. */
void init_run(const struct builder *b, int ready) __attribute__((noreturn));

/* watch.c: until init ends; its exit status, or -1 when the build was ended for e's reason. */
int watch(const struct builder *b, pid_t init, struct err *e);

#endif
