/* The system-call filter of every process inside: what Lambda refuses, answered with EPERM. */
#ifndef SOCKERLESS_LOCAL_SECCOMP_H
#define SOCKERLESS_LOCAL_SECCOMP_H

#include <linux/filter.h>

#include "lib/err.h"

/* Builds the BPF program; the caller owns ret->filter (free()). */
int seccomp_build(struct sock_fprog *ret, struct err *e);
/* Puts it onto the calling thread, which has no_new_privs set. Async-signal-safe; returns -1 with errno. */
int seccomp_apply(const struct sock_fprog *program);

#endif
