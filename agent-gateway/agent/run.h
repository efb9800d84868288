/* One run of the container: from the invocation to its answer. */
#ifndef SOCKERLESS_AGENT_RUN_H
#define SOCKERLESS_AGENT_RUN_H

#include "agent-gateway/agent/children.h"
#include "agent-gateway/agent/deadline.h"
#include "agent-gateway/agent/health.h"
#include "agent-gateway/agent/launch.h"
#include "agent-gateway/agent/layer.h"
#include "agent-gateway/agent/runtime.h"
#include "agent-gateway/agent/session.h"
#include "agent-gateway/agent/stream.h"

struct run {
	struct agent *agent;
	char id[65];
	char request_id[sizeof((struct invocation *)0)->request_id];
	int64_t deadline_ms;
	int64_t began;          /* when the process started (agent_now); 0: it hasn't */
	struct launch launch;
	struct layer layer;
	bool held, restored;    /* the process waits until files are put back; some were */
	struct session *session;
	struct deadline *deadline;
	struct stream *main;    /* NULL: waits for the first spec */
	struct stream *execs;
	struct health_monitor *health; /* NULL: there is no health check */
	struct event *sweep;    /* kills what the main process left until nothing is left */
	struct event *patience; /* how long a gateway is waited for */
	struct children_stopped stopped; /* by a pause */
	bool sweeping;
	bool ending, acknowledged, answered;
	int sweeps;             /* since it is ending */
	int64_t last_signal;    /* the newest that was sent, by the gateway's numbers */
	unsigned long long oom_kills; /* before it started (proc_oom_kills) */
	int code;
	char error[256];
};

/* Takes an invocation up; one that can't be is answered with an error at once. */
void run_begin(struct agent *a, const struct invocation *inv);
/* Kills everything and answers the invocation once it is gone. `error` may be "". */
void run_end(struct run *r, bool acknowledged, const char *error);
/* Starts the process: what stands in the writable directories is what it finds. */
void run_start_process(struct run *r);
/* A child of the agent's was reaped; `status` is wait's. */
void run_reaped(struct run *r, pid_t pid, int status);

/* A message of the gateway's. False: it breaks the protocol. */
bool run_message(void *arg, const struct wire_message *m);

#endif
