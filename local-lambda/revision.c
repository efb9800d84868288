#include "local-lambda/revision.h"

#include <stdlib.h>
#include <string.h>

#define REGISTRY_AUTH "AWS:sockerless-lambda"

int revision_new(struct revision **ret, struct json_object *config, const char *image_uri, struct err *e)
{
	struct revision *r = calloc(1, sizeof *r);

	if (!r)
		return err_nomem(e);
	atomic_init(&r->refs, 1);
	pthread_mutex_init(&r->lock, NULL);
	r->name = strdup(json_str(config, "FunctionName", ""));
	r->arn = strdup(json_str(config, "FunctionArn", ""));
	r->image_uri = strdup(image_uri);
	r->timeout_seconds = (unsigned)json_int(config, "Timeout", 3);
	r->memory_mb = (unsigned)json_int(config, "MemorySize", 128);
	r->tmp_mb = (unsigned)json_int(json_get(config, "EphemeralStorage"), "Size", 512);
	if (!r->name || !r->arn || !r->image_uri || json_object_deep_copy(config, &r->config, NULL) < 0) {
		revision_unref(r);
		return err_nomem(e);
	}
	*ret = r;
	return 0;
}

struct revision *revision_ref(struct revision *r)
{
	atomic_fetch_add(&r->refs, 1);
	return r;
}

void revision_unref(struct revision *r)
{
	if (!r || atomic_fetch_sub(&r->refs, 1) != 1)
		return;
	image_unref(r->image);
	json_object_put(r->config);
	pthread_mutex_destroy(&r->lock);
	free(r->name);
	free(r->arn);
	free(r->image_uri);
	free(r);
}

int revision_image(struct revision *r, struct image_store *images, struct image **ret, struct err *e)
{
	struct json_object *list = json_array(r->config, "Architectures");
	const char *architecture = list ? json_object_get_string(json_object_array_get_idx(list, 0)) : "x86_64";
	int rc = 0;

	pthread_mutex_lock(&r->lock);
	if (!r->image)
		rc = image_prepare(images, r->image_uri, REGISTRY_AUTH, architecture, &r->image, e);
	if (rc == 0)
		*ret = image_ref(r->image);
	pthread_mutex_unlock(&r->lock);
	return rc;
}
