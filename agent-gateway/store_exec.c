#include "agent-gateway/store_exec.h"

#include <stdio.h>
#include <stdlib.h>

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
	exec_end_done *done;
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

void store_post_exec_running(struct gateway *gw, const char *exec, int64_t pid)
{
	struct exec_job *j = calloc(1, sizeof *j);

	if (!j)
		return;
	j->job = (struct job){ .gw = gw, .run = running_run, .done = exec_done, .writes = true };
	snprintf(j->exec, sizeof j->exec, "%s", exec);
	j->pid = pid;
	worker_post(gw->store, &j->job);
}

static int end_run(struct job *job, void *context, struct err *e)
{
	struct exec_job *j = (struct exec_job *)job;
	struct store *s = context;
	int found = store_row(s, QUERY_GATEWAY_EXEC_BY_STREAM, e, "tti", j->container, j->run, (int64_t)j->stream);
	char code[16];

	if (found <= 0)
		return found;
	snprintf(j->exec, sizeof j->exec, "%s", store_text(s, QUERY_GATEWAY_EXEC_BY_STREAM, 0));
	store_reset(s, QUERY_GATEWAY_EXEC_BY_STREAM);
	snprintf(code, sizeof code, "%d", j->code);
	if (store_run(s, QUERY_GATEWAY_EXEC_EXITED, e, "it", (int64_t)j->code, j->exec) < 0)
		return -1;
	return store_exec_event(s, j->container, j->exec, "exec_die", code, e);
}

void store_post_exec_end(struct gateway *gw, const char *container, const char *run, uint32_t stream, int code, exec_end_done *done)
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
	j->done = done;
	worker_post(gw->store, &j->job);
}
