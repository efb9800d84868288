#include "agent-gateway/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/agent.h"
#include "agent-gateway/exec.h"
#include "agent-gateway/table.h"
#include "agent-gateway/task.h"
#include "lib/log.h"

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct run *r = arg;

	if (r->on_timer)
		r->on_timer(r);
}

static void on_written(void *arg, const struct spool_offsets *offsets);

struct run *run_new(struct container *c, const char *id, uint32_t number)
{
	struct run *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	snprintf(r->id, sizeof r->id, "%s", id);
	r->gw = c->gw;
	r->number = number;
	r->last_stream = WIRE_MAIN;
	LIST_INIT(&r->execs);
	LIST_INIT(&r->tasks);
	r->timer = event_new(c->gw->base, -1, 0, on_timer, r);
	if (!r->timer || !table_add(&c->gw->runs, r)) {
		if (r->timer)
			event_free(r->timer);
		free(r);
		return NULL;
	}
	r->container = c;
	container_ref(c);
	c->run = r;
	spooler_on_written(c->spooler, on_written, c);
	return r;
}

void run_timer(struct run *r, int64_t seconds, void (*fn)(struct run *r))
{
	struct timeval t = { .tv_sec = seconds > 0 ? seconds : 0 };

	r->on_timer = fn;
	event_add(r->timer, &t);
}

void run_timer_stop(struct run *r)
{
	r->on_timer = NULL;
	event_del(r->timer);
}

struct found {
	struct gateway *gw;
	char run[RUN_ID_LEN + 1];
};

static void offsets_found(void *arg, const struct spool_offsets *offsets, const struct err *e)
{
	struct found *f = arg;
	struct run *r = table_find(&f->gw->runs, f->run);

	if (r && e) {
		log_error("run %s: spool: %s", r->id, e->text);
		run_start_failed(r, 500, 128, e->text);
	} else if (r) {
		r->offsets_known = true;
		for (int ch = 0; ch < 2; ch++)
			r->safe[ch] = r->received[ch] = offsets->run == r->number ? offsets->offset[ch] : 0;
		if (r->agent && r->agent->greeted)
			run_send_spec(r);
	}
	free(f);
}

void run_find_offsets(struct run *r)
{
	struct found *f = calloc(1, sizeof *f);

	if (!f) {
		run_start_failed(r, 500, 128, "out of memory");
		return;
	}
	layer_find(r);
	f->gw = r->gw;
	strcpy(f->run, r->id);
	spooler_offsets(r->container->spooler, offsets_found, f);
}

void run_send_spec(struct run *r)
{
	char text[96];
	int len;

	if (!r->offsets_known || !r->files_known || !r->agent)
		return;
	if (r->waiting && (r->files[LAYER_RUNS] || r->files[LAYER_STAGED])) {
		if (!r->layer)
			layer_restore(r);
		return;
	}
	/* What is on its way to the disk is not counted, as it dies with this process; sent again, it is passed over. */
	len = snprintf(text, sizeof text, "{\"stdout\":%llu,\"stderr\":%llu}", (unsigned long long)r->safe[0],
		       (unsigned long long)r->safe[1]);
	r->acked[0] = r->safe[0];
	r->acked[1] = r->safe[1];
	agent_send(r->agent, WIRE_SPEC, 0, WIRE_SESSION, text, (size_t)len);
	input_send(&r->container->input, r->agent, WIRE_MAIN);
	intents_agent_here(r->container);
	exec_agent_here(r);
}

/* More of the output is safe: the agent may forget it, readers may have it. */
static void on_written(void *arg, const struct spool_offsets *offsets)
{
	struct container *c = arg;
	struct run *r = c->run;

	if (r && offsets->run == r->number) {
		for (unsigned int ch = 0; ch < 2; ch++) {
			uint8_t at[8];

			r->safe[ch] = offsets->offset[ch];
			if (!r->agent || r->acked[ch] >= r->safe[ch])
				continue;
			r->acked[ch] = r->safe[ch];
			wire_put_u64(at, r->safe[ch]);
			agent_send(r->agent, WIRE_ACK, (uint8_t)(WIRE_STDOUT + ch), WIRE_MAIN, at, sizeof at);
		}
		run_exit_check(r);
	}
	container_tell(c, NEWS_OUTPUT);
}

bool run_output(struct run *r, unsigned int channel, uint64_t offset, int64_t time, const uint8_t *data, size_t len)
{
	struct spool_record rec = { .run = r->number, .channel = channel, .time = time };
	uint64_t skip;

	if (!r->offsets_known || offset > r->received[channel])
		return false;
	skip = r->received[channel] - offset;
	if (skip >= len)
		return true; /* sent twice */
	/* It was told how much may be unacknowledged. */
	if (r->exit_reported || r->received[channel] + (len - skip) > r->safe[channel] + 2 * WIRE_RETAIN)
		return false;
	rec.offset = r->received[channel];
	rec.data = data + skip;
	rec.len = len - (size_t)skip;
	if (!spooler_append(r->container->spooler, &rec))
		return false;
	r->received[channel] += rec.len;
	return true;
}

void run_agent_lost(struct run *r)
{
	r->agent = NULL;
	exec_agent_lost(r);
	task_run_lost(r);
	layer_cut(r);
	if (r->phase == RUN_ENDING)
		return;
	log_info("run %s: the agent's connection ended", r->id);
	if (r->outcome)
		run_exit_check(r);
	else if (r->recovered && (r->phase == RUN_STARTED || r->greeted))
		run_wait_deadline(r);
}
