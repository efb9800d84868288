#include "agent-gateway/agent/run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "agent-gateway/agent/children.h"
#include "agent-gateway/agent/fake_root.h"
#include "agent-gateway/agent/hello.h"
#include "agent-gateway/agent/proc.h"
#include "agent-gateway/agent/seed.h"
#include "agent-gateway/agent/tmpdir.h"
#include "lib/ids.h"
#include "lib/json.h"
#include "lib/log.h"

#define CODE_NEVER_STARTED 128
#define SEED "/.sockerless/seed"
#define SWEEP_MS 10
#define SWEEPS_MAX 60 /* what can't be killed by then (a process in the kernel) doesn't hold the answer up */

static void run_free(struct run *r)
{
	free(r->stopped.pids);
	health_free(r->health);
	stream_free(r->main);
	while (r->execs) {
		struct stream *next = r->execs->next;

		stream_free(r->execs);
		r->execs = next;
	}
	session_free(r->session);
	deadline_free(r->deadline);
	launch_free(&r->launch);
	layer_free(&r->layer);
	if (r->sweep)
		event_free(r->sweep);
	if (r->patience)
		event_free(r->patience);
	free(r);
}

static void answer(evutil_socket_t fd, short what, void *arg)
{
	struct run *r = arg;
	struct agent *a = r->agent;
	CLEANUP_JSON struct json_object *o = json_object_new_object();

	if (!o || !json_add_str(o, "run", r->id) || !json_add_int(o, "code", r->code) ||
	    !json_add_int(o, "stdout", r->main ? (int64_t)r->main->out[0].read : 0) ||
	    !json_add_int(o, "stderr", r->main ? (int64_t)r->main->out[1].read : 0) ||
	    !json_add_bool(o, "acknowledged", r->acknowledged) || !json_add_str(o, "error", r->error))
		abort();
	log_info("run %s ends with code %d%s%s", r->id, r->code, *r->error ? ": " : "", r->error);
	a->run = NULL;
	run_free(r);
	runtime_answer(a->runtime, json_text(o));
}

static void sweep_soon(struct run *r)
{
	struct timeval tv = { .tv_usec = SWEEP_MS * 1000 };

	evtimer_add(r->sweep, &tv);
}

/* Nothing writes any more: the exit can be reported. */
static void settle(struct run *r)
{
	r->main->settled = true;
	r->main->changed = r->layer.root && snapshot_differs(r->layer.start, r->layer.root);
	stream_update(r->main);
}

static void sweep(evutil_socket_t fd, short what, void *arg)
{
	struct run *r = arg;
	int living = children_kill();

	r->sweeping = living > 0;
	if (!r->ending && r->main && r->main->exited && !r->main->settled && (!living || ++r->sweeps > SWEEPS_MAX)) {
		r->sweeps = 0;
		settle(r);
	}
	if (r->ending && !r->answered && (!living || ++r->sweeps > SWEEPS_MAX)) {
		r->answered = true;
		agent_defer(r->agent, answer, r);
		return;
	}
	if (living)
		sweep_soon(r);
}

static void start_sweep(struct run *r)
{
	r->sweeping = true;
	event_active(r->sweep, EV_TIMEOUT, 0);
}

void run_end(struct run *r, bool acknowledged, const char *error)
{
	if (r->ending)
		return;
	r->ending = true;
	r->acknowledged = acknowledged;
	if (r->main && r->main->failed) {
		r->code = stream_failure_code(r->main);
		if (!*r->error)
			snprintf(r->error, sizeof r->error, "%s", process_failure_text(&r->main->failure));
	} else if (!r->main) {
		r->code = CODE_NEVER_STARTED;
	} else if (!r->main->exited) {
		r->code = 128 + SIGKILL;
	}
	if (*error)
		snprintf(r->error, sizeof r->error, "%s", error);
	start_sweep(r);
}

void run_start_process(struct run *r)
{
	r->layer.start = r->restored ? snapshot_take(r->layer.root) : r->layer.base;
	r->began = agent_now();
	r->oom_kills = proc_oom_kills();
	r->main = stream_start(r->agent, r->session, WIRE_MAIN, &r->launch);
	if (!r->main)
		run_end(r, false, "out of memory");
	else if (!r->main->failed)
		health_begin(r->health);
}

static int exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void run_reaped(struct run *r, pid_t pid, int status)
{
	if (health_reaped(r->health, pid, exit_code(status)))
		return;
	for (struct stream *s = r->execs; s; s = s->next) {
		if (s->pid == pid) {
			stream_exited(s, exit_code(status));
			return;
		}
	}
	if (r->main && r->main->pid == pid) {
		r->code = exit_code(status);
		/* Also of one of its children, whose end a shell passes on. */
		r->main->oom = r->code == 128 + SIGKILL && proc_oom_kills() > r->oom_kills;
		health_stop(r->health);
		snprintf(r->main->error, sizeof r->main->error, "%s", r->error);
		stream_exited(r->main, r->code);
		/* As when process 1 of a namespace ends: nothing outlives it. */
		start_sweep(r);
	}
}

static struct json_object *hello(void *arg)
{
	return hello_of_run(arg);
}

static void cut(void *arg)
{
	struct run *r = arg;

	if (r->main)
		stream_cut(r->main);
	for (struct stream *s = r->execs; s; s = s->next) {
		if (s->keeps && s->pid > 0)
			kill(s->pid, SIGKILL);
		stream_cut(s);
	}
}

