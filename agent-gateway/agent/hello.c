#include "agent-gateway/agent/hello.h"

#include "agent-gateway/agent/run.h"
#include "lib/json.h"

static const char *state_name(const struct run *r)
{
	if (!r->main)
		return "waiting";
	return r->main->failed || r->main->exited ? "exited" : "running";
}

static bool add_streams(struct json_object *o, const struct run *r)
{
	struct json_object *array = json_object_new_array();

	if (!array || !json_add(o, "streams", array))
		return false;
	for (const struct stream *s = r->execs; s; s = s->next) {
		/* One whose report may still come keeps its id, too. */
		struct json_object *id = stream_lives(s) || !s->reported ? json_object_new_int64(s->id) : NULL;

		if (id && json_object_array_add(array, id) < 0)
			json_object_put(id);
	}
	return true;
}

struct json_object *hello_of_run(const struct run *r)
{
	struct json_object *o = json_object_new_object();
	const struct stream *m = r->main;

	if (o && json_add_int(o, "version", WIRE_VERSION) && json_add_str(o, "run", r->id) && json_add_str(o, "state", state_name(r)) &&
	    json_add_int(o, "stdin", m ? (int64_t)m->in.received : 0) && json_add_int(o, "stdout", m ? (int64_t)m->out[0].read : 0) &&
	    json_add_int(o, "stderr", m ? (int64_t)m->out[1].read : 0) && json_add_int(o, "pid", m ? m->pid : 0) &&
	    json_add_str(o, "request_id", r->request_id) &&
	    json_add_str(o, "log_stream", r->agent->log_stream ? r->agent->log_stream : "") &&
	    json_add_int(o, "deadline_ms", r->deadline_ms) && add_streams(o, r))
		return o;
	json_object_put(o);
	return NULL;
}
