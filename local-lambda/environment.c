#include "local-lambda/environment.h"

#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "local-lambda/clock.h"
#include "local-lambda/launch.h"

#define RUNTIME_CONNECTIONS 64

static int make_sandbox(struct environment *v, struct err *e)
{
	const struct pool_config *c = &v->pool->config;
	struct image *image;
	struct launch l;
	struct sandbox_spec spec = { .name = v->revision->name, .memory_mb = v->revision->memory_mb, .tmp_mb = v->revision->tmp_mb };
	int rc;

	if (revision_image(v->revision, c->images, &image, e) < 0)
		return -1;
	rc = launch_make(&l, c->config, v->revision, image, &v->output, e);
	if (rc == 0) {
		spec.image = image;
		spec.argv = l.argv;
		spec.envp = l.envp;
		spec.workdir = l.workdir;
		rc = sandbox_create(c->host, &spec, &v->sandbox, e);
		launch_free(&l);
	}
	image_unref(image);
	return rc;
}

static int bring_up(struct environment *v, struct err *e)
{
	struct http_config http = { .connections = RUNTIME_CONNECTIONS, .body_limit = runtime_body_limit, .handle = runtime_handle, .ctx = v };

	if (output_open(&v->output, v->pool->config.logs, v->revision->name, e) < 0)
		return -1;
	output_platform(&v->output, "INIT_START Runtime Version: sockerless-lambda\tRuntime Version ARN: \n");
	if (make_sandbox(v, e) < 0)
		return -1;
	http.fd = sandbox_runtime_listener(v->sandbox);
	return http_start(&v->runtime, &http, e);
}

/* The start outside of an invocation. When it fails, the first invocation tries once more. */
static void init(struct environment *v, int64_t started)
{
	int64_t deadline = mono_ms() + (int64_t)v->pool->config.config->init_seconds * 1000;
	struct err e = { 0 };
	const char *status = NULL;

	if (environment_process_start(v, &e) < 0)
		return;
	while (!v->waiting && !v->exited && !v->init_failed && !v->stop && mono_ms() < deadline)
		environment_wait(v, deadline);
	v->init_ms = mono_ms() - started;
	if (!v->waiting)
		status = mono_ms() >= deadline ? "timeout" : "error\tError Type: Runtime.ExitError";
	if (!status)
		return;
	environment_process_kill(v);
	output_platform(&v->output, "INIT_REPORT Init Duration: %lld.00 ms\tPhase: init\tStatus: %s\n", (long long)v->init_ms, status);
}

/* Frozen until an invocation comes; false: the environment ends. */
static bool rest(struct environment *v)
{
	int64_t until = mono_ms() + (int64_t)v->pool->config.config->idle_seconds * 1000;

	if (v->running && !v->stop && !v->revision->retired) {
		pthread_mutex_unlock(&v->pool->lock);
		sandbox_freeze(v->sandbox);
		pthread_mutex_lock(&v->pool->lock);
	}
	while (!v->invocation && !v->stop && !v->revision->retired && mono_ms() < until)
		environment_wait(v, until);
	v->idle = false;
	if (!v->invocation)
		return false;
	pthread_mutex_unlock(&v->pool->lock);
	sandbox_thaw(v->sandbox);
	pthread_mutex_lock(&v->pool->lock);
	return true;
}

/* An environment that couldn't be built: a function whose own settings are the reason gets an error of its own. */
static void refuse(struct environment *v, const struct err *e)
{
	struct invocation *i = v->invocation;
	size_t type = strcspn(e->text, ":");

	log_warn("%s: no environment: %s", v->revision->name, e->text);
	if (e->kind == ERR_INVALID && !strncmp(e->text, "Runtime.", 8)) {
		CLEANUP_JSON struct json_object *o = json_object_new_object();

		if (o && json_add(o, "errorType", json_object_new_string_len(e->text, (int)type)) && json_add_str(o, "errorMessage", e->text))
			buf_puts(&i->result, json_text(o));
		i->function_error = "Unhandled";
		output_platform(&v->output, "RequestId: %s Error: %s\n", i->request_id, e->text);
		i->tail_len = output_tail(&v->output, i->tail);
	} else {
		i->broken = true;
		i->why = *e;
	}
	i->done = true;
	v->invocation = NULL;
	pthread_cond_broadcast(&i->changed);
}

static void tear_down(struct environment *v)
{
	struct pool *p = v->pool;
	struct environment **link;

	environment_process_kill(v);
	v->generation++;
	pthread_cond_broadcast(&v->changed);
	pthread_mutex_unlock(&p->lock);
	http_stop(v->runtime);
	if (v->sandbox)
		sandbox_destroy(v->sandbox);
	output_free(&v->output);
	buf_free(&v->init_error);
	pthread_mutex_lock(&p->lock);
	for (link = &p->first; *link != v; link = &(*link)->next)
		;
	*link = v->next;
	p->count--;
	pthread_cond_broadcast(&p->changed);
	pthread_cond_destroy(&v->changed);
	revision_unref(v->revision);
	free(v);
	pthread_mutex_unlock(&p->lock);
}

static void *environment_main(void *ctx)
{
	struct environment *v = ctx;
	struct pool *p = v->pool;
	int64_t started = mono_ms();
	struct err e = { 0 };
	int rc = bring_up(v, &e);

	pthread_mutex_lock(&p->lock);
	if (rc < 0) {
		refuse(v, &e);
	} else {
		init(v, started);
		do
			environment_serve(v);
		while (rest(v));
	}
	tear_down(v);
	return NULL;
}

static void free_unstarted(struct environment *v)
{
	pthread_cond_destroy(&v->changed);
	revision_unref(v->revision);
	free(v);
}

int environment_start(struct pool *p, struct revision *r, struct invocation *i, struct err *e)
{
	struct environment *v = calloc(1, sizeof *v);
	pthread_condattr_t monotonic;
	pthread_attr_t detached;
	pthread_t thread;
	int rc;

	if (!v)
		return err_nomem(e);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&v->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	v->pool = p;
	v->revision = revision_ref(r);
	v->invocation = i;
	v->cold = true;
	v->output.fd = -1;
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &detached, environment_main, v);
	pthread_attr_destroy(&detached);
	if (rc) {
		free_unstarted(v);
		return err_errno(e, rc, "thread");
	}
	v->next = p->first;
	p->first = v;
	p->count++;
	return 0;
}
