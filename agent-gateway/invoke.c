#include "agent-gateway/invoke.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "agent-gateway/invoke_outcome.h"
#include "agent-gateway/job.h"
#include "agent-gateway/store_run.h"
#include "lib/aws/http.h"
#include "lib/aws/lambda.h"
#include "lib/log.h"

#define POLL_FIRST_MS 100
#define POLL_MAX_MS 1000

struct call {
	struct job job; /* first: goes back to the loop as one */
	TAILQ_ENTRY(call) link;
	enum { CALL_ACTIVE, CALL_INVOKE, CALL_RELEASE } kind;
	bool released;  /* of an Invoke: its answer isn't needed */
	char run[RUN_ID_LEN + 1];
	char function[LAMBDA_NAME_MAX + 1];
	struct buf payload;
	int64_t timeout;
	invoke_done *done;
	struct invoke_outcome *outcome;
	struct aws_transfer *transfer; /* under way */
	CURL *easy;
	int64_t deadline, next;        /* of the wait for Active, monotonic ns */
	int64_t pause_ms;
};

TAILQ_HEAD(call_list, call);

struct invoker {
	pthread_t thread;
	pthread_mutex_t lock;
	struct call_list queue; /* from the loop */
	bool stopping;
	CURLM *multi;
	struct aws_client *aws;
	struct completions *back;
	struct call_list calls; /* of the thread; the oldest first */
	uint64_t hold;          /* Invokes that are held even if they are released */
	uint64_t open;          /* Invokes under way */
};

static void call_free(struct call *c)
{
	aws_transfer_free(c->transfer);
	buf_free(&c->payload);
	free(c->outcome);
	free(c);
}

static void call_done(struct job *job)
{
	struct call *c = (struct call *)job;
	struct invoke_outcome *o = c->outcome;

	c->outcome = NULL;
	c->done(job->gw, c->run, o);
	call_free(c);
}

static void finish(struct invoker *i, struct call *c)
{
	struct job_list done = STAILQ_HEAD_INITIALIZER(done);

	TAILQ_REMOVE(&i->calls, c, link);
	if (c->kind == CALL_INVOKE)
		i->open--;
	STAILQ_INSERT_TAIL(&done, &c->job, next);
	completions_post(i->back, &done);
}

static int build(struct call *c, struct aws_request *r, struct err *e)
{
	if (c->kind == CALL_INVOKE)
		return lambda_invoke_request(c->function, c->payload.data, c->payload.len, (unsigned int)c->timeout, r, e);
	return lambda_get_function_request(c->function, r, e);
}

static void begin(struct invoker *i, struct call *c)
{
	AWS_REQUEST_CLEANUP struct aws_request r = { 0 };
	struct err *e = &c->outcome->err;

	*e = (struct err){ 0 };
	c->next = 0;
	if (build(c, &r, e) >= 0)
		c->easy = aws_easy_prepare(i->aws, &r, &c->transfer, e);
	if (!c->easy) {
		c->outcome->refused = true;
		finish(i, c);
		return;
	}
	curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
	if (curl_multi_add_handle(i->multi, c->easy) != CURLM_OK) {
		err_set(e, ERR_INTERNAL, "curl takes no more transfers");
		c->outcome->refused = true;
		aws_transfer_free(c->transfer);
		c->transfer = NULL;
		finish(i, c);
	}
}

/* Looks again a little later, or gives up at the deadline. */
static void look_again(struct invoker *i, struct call *c, const char *why)
{
	int64_t now = gateway_clock();

	if (now >= c->deadline) {
		err_set(&c->outcome->err, ERR_TIMEOUT, "the function %s did not become Active in time: %s", c->function, why);
		c->outcome->refused = true;
		finish(i, c);
		return;
	}
	c->next = now + c->pause_ms * 1000000;
	c->pause_ms = c->pause_ms * 2 > POLL_MAX_MS ? POLL_MAX_MS : c->pause_ms * 2;
}

