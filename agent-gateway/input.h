/*
 * Bytes on their way to a process's stdin: kept until the agent grants
 * window, and of the main process until it is sure that the agent has them.
 * Clients are paused while it is full.
 */
#ifndef SOCKERLESS_GATEWAY_INPUT_H
#define SOCKERLESS_GATEWAY_INPUT_H

#include <event2/buffer.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/wire.h"

#define INPUT_MAX (256 * 1024) /* unsent bytes above which clients are paused */

struct agent;
struct conn;

/* A client that writes into it. */
struct input_source {
	LIST_ENTRY(input_source) link;
	struct conn *conn;
	bool paused;
};

struct input {
	struct evbuffer *data; /* from offset `base` on */
	uint64_t base, sent, limit; /* offsets: first byte kept, next byte to send, end of the window */
	bool end;              /* nothing more will come */
	bool end_sent;
	bool retain;           /* keeps what may have to be sent again */
	LIST_HEAD(, input_source) sources;
};

bool input_init(struct input *in, bool retain);
void input_free(struct input *in);
/* Empty, as for a new process; sources stay and are resumed. */
void input_reset(struct input *in);

void input_add(struct input *in, struct input_source *src, struct conn *conn);
/* Whether a client gives it, or gave it up to its end. */
bool input_attached(const struct input *in);
void input_remove(struct input_source *src);
/* Moves what the client sent into it, and pauses the client if it is full now. */
void input_take(struct input *in, struct input_source *src, struct evbuffer *from);
/* False: the peer grants nonsense. */
bool input_grant(struct input *in, uint32_t bytes);
/* After a redial: the agent has `received` bytes and will grant anew. False: it can't have. */
bool input_resume(struct input *in, uint64_t received);
/* Sends what may be sent. */
void input_send(struct input *in, struct agent *agent, uint32_t stream);

#endif
