#include "agent-gateway/agent/runtime.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/log.h"

#define PREFIX "/2018-06-01/runtime/invocation/"
#define FAILURES_MAX 50
#define RETRY_MS 200
#define ANSWER_SECONDS 10
#define NEXT_SECONDS (10 * 365 * 86400) /* a sandbox may sleep for as long as Lambda likes */

struct runtime {
	struct agent *agent;
	runtime_invoke_fn *invoked;
	char *host;
	uint16_t port;
	char request_id[sizeof((struct invocation *)0)->request_id];
	char *answer; /* what is being posted; owned */
	bool answer_is_error;
	struct event *retry;
	int failures;
	bool posting;
};

static void send_next(struct runtime *r);
static void send_answer(struct runtime *r);

static void retry(evutil_socket_t fd, short what, void *arg)
{
	struct runtime *r = arg;

	if (r->posting)
		send_answer(r);
	else
		send_next(r);
}

static void again_later(struct runtime *r, const char *why)
{
	struct timeval tv = { .tv_usec = RETRY_MS * 1000 };

	log_warn("Runtime API: %s", why);
	if (++r->failures >= FAILURES_MAX) {
		log_error("the Runtime API at %s:%u is out of reach", r->host, r->port);
		event_base_loopexit(r->agent->base, NULL);
		return;
	}
	evtimer_add(r->retry, &tv);
}

static const char *header(struct evhttp_request *req, const char *name)
{
	const char *value = evhttp_find_header(evhttp_request_get_input_headers(req), name);

	return value ? value : "";
}

static void next_done(struct evhttp_request *req, void *arg)
{
	struct runtime *r = arg;
	struct invocation inv = { 0 };
	struct evbuffer *body;

	if (!req || evhttp_request_get_response_code(req) != 200 || !*header(req, "Lambda-Runtime-Aws-Request-Id")) {
		again_later(r, "no invocation came");
		return;
	}
	r->failures = 0;
	snprintf(inv.request_id, sizeof inv.request_id, "%s", header(req, "Lambda-Runtime-Aws-Request-Id"));
	memcpy(r->request_id, inv.request_id, sizeof r->request_id);
	inv.deadline_ms = strtoll(header(req, "Lambda-Runtime-Deadline-Ms"), NULL, 10);
	body = evhttp_request_get_input_buffer(req);
	inv.len = evbuffer_get_length(body);
	inv.payload = inv.len ? (const char *)evbuffer_pullup(body, -1) : "";
	if (!inv.payload) {
		runtime_fail(r, "out of memory");
		return;
	}
	r->invoked(r->agent, &inv);
}

static void answer_done(struct evhttp_request *req, void *arg)
{
	struct runtime *r = arg;
	int status = req ? evhttp_request_get_response_code(req) : 0;

	if (status == 0) {
		again_later(r, "the answer wasn't taken");
		return;
	}
	if (status / 100 != 2)
		log_warn("Runtime API answered %d", status);
	r->failures = 0;
	r->posting = false;
	free(STEAL(r->answer));
	send_next(r);
}

/* One connection for each request: one that a thaw found dead is never used again. */
static void send_request(struct runtime *r, enum evhttp_cmd_type cmd, const char *path, const char *body, int seconds,
			 void (*done)(struct evhttp_request *, void *))
{
	struct evhttp_connection *c = evhttp_connection_base_new(r->agent->base, r->agent->dns, r->host, r->port);
	struct evhttp_request *req = evhttp_request_new(done, r);
	char host[280];

	if (!c || !req)
		abort();
	evhttp_connection_free_on_completion(c);
	evhttp_connection_set_timeout(c, seconds);
	evhttp_connection_set_max_body_size(c, RUNTIME_PAYLOAD_MAX);
	evhttp_connection_set_max_headers_size(c, 64 * 1024);
	snprintf(host, sizeof host, "%s:%u", r->host, r->port);
	evhttp_add_header(evhttp_request_get_output_headers(req), "Host", host);
	evhttp_add_header(evhttp_request_get_output_headers(req), "Connection", "close");
	if (body) {
		evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", "application/json");
		if (r->answer_is_error)
			evhttp_add_header(evhttp_request_get_output_headers(req), "Lambda-Runtime-Function-Error-Type", "Sockerless.Run");
		evbuffer_add(evhttp_request_get_output_buffer(req), body, strlen(body));
	}
	/* On failure done(NULL) isn't called and the request is gone. */
	if (evhttp_make_request(c, req, cmd, path) != 0) {
		evhttp_connection_free(c);
		again_later(r, "no request could be made");
	}
}

static void send_next(struct runtime *r)
{
	send_request(r, EVHTTP_REQ_GET, PREFIX "next", NULL, NEXT_SECONDS, next_done);
}

static void send_answer(struct runtime *r)
{
	char path[sizeof PREFIX + sizeof r->request_id + 16];

	snprintf(path, sizeof path, PREFIX "%s/%s", r->request_id, r->answer_is_error ? "error" : "response");
	send_request(r, EVHTTP_REQ_POST, path, r->answer, ANSWER_SECONDS, answer_done);
}

static bool split_address(struct runtime *r, const char *api)
{
	const char *colon = strrchr(api, ':');
	long port = colon ? strtol(colon + 1, NULL, 10) : 80;

	if (port <= 0 || port > UINT16_MAX)
		return false;
	r->port = (uint16_t)port;
	r->host = colon ? strndup(api, (size_t)(colon - api)) : strdup(api);
	return r->host && strlen(r->host) < 256;
}

struct runtime *runtime_new(struct agent *a, runtime_invoke_fn *fn)
{
	struct runtime *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->agent = a;
	r->invoked = fn;
	r->retry = evtimer_new(a->base, retry, r);
	if (!r->retry || !split_address(r, a->runtime_api)) {
		runtime_free(r);
		return NULL;
	}
	return r;
}

void runtime_free(struct runtime *r)
{
	if (!r)
		return;
	if (r->retry)
		event_free(r->retry);
	free(r->host);
	free(r->answer);
	free(r);
}

void runtime_next(struct runtime *r)
{
	r->posting = false;
	send_next(r);
}

static void post(struct runtime *r, const char *json, bool is_error)
{
	free(r->answer);
	r->answer = strdup(json);
	if (!r->answer)
		abort();
	r->answer_is_error = is_error;
	r->posting = true;
	send_answer(r);
}

void runtime_answer(struct runtime *r, const char *json)
{
	post(r, json, false);
}

void runtime_fail(struct runtime *r, const char *message)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();

	if (!o || !json_add_str(o, "errorMessage", message) || !json_add_str(o, "errorType", "Sockerless.Run"))
		abort();
	post(r, json_text(o), true);
}
