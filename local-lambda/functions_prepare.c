/* From Pending to Active: a function's image is fetched and unpacked in a thread. */
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "local-lambda/functions.h"

struct preparation {
	struct functions *functions;
	struct revision *revision;
	char name[LIMIT_NAME + 1];
	uint64_t serial;
};

static const char *reason_code(const struct err *e)
{
	switch (e->kind) {
	case ERR_FORBIDDEN:
		return "ImageAccessDenied";
	case ERR_NOT_FOUND:
		return "ImageDeleted";
	case ERR_INVALID:
	case ERR_TOO_LARGE:
		return "InvalidImage";
	default:
		return "InternalError";
	}
}

static void set_status(struct json_object *config, const char *key, const char *value, const struct err *e)
{
	char reason[64], code[64];

	snprintf(reason, sizeof reason, "%sReason", key);
	snprintf(code, sizeof code, "%sReasonCode", key);
	json_object_object_del(config, reason);
	json_object_object_del(config, code);
	json_add_str(config, key, value);
	if (e) {
		json_add_str(config, reason, e->text);
		json_add_str(config, code, reason_code(e));
	}
}

static void conclude(struct preparation *p, struct function *fn, const struct err *e)
{
	bool first = !strcmp(json_str(fn->config, "State", ""), "Pending");
	struct err ignored;

	if (!e) {
		if (fn->revision)
			pool_retire(p->functions->pool, fn->revision);
		revision_unref(fn->revision);
		fn->revision = revision_ref(p->revision);
		set_status(fn->config, "State", "Active", NULL);
		set_status(fn->config, "LastUpdateStatus", "Successful", NULL);
	} else {
		set_status(fn->config, first ? "State" : "LastUpdateStatus", "Failed", e);
	}
	if (functions_save(p->functions, fn, &ignored) < 0)
		log_error("%s: %s", fn->name, ignored.text);
}

static void *prepare_main(void *ctx)
{
	struct preparation *p = ctx;
	struct functions *f = p->functions;
	struct image *image = NULL;
	struct err e = { 0 };
	int rc = revision_image(p->revision, f->images, &image, &e);
	struct function *fn;

	if (rc == 0)
		image_unref(image);
	else
		log_warn("%s: %s", p->name, e.text);
	pthread_mutex_lock(&f->lock);
	fn = functions_find(f, p->name);
	if (fn && fn->serial == p->serial)
		conclude(p, fn, rc < 0 ? &e : NULL);
	f->preparing--;
	pthread_cond_broadcast(&f->changed);
	revision_unref(p->revision);
	free(p);
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

static void preparation_free(struct preparation *p)
{
	if (p)
		revision_unref(p->revision);
	free(p);
}

int functions_prepare(struct functions *f, struct function *fn, struct err *e)
{
	struct preparation *p = calloc(1, sizeof *p);
	pthread_attr_t detached;
	pthread_t thread;
	int rc;

	if (!p || revision_new(&p->revision, fn->config, fn->resolved_uri, e) < 0) {
		preparation_free(p);
		return err_nomem(e);
	}
	p->functions = f;
	memcpy(p->name, fn->name, sizeof p->name);
	p->serial = fn->serial = ++f->serial;
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &detached, prepare_main, p);
	pthread_attr_destroy(&detached);
	if (rc) {
		preparation_free(p);
		return err_errno(e, rc, "thread");
	}
	f->preparing++;
	return 0;
}
