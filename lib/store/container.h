/* Moves of a container's state in the store: lib/lifecycle.def as compare-and-set. */
#ifndef SOCKERLESS_STORE_CONTAINER_H
#define SOCKERLESS_STORE_CONTAINER_H

#include "lib/lifecycle.h"
#include "lib/store/store.h"

/*
 * Within a transaction: reads the state, asks the table, writes the next one.
 * Returns the new state. ERR_NOT_FOUND without such a row, ERR_CONFLICT (text:
 * "container is <state>") when the event can't happen now.
 */
int container_move(struct store *s, const char *id, enum container_event ev, struct err *e);

#endif
