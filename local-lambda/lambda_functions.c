/* The control plane: create, read, change and delete functions. */
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "local-lambda/configuration.h"
#include "local-lambda/lambda_api.h"
#include "local-lambda/manifest_check.h"

#define PAGE_MAX 50

static void conflict(struct lambda_call *c, const char *fmt, const char *what)
{
	struct err e = { 0 };

	err_set(&e, ERR_CONFLICT, fmt[0] ? "%s %s" : "%s%s", fmt, what);
	lambda_fail(c->reply, &e);
}

static struct function *make(struct lambda_call *c, char *resolved, struct err *e)
{
	struct json_object *tags = json_obj(c->input, "Tags");
	const char *name = json_str(c->input, "FunctionName", "");
	struct function *fn = calloc(1, sizeof *fn);
	BUF_CLEANUP struct buf arn = BUF_INIT;

	if (!fn) {
		free(resolved);
		err_nomem(e);
		return NULL;
	}
	fn->resolved_uri = resolved;
	snprintf(fn->name, sizeof fn->name, "%s", name);
	lambda_arn(c->api, &arn, name);
	fn->image_uri = strdup(json_str(json_get(c->input, "Code"), "ImageUri", ""));
	fn->config = arn.failed ? NULL : configuration_new(c->input, arn.data, resolved);
	if (!tags)
		fn->tags = json_object_new_object();
	else if (json_object_deep_copy(tags, &fn->tags, NULL) < 0)
		fn->tags = NULL;
	if (fn->image_uri && fn->config && fn->tags)
		return fn;
	function_free(fn);
	err_nomem(e);
	return NULL;
}

/* Under the lock; takes the function over. */
static void insert(struct lambda_call *c, struct function *fn)
{
	struct functions *f = c->api->functions;
	struct err e = { 0 };

	if (functions_find(f, fn->name)) {
		conflict(c, "Function already exist:", fn->name);
		function_free(fn);
		return;
	}
	if (functions_insert(f, fn, &e) < 0) {
		lambda_fail(c->reply, &e);
		function_free(fn);
		return;
	}
	reply_json(c->reply, 201, fn->config);
	if (functions_prepare(f, fn, &e) < 0) {
		buf_reset(&c->reply->body);
		lambda_fail(c->reply, &e);
		functions_remove(f, fn);
	}
}

void lambda_create(struct lambda_call *c)
{
	struct functions *f = c->api->functions;
	const char *name = json_str(c->input, "FunctionName", "");
	struct err e = { 0 };
	struct function *fn;
	char *resolved;
	bool taken;

	if (limits_check_create(c->input, &e) < 0) {
		lambda_fail(c->reply, &e);
		return;
	}
	pthread_mutex_lock(&f->lock);
	taken = functions_find(f, name);
	pthread_mutex_unlock(&f->lock);
	if (taken) {
		conflict(c, "Function already exist:", name);
		return;
	}
	if (manifest_check(c->api->config, f->ecr, json_str(json_get(c->input, "Code"), "ImageUri", ""), &resolved, &e) < 0 ||
	    !(fn = make(c, resolved, &e))) {
		lambda_fail(c->reply, &e);
		return;
	}
	pthread_mutex_lock(&f->lock);
	insert(c, fn);
	pthread_mutex_unlock(&f->lock);
}

/* Locks and finds; answers and unlocks when there is none. */
static struct function *lock_and_find(struct lambda_call *c)
{
	struct function *fn;

	pthread_mutex_lock(&c->api->functions->lock);
	fn = functions_find(c->api->functions, c->name);
	if (fn)
		return fn;
	pthread_mutex_unlock(&c->api->functions->lock);
	lambda_not_found(c, c->name);
	return NULL;
}

static void unlock(struct lambda_call *c)
{
	pthread_mutex_unlock(&c->api->functions->lock);
}

void lambda_get(struct lambda_call *c)
{
	struct function *fn = lock_and_find(c);
	struct json_object *out = json_object_new_object(), *code = json_object_new_object();

	if (fn && out && code && json_add_str(code, "RepositoryType", "ECR") && json_add_str(code, "ImageUri", fn->image_uri) &&
	    json_add_str(code, "ResolvedImageUri", fn->resolved_uri) && json_add(out, "Configuration", json_object_get(fn->config)) &&
	    json_add(out, "Code", json_object_get(code)) && (!json_object_object_length(fn->tags) || json_add(out, "Tags", json_object_get(fn->tags))))
		reply_json(c->reply, 200, out);
	else if (fn)
		reply_json(c->reply, 500, NULL);
	json_object_put(code);
	json_object_put(out);
	if (fn)
		unlock(c);
}

void lambda_get_configuration(struct lambda_call *c)
{
	struct function *fn = lock_and_find(c);

	if (!fn)
		return;
	reply_json(c->reply, 200, fn->config);
	unlock(c);
}

/* What ListFunctions leaves out. */
static bool is_listed(const char *key)
{
	return strncmp(key, "State", 5) && strncmp(key, "LastUpdateStatus", 16);
}

static struct json_object *listed(struct json_object *config)
{
	struct json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	json_object_object_foreach(config, key, value) {
		if (is_listed(key) && !json_add(o, key, json_object_get(value))) {
			json_object_put(o);
			return NULL;
		}
	}
	return o;
}

