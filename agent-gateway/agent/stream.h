/* A process with its input and outputs: the container's main one or an exec. */
#ifndef SOCKERLESS_AGENT_STREAM_H
#define SOCKERLESS_AGENT_STREAM_H

#include "agent-gateway/agent/children.h"
#include "agent-gateway/agent/inlet.h"
#include "agent-gateway/agent/outlet.h"
#include "agent-gateway/agent/process.h"

struct stream {
	struct stream *next; /* of its owner's list */
	struct agent *agent;
	struct session *session;
	uint32_t id;
	bool terminal;
	bool task;   /* the agent's own work, no process of the container's */
	bool keeps;  /* a task whose work is worth nothing once the connection is cut */
	struct children_stopped halted; /* by a task, for as long as it works */
	bool settled, changed; /* of the main one: everything it started is gone; it wrote something */
	bool oom;              /* of the main one: memory was out */
	pid_t pid;   /* 0: never started, or reaped */
	bool failed; /* never started: `failure` says why */
	bool exited;
	int code;
	char error[256]; /* of the exit report */
	struct process_failure failure;
	char program[256];
	struct inlet in;
	struct outlet_rules rules;
	struct outlet out[2];
	struct event *linger;
	bool lingers;    /* it is set */
	bool reported;         /* exit or failed went out on this connection */
	uint64_t report_ping;  /* session_confirmed() of this number: the gateway has the report */
};

/* Starts the process, and reports it as started or failed. NULL only when out of memory. */
struct stream *stream_start(struct agent *a, struct session *session, uint32_t id, const struct launch *l);
/* An exec that can't even be tried. */
struct stream *stream_refuse(struct agent *a, struct session *session, uint32_t id, int error);
void stream_free(struct stream *s);

bool stream_lives(const struct stream *s);
/* The process was reaped. */
void stream_exited(struct stream *s, int code);
/* Sends what can be sent now, the report at last. */
void stream_update(struct stream *s);
/* The connection was cut: nobody reads an exec any more; the main process's output is kept. */
void stream_cut(struct stream *s);
/* A new connection; the offsets matter to the main process alone. False: they can't be. */
bool stream_resume(struct stream *s, uint64_t out, uint64_t err);
void stream_resize(struct stream *s, unsigned short height, unsigned short width);

/* 127 when there is no such program, 126 when it can't be run. */
int stream_failure_code(const struct stream *s);

#endif
