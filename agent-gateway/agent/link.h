/* One WebSocket connection to the gateway, from dialling to its end. It is never reused: a redial makes a new one. */
#ifndef SOCKERLESS_AGENT_LINK_H
#define SOCKERLESS_AGENT_LINK_H

#include <stdbool.h>
#include <stddef.h>

#include "agent-gateway/agent/agent.h"
#include "lib/err.h"
#include "lib/wire.h"

struct link;

struct link_events {
	void (*opened)(void *arg);
	/* False: the peer broke the protocol; the link closes. The link must not be freed here. */
	bool (*message)(void *arg, const struct wire_message *m);
	void (*drained)(void *arg); /* what was queued went out */
	/* The last call; free the link in it or later. status: the HTTP status that refused the upgrade, or 0. */
	void (*closed)(void *arg, int status, const char *why);
};

/*
 * Dials http, https, ws or wss `url` + path with the given Authorization value.
 * Doesn't block. NULL: the address is none, or there are no certificates.
 */
struct link *link_dial(struct agent *a, const char *url, const char *path, const char *authorization,
		       const struct link_events *events, void *arg, struct err *e);
void link_free(struct link *l);

/* Queues one message made of two parts (either may be empty). */
void link_send(struct link *l, enum wire_type type, uint8_t flags, uint32_t stream, const void *head, size_t head_len,
	       const void *data, size_t len);

/* Bytes that are queued and not yet with the kernel. */
size_t link_queued(const struct link *l);

#endif
