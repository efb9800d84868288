#include "agent-gateway/job.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Jobs whose ends are told in one go: after a restart thousands of runs are read at once, and clients wait behind them. */
#define DONE_MAX 32

struct completions {
	pthread_mutex_t lock;
	struct job_list list;
	struct job_list ready; /* taken from there; the loop's own */
	struct event *event;
	int fd;
};

struct worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct job_list queue;
	const struct worker_ops *ops;
	void *arg;
	struct completions *back;
	struct err err;
	int opened; /* 0: not yet, 1: yes, -1: failed */
	bool stopping;
};

static void on_completions(evutil_socket_t fd, short what, void *arg)
{
	struct completions *c = arg;
	uint64_t n, again = 1;
	struct job *j;

	if (read(fd, &n, sizeof n) < 0 && errno != EAGAIN)
		return;
	pthread_mutex_lock(&c->lock);
	STAILQ_CONCAT(&c->ready, &c->list);
	pthread_mutex_unlock(&c->lock);
	for (int i = 0; i < DONE_MAX && (j = STAILQ_FIRST(&c->ready)); i++) {
		STAILQ_REMOVE_HEAD(&c->ready, next);
		j->done(j);
	}
	/* A full counter brings us back as well. */
	if (!STAILQ_EMPTY(&c->ready) && write(fd, &again, sizeof again) < 0)
		return;
}

int completions_open(struct completions **ret, struct event_base *base, struct err *e)
{
	struct completions *c = calloc(1, sizeof *c);

	if (!c)
		return err_nomem(e);
	pthread_mutex_init(&c->lock, NULL);
	STAILQ_INIT(&c->list);
	STAILQ_INIT(&c->ready);
	c->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->fd >= 0)
		c->event = event_new(base, c->fd, EV_READ | EV_PERSIST, on_completions, c);
	if (!c->event || event_add(c->event, NULL) < 0) {
		completions_close(c);
		return err_set(e, ERR_INTERNAL, "can't make an event descriptor");
	}
	*ret = c;
	return 0;
}

void completions_close(struct completions *c)
{
	if (!c)
		return;
	if (c->event)
		event_free(c->event);
	if (c->fd >= 0)
		close(c->fd);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void completions_post(struct completions *c, struct job_list *done)
{
	uint64_t one = 1;
	bool was_empty;

	if (STAILQ_EMPTY(done))
		return;
	pthread_mutex_lock(&c->lock);
	was_empty = STAILQ_EMPTY(&c->list);
	STAILQ_CONCAT(&c->list, done);
	pthread_mutex_unlock(&c->lock);
	/* A full counter means that the loop is about to look anyway. */
	if (was_empty && write(c->fd, &one, sizeof one) < 0)
		return;
}

void jobs_run_each(void *context, struct job_list *jobs, struct job_list *done)
{
	struct job *j;

	while ((j = STAILQ_FIRST(jobs))) {
		STAILQ_REMOVE_HEAD(jobs, next);
		j->rc = j->run(j, context, &j->err);
		STAILQ_INSERT_TAIL(done, j, next);
	}
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	void *context = NULL;
	int rc = w->ops->open(w->arg, &context, &w->err);

	pthread_mutex_lock(&w->lock);
	w->opened = rc < 0 ? -1 : 1;
	pthread_cond_broadcast(&w->wake);
	while (rc >= 0) {
		struct job_list jobs = STAILQ_HEAD_INITIALIZER(jobs), done = STAILQ_HEAD_INITIALIZER(done);

		while (STAILQ_EMPTY(&w->queue) && !w->stopping)
			pthread_cond_wait(&w->wake, &w->lock);
		if (STAILQ_EMPTY(&w->queue))
			break;
		STAILQ_CONCAT(&jobs, &w->queue);
		pthread_mutex_unlock(&w->lock);
		w->ops->batch(context, &jobs, &done);
		completions_post(w->back, &done);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	if (rc >= 0)
		w->ops->close(context);
	return NULL;
}

/* Signals belong to the loop's thread. */
static int thread_create(struct worker *w)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	rc = pthread_create(&w->thread, NULL, worker_main, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

static void worker_free(struct worker *w)
{
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->wake);
	free(w);
}

int worker_start(struct worker **ret, const struct worker_ops *ops, void *arg, struct completions *back, struct err *e)
{
	struct worker *w = calloc(1, sizeof *w);
	int rc;

	if (!w)
		return err_nomem(e);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	STAILQ_INIT(&w->queue);
	w->ops = ops;
	w->arg = arg;
	w->back = back;
	rc = thread_create(w);
	if (rc) {
		worker_free(w);
		return err_errno(e, rc, "can't start the %s thread", ops->name);
	}
	pthread_mutex_lock(&w->lock);
	while (!w->opened)
		pthread_cond_wait(&w->wake, &w->lock);
	pthread_mutex_unlock(&w->lock);
	if (w->opened < 0) {
		pthread_join(w->thread, NULL);
		if (e)
			*e = w->err;
		worker_free(w);
		return -1;
	}
	*ret = w;
	return 0;
}

void worker_post(struct worker *w, struct job *j)
{
	pthread_mutex_lock(&w->lock);
	STAILQ_INSERT_TAIL(&w->queue, j, next);
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

void worker_stop(struct worker *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_broadcast(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	worker_free(w);
}
