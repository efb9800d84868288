/* The Runtime API as the process in an environment sees it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "local-lambda/environment.h"
#include "local-lambda/limits.h"

#define PREFIX "/2018-06-01/runtime/"
#define INVOCATION PREFIX "invocation/"

size_t runtime_body_limit(void *ctx, const struct request *request)
{
	return LIMIT_RESPONSE;
}

static void answer(struct reply *reply, int status, const char *type, const char *message)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();

	if (o && type)
		json_add_str(o, "errorType", type);
	if (o)
		json_add_str(o, type ? "errorMessage" : "status", message);
	reply_json(reply, status, o);
}

static void deliver(struct environment *v, struct reply *reply)
{
	v->phase = PHASE_DELIVERED;
	reply->status = 200;
	reply_header(reply, "Lambda-Runtime-Aws-Request-Id", "%s", v->request_id);
	reply_header(reply, "Lambda-Runtime-Deadline-Ms", "%" PRId64, v->deadline_wall_ms);
	reply_header(reply, "Lambda-Runtime-Invoked-Function-Arn", "%s", v->revision->arn);
	reply_header(reply, "Lambda-Runtime-Trace-Id", "%s", v->invocation->trace_id);
	buf_append(&reply->body, v->invocation->payload.data, v->invocation->payload.len);
}

/* Blocks until there is an invocation. Leaves without an answer when the process that asked is gone. */
static void next(struct environment *v, struct request *r, struct reply *reply)
{
	unsigned generation;

	pthread_mutex_lock(&v->pool->lock);
	generation = v->generation;
	if (v->phase == PHASE_DELIVERED) {
		pthread_mutex_unlock(&v->pool->lock);
		answer(reply, 403, "InvalidStateTransition", "The invocation before isn't answered");
		return;
	}
	if (v->phase == PHASE_ANSWERED)
		v->phase = PHASE_NONE;
	v->waiting++;
	pthread_cond_broadcast(&v->changed);
	while (v->generation == generation && v->phase != PHASE_QUEUED)
		pthread_cond_wait(&v->changed, &v->pool->lock);
	if (v->generation == generation) {
		v->waiting--;
		if (!request_peer_gone(r))
			deliver(v, reply);
	}
	pthread_mutex_unlock(&v->pool->lock);
}

static const char *error_of_size = "{\"errorType\":\"Function.ResponseSizeTooLarge\",\"errorMessage\":"
	"\"Response payload size exceeded maximum allowed payload size (6291556 bytes).\"}";

/* Ends the invocation `id` with the request's body as its result. */
static void finish(struct environment *v, struct request *r, struct reply *reply, const char *id, const char *function_error)
{
	struct invocation *i;

	pthread_mutex_lock(&v->pool->lock);
	i = v->invocation;
	if (v->phase != PHASE_DELIVERED || strcmp(id, v->request_id) || !i) {
		pthread_mutex_unlock(&v->pool->lock);
		answer(reply, 400, "InvalidRequestID", "Invalid request ID");
		return;
	}
	if (r->too_large) {
		i->function_error = "Unhandled";
		buf_puts(&i->result, error_of_size);
	} else {
		i->function_error = function_error;
		i->result = r->body;
		r->body = (struct buf)BUF_INIT;
	}
	v->phase = PHASE_ANSWERED;
	pthread_cond_broadcast(&v->changed);
	pthread_mutex_unlock(&v->pool->lock);
	if (r->too_large)
		answer(reply, 413, "RequestEntityTooLarge", "Exceeded maximum allowed payload size (6291556 bytes).");
	else
		answer(reply, 202, NULL, "OK");
}

static void init_error(struct environment *v, struct request *r, struct reply *reply)
{
	pthread_mutex_lock(&v->pool->lock);
	v->init_failed = true;
	buf_free(&v->init_error);
	v->init_error = r->body;
	r->body = (struct buf)BUF_INIT;
	pthread_cond_broadcast(&v->changed);
	pthread_mutex_unlock(&v->pool->lock);
	answer(reply, 202, NULL, "OK");
}

static void invocation_call(struct environment *v, struct request *r, struct reply *reply, const char *rest)
{
	char id[64];
	size_t len = strcspn(rest, "/");

	snprintf(id, sizeof id, "%.*s", (int)(len < sizeof id ? len : 0), rest);
	if (!strcmp(rest + len, "/response"))
		finish(v, r, reply, id, NULL);
	else if (!strcmp(rest + len, "/error"))
		finish(v, r, reply, id, "Unhandled");
	else
		answer(reply, 404, "NotFound", "no such path");
}

void runtime_handle(void *ctx, struct request *request, struct reply *reply)
{
	struct environment *v = ctx;
	bool get = !strcmp(request->method, "GET"), post = !strcmp(request->method, "POST");

	if (get && !strcmp(request->path, INVOCATION "next"))
		next(v, request, reply);
	else if (post && !strcmp(request->path, PREFIX "init/error"))
		init_error(v, request, reply);
	else if (post && !strncmp(request->path, INVOCATION, sizeof INVOCATION - 1))
		invocation_call(v, request, reply, request->path + sizeof INVOCATION - 1);
	else
		answer(reply, 404, "NotFound", "no such path");
}
