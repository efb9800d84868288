#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "local-lambda/lambda_api.h"

#define UNTAG_MAX 50

/* Finds the function of a tags call under the lock; answers when there is none. */
static struct function *find(struct lambda_call *c)
{
	struct function *fn = functions_find(c->api->functions, c->name);

	if (!fn)
		lambda_not_found(c, c->name);
	return fn;
}

static void save(struct lambda_call *c, struct function *fn)
{
	struct err e = { 0 };

	if (functions_save(c->api->functions, fn, &e) < 0)
		lambda_fail(c->reply, &e);
	else
		c->reply->status = 204;
}

void lambda_list_tags(struct lambda_call *c)
{
	CLEANUP_JSON struct json_object *out = json_object_new_object();
	struct function *fn;

	pthread_mutex_lock(&c->api->functions->lock);
	fn = find(c);
	if (fn && out && json_add(out, "Tags", json_object_get(fn->tags)))
		reply_json(c->reply, 200, out);
	else if (fn)
		reply_json(c->reply, 500, NULL);
	/* The reference to the tags is given back under the lock. */
	if (out)
		json_object_object_del(out, "Tags");
	pthread_mutex_unlock(&c->api->functions->lock);
}

void lambda_tag(struct lambda_call *c)
{
	struct json_object *tags = json_obj(c->input, "Tags");
	struct function *fn;
	struct err e = { 0 };

	pthread_mutex_lock(&c->api->functions->lock);
	fn = find(c);
	if (fn && (!tags || limits_check_tags(tags, fn->tags, &e) < 0)) {
		if (!tags)
			err_set(&e, ERR_INVALID, "Tags must be given");
		lambda_fail(c->reply, &e);
	} else if (fn) {
		json_object_object_foreach(tags, key, value)
			json_add_str(fn->tags, key, json_object_get_string(value));
		save(c, fn);
	}
	pthread_mutex_unlock(&c->api->functions->lock);
}

void lambda_untag(struct lambda_call *c)
{
	struct function *fn;
	unsigned count = 0;

	pthread_mutex_lock(&c->api->functions->lock);
	fn = find(c);
	for (const char *p = c->request->query; fn && *p;) {
		size_t n = strcspn(p, "&");

		if (n > 8 && !strncmp(p, "tagKeys=", 8) && count++ < UNTAG_MAX) {
			CLEANUP_FREE char *key = percent_decode(p + 8, n - 8);

			if (key)
				json_object_object_del(fn->tags, key);
		}
		p += n + (p[n] == '&');
	}
	if (fn)
		save(c, fn);
	pthread_mutex_unlock(&c->api->functions->lock);
}
