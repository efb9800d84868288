/* What the agent says: JSON and limits are checked here, the run acts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/agent.h"
#include "agent-gateway/exec.h"
#include "agent-gateway/gateway.h"
#include "agent-gateway/health.h"
#include "agent-gateway/run.h"
#include "agent-gateway/task.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/log.h"

#define OFFSET_MAX (INT64_C(1) << 60)
#define STREAMS_MAX 16384 /* execs that run, and those whose report may still come */

static bool parse(const struct wire_message *m, struct json_object **ret)
{
	return json_parse((const char *)m->payload, m->len, ret, NULL) == 0 && json_object_is_type(*ret, json_type_object);
}

static bool offset(struct json_object *o, const char *key, uint64_t *ret)
{
	int64_t v = json_int(o, key, 0);

	if (v < 0 || v > OFFSET_MAX)
		return false;
	*ret = (uint64_t)v;
	return true;
}

struct hello_job {
	struct job job;
	char run[RUN_ID_LEN + 1];
	char *request_id, *log_stream;
};

static int hello_run(struct job *job, void *store, struct err *e)
{
	struct hello_job *j = (struct hello_job *)job;

	return store_run(store, QUERY_GATEWAY_RUN_HELLO, e, "ttt", j->request_id, j->log_stream, j->run) < 0 ? -1 : 0;
}

static void hello_done(struct job *job)
{
	struct hello_job *j = (struct hello_job *)job;

	if (job->rc < 0)
		log_error("run %s: %s", j->run, job->err.text);
	free(j->request_id);
	free(j->log_stream);
	free(j);
}

/* Notes what the agent knows of itself. */
static void hello_note(struct run *r, struct json_object *o)
{
	struct hello_job *j = calloc(1, sizeof *j);

	if (!j)
		return;
	j->job = (struct job){ .gw = r->gw, .run = hello_run, .done = hello_done, .writes = true };
	strcpy(j->run, r->id);
	j->request_id = strdup(json_str(o, "request_id", ""));
	j->log_stream = strdup(json_str(o, "log_stream", ""));
	worker_post(r->gw->store, &j->job);
}

/* *ret: owned by the caller; NULL for none. */
static bool read_streams(struct json_object *o, uint32_t **ret, size_t *ret_n)
{
	struct json_object *list = json_array(o, "streams");
	size_t n = list ? json_object_array_length(list) : 0;

	*ret = NULL;
	*ret_n = 0;
	if (!n)
		return true;
	if (n > STREAMS_MAX || !(*ret = calloc(n, sizeof **ret)))
		return false;
	for (; *ret_n < n; ++*ret_n) {
		int64_t id = json_object_get_int64(json_object_array_get_idx(list, *ret_n));

		if (id <= WIRE_MAIN || id > UINT32_MAX)
			return false;
		(*ret)[*ret_n] = (uint32_t)id;
	}
	return true;
}

static bool on_hello(struct agent *a, const struct wire_message *m)
{
	CLEANUP_JSON struct json_object *o = NULL;
	CLEANUP_FREE uint32_t *streams = NULL;
	uint64_t stdin_received, sent[2];
	size_t n;
	const char *state;
	struct run *r = a->run;

	if (a->greeted || !parse(m, &o) || !offset(o, "stdin", &stdin_received) || !offset(o, "stdout", &sent[0]) ||
	    !offset(o, "stderr", &sent[1]) || !read_streams(o, &streams, &n))
		return false;
	if (json_int(o, "version", 0) != WIRE_VERSION || strcmp(json_str(o, "run", ""), r->id)) {
		agent_send_text(a, WIRE_ERROR, WIRE_SESSION, "{\"message\":\"another version or run\"}");
		return false;
	}
	a->greeted = true;
	hello_note(r, o);
	state = json_str(o, "state", "");
	r->waiting = !strcmp(state, "waiting");
	snprintf(r->request_id, sizeof r->request_id, "%s", json_str(o, "request_id", ""));
	snprintf(r->log_stream, sizeof r->log_stream, "%s", json_str(o, "log_stream", ""));
	exec_agent_knows(r, streams, n);
	run_hello(r, stdin_received);
	if (!strcmp(state, "running"))
		run_process_started(r, json_int(o, "pid", 0));
	return true;
}

static bool on_started(struct agent *a, const struct wire_message *m)
{
	CLEANUP_JSON struct json_object *o = NULL;

	if (!parse(m, &o))
		return false;
	if (m->stream == WIRE_MAIN)
		run_process_started(a->run, json_int(o, "pid", 0));
	else
		exec_started(a->run, m->stream, json_int(o, "pid", 0));
	return true;
}

