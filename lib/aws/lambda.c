#include "lib/aws/lambda.h"

#include <string.h>

#include "lib/aws/sigv4.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"

#define FUNCTIONS "/2015-03-31/functions"
#define INVOKE_EXTRA 60 /* seconds beyond the function's own time limit */
#define PAGES_MAX 1000

static int request_init(struct aws_request *r, const char *method, const char *prefix, const char *name, const char *suffix, struct err *e)
{
	BUF_CLEANUP struct buf path = BUF_INIT;

	buf_puts(&path, prefix);
	if (name) {
		buf_putc(&path, '/');
		sigv4_escape(&path, name, false);
		buf_puts(&path, suffix);
	}
	*r = (struct aws_request){ .service = AWS_LAMBDA, .method = method, .path = buf_steal(&path), .retry = true };
	return r->path ? 0 : err_nomem(e);
}

static int request_json(struct aws_request *r, struct json_object *body, struct err *e)
{
	const char *text = json_text(body);

	r->body = text ? strdup(text) : NULL;
	if (!r->body)
		return err_nomem(e);
	r->body_len = strlen(r->body);
	return aws_request_header(r, "content-type", "application/json", e);
}

static bool add_list(struct json_object *o, const char *key, struct json_object *list)
{
	return list && json_add(o, key, list);
}

static struct json_object *list_of(const char *const *items)
{
	struct json_object *list = json_object_new_array();

	for (; list && *items; items++) {
		struct json_object *text = json_object_new_string(*items);

		if (!text || json_object_array_add(list, text) < 0) {
			json_object_put(text);
			json_object_put(list);
			return NULL;
		}
	}
	return list;
}

/* The items of a comma-separated text, without the empty ones. */
static struct json_object *list_of_text(const char *text)
{
	struct json_object *list = json_object_new_array();

	while (list && *text) {
		size_t len = strcspn(text, ",");
		const char *item = text;
		size_t n = len;

		for (; n && strchr(" \t", *item); n--)
			item++;
		for (; n && strchr(" \t", item[n - 1]); n--)
			;
		if (n) {
			struct json_object *o = json_object_new_string_len(item, (int)n);

			if (!o || json_object_array_add(list, o) < 0) {
				json_object_put(o);
				json_object_put(list);
				return NULL;
			}
		}
		text += len;
		text += *text == ',';
	}
	return list;
}

static bool add_image_config(struct json_object *o, const struct lambda_function *f)
{
	struct json_object *config;
	bool ok = true;

	if ((!f->entry_point || !*f->entry_point) && (!f->command || !*f->command) && !f->working_directory)
		return true;
	config = json_object_new_object();
	if (!config || !json_add(o, "ImageConfig", config))
		return false;
	if (f->entry_point && *f->entry_point)
		ok = add_list(config, "EntryPoint", list_of(f->entry_point));
	if (f->command && *f->command)
		ok = ok && add_list(config, "Command", list_of(f->command));
	return ok && (!f->working_directory || json_add_str(config, "WorkingDirectory", f->working_directory));
}

static bool add_vpc(struct json_object *o, const struct lambda_function *f)
{
	struct json_object *vpc;

	if (!f->subnets || !*f->subnets)
		return true;
	vpc = json_object_new_object();
	return vpc && json_add(o, "VpcConfig", vpc) && add_list(vpc, "SubnetIds", list_of_text(f->subnets)) &&
	       add_list(vpc, "SecurityGroupIds", list_of_text(f->security_groups ? f->security_groups : ""));
}

/* { outer: { inner: value } }; value's reference is taken. */
static bool add_nested(struct json_object *o, const char *outer, const char *inner, struct json_object *value)
{
	struct json_object *middle = json_object_new_object();

	if (!value || !middle || !json_add(o, outer, middle)) {
		json_object_put(value);
		return false;
	}
	return json_add(middle, inner, value);
}

static bool is_filled(struct json_object *o)
{
	return o && json_object_is_type(o, json_type_object) && json_object_object_length(o) > 0;
}

