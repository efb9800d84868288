#include "agent-gateway/store_exec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/conn.h"
#include "agent-gateway/store_event.h"
#include "agent-gateway/store_run.h"
#include "lib/ids.h"
#include "lib/log.h"

int store_exec_event(struct store *s, const char *container, const char *exec, const char *action, const char *code, struct err *e)
{
	struct event_attribute extra[] = { { "execID", exec }, { code ? "exitCode" : NULL, code }, { NULL, NULL } };

	return store_container_event(s, container, action, extra, e);
}

struct exec_job {
	struct job job;
	char exec[ID_HEX_LEN + 1];
	char container[ID_HEX_LEN + 1];
	char run[RUN_ID_LEN + 1];
	uint32_t stream;
	int64_t pid;
	int code;
	bool ran;
	exec_written *done;
	struct conn *client; /* of one that detaches; holds a reference */
};

static int running_run(struct job *job, void *store, struct err *e)
{
	struct exec_job *j = (struct exec_job *)job;

	return store_run(store, QUERY_GATEWAY_EXEC_RUNNING, e, "it", j->pid, j->exec) < 0 ? -1 : 0;
}

static void exec_done(struct job *job)
{
	struct exec_job *j = (struct exec_job *)job;

	if (job->rc < 0)
		log_error("exec %s: %s", j->exec, job->err.text);
	if (j->done)
		j->done(job->gw, j->exec, j->run, j->stream);
	free(j);
}

void store_post_exec_running(struct gateway *gw, const char *exec, const char *run, uint32_t stream, int64_t pid, exec_written *done)
{
	struct exec_job *j = calloc(1, sizeof *j);

	if (!j) {
		log_error("exec %s: no memory to note that it runs", exec);
		if (done)
			done(gw, exec, run, stream);
		return;
	}
	j->job = (struct job){ .gw = gw, .run = running_run, .done = exec_done, .writes = true };
	snprintf(j->exec, sizeof j->exec, "%s", exec);
	snprintf(j->run, sizeof j->run, "%s", run);
	j->stream = stream;
	j->pid = pid;
	j->done = done;
	worker_post(gw->store, &j->job);
}

static int detach_run(struct job *job, void *store, struct err *e)
{
	struct exec_job *j = (struct exec_job *)job;

	return store_exec_event(store, j->container, j->exec, "exec_detach", NULL, e);
}

static void detach_done(struct job *job)
{
	struct conn *client = ((struct exec_job *)job)->client;

	conn_finish(client);
	conn_unref(client);
	exec_done(job);
}

void store_post_exec_detach(struct gateway *gw, const char *container, const char *exec, struct conn *client)
{
	struct exec_job *j = calloc(1, sizeof *j);

	if (!j) {
		log_error("exec %s: no memory to tell that its client detached", exec);
		conn_finish(client);
		return;
	}
	j->job = (struct job){ .gw = gw, .run = detach_run, .done = detach_done, .writes = true };
	j->client = client;
	conn_ref(client);
	snprintf(j->container, sizeof j->container, "%s", container);
	snprintf(j->exec, sizeof j->exec, "%s", exec);
	worker_post(gw->store, &j->job);
}

/* As dockerd: one that couldn't be started doesn't die. */
static int exec_end(struct store *s, const char *container, const char *exec, int code, bool ran, struct err *e)
{
	char text[16];

	snprintf(text, sizeof text, "%d", code);
	if (store_run(s, QUERY_GATEWAY_EXEC_EXITED, e, "it", (int64_t)code, exec) < 0)
		return -1;
	return ran ? store_exec_event(s, container, exec, "exec_die", text, e) : 0;
}

static int end_run(struct job *job, void *context, struct err *e)
{
	struct exec_job *j = (struct exec_job *)job;
	struct store *s = context;
	int found = store_row(s, QUERY_GATEWAY_EXEC_BY_STREAM, e, "tti", j->container, j->run, (int64_t)j->stream);

	if (found <= 0)
		return found;
	snprintf(j->exec, sizeof j->exec, "%s", store_text(s, QUERY_GATEWAY_EXEC_BY_STREAM, 0));
	store_reset(s, QUERY_GATEWAY_EXEC_BY_STREAM);
	return exec_end(s, j->container, j->exec, j->code, j->ran, e);
}

void store_post_exec_end(struct gateway *gw, const char *container, const char *run, uint32_t stream, int code, bool ran, exec_written *done)
{
	struct exec_job *j = calloc(1, sizeof *j);

	if (!j) {
		log_error("run %s: no memory for the end of an exec", run);
		return;
	}
	j->job = (struct job){ .gw = gw, .run = end_run, .done = exec_done, .writes = true };
	snprintf(j->container, sizeof j->container, "%s", container);
	snprintf(j->run, sizeof j->run, "%s", run);
	j->stream = stream;
	j->code = code;
	j->ran = ran;
	j->done = done;
	worker_post(gw->store, &j->job);
}

struct lost_job {
	struct job job;
	char container[ID_HEX_LEN + 1];
	char run[RUN_ID_LEN + 1];
	uint32_t last;
	size_t n;
	uint32_t alive[];
};

static bool lives(const uint32_t *alive, size_t n, uint32_t stream)
{
	for (size_t i = 0; i < n; i++)
		if (alive[i] == stream)
			return true;
	return false;
}

/* Ends the run's execs with streams up to `last` that aren't among `alive`. */
static int end_all(struct store *s, const char *container, const char *run, uint32_t last, const uint32_t *alive, size_t n, struct err *e)
{
	const enum query q = QUERY_GATEWAY_EXEC_OPEN;
	uint32_t after = 0;
	int found;

	while ((found = store_row(s, q, e, "ttii", container, run, (int64_t)after, (int64_t)last)) > 0) {
		bool began = !strcmp(store_text(s, q, 2), "running");
		char exec[ID_HEX_LEN + 1];

		snprintf(exec, sizeof exec, "%s", store_text(s, q, 0));
		after = (uint32_t)store_int(s, q, 1);
		store_reset(s, q);
		if (!lives(alive, n, after) && exec_end(s, container, exec, began ? EXEC_LOST_RUNNING : EXEC_LOST_STARTING, began, e) < 0)
			return -1;
	}
	return found;
}

int store_execs_end(struct store *s, const char *container, const char *run, struct err *e)
{
	return end_all(s, container, run, UINT32_MAX, NULL, 0, e);
}

static int lost_run(struct job *job, void *context, struct err *e)
{
	struct lost_job *j = (struct lost_job *)job;

	return end_all(context, j->container, j->run, j->last, j->alive, j->n, e);
}

static void lost_done(struct job *job)
{
	if (job->rc < 0)
		log_error("run %s: lost execs: %s", ((struct lost_job *)job)->run, job->err.text);
	free(job);
}

void store_post_execs_lost(struct gateway *gw, const char *container, const char *run, uint32_t last, const uint32_t *alive, size_t n)
{
	struct lost_job *j = calloc(1, sizeof *j + n * sizeof *alive);

	if (!j) {
		log_error("run %s: no memory to end lost execs", run);
		return;
	}
	j->job = (struct job){ .gw = gw, .run = lost_run, .done = lost_done, .writes = true };
	snprintf(j->container, sizeof j->container, "%s", container);
	snprintf(j->run, sizeof j->run, "%s", run);
	j->last = last;
	j->n = n;
	if (n)
		memcpy(j->alive, alive, n * sizeof *alive);
	worker_post(gw->store, &j->job);
}
