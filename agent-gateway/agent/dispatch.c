#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "agent-gateway/agent/children.h"
#include "agent-gateway/agent/run.h"
#include "lib/json.h"
#include "lib/log.h"

/* Reports of ended execs that the gateway may not have got are kept up to this number. */
#define REPORTS_MAX 1024

static struct stream *find(struct run *r, uint32_t id)
{
	struct stream *s = r->execs;

	if (id == WIRE_MAIN)
		return r->main;
	while (s && s->id != id)
		s = s->next;
	return s;
}

/* Forgets execs whose report the gateway has, and the oldest beyond the limit. Newer ones stand first in the list. */
static void prune(struct run *r)
{
	struct stream **at = &r->execs;
	int reports = 0;

	while (*at) {
		struct stream *s = *at;
		bool ended = !stream_lives(s);
		bool known = s->reported && session_confirmed(r->session) >= s->report_ping;

		if (!ended || (!known && ++reports <= REPORTS_MAX)) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		stream_free(s);
	}
}

static void forget(struct run *r, struct stream *gone)
{
	struct stream **at = &r->execs;

	while (*at && *at != gone)
		at = &(*at)->next;
	if (*at)
		*at = gone->next;
	stream_free(gone);
}

static int count_living(const struct run *r)
{
	int n = 0;

	for (const struct stream *s = r->execs; s; s = s->next)
		n += stream_lives(s);
	return n;
}

static bool on_spec(struct run *r, struct json_object *o)
{
	uint64_t out = (uint64_t)json_int(o, "stdout", 0), err = (uint64_t)json_int(o, "stderr", 0);

	if (session_ready(r->session) && !r->held)
		return false;
	if (!r->main && (out || err))
		return false;
	session_set_ready(r->session);
	r->held = !r->main && json_flag(o, "hold", false);
	if (r->held)
		return true;
	if (!r->main) {
		run_start_process(r);
	} else if (!stream_resume(r->main, out, err)) {
		log_error("the gateway has offsets %llu and %llu, which can't be", (unsigned long long)out, (unsigned long long)err);
		return false;
	}
	for (struct stream *s = r->execs; s; s = s->next)
		stream_resume(s, 0, 0);
	health_resume(r->health);
	return true;
}

static bool is_task(struct json_object *open)
{
	return !strcmp(json_str(open, "kind", "exec"), "task");
}

/* What an earlier connection began may still be at it. */
static void end_restores(struct run *r)
{
	for (struct stream *s = r->execs; s; s = s->next)
		if (s->keeps && s->pid > 0 && kill(s->pid, SIGKILL) == 0 && waitpid(s->pid, NULL, 0) == s->pid)
			stream_exited(s, 128 + SIGKILL);
}

/* Files are put back before the process runs and saved after it; all else needs it. */
static bool comes_in_time(struct run *r, struct json_object *open)
{
	const char *task = is_task(open) ? json_str(open, "task", "") : "";

	if (!strcmp(task, "restore"))
		return r->held;
	if (!strcmp(task, "save"))
		return r->main && r->main->settled;
	return r->main && r->main->pid && !r->sweeping;
}

static bool keeps(struct json_object *open)
{
	const char *task = is_task(open) ? json_str(open, "task", "") : "";

	return !strcmp(task, "restore") || !strcmp(task, "save");
}

/* Nothing that works for the gateway is paused: execs are, what the agent does itself isn't. */
static bool spared(void *arg, pid_t pid)
{
	const struct run *r = arg;

	for (const struct stream *s = r->execs; s; s = s->next)
		if (s->pid == pid)
			return s->task;
	return false;
}

static bool on_open(struct run *r, uint32_t id, struct json_object *o)
{
	struct children_stopped halted = { 0 };
	struct launch l = { 0 };
	struct stream *s = find(r, id);
	struct err e = { 0 };

	if (id <= WIRE_MAIN || (s && stream_lives(s)))
		return false;
	if (s)
		forget(r, s);
	prune(r);
	if (keeps(o))
		end_restores(r);
	/* The task reads what stands still already. What was paused before stays so after it. */
	if (is_task(o) && comes_in_time(r, o) && !strcmp(json_str(o, "pause", ""), "1"))
		children_stop(&halted, spared, r);
	if (!comes_in_time(r, o))
		s = stream_refuse(r->agent, r->session, id, ESRCH);
	else if (count_living(r) >= WIRE_STREAMS_MAX)
		s = stream_refuse(r->agent, r->session, id, EAGAIN);
	else if ((is_task(o) ? launch_of_task(o, &r->layer, &l, &e) : launch_of_open(o, &r->launch, &l, &e)) < 0)
		s = stream_refuse(r->agent, r->session, id, EINVAL);
	else
		s = stream_start(r->agent, r->session, id, &l);
	launch_free(&l);
	if (!s) {
		children_continue(&halted);
		return false;
	}
	s->task = is_task(o);
	s->keeps = keeps(o);
	if (s->keeps && r->held)
		r->restored = true;
	s->next = r->execs;
	r->execs = s;
	s->halted = halted;
	if (s->failed)
		children_continue(&s->halted);
	return true;
}

