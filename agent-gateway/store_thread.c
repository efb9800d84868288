#include "agent-gateway/store_thread.h"

#include <time.h>

#include "lib/log.h"

/* Write jobs that wait at the same time share one commit; more than this would make the first wait too long. */
#define GROUP_MAX 64

static int store_thread_open(void *arg, void **ret_context, struct err *e)
{
	return store_open((struct store **)ret_context, arg, e);
}

static void store_thread_close(void *context)
{
	store_close(context);
}

static int job_run(struct job *j, struct store *s)
{
	j->err = (struct err){ 0 };
	j->rc = j->run(j, s, &j->err);
	return j->rc;
}

/* The database is what everything waits for, so it is tried until it can be written. */
static void pause_before_retry(const struct err *e)
{
	struct timespec t = { .tv_nsec = 200 * 1000 * 1000 };

	log_warn("store: %s", e->text);
	nanosleep(&t, NULL);
}

static int begin(struct store *s)
{
	struct err e = { 0 };

	while (store_begin(s, &e) < 0) {
		if (e.kind != ERR_UNAVAILABLE) {
			log_error("store: %s", e.text);
			return -1;
		}
		pause_before_retry(&e);
	}
	return 0;
}

/* One transaction for the whole group. False: it was rolled back because one of its jobs failed, or couldn't be committed. */
static bool group_try(struct store *s, struct job_list *group)
{
	struct err e = { 0 };
	struct job *j;

	for (;;) {
		bool busy = false;

		if (begin(s) < 0)
			return false;
		STAILQ_FOREACH(j, group, next)
			if (job_run(j, s) < 0) {
				store_rollback(s);
				busy = j->err.kind == ERR_UNAVAILABLE;
				e = j->err;
				break;
			}
		if (!j && store_commit(s, &e) == 0)
			return true;
		if (!busy && e.kind != ERR_UNAVAILABLE)
			return false;
		pause_before_retry(&e);
	}
}

static void run_alone(struct store *s, struct job *j)
{
	struct job_list one = STAILQ_HEAD_INITIALIZER(one);

	STAILQ_INSERT_TAIL(&one, j, next);
	if (!group_try(s, &one) && j->rc >= 0)
		j->rc = err_set(&j->err, ERR_INTERNAL, "the store couldn't commit");
}

static void group_run(struct store *s, struct job_list *group, struct job_list *done)
{
	struct job *j;

	if (group_try(s, group)) {
		STAILQ_CONCAT(done, group);
		return;
	}
	while ((j = STAILQ_FIRST(group))) {
		STAILQ_REMOVE_HEAD(group, next);
		run_alone(s, j);
		STAILQ_INSERT_TAIL(done, j, next);
	}
}

static void store_thread_batch(void *context, struct job_list *jobs, struct job_list *done)
{
	struct store *s = context;
	struct job *j;

	while ((j = STAILQ_FIRST(jobs))) {
		struct job_list group = STAILQ_HEAD_INITIALIZER(group);
		int n = 0;

		if (!j->writes) {
			STAILQ_REMOVE_HEAD(jobs, next);
			job_run(j, s);
			STAILQ_INSERT_TAIL(done, j, next);
			continue;
		}
		for (; j && j->writes && n < GROUP_MAX; j = STAILQ_FIRST(jobs), n++) {
			STAILQ_REMOVE_HEAD(jobs, next);
			STAILQ_INSERT_TAIL(&group, j, next);
		}
		group_run(s, &group, done);
	}
}

const struct worker_ops store_thread_ops = {
	.name = "store", .open = store_thread_open, .close = store_thread_close, .batch = store_thread_batch,
};
