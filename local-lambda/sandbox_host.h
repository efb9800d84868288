/* What the sandboxes of one host process share; internal to the library. */
#ifndef SOCKERLESS_LOCAL_SANDBOX_HOST_H
#define SOCKERLESS_LOCAL_SANDBOX_HOST_H

#include <linux/filter.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "local-lambda/cgroup.h"
#include "local-lambda/relay.h"
#include "local-lambda/sandbox.h"

struct sandbox_host {
	char *dir, *root_dir, *skeleton_dir;
	int fd, lock, templates, sandboxes;
	struct cgroup_tree *cgroups;
	struct cgroup *guards; /* where the guards themselves live */
	struct relay *relay;   /* NULL: none */
	struct sockaddr_in relay_inside;
	const char *slirp;     /* NULL: no way out */
	const char *subnet;
	struct sock_fprog filter;
	atomic_uint next;      /* makes names unique */
};

#endif
