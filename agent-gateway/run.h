/* One start of a container, from the prepared row to its committed end. */
#ifndef SOCKERLESS_GATEWAY_RUN_H
#define SOCKERLESS_GATEWAY_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "agent-gateway/container.h"
#include "agent-gateway/store_run.h"
#include "lib/wire.h"

struct agent;
struct intent;
struct invoke_outcome;

enum run_phase {
	RUN_PREPARED,  /* the row is there; the function may not be ready */
	RUN_INVOKED,   /* the Invoke has left: waiting for hello, then for started or failed */
	RUN_STARTED,   /* the process runs */
	RUN_ENDING,    /* its end is being committed */
};

struct run {
	char id[RUN_ID_LEN + 1]; /* first: table.h */
	struct gateway *gw;
	struct container *container; /* holds a reference */
	uint32_t number;
	enum run_phase phase;
	struct agent *agent;       /* NULL: not connected */
	struct intent *intent;     /* the start (or restart) that waits for it */
	bool greeted;              /* an agent has said hello at some time */
	bool recovered;            /* of a predecessor: its Invoke's result is lost */
	int64_t invoked_at;        /* ns since the epoch */

	bool offsets_known;
	uint64_t safe[2];          /* in the spool */
	uint64_t received[2];      /* taken in from the agent */
	uint64_t acked[2];

	bool exit_reported;        /* by the agent */
	uint64_t exit_offset[2];
	struct run_end end;        /* as reported, or as it is being committed */
	char *error;               /* owned text of end.error */

	struct invoke_outcome *outcome; /* the Invoke's result while the agent's report is waited for */
	struct event *timer;
	void (*on_timer)(struct run *r);

	uint32_t last_stream;      /* of execs */
	LIST_HEAD(, exec) execs;
	LIST_HEAD(, task) tasks;
};

/* Becomes the container's run. NULL when memory is out. */
struct run *run_new(struct container *c, const char *id, uint32_t number);
void run_timer(struct run *r, int64_t seconds, void (*fn)(struct run *r));
void run_timer_stop(struct run *r);
/* Asks the spool how far it is; then the agent, if it is there, gets its spec. */
void run_find_offsets(struct run *r);

/* start.c: takes a container that can be started through all steps and finishes the intent. */
void run_start(struct container *c, struct intent *in);
/* Answers the start with an error, ends the run. code: the container's exit code. */
void run_start_failed(struct run *r, int status, int code, const char *message);
/* The Invoke has left: waits for the agent. */
void run_wait_hello(struct run *r);

/* What the agent says (agent_message.c has checked its form). */
void run_hello(struct run *r, uint64_t stdin_received);
void run_send_spec(struct run *r);
void run_process_started(struct run *r, int64_t pid);
void run_process_failed(struct run *r, const char *step, int error, const char *path, const char *detail);
/* False: the agent breaks the protocol. */
bool run_output(struct run *r, unsigned int channel, uint64_t offset, int64_t time, const uint8_t *data, size_t len);
void run_exit(struct run *r, const struct run_end *end, const uint64_t offsets[2]);
void run_agent_lost(struct run *r);

/* end.c: commits the end once all output is safe. */
void run_exit_check(struct run *r);
/* Commits this end now. */
void run_finish(struct run *r, int code, bool oom, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The Invoke's result; takes it over. */
void run_invoked(struct gateway *gw, const char *run_id, struct invoke_outcome *o);
/* No agent, and no Invoke that will tell: waits until the function must be over. */
void run_wait_deadline(struct run *r);

/* recover.c: the runs that a predecessor left; then intents are taken up. */
void runs_recover(struct gateway *gw);

#endif
