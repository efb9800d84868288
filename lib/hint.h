/*
 * A hint is an empty datagram to a unix socket: "look at the store now". It
 * carries nothing and may be lost: whoever takes hints also looks by itself
 * at intervals.
 */
#ifndef SOCKERLESS_HINT_H
#define SOCKERLESS_HINT_H

#include "lib/err.h"

#define HINT_GATEWAY "gateway.hint"
#define HINT_RECONCILER "reconciler.hint"

/* Never blocks, never fails loudly: `name` is one of the above, in run_dir. */
void hint_send(const char *run_dir, const char *name);

/* The non-blocking receiving end; replaces a socket left by a predecessor. Close the descriptor to end it. */
int hint_listen(const char *run_dir, const char *name, int *ret_fd, struct err *e);

/* Takes all hints that wait. */
void hint_drain(int fd);

#endif