static bool fill_create(struct json_object *o, const struct lambda_function *f)
{
	struct json_object *architectures;
	bool ok = json_add_str(o, "FunctionName", f->name) && json_add_str(o, "PackageType", "Image") &&
		  json_add_str(o, "Role", f->role_arn ? f->role_arn : "") &&
		  add_nested(o, "Code", "ImageUri", json_object_new_string(f->image_uri)) && add_image_config(o, f) && add_vpc(o, f);

	if (f->description)
		ok = ok && json_add_str(o, "Description", f->description);
	if (f->timeout)
		ok = ok && json_add_int(o, "Timeout", f->timeout);
	if (f->memory_size)
		ok = ok && json_add_int(o, "MemorySize", f->memory_size);
	if (f->ephemeral_storage)
		ok = ok && add_nested(o, "EphemeralStorage", "Size", json_object_new_int64(f->ephemeral_storage));
	if (f->architecture) {
		const char *const one[] = { f->architecture, NULL };

		architectures = list_of(one);
		ok = ok && add_list(o, "Architectures", architectures);
	}
	if (is_filled(f->environment))
		ok = ok && add_nested(o, "Environment", "Variables", json_object_get(f->environment));
	if (is_filled(f->tags))
		ok = ok && json_add(o, "Tags", json_object_get(f->tags));
	return ok;
}

static int call_for_state(struct aws_client *c, const struct aws_request *r, struct lambda_status *ret, struct err *e)
{
	AWS_RESPONSE_CLEANUP struct aws_response reply = { 0 };
	struct lambda_status status;

	if (aws_call(c, r, &reply, e) < 0)
		return -1;
	return lambda_parse_state(&reply, ret ? ret : &status, e);
}

int lambda_create_function(struct aws_client *c, const struct lambda_function *f, struct lambda_status *ret, struct err *e)
{
	AWS_REQUEST_CLEANUP struct aws_request r = { 0 };
	CLEANUP_JSON struct json_object *o = json_object_new_object();

	if (!f->name || !f->image_uri)
		return err_set(e, ERR_INTERNAL, "a function needs a name and an image");
	if (!o || !fill_create(o, f))
		return err_nomem(e);
	if (request_init(&r, "POST", FUNCTIONS, NULL, NULL, e) < 0 || request_json(&r, o, e) < 0)
		return -1;
	/* A second CreateFunction after one that was taken up would meet its own name. */
	r.retry = false;
	r.retry_refused = true;
	return call_for_state(c, &r, ret, e);
}

int lambda_update_function_code(struct aws_client *c, const char *name, const char *image_uri, struct err *e)
{
	AWS_REQUEST_CLEANUP struct aws_request r = { 0 };
	CLEANUP_JSON struct json_object *o = json_object_new_object();

	if (!o || !json_add_str(o, "ImageUri", image_uri))
		return err_nomem(e);
	if (request_init(&r, "PUT", FUNCTIONS, name, "/code", e) < 0 || request_json(&r, o, e) < 0)
		return -1;
	return call_for_state(c, &r, NULL, e);
}

int lambda_get_function_request(const char *name, struct aws_request *ret, struct err *e)
{
	return request_init(ret, "GET", FUNCTIONS, name, "", e);
}

int lambda_get_function(struct aws_client *c, const char *name, struct lambda_status *ret, struct err *e)
{
	AWS_REQUEST_CLEANUP struct aws_request r = { 0 };

	if (lambda_get_function_request(name, &r, e) < 0)
		return -1;
	return call_for_state(c, &r, ret, e);
}

int lambda_update_memory(struct aws_client *c, const char *name, unsigned int mb, struct err *e)
{
	AWS_REQUEST_CLEANUP struct aws_request r = { 0 };
	CLEANUP_JSON struct json_object *o = json_object_new_object();

	if (!o || !json_add_int(o, "MemorySize", mb))
		return err_nomem(e);
	if (request_init(&r, "PUT", FUNCTIONS, name, "/configuration", e) < 0 || request_json(&r, o, e) < 0)
		return -1;
	return call_for_state(c, &r, NULL, e);
}

int lambda_delete_function(struct aws_client *c, const char *name, struct err *e)
{
	AWS_REQUEST_CLEANUP struct aws_request r = { 0 };
	AWS_RESPONSE_CLEANUP struct aws_response reply = { 0 };
	struct err why = { 0 };

	if (request_init(&r, "DELETE", FUNCTIONS, name, "", e) < 0)
		return -1;
	if (aws_call(c, &r, &reply, &why) == 0 || why.kind == ERR_NOT_FOUND)
		return 0;
	if (e)
		*e = why;
	return -1;
}

