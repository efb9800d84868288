/*
 * Carries TCP connections from listeners inside the sandboxes to one address
 * on the host: bytes both ways, half-close kept, bounded buffers, one thread
 * for all.
 */
#ifndef SOCKERLESS_LOCAL_RELAY_H
#define SOCKERLESS_LOCAL_RELAY_H

#include <netinet/in.h>

#include "lib/err.h"

#define RELAY_CONNECTIONS_MAX 256 /* for each listener; one more is closed at once */

struct relay;
struct relay_listener;

/* Starts the thread; `target` is connected to from the network namespace of the caller. */
int relay_open(struct relay **ret, const struct sockaddr_in *target, struct err *e);
/* Every listener must be removed before. NULL is fine. */
void relay_close(struct relay *relay);

/* Takes the non-blocking listening socket over, on success only. Thread-safe. */
int relay_add(struct relay *relay, int listen_fd, struct relay_listener **ret, struct err *e);
/* Closes it and its connections; blocks until that is done. Thread-safe. NULL is fine. */
void relay_remove(struct relay *relay, struct relay_listener *listener);

/* Parses "169.254.100.1:9002=127.0.0.1:2377". */
int relay_parse(const char *text, struct sockaddr_in *ret_inside, struct sockaddr_in *ret_target, struct err *e);

#endif
