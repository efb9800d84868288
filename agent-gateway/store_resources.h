/*
 * The events of a container's networks and volumes, which come and go with its
 * process. Store thread, in the caller's transaction.
 */
#ifndef SOCKERLESS_GATEWAY_STORE_RESOURCES_H
#define SOCKERLESS_GATEWAY_STORE_RESOURCES_H

#include "lib/store/store.h"

/* network connect, volume mount: before the start. */
int store_resources_taken(struct store *s, const char *container, struct err *e);
/* network disconnect, volume unmount: before the end is told. */
int store_resources_given(struct store *s, const char *container, struct err *e);

#endif