static int walk_page(struct json_object *o, int (*each)(void *arg, const struct lambda_listed *f, struct err *e), void *arg, struct err *e)
{
	struct json_object *list = json_array(o, "Functions");

	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		struct lambda_listed f = {
			json_str(item, "FunctionName", ""), json_str(item, "FunctionArn", ""), json_str(item, "Description", ""),
		};

		if (*f.name && each(arg, &f, e) < 0)
			return -1;
	}
	return 0;
}

static int call_json(struct aws_client *c, const struct aws_request *r, struct json_object **ret, struct err *e)
{
	AWS_RESPONSE_CLEANUP struct aws_response reply = { 0 };
	struct err why = { 0 };

	if (aws_call(c, r, &reply, e) < 0)
		return -1;
	if (json_parse(reply.body, reply.body_len, ret, &why) < 0)
		return err_set(e, ERR_UPSTREAM, "Lambda: %s", why.text);
	return 0;
}

int lambda_list_functions(struct aws_client *c, int (*each)(void *arg, const struct lambda_listed *f, struct err *e), void *arg, struct err *e)
{
	CLEANUP_FREE char *marker = NULL;

	for (int page = 0; page < PAGES_MAX; page++) {
		AWS_REQUEST_CLEANUP struct aws_request r = { 0 };
		CLEANUP_JSON struct json_object *o = NULL;
		BUF_CLEANUP struct buf query = BUF_INIT;
		const char *next;

		if (request_init(&r, "GET", FUNCTIONS, NULL, NULL, e) < 0)
			return -1;
		buf_puts(&query, "MaxItems=50");
		if (marker) {
			buf_puts(&query, "&Marker=");
			sigv4_escape(&query, marker, false);
		}
		r.query = buf_steal(&query);
		if (!r.query)
			return err_nomem(e);
		if (call_json(c, &r, &o, e) < 0 || walk_page(o, each, arg, e) < 0)
			return -1;
		next = json_str(o, "NextMarker", "");
		if (!*next)
			return 0;
		free(marker);
		marker = strdup(next);
		if (!marker)
			return err_nomem(e);
	}
	return err_set(e, ERR_UPSTREAM, "Lambda: ListFunctions doesn't end");
}

int lambda_list_tags(struct aws_client *c, const char *arn, struct json_object **ret, struct err *e)
{
	AWS_REQUEST_CLEANUP struct aws_request r = { 0 };
	CLEANUP_JSON struct json_object *o = NULL;
	struct json_object *tags;

	if (request_init(&r, "GET", "/2017-03-31/tags", arn, "", e) < 0 || call_json(c, &r, &o, e) < 0)
		return -1;
	tags = json_obj(o, "Tags");
	tags = tags ? json_object_get(tags) : json_object_new_object();
	if (!tags)
		return err_nomem(e);
	*ret = tags;
	return 0;
}

int lambda_invoke_request(const char *name, const void *payload, size_t len, unsigned int timeout, struct aws_request *ret, struct err *e)
{
	AWS_REQUEST_CLEANUP struct aws_request r = { 0 };

	if (len > LAMBDA_PAYLOAD_MAX)
		return err_set(e, ERR_TOO_LARGE, "a payload of %zu bytes is above Lambda's limit of 6 MB", len);
	if (request_init(&r, "POST", FUNCTIONS, name, "/invocations", e) < 0)
		return -1;
	r.retry = false;
	r.timeout = (long)timeout + INVOKE_EXTRA;
	r.body = malloc(len + 1);
	if (!r.body)
		return err_nomem(e);
	if (len)
		memcpy(r.body, payload, len);
	r.body[len] = '\0';
	r.body_len = len;
	if (aws_request_header(&r, "content-type", "application/json", e) < 0 ||
	    aws_request_header(&r, "x-amz-invocation-type", "RequestResponse", e) < 0 ||
	    aws_request_header(&r, "x-amz-log-type", "Tail", e) < 0)
		return -1;
	*ret = r;
	r = (struct aws_request){ 0 };
	return 0;
}
