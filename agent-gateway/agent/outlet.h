/*
 * One output of a process. The main process's is kept until the gateway has
 * it safe and can be sent again; an exec's is read only as far as the
 * gateway's window goes, and thrown away once its connection was cut.
 */
#ifndef SOCKERLESS_AGENT_OUTLET_H
#define SOCKERLESS_AGENT_OUTLET_H

#include <event2/event.h>

#include "agent-gateway/agent/mirror.h"
#include "agent-gateway/agent/retain.h"
#include "agent-gateway/agent/session.h"

/* What the outputs of one stream share. */
struct outlet_rules {
	struct session *session;
	uint32_t stream;
	bool retained;
	bool lost;       /* nobody wants an exec's output any more */
	uint64_t window; /* of an exec: bytes that may still be sent */
	struct mirror mirror;
	void (*changed)(void *arg); /* something was read, or the end came */
	void *arg;
};

struct outlet {
	struct outlet_rules *rules;
	enum wire_channel channel;
	int fd; /* owned; -1: it has ended */
	struct event *readable;
	struct retain kept;
	uint64_t sent; /* on this connection, as an offset in the channel */
	uint64_t read;
	size_t left;     /* once it is finishing: bytes that are still read */
	bool finishing;
	bool end_sent;
};

/* Takes over fd (-1: an output that ends at once). False when out of memory (fd is closed). */
bool outlet_open(struct outlet *o, struct event_base *base, struct outlet_rules *rules, enum wire_channel channel, int fd);
void outlet_close(struct outlet *o);

/* Reads no more: the end comes now. */
void outlet_end(struct outlet *o);
/*
 * Reads what waits in the pipe now; the end comes after that, whoever goes on writing. To be said again now and then: a
 * process can open its own pipe for reading, and what it took no longer waits.
 */
void outlet_finish(struct outlet *o);
/* Reads, sends, or pauses, as window, acknowledgements and the connection allow now. */
void outlet_update(struct outlet *o);
/* The gateway has everything before `offset`. False: it can't. */
bool outlet_ack(struct outlet *o, uint64_t offset);
/* A new connection: continues from `offset`. False: that is neither kept nor read. */
bool outlet_resume(struct outlet *o, uint64_t offset);
/* The end was reached and all of it has been sent. */
bool outlet_done(const struct outlet *o);

#endif
