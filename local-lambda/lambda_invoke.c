#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/ids.h"
#include "local-lambda/lambda_api.h"
#include "local-lambda/uuid.h"

/* The revision to run, a reference of the caller's; NULL after answering why not. */
static struct revision *find_revision(struct lambda_call *c)
{
	struct revision *r = NULL;
	struct function *fn;
	const char *state;

	pthread_mutex_lock(&c->api->functions->lock);
	fn = functions_find(c->api->functions, c->name);
	state = fn ? json_str(fn->config, "State", "") : "";
	if (!fn)
		lambda_not_found(c, c->name);
	else if (!fn->revision || strcmp(state, "Active"))
		reply_rest_error(c->reply, 409, "ResourceConflictException",
				 "The operation cannot be performed at this time. The function is currently in the following state: %s", state);
	else
		r = revision_ref(fn->revision);
	pthread_mutex_unlock(&c->api->functions->lock);
	return r;
}

static bool take_payload(struct lambda_call *c, struct invocation *i)
{
	CLEANUP_JSON struct json_object *parsed = NULL;
	struct err e = { 0 };

	if (c->request->body.len && json_parse(c->request->body.data, c->request->body.len, &parsed, &e) < 0) {
		reply_rest_error(c->reply, 400, "InvalidRequestContentException", "Could not parse request body into json: %s", e.text);
		return false;
	}
	i->payload = c->request->body;
	c->request->body = (struct buf)BUF_INIT;
	if (!i->payload.len)
		buf_puts(&i->payload, "{}");
	return true;
}

static void make_trace(struct invocation *i, const struct request *r)
{
	const char *given = request_header(r, "x-amzn-trace-id");
	char root[25], parent[17];

	id_random(root, 12);
	id_random(parent, 8);
	if (given && strlen(given) < sizeof i->trace_id)
		snprintf(i->trace_id, sizeof i->trace_id, "%s", given);
	else
		snprintf(i->trace_id, sizeof i->trace_id, "Root=1-%.8s-%s;Parent=%s;Sampled=0", parent, root, parent);
}

static void reply_result(struct lambda_call *c, struct invocation *i, bool tail)
{
	char coded[(TAIL_BYTES + 2) / 3 * 4 + 1];

	reply_header(c->reply, "X-Amz-Executed-Version", "%s", "$LATEST");
	reply_header(c->reply, "X-Amzn-Trace-Id", "%s", i->trace_id);
	if (i->function_error)
		reply_header(c->reply, "X-Amz-Function-Error", "%s", i->function_error);
	if (tail) {
		EVP_EncodeBlock((unsigned char *)coded, (const unsigned char *)i->tail, (int)i->tail_len);
		reply_header(c->reply, "X-Amz-Log-Result", "%s", coded);
	}
	c->reply->status = 200;
	c->reply->body = i->result;
	c->reply->body.limit = 0;
	i->result = (struct buf)BUF_INIT;
}

static void run(struct lambda_call *c, struct revision *r, bool tail)
{
	struct invocation *i = malloc(sizeof *i);
	struct err e = { 0 };

	if (!i) {
		reply_json(c->reply, 500, NULL);
		return;
	}
	invocation_init(i);
	make_trace(i, c->request);
	uuid_make(i->request_id);
	/* The reply carries the invocation's id as its own. */
	reply_header(c->reply, "x-amzn-RequestId", "%s", i->request_id);
	if (take_payload(c, i)) {
		if (pool_invoke(c->api->pool, r, i, &e) < 0)
			lambda_fail(c->reply, &e);
		else if (i->broken)
			reply_rest_error(c->reply, 500, "ServiceException", "%s", i->why.text);
		else
			reply_result(c, i, tail);
	}
	invocation_free(i);
	free(i);
}

void lambda_invoke(struct lambda_call *c)
{
	const char *type = request_header(c->request, "x-amz-invocation-type");
	const char *log = request_header(c->request, "x-amz-log-type");
	bool dry = type && !strcmp(type, "DryRun");
	struct revision *r;

	if (type && !dry && strcmp(type, "RequestResponse")) {
		reply_rest_error(c->reply, 400, "InvalidParameterValueException", "InvocationType %.32s isn't played here: only RequestResponse and DryRun", type);
		return;
	}
	r = find_revision(c);
	if (r && dry)
		c->reply->status = 204;
	else if (r)
		run(c, r, log && !strcmp(log, "Tail"));
	revision_unref(r);
}