static int64_t page_size(struct lambda_call *c)
{
	CLEANUP_FREE char *text = request_query(c->request, "MaxItems");
	char *end;
	long n;

	if (!text)
		return PAGE_MAX;
	n = strtol(text, &end, 10);
	if (!*text || *end || n < 1 || n > 10000)
		return -1;
	return n < PAGE_MAX ? n : PAGE_MAX;
}

void lambda_list(struct lambda_call *c)
{
	struct functions *f = c->api->functions;
	CLEANUP_FREE char *marker = request_query(c->request, "Marker");
	struct json_object *out = json_object_new_object(), *list = json_object_new_array();
	int64_t left = page_size(c);
	bool ok = out && list && json_add(out, "Functions", list);

	if (left < 0 || (marker && !limits_name_ok(marker))) {
		reply_rest_error(c->reply, 400, "InvalidParameterValueException", "Invalid %s", left < 0 ? "MaxItems" : "Marker");
		json_object_put(out);
		return;
	}
	pthread_mutex_lock(&f->lock);
	for (size_t i = functions_after(f, marker ? marker : ""); ok && i < f->count; i++) {
		struct json_object *o;

		if (!left--) {
			ok = json_add_str(out, "NextMarker", f->table[i - 1]->name);
			break;
		}
		o = listed(f->table[i]->config);
		ok = o && json_object_array_add(list, o) == 0;
	}
	reply_json(c->reply, 200, ok ? out : NULL);
	json_object_put(out);
	unlock(c);
}

/* Under the lock: whether a change may begin now. */
static bool may_change(struct lambda_call *c, struct function *fn)
{
	const char *state = json_str(fn->config, "State", ""), *wanted = json_str(c->input, "RevisionId", NULL);

	if (wanted && strcmp(wanted, json_str(fn->config, "RevisionId", ""))) {
		reply_rest_error(c->reply, 412, "PreconditionFailedException", "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id");
		return false;
	}
	if (!strcmp(json_str(fn->config, "LastUpdateStatus", ""), "InProgress"))
		conflict(c, "The operation cannot be performed at this time. An update is in progress for resource:", json_str(fn->config, "FunctionArn", ""));
	else if (strcmp(state, "Active"))
		conflict(c, "The operation cannot be performed at this time. The function is currently in the following state:", state);
	else
		return true;
	return false;
}

/* Under the lock: the change was made, now it takes effect. */
static void begin_update(struct lambda_call *c, struct function *fn)
{
	struct err e = { 0 };

	if (!configuration_touch(fn->config, fn->resolved_uri) || !json_add_str(fn->config, "LastUpdateStatus", "InProgress") ||
	    !json_add_str(fn->config, "LastUpdateStatusReason", "The function is being created.") ||
	    !json_add_str(fn->config, "LastUpdateStatusReasonCode", "Creating"))
		err_nomem(&e);
	else if (functions_save(c->api->functions, fn, &e) == 0 && functions_prepare(c->api->functions, fn, &e) == 0) {
		reply_json(c->reply, 200, fn->config);
		return;
	}
	lambda_fail(c->reply, &e);
}

static bool set_code(struct lambda_call *c, struct function *fn, char **resolved)
{
	struct json_object *architectures = json_get(c->input, "Architectures"), *own = NULL;
	char *uri = strdup(json_str(c->input, "ImageUri", ""));

	if (!uri || (architectures && (json_object_deep_copy(architectures, &own, NULL) < 0 || !json_add(fn->config, "Architectures", own)))) {
		free(uri);
		return false;
	}
	free(fn->image_uri);
	fn->image_uri = uri;
	free(fn->resolved_uri);
	fn->resolved_uri = STEAL(*resolved);
	return true;
}

void lambda_update_code(struct lambda_call *c)
{
	const char *uri = json_str(c->input, "ImageUri", NULL);
	CLEANUP_FREE char *resolved = NULL;
	struct function *fn;
	struct err e = { 0 };
	int rc;

	fn = lock_and_find(c);
	if (!fn)
		return;
	unlock(c);
	rc = uri ? limits_check_architectures(c->input, &e) : err_set(&e, ERR_INVALID, "Please provide ImageUri when updating a function with packageType Image.");
	if (rc < 0 || manifest_check(c->api->config, c->api->functions->ecr, uri, &resolved, &e) < 0) {
		lambda_fail(c->reply, &e);
		return;
	}
	fn = lock_and_find(c);
	if (!fn)
		return;
	if (may_change(c, fn)) {
		if (set_code(c, fn, &resolved))
			begin_update(c, fn);
		else
			reply_json(c->reply, 500, NULL);
	}
	unlock(c);
}

void lambda_update_configuration(struct lambda_call *c)
{
	struct function *fn;
	struct err e = { 0 };

	if (limits_check_configuration(c->input, &e) < 0) {
		lambda_fail(c->reply, &e);
		return;
	}
	fn = lock_and_find(c);
	if (!fn)
		return;
	if (may_change(c, fn)) {
		if (configuration_apply(fn->config, c->input))
			begin_update(c, fn);
		else
			reply_json(c->reply, 500, NULL);
	}
	unlock(c);
}

void lambda_delete(struct lambda_call *c)
{
	struct function *fn = lock_and_find(c);

	if (!fn)
		return;
	functions_remove(c->api->functions, fn);
	unlock(c);
	c->reply->status = 204;
}
