#include "agent-gateway/agent/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/json.h"

/* How long what an exec left in the background may hold its pipes: dockerd's time (daemon/monitor.go). */
#define LINGER_SECONDS 2

static bool is_main(const struct stream *s)
{
	return s->id == WIRE_MAIN;
}

static struct json_object *exit_report(const struct stream *s)
{
	struct json_object *o = json_object_new_object();

	if (o && json_add_int(o, "code", s->code) && json_add_int(o, "stdout", (int64_t)s->out[0].read) &&
	    json_add_int(o, "stderr", (int64_t)s->out[1].read) && json_add_bool(o, "oom", s->oom) && json_add_str(o, "error", s->error) &&
	    (!is_main(s) || json_add_bool(o, "changed", s->changed)))
		return o;
	json_object_put(o);
	return NULL;
}

static struct json_object *failure_report(const struct stream *s)
{
	struct json_object *o = json_object_new_object();

	if (o && json_add_str(o, "step", process_step_name(s->failure.step)) && json_add_int(o, "errno", s->failure.error) &&
	    json_add_str(o, "path", s->program) && json_add_str(o, "detail", process_failure_text(&s->failure)))
		return o;
	json_object_put(o);
	return NULL;
}

static void report(struct stream *s)
{
	CLEANUP_JSON struct json_object *o = s->failed ? failure_report(s) : exit_report(s);

	if (s->reported || !session_ready(s->session))
		return;
	s->reported = true;
	s->report_ping = session_ping_number(s->session);
	session_send_json(s->session, s->failed ? WIRE_FAILED : WIRE_EXIT, s->id, o);
}

static bool drained(const struct stream *s)
{
	if (!is_main(s) && s->rules.lost)
		return s->out[0].fd < 0 && s->out[1].fd < 0;
	return outlet_done(&s->out[0]) && outlet_done(&s->out[1]);
}

static void wait_for_pipes(struct stream *s)
{
	struct timeval tv = { .tv_sec = LINGER_SECONDS };

	if (!s->lingers)
		evtimer_add(s->linger, &tv);
	s->lingers = true;
}

void stream_update(struct stream *s)
{
	if (s->failed) {
		report(s);
		return;
	}
	outlet_update(&s->out[0]);
	outlet_update(&s->out[1]);
	if (!s->exited)
		return;
	if (drained(s) && (s->settled || !is_main(s)))
		report(s);
	else if (!is_main(s) && (s->out[0].fd >= 0 || s->out[1].fd >= 0))
		wait_for_pipes(s);
}

static void linger_over(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	outlet_finish(&s->out[0]);
	outlet_finish(&s->out[1]);
	s->lingers = false;
	stream_update(s);
}

static void output_changed(void *arg)
{
	struct stream *s = arg;

	if (s->exited)
		stream_update(s);
}

static bool open_pumps(struct stream *s, struct process_pipes *pipes, bool terminal)
{
	struct event_base *base = s->agent->base;
	/* Each takes its descriptor even when it fails. */
	bool in = inlet_open(&s->in, base, s->session, s->id, pipes->in, terminal);
	bool out = outlet_open(&s->out[0], base, &s->rules, WIRE_STDOUT, pipes->out);
	bool err = outlet_open(&s->out[1], base, &s->rules, WIRE_STDERR, pipes->err);

	return in && out && err;
}

static struct stream *stream_new(struct agent *a, struct session *session, uint32_t id)
{
	struct stream *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	*s = (struct stream){ .agent = a, .session = session, .id = id };
	s->rules = (struct outlet_rules){ .session = session, .stream = id, .retained = is_main(s),
					  .changed = output_changed, .arg = s };
	s->in.fd = s->out[0].fd = s->out[1].fd = -1;
	s->linger = evtimer_new(a->base, linger_over, s);
	if (s->linger)
		return s;
	free(s);
	return NULL;
}

static void send_started(struct stream *s)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();

	if (o && json_add_int(o, "pid", s->pid))
		session_send_json(s->session, WIRE_STARTED, s->id, o);
}

struct stream *stream_start(struct agent *a, struct session *session, uint32_t id, const struct launch *l)
{
	struct process_pipes pipes = { -1, -1, -1 };
	struct stream *s = stream_new(a, session, id);

	if (!s)
		return NULL;
	s->terminal = l->tty;
	s->rules.mirror.left = is_main(s) && !l->tty ? a->mirror_bytes : 0;
	snprintf(s->program, sizeof s->program, "%s", l->args[0]);
	if (process_start(l, &pipes, &s->pid, &s->failure) < 0) {
		if (s->failure.step == PROCESS_CHDIR)
			snprintf(s->program, sizeof s->program, "%s", l->cwd);
		s->failed = true;
		/* No descriptor is open: only the buffers are made. */
		pipes = (struct process_pipes){ -1, -1, -1 };
	}
	if (!open_pumps(s, &pipes, l->tty)) {
		stream_free(s);
		return NULL;
	}
	if (!s->failed) {
		send_started(s);
		inlet_grant_anew(&s->in);
	}
	stream_update(s);
	return s;
}

struct stream *stream_refuse(struct agent *a, struct session *session, uint32_t id, int error)
{
	struct stream *s = stream_new(a, session, id);

	if (!s)
		return NULL;
	s->failed = true;
	s->failure = (struct process_failure){ .step = PROCESS_SETUP, .error = error };
	if (!open_pumps(s, &(struct process_pipes){ -1, -1, -1 }, false)) {
		stream_free(s);
		return NULL;
	}
	stream_update(s);
	return s;
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	children_continue(&s->halted);
	inlet_close(&s->in);
	outlet_close(&s->out[0]);
	outlet_close(&s->out[1]);
	event_free(s->linger);
	free(s);
}

bool stream_lives(const struct stream *s)
{
	return s->pid > 0 || !(s->failed || drained(s));
}

void stream_exited(struct stream *s, int code)
{
	children_continue(&s->halted);
	s->pid = 0;
	s->exited = true;
	s->code = code;
	stream_update(s);
}

void stream_cut(struct stream *s)
{
	/* What the gateway has shown to have isn't said again. */
	if (is_main(s) || session_confirmed(s->session) < s->report_ping)
		s->reported = false;
	if (!is_main(s)) {
		s->rules.lost = true;
		inlet_end(&s->in);
	}
	stream_update(s);
}

bool stream_resume(struct stream *s, uint64_t out, uint64_t err)
{
	if (is_main(s)) {
		if (!outlet_resume(&s->out[0], out) || !outlet_resume(&s->out[1], err))
			return false;
		if (!s->failed)
			inlet_grant_anew(&s->in);
	}
	stream_update(s);
	return true;
}

void stream_resize(struct stream *s, unsigned short height, unsigned short width)
{
	if (s->terminal)
		process_resize(s->in.fd >= 0 ? s->in.fd : s->out[0].fd, height, width);
}

int stream_failure_code(const struct stream *s)
{
	return s->failure.step == PROCESS_EXEC && (s->failure.error == ENOENT || s->failure.error == ENOTDIR) ? 127 : 126;
}
