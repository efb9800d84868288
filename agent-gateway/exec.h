/*
 * Execs of a run: each has a stream of the wire, and a client unless it is
 * detached or the client left. Their output isn't kept: it goes as fast as
 * the client takes it.
 */
#ifndef SOCKERLESS_GATEWAY_EXEC_H
#define SOCKERLESS_GATEWAY_EXEC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "agent-gateway/detach_keys.h"
#include "agent-gateway/input.h"
#include "lib/ids.h"

struct conn;
struct run;

struct exec_resize {
	LIST_ENTRY(exec_resize) link;
	struct conn *conn;
	int h, w;
};

struct exec {
	char id[ID_HEX_LEN + 1]; /* first: table.h */
	LIST_ENTRY(exec) link;   /* of its run */
	struct run *run;
	uint32_t stream;
	struct conn *conn;       /* the client; NULL: output is dropped */
	bool tty, has_stdin, detached;
	bool started;            /* the process exists */
	bool ended;              /* its end is being committed */
	struct input input;
	struct input_source source;
	struct detach_keys keys;
	uint32_t window;         /* bytes that the agent may send */
	uint32_t owed;           /* bytes taken for which no window was granted again */
	int code;
	bool lost;               /* it never reached the agent */
	char *failure;           /* text for the client of one that couldn't be started */
	LIST_HEAD(, exec_resize) resizes; /* wait for the process */
};

/* exec_handle.c: answers the client of a detached exec once it is known how it began. */
void exec_answer_detached(struct exec *x);
void exec_answer_resizes(struct exec *x);

/* Opens it at the agent; `open` is the message's text. */
void exec_open(struct exec *x, const char *open);
/* The client's side. */
void exec_input(struct exec *x);
void exec_input_ends(struct exec *x);
void exec_drained(struct exec *x);
void exec_client_gone(struct exec *x);
void exec_free(struct exec *x);

/* What the agent says. False: it breaks the protocol. */
bool exec_output(struct run *r, uint32_t stream, unsigned int channel, const uint8_t *data, size_t len);
bool exec_window(struct run *r, uint32_t stream, uint32_t bytes);
void exec_started(struct run *r, uint32_t stream, int64_t pid);
void exec_failed(struct run *r, uint32_t stream, const char *step, int error, const char *path, const char *detail);
void exec_exited(struct run *r, uint32_t stream, int code);

/* The agent's connection was cut; came back; the run ended. */
void exec_agent_lost(struct run *r);
void exec_agent_here(struct run *r);
/* The streams that the agent knows after a cut: others never reached it, and end. */
void exec_agent_knows(struct run *r, const uint32_t *streams, size_t n);
void exec_run_ended(struct run *r);

#endif
