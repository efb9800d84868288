/* Inserts Docker's events about a container, in the caller's transaction. Store thread. */
#ifndef SOCKERLESS_GATEWAY_STORE_EVENT_H
#define SOCKERLESS_GATEWAY_STORE_EVENT_H

#include "lib/store/store.h"

struct event_attribute {
	const char *key;
	const char *value;
};

/* `extra` ends with a NULL key; NULL: none. Name, image and labels are the container's. */
int store_container_event(struct store *s, const char *container, const char *action, const struct event_attribute *extra, struct err *e);

#endif
