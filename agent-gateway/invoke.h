/*
 * The thread that speaks to Lambda: waits for functions to become Active,
 * and invokes. An Invoke is never repeated, unless AWS said that it refused it.
 */
#ifndef SOCKERLESS_GATEWAY_INVOKE_H
#define SOCKERLESS_GATEWAY_INVOKE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent-gateway/gateway.h"
#include "lib/buf.h"
#include "lib/err.h"

/* How an Invoke (or the wait for Active) went. */
struct invoke_outcome {
	bool answered;          /* AWS sent a result: the invocation is over */
	bool refused;           /* AWS refused it: nothing ran */
	int64_t again;          /* refused for now: to be asked again after so many seconds; 0: for good */
	bool let_go;            /* the connection was closed after invoke_release() */
	bool from_log;          /* no answer: the log's REPORT line */
	bool failed;            /* the function ended with an error */
	struct err err;         /* if not answered */
	char error_type[128];
	char error_message[512];
	char request_id[64];
	bool has_code;          /* the agent's last word */
	int code;
	uint64_t offsets[2];
	char error[512];
	int64_t billed_ms, memory_peak_mb, memory_size_mb; /* 0: unknown */
};

typedef void invoke_done(struct gateway *gw, const char *run, struct invoke_outcome *o); /* takes o over: free() */

/* hold: so many Invoke connections stay open; above that those that were released are closed. */
int invoker_start(struct invoker **ret, struct completions *back, uint64_t hold, uint64_t timeout, struct err *e);
/* Ends the thread; what is under way is dropped (invocations go on). NULL is fine. */
void invoker_stop(struct invoker *i);

/* `answered` in the outcome: it is Active. Failed and missing functions are `refused` with AWS's reason. */
void invoke_wait_active(struct gateway *gw, const char *run, const char *function, int64_t seconds, invoke_done *done);
/* Takes payload over. timeout: the function's, seconds. */
void invoke_send(struct gateway *gw, const char *run, const char *function, struct buf *payload, int64_t timeout, invoke_done *done);
/* The agent has spoken: the Invoke's answer is a convenience from now on. */
void invoke_release(struct gateway *gw, const char *run);

#endif
