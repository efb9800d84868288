/*
 * The network inside a sandbox, a local Lambda's or a build's. Everything here runs in the sandbox's own
 * guard process, after it has entered its new network namespace (netns_host_read
 * and egress_prepare: before). The way out is slirp4netns: no bridge, no
 * firewall rule and no setting of the host is touched, and it goes away with
 * the guard.
 */
#ifndef SOCKERLESS_NETNS_H
#define SOCKERLESS_NETNS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lib/err.h"

#define NETNS_ADDRESS "169.254.100.1"
#define NETNS_RUNTIME_PORT 9001
#define NETNS_HOST_ADDRESSES_MAX 64

/* The host's own addresses: reached by nobody inside. */
struct netns_host {
	struct in_addr addresses[NETNS_HOST_ADDRESSES_MAX];
	unsigned count;
};

/* Reads the addresses of the calling thread's network namespace. */
int netns_host_read(struct netns_host *ret, struct err *e);

/* lo up with NETNS_ADDRESS on it. */
int netns_up(struct err *e);
/* Routes that refuse the host's addresses and link-local ones (a cloud's metadata service); call when the way out is up. */
int netns_refuse(const struct netns_host *host, struct err *e);
/* A listening socket, non-blocking, close-on-exec. */
int netns_listen(const struct sockaddr_in *address, int *ret_fd, struct err *e);

struct egress {
	pid_t pid;
	int go, ready; /* pipes' ends; closing `go` ends it, before and after egress_start */
};

/* "10.0.2.0" or another /24 that none of the host's addresses lies in. Its name server is the third address. */
const char *egress_subnet(const struct netns_host *host);

/*
 * Forks the process that becomes slirp4netns, still in the host's namespaces.
 * `program` is its path.
 */
int egress_prepare(struct egress *ret, const char *program, const char *subnet, struct err *e);
/* Lets it enter the network namespace of the calling process. */
int egress_start(struct egress *egress, struct err *e);
/* Waits (at most five seconds) until packets pass. */
int egress_wait(struct egress *egress, struct err *e);

#endif
