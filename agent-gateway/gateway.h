/* What the parts of the gateway share. Everything in here belongs to the loop's thread. */
#ifndef SOCKERLESS_GATEWAY_H
#define SOCKERLESS_GATEWAY_H

#include <event2/event.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/queue.h>

#include "agent-gateway/job.h"
#include "lib/settings.h"

struct agent;
struct conn;
struct container;
struct run;
struct exec;
struct invoker;
struct event_stream;

LIST_HEAD(conn_list, conn);
LIST_HEAD(event_stream_list, event_stream);
TAILQ_HEAD(agent_list, agent);

struct gateway {
	struct event_base *base;
	const struct settings *settings;
	struct completions *completions;
	struct worker *store;
	struct worker *spool;
	struct worker *layer;     /* reads and writes containers' files */
	struct worker *log;       /* reads CloudWatch Logs */
	atomic_bool closing;
	struct invoker *invoker;
	struct evconnlistener *listener;
	unsigned int accepted;    /* connections since the listener last paused */
	struct event *tick;       /* each second */
	unsigned int ticks;
	struct event *hint;
	int hint_fd;
	void *containers, *runs, *execs; /* tables (table.h) */
	struct conn_list conns;
	struct conn_list held;    /* came before `recovered` (route_held) */
	struct agent_list agents; /* whoever was looked after longest ago first (agents_look_after) */
	unsigned int agents_count;
	struct event *agents_event;
	struct event_stream_list event_streams;
	int64_t last_intent;      /* the newest that was taken up */
	bool intents_asked;       /* a look at the store is under way */
	bool intents_again;       /* and another one is wanted after it */
	struct intent_past *intents_past;
	bool recovered;           /* the runs that a predecessor left are known */
	bool events_told;         /* event streams are to look at the store in this round of the loop */
	struct event *events_event;
	int64_t lag_checked;      /* monotonic ns of the last tick */
	int64_t lag_waited;       /* ns that the loop had waited for a processor by then */
	int lag_fd;               /* tells that; -1: nothing does */
};

int gateway_open(struct gateway *gw, const struct settings *settings, struct err *e);
void gateway_close(struct gateway *gw);

/* Monotonic nanoseconds. */
int64_t gateway_clock(void);

#endif