static void active_finished(struct invoker *i, struct call *c, int rc, const struct aws_response *resp)
{
	struct invoke_outcome *o = c->outcome;
	struct lambda_status s = { 0 };

	if (rc < 0 && (resp->clock_corrected || o->err.kind == ERR_UNAVAILABLE || o->err.kind == ERR_THROTTLED || o->err.kind == ERR_TIMEOUT)) {
		struct err e = o->err;

		look_again(i, c, e.text);
		return;
	}
	if (rc >= 0)
		rc = lambda_parse_state(resp, &s, &o->err);
	if (rc >= 0 && (s.state == LAMBDA_ACTIVE || s.state == LAMBDA_INACTIVE) && !s.updating) {
		o->answered = true;
	} else if (rc >= 0 && s.state != LAMBDA_FAILED) {
		look_again(i, c, *s.reason ? s.reason : lambda_state_name(s.state));
		return;
	} else {
		if (rc >= 0)
			err_set(&o->err, ERR_INTERNAL, "the function %s failed: %s (%s)", c->function, s.reason, s.reason_code);
		o->refused = true;
	}
	finish(i, c);
}

/* The function isn't ready (any more), too many run, or our clock was wrong: it was refused before anything ran. */
static int64_t refused_for(const struct aws_response *resp)
{
	if (resp->clock_corrected || (resp->status == 409 && !strcmp(resp->error_type, "ResourceConflictException")))
		return 1;
	return resp->status == 429 && resp->retry_after > 0 ? resp->retry_after : 0;
}

static void invoke_finished(struct invoker *i, struct call *c, int rc, const struct aws_response *resp, bool sent)
{
	struct invoke_outcome *o = c->outcome;

	if (rc >= 0)
		invoke_outcome_read(o, resp, c->run);
	else
		/* An answer of AWS, or nothing sent: nothing ran. Else nobody knows. */
		o->refused = (resp->status >= 400 && resp->status < 500) || !sent;
	o->again = refused_for(resp);
	finish(i, c);
}

static void transfer_finished(struct invoker *i, CURLMsg *m)
{
	AWS_RESPONSE_CLEANUP struct aws_response resp = { 0 };
	struct call *c = NULL;
	CURLcode result = m->data.result;
	bool sent;
	int rc;

	curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
	curl_multi_remove_handle(i->multi, c->easy);
	sent = aws_transfer_sent(c->transfer);
	rc = aws_transfer_finish(c->transfer, result, &resp, &c->outcome->err);
	aws_transfer_free(c->transfer);
	c->transfer = NULL;
	c->easy = NULL;
	if (c->kind == CALL_INVOKE)
		invoke_finished(i, c, rc, &resp, sent);
	else
		active_finished(i, c, rc, &resp);
}

/* Agents speak soon after their Invoke: the search begins with the newest. */
static void release(struct invoker *i, const char *run)
{
	struct call *c;

	TAILQ_FOREACH_REVERSE(c, &i->calls, call_list, link)
		if (c->kind == CALL_INVOKE && !strcmp(c->run, run)) {
			c->released = true;
			return;
		}
}

/* Closes the oldest connections whose answers aren't needed, down to the limit. The invocations go on. */
static void let_go(struct invoker *i)
{
	struct call *c, *next;

	for (c = TAILQ_FIRST(&i->calls); c && i->open > i->hold; c = next) {
		next = TAILQ_NEXT(c, link);
		if (!c->released || !c->easy)
			continue;
		curl_multi_remove_handle(i->multi, c->easy);
		c->easy = NULL;
		aws_transfer_free(c->transfer);
		c->transfer = NULL;
		c->outcome->let_go = true;
		finish(i, c);
	}
}

static bool take_queue(struct invoker *i)
{
	struct call_list fresh = TAILQ_HEAD_INITIALIZER(fresh);
	struct call *c;
	bool stopping;

	pthread_mutex_lock(&i->lock);
	TAILQ_CONCAT(&fresh, &i->queue, link);
	stopping = i->stopping;
	pthread_mutex_unlock(&i->lock);
	while ((c = TAILQ_FIRST(&fresh))) {
		TAILQ_REMOVE(&fresh, c, link);
		if (c->kind == CALL_RELEASE) {
			release(i, c->run);
			call_free(c);
			continue;
		}
		TAILQ_INSERT_TAIL(&i->calls, c, link);
		i->open += c->kind == CALL_INVOKE;
		begin(i, c);
	}
	let_go(i);
	return !stopping;
}

/* Begins the looks that are due; returns ms until the next one. */
static int begin_due(struct invoker *i)
{
	int64_t now = gateway_clock(), wait = 10000;
	struct call *c, *next;

	for (c = TAILQ_FIRST(&i->calls); c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (!c->next)
			continue;
		if (c->next <= now)
			begin(i, c);
		else if ((c->next - now) / 1000000 + 1 < wait)
			wait = (c->next - now) / 1000000 + 1;
	}
	return (int)wait;
}

