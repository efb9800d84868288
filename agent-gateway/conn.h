/*
 * A connection of the listener. Its head is parsed and routed (route.c);
 * then it belongs to a handler, which answers once or takes the connection
 * over as a stream.
 */
#ifndef SOCKERLESS_GATEWAY_CONN_H
#define SOCKERLESS_GATEWAY_CONN_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/keyvalq_struct.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "agent-gateway/gateway.h"
#include "lib/ids.h"

#define CONN_HEAD_MAX (64 * 1024)
#define CONN_BODY_MAX (1024 * 1024)

struct conn;
struct request;
struct route;

/* What the handler wants to hear of; NULL: nothing. */
struct conn_ops {
	void (*readable)(struct conn *c); /* bytes wait in conn_input(); without it they are thrown away */
	void (*drained)(struct conn *c);  /* there is room in the output again */
	void (*eof)(struct conn *c);      /* the client sends nothing more */
	void (*closed)(struct conn *c);   /* the last call: the handler frees its state */
};

struct conn {
	LIST_ENTRY(conn) link;
	struct gateway *gw;
	struct bufferevent *bev;
	struct request *request;    /* while the head is parsed */
	const struct route *route;
	struct evkeyvalq args;
	char id[ID_HEX_LEN + 1];    /* of the path */
	char *ws_key;               /* Sec-WebSocket-Key */
	struct container *container; /* holds a reference */
	const struct conn_ops *ops;
	void *state;                /* of the handler */
	struct request *upload;     /* a PUT whose body is read on */
	struct evbuffer *body;      /* of it: what came and wasn't taken yet; NULL: the request is no upload */
	bool body_ended;            /* all of it came; the handler hears `eof` then */
	bool upgrade;               /* the client asked for a tunnel */
	bool half_closed;           /* the client sends nothing more */
	unsigned int spacing;       /* ms between two things that the client may not take well at once */
	bool pausing;               /* once the output so far is written */
	bool finishing;             /* closes when its output is written */
	bool dead;                  /* closed; freed with its last reference */
	unsigned int refs;
};

/* Whoever waits for another thread on behalf of a connection holds a reference, and looks at `dead` after. */
void conn_ref(struct conn *c);
void conn_unref(struct conn *c);

/* Takes a socket over. */
void conn_accept(struct gateway *gw, int fd);

int listener_open(struct gateway *gw, struct err *e);

/* The handler takes over; bytes that came already are told to it from the loop. */
void conn_take(struct conn *c, const struct conn_ops *ops, void *state);

struct evbuffer *conn_input(struct conn *c);
struct evbuffer *conn_output(struct conn *c);
/* Bytes not yet written to the socket. */
size_t conn_backlog(struct conn *c);
/* Reading can be paused, so that the client is. */
void conn_read(struct conn *c, bool on);
/*
 * Output that comes after what waits now is held back for c->spacing: docker-py
 * loses the bytes that it finds in its socket together with the head of a 101. An
 * exec's output comes here within 2 ms, where dockerd takes 50. The User-Agent
 * says how long: docker-py gets dockerd's 50 ms, the docker CLI, which loses
 * nothing, none. A client that nobody looked at may be as docker-py: it gets
 * 20 ms; 10 were enough for docker-py on an idle machine.
 */
void conn_pause_after_head(struct conn *c);
/* Closes once the output is written; nothing more is read. The handler hears `closed` then. */
void conn_finish(struct conn *c);
/* At once. */
void conn_close(struct conn *c);
/* Each second: is a half-closed client gone altogether? */
void conn_check(struct conn *c);

/* Arguments of the query. `def` if absent. */
const char *conn_arg(struct conn *c, const char *name, const char *def);
int64_t conn_arg_int(struct conn *c, const char *name, int64_t def);
bool conn_arg_flag(struct conn *c, const char *name);
/* Is the client's API version at least 1.`minor`? */
bool conn_api_least(struct conn *c, int minor);

#endif
