/*
 * What the gateway writes about runs. Each function runs in the store thread,
 * inside one transaction of its caller.
 */
#ifndef SOCKERLESS_GATEWAY_STORE_RUN_H
#define SOCKERLESS_GATEWAY_STORE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/lifecycle.h"
#include "lib/store/store.h"

#define RUN_ID_LEN 32

/* The container goes to `starting` and has a new run. ERR_CONFLICT: it can't be started now. */
int store_run_prepare(struct store *s, const char *container, char run[RUN_ID_LEN + 1], uint32_t *ret_number, struct err *e);

/* Commits to the Invoke: after this it may be sent once. ret_payload is what is sent; stdin_attached: a client has its stdin at the run. */
int store_run_invoke_sent(struct store *s, const char *run, const char *callback, bool stdin_attached, struct buf *ret_payload,
			  struct err *e);

/* AWS refused the Invoke: the run is prepared again. */
int store_run_unsent(struct store *s, const char *run, struct err *e);
int store_run_started(struct store *s, const char *container, const char *run, int64_t pid, struct err *e);

struct run_end {
	int code;
	bool oom;
	bool failed_start; /* the process never ran */
	bool no_program;   /* because what it was to run can't be run */
	bool stopped;      /* a client had asked for its stop */
	bool ended;        /* a client had asked for its end, in whatever way */
	bool restarting;   /* it starts again at once, so that it doesn't remove itself */
	const char *error; /* State.Error; "" if none */
};

/* What a run's end led to. */
struct run_after {
	enum container_state state;
	int64_t restart_at; /* of STATE_RESTARTING */
};

/* The end of a run: container, run, execs, events, and the removal of one that removes itself, or its next start by its policy. */
int store_run_end(struct store *s, const char *container, const char *run, const struct run_end *end, struct run_after *ret, struct err *e);

/* Undoes a start whose Invoke was never sent. */
int store_run_undo(struct store *s, const char *container, const char *run, struct err *e);

/* The container goes to `removing`: no name, event destroy. */
int store_container_remove(struct store *s, const char *container, struct err *e);

/* seq 0: nothing to do. */
int store_intent_done(struct store *s, int64_t seq, int status, const char *message, struct err *e);

#endif
