/*
 * The connection of an agent: WebSocket frames in, messages of lib/wire.h
 * out. A peer that breaks framing, protocol or limits loses its connection
 * and nothing else.
 */
#ifndef SOCKERLESS_GATEWAY_AGENT_H
#define SOCKERLESS_GATEWAY_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/wire.h"
#include "lib/ws.h"

struct conn;
struct err;
struct gateway;
struct run;

struct agent {
	TAILQ_ENTRY(agent) link;
	struct conn *conn;
	struct run *run;     /* NULL once the run has ended */
	struct ws_parser ws;
	bool greeted;        /* it has said hello */
	int64_t heard;       /* monotonic ns of its last bytes */
	int64_t pinged;      /* and of our last ping */
};

/* Answers the handshake; the connection is the run's from now on, in place of an older one. */
void agent_accept(struct conn *c);

/* Frames and sends; a peer that doesn't read is dropped at a limit. data NULL: len is 0. */
void agent_send(struct agent *a, enum wire_type type, uint8_t flags, uint32_t stream, const void *data, size_t len);
void agent_send_text(struct agent *a, enum wire_type type, uint32_t stream, const char *text);

/* Ends the connection soon; the run waits for a redial. */
void agent_drop(struct agent *a);

/* From now on pings those that are silent, and drops those that stay so. */
int agents_open(struct gateway *gw, struct err *e);

/* agent_message.c: a message in its right form is acted upon. False: drop the agent. */
bool agent_message(struct agent *a, const struct wire_message *m);

#endif
