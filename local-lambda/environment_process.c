/* The process of an environment: its start, its end, and the threads that watch it. */
#include <time.h>
#include <unistd.h>

#include "lib/log.h"
#include "local-lambda/clock.h"
#include "local-lambda/environment.h"

bool environment_wait(struct environment *v, int64_t until_ms)
{
	struct timespec t = { .tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000 };

	return pthread_cond_timedwait(&v->changed, &v->pool->lock, &t) == 0;
}

static void *wait_main(void *ctx)
{
	struct environment *v = ctx;
	int status = 0;

	sandbox_wait(v->sandbox, &status);
	pthread_mutex_lock(&v->pool->lock);
	v->wait_status = status;
	v->exited = true;
	pthread_cond_broadcast(&v->changed);
	pthread_mutex_unlock(&v->pool->lock);
	return NULL;
}

static int start(struct environment *v, struct err *e)
{
	int fd, rc;

	if (sandbox_start(v->sandbox, &fd, e) < 0)
		return -1;
	rc = pthread_create(&v->waiter, NULL, wait_main, v);
	if (rc == 0 && output_attach(&v->output, fd, e) == 0)
		return 0;
	sandbox_kill(v->sandbox);
	if (rc == 0)
		pthread_join(v->waiter, NULL);
	output_detach(&v->output);
	return rc ? err_errno(e, rc, "thread") : -1;
}

int environment_process_start(struct environment *v, struct err *e)
{
	int rc;

	v->generation++;
	v->waiting = 0;
	v->exited = v->init_failed = false;
	v->phase = PHASE_NONE;
	buf_free(&v->init_error);
	pthread_mutex_unlock(&v->pool->lock);
	rc = start(v, e);
	pthread_mutex_lock(&v->pool->lock);
	v->running = rc == 0;
	return rc;
}

void environment_process_reap(struct environment *v)
{
	pthread_mutex_unlock(&v->pool->lock);
	pthread_join(v->waiter, NULL);
	output_detach(&v->output);
	pthread_mutex_lock(&v->pool->lock);
	v->running = false;
	v->phase = PHASE_NONE;
	/* Requests of the dead process leave `next`. */
	v->generation++;
	v->waiting = 0;
	pthread_cond_broadcast(&v->changed);
}

void environment_process_kill(struct environment *v)
{
	if (!v->running)
		return;
	pthread_mutex_unlock(&v->pool->lock);
	sandbox_kill(v->sandbox);
	pthread_mutex_lock(&v->pool->lock);
	while (!v->exited)
		pthread_cond_wait(&v->changed, &v->pool->lock);
	environment_process_reap(v);
}
