/* One start of a container, from the prepared row to its committed end. */
#ifndef SOCKERLESS_GATEWAY_RUN_H
#define SOCKERLESS_GATEWAY_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "agent-gateway/container.h"
#include "agent-gateway/layer.h"
#include "agent-gateway/layer_file.h"
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

#define RUN_REQUEST_MAX 63
#define RUN_LOG_STREAM_MAX 511

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
	int64_t over_by;           /* monotonic ns: then the function has ended whatever happened */
	int64_t start_by;          /* monotonic ns: until then the function may become ready */

	bool offsets_known;
	uint64_t safe[2];          /* in the spool */
	uint64_t received[2];      /* taken in from the agent */
	uint64_t acked[2];

	bool waiting;              /* the agent hasn't started the process yet */
	bool files[LAYER_KINDS];   /* to be put back before it starts */
	bool files_known;
	enum layer_save save;
	struct layer_transfer *layer; /* NULL: none is under way */

	bool exit_reported;        /* by the agent */
	uint64_t exit_offset[2];
	struct run_end end;        /* as reported, or as it is being committed */
	char *error;               /* owned text of end.error */

	struct invoke_outcome *outcome; /* the Invoke's result while the agent's report is waited for */
	struct event *timer;
	void (*on_timer)(struct run *r);

	char request_id[RUN_REQUEST_MAX + 1]; /* as the agent knows them; "": not yet */
	char log_stream[RUN_LOG_STREAM_MAX + 1];
	char *log_token;           /* so far its log was read */
	bool log_asked;            /* a look is under way */
	int64_t log_pause;         /* seconds until the next one */

	uint32_t last_stream;      /* of execs */
	uint32_t left_streams;     /* a predecessor's execs go so far; 0: none, or their fate is known */
	LIST_HEAD(, exec) execs;
	LIST_HEAD(, task) tasks;
	char trouble[256];        /* what Invoke said instead of an answer; the function may run all the same */
};

/* Becomes the container's run. NULL when memory is out. */
struct run *run_new(struct container *c, const char *id, uint32_t number);
void run_timer(struct run *r, int64_t seconds, void (*fn)(struct run *r));
void run_timer_stop(struct run *r);
/* Asks the spool how far it is; then the agent, if it is there, gets its spec. */
void run_find_offsets(struct run *r);

/* start.c: takes a container that can be started through all steps and finishes the intent (NULL: its restart policy starts it). */
void run_start(struct container *c, struct intent *in);
/* Answers the start with an error, ends the run. code: the container's exit code. */
void run_start_failed(struct run *r, int status, int code, const char *message);
/* AWS refused the Invoke for so many seconds: it is prepared again. False: that is too long. */
bool run_start_again(struct run *r, int64_t seconds);
/* The Invoke has left: waits for the agent. */
void run_wait_hello(struct run *r);

/* What the agent says (agent_message.c has checked its form). */
void run_hello(struct run *r, uint64_t stdin_received);
/* When all is known: tells the agent to start its process, or to go on; first its files are put back. */
void run_send_spec(struct run *r);
void run_process_started(struct run *r, int64_t pid);
void run_process_failed(struct run *r, const char *step, int error, const char *path, const char *detail);
/* False: the agent breaks the protocol. */
bool run_output(struct run *r, unsigned int channel, uint64_t offset, int64_t time, const uint8_t *data, size_t len);
/* changed: the run wrote something. */
void run_exit(struct run *r, const struct run_end *end, const uint64_t offsets[2], bool changed);
void run_agent_lost(struct run *r);

/* end.c: commits the end once all output is safe. */
void run_exit_check(struct run *r);
/* Commits this end now. */
void run_finish(struct run *r, int code, bool oom, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The Invoke's result; takes it over. */
void run_invoked(struct gateway *gw, const char *run_id, struct invoke_outcome *o);
/*
 * No agent, and no Invoke that will tell: waits for an agent before the process runs; after that until the log tells of
 * the end, or the function must be over.
 */
void run_wait_deadline(struct run *r);
/* The Invoke left so many ns ago: sets over_by. A clock that was set meanwhile neither ends a run at once nor keeps it for long. */
void run_set_over(struct run *r, int64_t age);

/* recover.c: the runs that a predecessor left; then intents are taken up. */
void runs_recover(struct gateway *gw);

#endif
