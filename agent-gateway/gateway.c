#include "agent-gateway/gateway.h"

#include <event2/listener.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "agent-gateway/agent.h"
#include "agent-gateway/cloud_log.h"
#include "agent-gateway/conn.h"
#include "agent-gateway/container.h"
#include "agent-gateway/events.h"
#include "agent-gateway/invoke.h"
#include "agent-gateway/layer_file.h"
#include "agent-gateway/run.h"
#include "agent-gateway/spool_thread.h"
#include "agent-gateway/store_thread.h"
#include "agent-gateway/sweep.h"
#include "lib/hint.h"
#include "lib/log.h"
#include "lib/store/store.h"

#define LAG_WARN 50000000LL
/*
 * Most time of a round of the loop, as far as that is in many events' hands (µs): epoll hands out up to 4096 events at
 * once, and after a restart as many agents say hello. Those that are left over go on in the next round, in their order.
 */
#define ROUND_MAX 2000
#define SWEEP_TICKS 10 /* seconds between sweeps of what containers leave */

int64_t gateway_clock(void)
{
	return time_monotonic();
}

struct later {
	void (*fn)(void *);
	void *arg;
};

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct later l = *(struct later *)arg;

	free(arg);
	l.fn(l.arg);
}

void gateway_later(struct gateway *gw, void (*fn)(void *), void *arg)
{
	struct timeval now = { 0 };
	struct later *l = malloc(sizeof *l);

	if (l) {
		*l = (struct later){ fn, arg };
		if (event_base_once(gw->base, -1, EV_TIMEOUT, on_later, l, &now) == 0)
			return;
	}
	log_error("out of memory");
	abort();
}

static void on_hint(evutil_socket_t fd, short what, void *arg)
{
	hint_drain(fd);
	intents_look(arg);
	events_look(arg);
}

/* How long this thread has been ready to run on a processor and had none, in ns; 0 if the kernel doesn't tell. */
static int64_t processor_waited(struct gateway *gw)
{
	char text[96];
	ssize_t n = gw->lag_fd < 0 ? -1 : pread(gw->lag_fd, text, sizeof text - 1, 0);
	long long ran, waited;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	return sscanf(text, "%lld %lld", &ran, &waited) == 2 ? waited : 0;
}

/* A timer that comes late tells how long the loop was at something else, or was kept from running by other programs. */
static void check_lag(struct gateway *gw)
{
	int64_t now = gateway_clock(), waited = processor_waited(gw);
	int64_t late = now - gw->lag_checked - 1000000000;

	if (gw->lag_checked && late > LAG_WARN)
		log_warn("the loop was late by %lld ms; in that second it waited %lld ms for a processor", (long long)late / 1000000,
			 (long long)(waited - gw->lag_waited) / 1000000);
	gw->lag_checked = now;
	gw->lag_waited = waited;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct gateway *gw = arg;
	struct conn *c, *next;

	check_lag(gw);
	for (c = LIST_FIRST(&gw->conns); c; c = next) {
		next = LIST_NEXT(c, link);
		conn_check(c);
	}
	intents_look(gw);
	events_look(gw);
	if (++gw->ticks % SWEEP_TICKS == 0)
		spools_sweep(gw);
}

static int open_timers(struct gateway *gw, struct err *e)
{
	struct timeval second = { .tv_sec = 1 };

	if (hint_listen(gw->settings->run_dir, HINT_GATEWAY, &gw->hint_fd, e) < 0)
		return -1;
	gw->hint = event_new(gw->base, gw->hint_fd, EV_READ | EV_PERSIST, on_hint, gw);
	gw->tick = event_new(gw->base, -1, EV_PERSIST, on_tick, gw);
	if (!gw->hint || !gw->tick || event_add(gw->hint, NULL) < 0 || event_add(gw->tick, &second) < 0)
		return err_nomem(e);
	return 0;
}

static struct event_base *base_new(void)
{
	const struct timeval round = { .tv_usec = ROUND_MAX };
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (!config)
		return NULL;
	if (event_config_set_max_dispatch_interval(config, &round, -1, 0) == 0)
		base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

int gateway_open(struct gateway *gw, const struct settings *settings, struct err *e)
{
	*gw = (struct gateway){ .settings = settings, .hint_fd = -1, .lag_fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC) };
	LIST_INIT(&gw->conns);
	LIST_INIT(&gw->held);
	LIST_INIT(&gw->event_streams);
	TAILQ_INIT(&gw->agents);
	gw->intents_past = intent_past_new();
	gw->base = base_new();
	if (!gw->base || !gw->intents_past)
		return err_nomem(e);
	if (completions_open(&gw->completions, gw->base, e) < 0 ||
	    worker_start(&gw->store, &store_thread_ops, settings->state_dir, gw->completions, e) < 0 ||
	    worker_start(&gw->spool, &spool_thread_ops, settings->state_dir, gw->completions, e) < 0 ||
	    worker_start(&gw->layer, &layer_thread_ops, settings->state_dir, gw->completions, e) < 0 ||
	    worker_start(&gw->log, &cloud_log_ops, (void *)(uintptr_t)settings, gw->completions, e) < 0 ||
	    invoker_start(&gw->invoker, gw->completions, settings->invoke_hold, settings->aws_timeout, e) < 0 || open_timers(gw, e) < 0 || agents_open(gw, e) < 0 || listener_open(gw, e) < 0)
		return -1;
	runs_recover(gw);
	spools_sweep(gw);
	return 0;
}

void gateway_close(struct gateway *gw)
{
	struct conn *c;

	if (gw->listener)
		evconnlistener_free(gw->listener);
	/* Agents redial; clients see the end of their streams. */
	while ((c = LIST_FIRST(&gw->conns)) || (c = LIST_FIRST(&gw->held)))
		conn_close(c);
	atomic_store(&gw->closing, true);
	invoker_stop(gw->invoker);
	worker_stop(gw->log);
	worker_stop(gw->layer);
	worker_stop(gw->spool);
	worker_stop(gw->store);
	if (gw->hint)
		event_free(gw->hint);
	if (gw->tick)
		event_free(gw->tick);
	if (gw->agents_event)
		event_free(gw->agents_event);
	if (gw->hint_fd >= 0)
		close(gw->hint_fd);
	if (gw->lag_fd >= 0)
		close(gw->lag_fd);
	completions_close(gw->completions);
	intent_past_free(gw->intents_past);
	if (gw->base)
		event_base_free(gw->base);
}
