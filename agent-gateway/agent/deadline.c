#include "agent-gateway/agent/deadline.h"

#include <stdlib.h>

#define TERMINATE_MS 10000
#define KILL_MS 3000
#define ANSWER_MS 1000

struct deadline {
	struct deadline_events events;
	void *arg;
	struct event *terminate, *kill, *answer;
	int64_t total_ms;
};

static void terminate_now(evutil_socket_t fd, short what, void *arg)
{
	struct deadline *d = arg;

	d->events.terminate(d->arg);
}

static void kill_now(evutil_socket_t fd, short what, void *arg)
{
	struct deadline *d = arg;

	d->events.kill(d->arg);
}

static void answer_now(evutil_socket_t fd, short what, void *arg)
{
	struct deadline *d = arg;

	d->events.answer(d->arg);
}

/* A function with a short time gives up a part of it only. */
static struct event *before(struct deadline *d, struct event_base *base, int64_t ms, int part, event_callback_fn fn)
{
	int64_t wait = d->total_ms - (ms < d->total_ms / part ? ms : d->total_ms / part);
	struct timeval tv = { .tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000 };
	struct event *ev = evtimer_new(base, fn, d);

	if (ev)
		evtimer_add(ev, &tv);
	return ev;
}

struct deadline *deadline_new(struct agent *a, int64_t deadline_ms, const struct deadline_events *events, void *arg)
{
	struct deadline *d = calloc(1, sizeof *d);

	if (!d)
		return NULL;
	*d = (struct deadline){ .events = *events, .arg = arg, .total_ms = deadline_ms - agent_now() / 1000000 };
	if (d->total_ms < 0)
		d->total_ms = 0;
	d->terminate = before(d, a->base, TERMINATE_MS, 3, terminate_now);
	d->kill = before(d, a->base, KILL_MS, 6, kill_now);
	d->answer = before(d, a->base, ANSWER_MS, 10, answer_now);
	if (d->terminate && d->kill && d->answer)
		return d;
	deadline_free(d);
	return NULL;
}

void deadline_free(struct deadline *d)
{
	if (!d)
		return;
	if (d->terminate)
		event_free(d->terminate);
	if (d->kill)
		event_free(d->kill);
	if (d->answer)
		event_free(d->answer);
	free(d);
}

int deadline_seconds(const struct deadline *d)
{
	return (int)((d->total_ms + 999) / 1000);
}