static void *invoker_main(void *arg)
{
	struct invoker *i = arg;

	while (take_queue(i)) {
		int running, left, wait = begin_due(i);
		CURLMsg *m;

		curl_multi_perform(i->multi, &running);
		while ((m = curl_multi_info_read(i->multi, &left)))
			if (m->msg == CURLMSG_DONE) {
				transfer_finished(i, m);
				wait = 0;
			}
		curl_multi_poll(i->multi, NULL, 0, wait, NULL);
	}
	return NULL;
}

static void invoker_free(struct invoker *i)
{
	struct call *c;

	TAILQ_CONCAT(&i->calls, &i->queue, link);
	while ((c = TAILQ_FIRST(&i->calls))) {
		TAILQ_REMOVE(&i->calls, c, link);
		if (c->easy)
			curl_multi_remove_handle(i->multi, c->easy);
		call_free(c);
	}
	if (i->multi)
		curl_multi_cleanup(i->multi);
	aws_client_close(i->aws);
	pthread_mutex_destroy(&i->lock);
	free(i);
}

int invoker_start(struct invoker **ret, struct completions *back, uint64_t hold, uint64_t timeout, struct err *e)
{
	struct invoker *i = calloc(1, sizeof *i);
	sigset_t all, old;
	int rc;

	if (!i)
		return err_nomem(e);
	pthread_mutex_init(&i->lock, NULL);
	TAILQ_INIT(&i->queue);
	TAILQ_INIT(&i->calls);
	i->back = back;
	i->hold = hold;
	i->multi = curl_multi_init();
	if (!i->multi || aws_client_open(&i->aws, timeout, e) < 0) {
		if (!i->multi)
			err_nomem(e);
		invoker_free(i);
		return -1;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	rc = pthread_create(&i->thread, NULL, invoker_main, i);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc) {
		invoker_free(i);
		return err_errno(e, rc, "can't start the invoke thread");
	}
	*ret = i;
	return 0;
}

void invoker_stop(struct invoker *i)
{
	if (!i)
		return;
	pthread_mutex_lock(&i->lock);
	i->stopping = true;
	pthread_mutex_unlock(&i->lock);
	curl_multi_wakeup(i->multi);
	pthread_join(i->thread, NULL);
	invoker_free(i);
}

static struct call *call_new(struct gateway *gw, const char *run, const char *function, invoke_done *done)
{
	struct call *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->outcome = calloc(1, sizeof *c->outcome);
	if (!c->outcome) {
		free(c);
		return NULL;
	}
	c->job = (struct job){ .gw = gw, .done = call_done };
	snprintf(c->run, sizeof c->run, "%s", run);
	snprintf(c->function, sizeof c->function, "%s", function);
	c->done = done;
	return c;
}

static void post(struct invoker *i, struct call *c)
{
	pthread_mutex_lock(&i->lock);
	TAILQ_INSERT_TAIL(&i->queue, c, link);
	pthread_mutex_unlock(&i->lock);
	curl_multi_wakeup(i->multi);
}

void invoke_wait_active(struct gateway *gw, const char *run, const char *function, int64_t seconds, invoke_done *done)
{
	struct call *c = call_new(gw, run, function, done);

	if (!c) {
		log_error("run %s: no memory to look at its function", run);
		return;
	}
	c->deadline = gateway_clock() + seconds * 1000000000;
	c->pause_ms = POLL_FIRST_MS;
	post(gw->invoker, c);
}

void invoke_send(struct gateway *gw, const char *run, const char *function, struct buf *payload, int64_t timeout, invoke_done *done)
{
	struct call *c = call_new(gw, run, function, done);

	if (!c) {
		log_error("run %s: no memory to invoke", run);
		return;
	}
	c->kind = CALL_INVOKE;
	c->payload = *payload;
	*payload = (struct buf)BUF_INIT;
	c->timeout = timeout;
	post(gw->invoker, c);
}

void invoke_release(struct gateway *gw, const char *run)
{
	struct call *c = calloc(1, sizeof *c);

	if (!c)
		return; /* it is held longer */
	c->kind = CALL_RELEASE;
	snprintf(c->run, sizeof c->run, "%s", run);
	post(gw->invoker, c);
}