static void on_signal(struct run *r, struct stream *s, struct json_object *o)
{
	int64_t sig = json_int(o, "signal", 0), seq = json_int(o, "seq", 0);

	if (!s || s->pid <= 0 || sig < 1 || sig > 64)
		return;
	/* A gateway that was started anew doesn't know what its predecessor had sent. KILL does no harm twice. */
	if (seq && sig != SIGKILL && seq <= r->last_signal)
		return;
	if (seq > r->last_signal)
		r->last_signal = seq;
	if (s == r->main && !r->launch.init)
		child_signal_first(s->pid, (int)sig);
	else
		kill(s->pid, (int)sig);
}

static void on_resize(struct run *r, uint32_t id, struct json_object *o)
{
	int64_t h = json_int(o, "h", 0), w = json_int(o, "w", 0);
	struct stream *s = find(r, id);

	if (h < 0 || h > 0xffff || w < 0 || w > 0xffff)
		return;
	if (s) {
		stream_resize(s, (unsigned short)h, (unsigned short)w);
	} else if (id == WIRE_MAIN) {
		r->launch.height = (unsigned short)h;
		r->launch.width = (unsigned short)w;
	}
}

static bool on_pause(struct run *r, uint32_t id, struct json_object *o)
{
	bool paused = json_flag(o, "paused", false);
	CLEANUP_JSON struct json_object *answer = json_object_new_object();

	if (id != WIRE_MAIN)
		return false;
	health_pause(r->health, paused);
	if (paused && r->main && r->main->pid && !r->sweeping)
		children_stop(&r->stopped, spared, r);
	else
		children_continue(&r->stopped);
	if (answer && json_add_bool(answer, "paused", paused))
		session_send_json(r->session, WIRE_PAUSE, WIRE_MAIN, answer);
	return true;
}

static bool on_ack(struct run *r, const struct wire_message *m)
{
	uint64_t offset = wire_get_u64(m->payload);
	enum wire_channel channel = wire_channel(m);
	bool ok;

	if (m->stream != WIRE_MAIN || channel == WIRE_STDIN || !r->main)
		return false;
	/* The spec that is about to come has the offsets. */
	if (!session_ready(r->session) && channel != WIRE_EXIT_CHANNEL)
		return true;
	if (channel == WIRE_EXIT_CHANNEL) {
		if (!r->main->failed && !r->main->exited)
			return false;
		run_end(r, true, "");
		return true;
	}
	ok = outlet_ack(&r->main->out[channel == WIRE_STDERR], offset);
	stream_update(r->main);
	return ok;
}

static void on_window(struct stream *s, const struct wire_message *m)
{
	if (!s || m->stream == WIRE_MAIN || wire_channel(m) != WIRE_STDOUT)
		return;
	s->rules.window += wire_get_u32(m->payload);
	stream_update(s);
}

/* Those with a JSON payload. */
static bool on_json(struct run *r, const struct wire_message *m)
{
	CLEANUP_JSON struct json_object *o = NULL;
	struct err e = { 0 };

	if (json_parse((const char *)m->payload, m->len, &o, &e) < 0 || !json_object_is_type(o, json_type_object)) {
		log_warn("the payload of %s is no JSON object", wire_type_name(m->type));
		return false;
	}
	switch (m->type) {
	case WIRE_SPEC:
		return on_spec(r, o);
	case WIRE_OPEN:
		return on_open(r, m->stream, o);
	case WIRE_SIGNAL:
		on_signal(r, find(r, m->stream), o);
		return true;
	case WIRE_RESIZE:
		on_resize(r, m->stream, o);
		return true;
	case WIRE_PAUSE:
		return on_pause(r, m->stream, o);
	default:
		return false;
	}
}

/* What doesn't need the offsets may come before the spec has said them. */
static bool comes_early(enum wire_type type)
{
	return type == WIRE_SPEC || type == WIRE_SIGNAL || type == WIRE_RESIZE || type == WIRE_ACK;
}

bool run_message(void *arg, const struct wire_message *m)
{
	struct run *r = arg;
	struct stream *s = find(r, m->stream);

	if (r->ending)
		return true;
	if (m->type == WIRE_ERROR) {
		log_warn("the gateway ends the connection: %.*s", (int)(m->len < 200 ? m->len : 200), (const char *)m->payload);
		return m->stream != WIRE_SESSION;
	}
	if (!session_ready(r->session) && !comes_early(m->type))
		return false;
	switch (m->type) {
	case WIRE_DATA:
		/* What was sent before the sender knew that the stream has ended is passed over. */
		return wire_channel(m) == WIRE_STDIN && (!s || s->failed || inlet_data(&s->in, m->payload, m->len));
	case WIRE_END:
		if (s && wire_channel(m) == WIRE_STDIN)
			inlet_end(&s->in);
		return wire_channel(m) == WIRE_STDIN;
	case WIRE_ACK:
		return on_ack(r, m);
	case WIRE_WINDOW:
		on_window(s, m);
		return true;
	case WIRE_HEALTH:
	case WIRE_STATS:
		/* Of a gateway that can do more than this agent. */
		return true;
	default:
		return on_json(r, m);
	}
}