static void drained(void *arg)
{
	struct run *r = arg;

	for (struct stream *s = r->execs; s; s = s->next)
		stream_update(s);
}

static void refused(void *arg, int status)
{
	char text[64];

	snprintf(text, sizeof text, "the gateway refused the run: HTTP %d", status);
	run_end(arg, false, text);
}

static void time_text(struct run *r)
{
	double ran = (double)(r->began ? agent_now() - r->began : 0) / 1e9;

	snprintf(r->error, sizeof r->error, "the function's timeout of %d s ended the run after %.1f s", deadline_seconds(r->deadline), ran);
}

static void terminate(void *arg)
{
	struct run *r = arg;

	if (!r->main || !r->main->pid)
		return;
	time_text(r);
	children_continue(&r->stopped);
	if (r->launch.init || fake_root_is_on())
		kill(fake_root_process(r->main->pid), SIGTERM);
	else
		child_signal_first(r->main->pid, SIGTERM);
}

static void kill_main(void *arg)
{
	struct run *r = arg;

	if (!r->main || !r->main->pid)
		return;
	time_text(r);
	kill(r->main->pid, SIGKILL);
}

static void answer_in_time(void *arg)
{
	struct run *r = arg;

	if (!*r->error && r->main && r->main->settled && r->main->changed)
		snprintf(r->error, sizeof r->error, "what the run wrote isn't kept: the function's timeout of %d s came first",
			 deadline_seconds(r->deadline));
	else if (!*r->error)
		time_text(r);
	run_end(r, false, "");
}

static void lose_patience(evutil_socket_t fd, short what, void *arg)
{
	struct run *r = arg;
	char text[sizeof r->error];

	if (session_was_ready(r->session))
		return;
	snprintf(text, sizeof text, "no gateway took the run up: %.200s", session_failure(r->session));
	run_end(r, false, text);
}

static const struct session_events session_handlers = {
	.hello = hello, .message = run_message, .cut = cut, .drained = drained, .refused = refused,
};

static const struct deadline_events deadline_handlers = {
	.terminate = terminate, .kill = kill_main, .answer = answer_in_time,
};

static int read_payload(struct run *r, struct json_object *payload, const char **ret_callback, struct err *e)
{
	const char *id = json_str(payload, "run", ""), *nonce = json_str(payload, "nonce", "");
	const char *container = json_str(payload, "container", "");

	*ret_callback = json_str(payload, "callback", NULL);
	if (!*ret_callback || !**ret_callback)
		*ret_callback = r->agent->callback;
	if (json_int(payload, "version", 0) != WIRE_VERSION)
		return err_set(e, ERR_INVALID, "the payload's version is not %d", WIRE_VERSION);
	if (!hex_is(id, sizeof r->id - 1) || !hex_is(nonce, 128))
		return err_set(e, ERR_INVALID, "the payload names no run");
	if (r->agent->container && strcmp(container, r->agent->container))
		return err_set(e, ERR_INVALID, "the payload is for another container");
	if (!*ret_callback)
		return err_set(e, ERR_INVALID, "there is no callback URL");
	snprintf(r->id, sizeof r->id, "%s", id);
	return launch_of_spec(json_obj(payload, "spec"), &r->launch, e);
}

static int prepare(struct run *r, const struct invocation *inv, struct err *e)
{
	CLEANUP_JSON struct json_object *payload = NULL;
	struct timeval patience = { .tv_sec = r->agent->connect_seconds };
	const char *callback;

	if (json_parse(inv->payload, inv->len, &payload, e) < 0 || read_payload(r, payload, &callback, e) < 0)
		return -1;
	r->sweep = evtimer_new(r->agent->base, sweep, r);
	r->patience = evtimer_new(r->agent->base, lose_patience, r);
	r->session = session_new(r->agent, callback, r->id, json_str(payload, "nonce", ""), &session_handlers, r);
	if (inv->deadline_ms)
		r->deadline = deadline_new(r->agent, inv->deadline_ms, &deadline_handlers, r);
	if (r->session && health_new(r->agent, r->session, json_obj(payload, "health"), &r->launch, &r->health, e) < 0)
		return -1;
	if (!r->sweep || !r->patience || !r->session || (inv->deadline_ms && !r->deadline) || evtimer_add(r->patience, &patience) < 0)
		return err_nomem(e);
	return 0;
}

void run_begin(struct agent *a, const struct invocation *inv)
{
	struct run *r = calloc(1, sizeof *r);
	struct err e = { 0 };

	if (!r)
		abort();
	r->agent = a;
	memcpy(r->request_id, inv->request_id, sizeof r->request_id);
	r->deadline_ms = inv->deadline_ms;
	if (a->tmp)
		tmpdir_empty(a->tmp);
	if (a->tmp)
		seed_copy(a->seed ? a->seed : SEED, a->tmp);
	if (a->tmp && fake_root_is_on() && seed_copy_root(a->tmp) < 0) {
		log_error("the image doesn't fit into /tmp");
		run_free(r);
		runtime_fail(a->runtime, "sockerless.root=fake: the image's files don't fit into /tmp, where they are copied: --storage-opt size=2G makes it larger");
		return;
	}
	r->layer.root = a->tmp;
	if (a->tmp)
		r->layer.base = snapshot_take(a->tmp);
	if (prepare(r, inv, &e) < 0) {
		log_error("the invocation can't be run: %s", e.text);
		run_free(r);
		runtime_fail(a->runtime, e.text);
		return;
	}
	a->run = r;
}
