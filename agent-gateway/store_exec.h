/* What the gateway writes about execs. */
#ifndef SOCKERLESS_GATEWAY_STORE_EXEC_H
#define SOCKERLESS_GATEWAY_STORE_EXEC_H

#include <stdbool.h>
#include <stdint.h>

#include "agent-gateway/gateway.h"
#include "lib/store/store.h"

struct conn;

/* In the store thread: "exec_start: <command>" and so on; exit code NULL: none. */
int store_exec_event(struct store *s, const char *container, const char *exec, const char *action, const char *code, struct err *e);
/* In the store thread: the run ended, and with it the execs that are left. */
int store_execs_end(struct store *s, const char *container, const char *run, struct err *e);

/* From the loop; `done` is called there when what they write is durable, and of one that runs also when that can't be written. */
typedef void exec_written(struct gateway *gw, const char *exec, const char *run, uint32_t stream);
void store_post_exec_running(struct gateway *gw, const char *exec, const char *run, uint32_t stream, int64_t pid, exec_written *done);
/* `ran`: there was a process, so that its end is an event. */
void store_post_exec_end(struct gateway *gw, const char *container, const char *run, uint32_t stream, int code, bool ran, exec_written *done);
/* The client typed the keys that detach: its connection is finished when the event is durable. */
void store_post_exec_detach(struct gateway *gw, const char *container, const char *exec, struct conn *client);

/* Exit codes of execs of which nobody will tell more. */
#define EXEC_LOST_STARTING 126
#define EXEC_LOST_RUNNING 137

/*
 * Ends the execs of a run with streams up to `last` that aren't among `alive`
 * (copied): they were lost with a connection.
 */
void store_post_execs_lost(struct gateway *gw, const char *container, const char *run, uint32_t last, const uint32_t *alive, size_t n);

#endif
