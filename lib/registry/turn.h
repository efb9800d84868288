/*
 * Turns at a piece of work among all processes and threads of this machine:
 * who has the turn works, the others wait and see how far it is. Held by a
 * lock on a few bytes of one small file, so that a holder that dies gives it
 * back and nothing is left over.
 */
#ifndef SOCKERLESS_REGISTRY_TURN_H
#define SOCKERLESS_REGISTRY_TURN_H

#include <stdint.h>

#include "lib/err.h"

struct turn {
	int fd;   /* -1: none is held or waited for */
	int slot;
};

#define TURN_NONE { .fd = -1 }

/* `path`: the file, made if it isn't there. `key`: any text; different ones share a slot now and then, which costs time alone. */
int turn_open(const char *path, const char *key, struct turn *ret, struct err *e);
/* 1: it is ours, 0: another has it, -1. Never blocks. */
int turn_try(struct turn *t, struct err *e);
/* Told by the holder, asked for by those who wait: bytes so far. */
void turn_tell(const struct turn *t, int64_t done);
int64_t turn_progress(const struct turn *t);
/* Gives it back. */
void turn_close(struct turn *t);

#endif
