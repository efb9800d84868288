/* Standard input of a process: what came from the gateway and wasn't taken yet, and the credit for more. */
#ifndef SOCKERLESS_AGENT_INLET_H
#define SOCKERLESS_AGENT_INLET_H

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent-gateway/agent/session.h"

struct inlet {
	struct session *session;
	uint32_t stream;
	int fd; /* owned; -1: none, what comes is thrown away */
	bool terminal, ended;
	struct event *writable;
	struct evbuffer *queue;
	uint64_t received; /* bytes since the start */
	uint32_t credit;   /* the gateway may send so many more */
	uint32_t taken;    /* by the process, not granted again yet */
};

/* Takes over fd. False when out of memory (fd is closed). */
bool inlet_open(struct inlet *in, struct event_base *base, struct session *session, uint32_t stream, int fd, bool terminal);
void inlet_close(struct inlet *in);

/* Credit of an earlier connection is void: grants what there is room for. */
void inlet_grant_anew(struct inlet *in);
/* False: more came than was granted. */
bool inlet_data(struct inlet *in, const uint8_t *data, size_t len);
/* Nothing more comes: the pipe is closed once the queue is empty. A terminal stays open. */
void inlet_end(struct inlet *in);

#endif
