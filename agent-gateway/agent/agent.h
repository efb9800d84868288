/* What every part of the agent reaches: the loop and what the function's environment says. */
#ifndef SOCKERLESS_AGENT_H
#define SOCKERLESS_AGENT_H

#include <event2/dns.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agent {
	struct event_base *base;
	struct evdns_base *dns;
	/* Owned copies; the environment itself is emptied. NULL when it isn't set. */
	char *container, *token, *callback, *ca_file, *log_stream, *runtime_api;
	char *tmp;           /* the directory that is emptied before a run; NULL: none */
	char *seed;          /* the directory whose content is put there then; NULL: /.sockerless/seed */
	int connect_seconds; /* how long a run that no gateway has taken up is kept */
	size_t mirror_bytes; /* of a run's output that go to the function's own log, too */
	struct runtime *runtime;
	struct run *run; /* the invocation that is held; NULL between two */
	struct event *child_event, *term_event;
};

/* Nanoseconds since the epoch. */
int64_t agent_now(void);

/* Runs fn(arg) once from the loop, after what is on the stack has returned. Aborts when out of memory. */
void agent_defer(struct agent *a, event_callback_fn fn, void *arg);

#endif
