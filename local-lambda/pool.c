#include "local-lambda/pool.h"

#include <stdlib.h>
#include <string.h>

#include "local-lambda/environment.h"

void invocation_init(struct invocation *i)
{
	memset(i, 0, sizeof *i);
	pthread_cond_init(&i->changed, NULL);
}

void invocation_free(struct invocation *i)
{
	buf_free(&i->payload);
	buf_free(&i->result);
	pthread_cond_destroy(&i->changed);
}

int pool_open(struct pool **ret, const struct pool_config *config, struct err *e)
{
	struct pool *p = calloc(1, sizeof *p);

	if (!p)
		return err_nomem(e);
	p->config = *config;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	*ret = p;
	return 0;
}

void pool_stop(struct pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->closing = true;
	for (struct environment *v = p->first; v; v = v->next) {
		v->stop = true;
		pthread_cond_broadcast(&v->changed);
	}
	while (p->count)
		pthread_cond_wait(&p->changed, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

void pool_close(struct pool *p)
{
	if (!p)
		return;
	pool_stop(p);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* The one used last: its pages are the warmest, and the others may reach their end. */
static struct environment *find_warm(struct pool *p, struct revision *r)
{
	struct environment *best = NULL;

	for (struct environment *v = p->first; v; v = v->next)
		if (v->revision == r && v->idle && !v->invocation && !v->stop && (!best || v->idle_since > best->idle_since))
			best = v;
	return best;
}

static unsigned count_busy(const struct pool *p)
{
	unsigned n = 0;

	for (const struct environment *v = p->first; v; v = v->next)
		n += !v->idle || v->invocation;
	return n;
}

/* Makes room: at the limit the environment that rests longest goes. */
static void evict(struct pool *p)
{
	struct environment *oldest = NULL;

	if (p->count < p->config.config->concurrency)
		return;
	for (struct environment *v = p->first; v; v = v->next)
		if (v->idle && !v->invocation && !v->stop && (!oldest || v->idle_since < oldest->idle_since))
			oldest = v;
	if (oldest) {
		oldest->stop = true;
		pthread_cond_broadcast(&oldest->changed);
	}
}

static int place(struct pool *p, struct revision *r, struct invocation *i, struct err *e)
{
	struct environment *v = find_warm(p, r);

	if (p->closing)
		return err_set(e, ERR_UNAVAILABLE, "shutting down");
	if (v) {
		v->invocation = i;
		pthread_cond_broadcast(&v->changed);
		return 0;
	}
	if (count_busy(p) >= p->config.config->concurrency)
		return err_set(e, ERR_THROTTLED, "Rate Exceeded.");
	evict(p);
	return environment_start(p, r, i, e);
}

int pool_invoke(struct pool *p, struct revision *r, struct invocation *i, struct err *e)
{
	int rc;

	pthread_mutex_lock(&p->lock);
	rc = place(p, r, i, e);
	while (rc == 0 && !i->done)
		pthread_cond_wait(&i->changed, &p->lock);
	pthread_mutex_unlock(&p->lock);
	return rc;
}

void pool_retire(struct pool *p, struct revision *r)
{
	pthread_mutex_lock(&p->lock);
	r->retired = true;
	for (struct environment *v = p->first; v; v = v->next)
		if (v->revision == r)
			pthread_cond_broadcast(&v->changed);
	pthread_mutex_unlock(&p->lock);
}
