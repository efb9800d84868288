/* The run's connection to the gateway over all redials: dial, hello, ping, redial. */
#ifndef SOCKERLESS_AGENT_SESSION_H
#define SOCKERLESS_AGENT_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "agent-gateway/agent/agent.h"
#include "lib/wire.h"

struct session;

struct session_events {
	struct json_object *(*hello)(void *arg);             /* what to say on each connection; the session frees it */
	bool (*message)(void *arg, const struct wire_message *m); /* false: the peer broke the protocol */
	void (*cut)(void *arg);                              /* what was in flight may be lost */
	void (*drained)(void *arg);
	void (*refused)(void *arg, int status);              /* this run is no longer ours; called once, nothing is dialled again */
};

/* Starts dialling. NULL when out of memory. `run` and `nonce` are hex. */
struct session *session_new(struct agent *a, const char *callback, const char *run, const char *nonce,
			    const struct session_events *events, void *arg);
void session_free(struct session *s);

/* Between the gateway's spec and the next cut messages go out; else they are dropped. */
bool session_ready(const struct session *s);
void session_set_ready(struct session *s);
/* A spec came at some time. */
bool session_was_ready(const struct session *s);

void session_send(struct session *s, enum wire_type type, uint8_t flags, uint32_t stream, const void *head, size_t head_len,
		  const void *data, size_t len);
/* The same with a JSON payload. */
void session_send_json(struct session *s, enum wire_type type, uint32_t stream, struct json_object *o);
size_t session_queued(const struct session *s);

/*
 * A number that grows with each ping. When session_confirmed() reaches the
 * number that session_ping_number() gave after a message was sent, the gateway
 * has got that message.
 */
uint64_t session_ping_number(const struct session *s);
uint64_t session_confirmed(const struct session *s);

/* The text of the last failure to connect; "" if there was none. */
const char *session_failure(const struct session *s);

#endif