static bool on_failed(struct agent *a, const struct wire_message *m)
{
	CLEANUP_JSON struct json_object *o = NULL;
	const char *step, *path, *detail;
	int error;

	if (!parse(m, &o))
		return false;
	step = json_str(o, "step", "setup");
	path = json_str(o, "path", "");
	detail = json_str(o, "detail", "");
	error = (int)json_int(o, "errno", 0);
	if (m->stream == WIRE_MAIN)
		run_process_failed(a->run, step, error, path, detail);
	else
		exec_failed(a->run, m->stream, step, error, path, detail);
	return true;
}

static bool on_end(struct agent *a, const struct wire_message *m)
{
	CLEANUP_JSON struct json_object *o = NULL;
	struct run_end end = { 0 };
	uint64_t offsets[2];

	if (!parse(m, &o) || !offset(o, "stdout", &offsets[0]) || !offset(o, "stderr", &offsets[1]))
		return false;
	end.code = (int)(json_int(o, "code", 0) & 0xff);
	end.oom = json_flag(o, "oom", false);
	end.error = json_str(o, "error", "");
	if (m->stream == WIRE_MAIN)
		run_exit(a->run, &end, offsets, json_flag(o, "changed", false));
	else
		exec_exited(a->run, m->stream, end.code);
	return true;
}

static bool on_data(struct agent *a, const struct wire_message *m)
{
	enum wire_channel ch = wire_channel(m);

	if (ch != WIRE_STDOUT && ch != WIRE_STDERR)
		return false;
	if (m->stream != WIRE_MAIN)
		return m->len <= WIRE_PAYLOAD_MAX && exec_output(a->run, m->stream, ch, m->payload, m->len);
	if (m->len <= WIRE_STAMP)
		return false;
	return run_output(a->run, (unsigned int)ch - WIRE_STDOUT, wire_get_u64(m->payload),
			  (int64_t)(wire_get_u64(m->payload + 8) & INT64_MAX), m->payload + WIRE_STAMP, m->len - WIRE_STAMP);
}

static bool on_window(struct agent *a, const struct wire_message *m)
{
	uint32_t bytes = wire_get_u32(m->payload);

	if (wire_channel(m) != WIRE_STDIN)
		return false;
	if (m->stream != WIRE_MAIN)
		return exec_window(a->run, m->stream, bytes);
	if (!input_grant(&a->run->container->input, bytes))
		return false;
	input_send(&a->run->container->input, a, WIRE_MAIN);
	return true;
}

static bool on_pause(struct agent *a, const struct wire_message *m)
{
	CLEANUP_JSON struct json_object *o = NULL;

	if (m->stream != WIRE_MAIN || !parse(m, &o))
		return false;
	intents_paused(a->run->container, json_flag(o, "paused", false));
	return true;
}

static bool on_health(struct agent *a, const struct wire_message *m)
{
	CLEANUP_JSON struct json_object *o = NULL;

	return m->stream == WIRE_MAIN && parse(m, &o) && health_report(a->run, o);
}

static bool on_ping(struct agent *a, const struct wire_message *m)
{
	if (!(m->flags & WIRE_FLAG_PONG))
		agent_send(a, WIRE_PING, WIRE_FLAG_PONG, WIRE_SESSION, m->payload, m->len);
	return true;
}

bool agent_message(struct agent *a, const struct wire_message *m)
{
	if (m->type == WIRE_PING)
		return on_ping(a, m);
	/* The run is over: what still comes is of no use. */
	if (!a->run || a->run->phase == RUN_ENDING)
		return true;
	if (!a->greeted)
		return m->type == WIRE_HELLO && m->stream == WIRE_SESSION && on_hello(a, m);
	if (m->stream & TASK_STREAM)
		return task_message(a, m) && (!a->run || layer_message(a, m));
	switch (m->type) {
	case WIRE_STARTED:
		return on_started(a, m);
	case WIRE_FAILED:
		return on_failed(a, m);
	case WIRE_DATA:
		return on_data(a, m);
	case WIRE_WINDOW:
		return on_window(a, m);
	case WIRE_PAUSE:
		return on_pause(a, m);
	case WIRE_EXIT:
		return on_end(a, m);
	case WIRE_HEALTH:
		return on_health(a, m);
	case WIRE_END:
	case WIRE_STATS:
		return true;
	case WIRE_ERROR:
		log_warn("run %s: the agent says: %.*s", a->run->id, (int)(m->len > 500 ? 500 : m->len), (const char *)m->payload);
		return m->stream != WIRE_SESSION;
	default:
		return false;
	}
}
