#include "agent-gateway/sweep.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/gateway.h"
#include "agent-gateway/layer_file.h"
#include "agent-gateway/spool.h"
#include "agent-gateway/spool_thread.h"
#include "agent-gateway/table.h"
#include "lib/ids.h"
#include "lib/log.h"
#include "lib/store/store.h"

/* The names go through all three threads: found by one, looked up by the next, deleted by the first. */
struct sweep_job {
	struct job job;
	char (*ids)[ID_HEX_LEN + 1];
	size_t n;
};

static int add(struct sweep_job *j, const char *id, struct err *e)
{
	void *ids = reallocarray(j->ids, j->n + 1, sizeof *j->ids);

	if (!ids)
		return err_nomem(e);
	j->ids = ids;
	strcpy(j->ids[j->n++], id);
	return 0;
}

/* Names that begin with a container's id. */
static int list_dir(struct sweep_job *j, const char *name, struct err *e)
{
	char path[SPOOL_DIR_MAX], id[ID_HEX_LEN + 1];
	struct dirent *entry;
	int rc = 0;
	DIR *d;

	snprintf(path, sizeof path, "%s/%s", j->job.gw->settings->state_dir, name);
	d = opendir(path);
	while (d && rc >= 0 && (entry = readdir(d))) {
		snprintf(id, sizeof id, "%.64s", entry->d_name);
		if (strlen(id) == ID_HEX_LEN && hex_is(id, ID_HEX_LEN))
			rc = add(j, id, e);
	}
	if (d)
		closedir(d);
	return rc;
}

static int list_run(struct job *job, void *context, struct err *e)
{
	struct sweep_job *j = (struct sweep_job *)job;

	return list_dir(j, "spool", e) < 0 ? -1 : list_dir(j, "layer", e);
}

static int look_up_run(struct job *job, void *store, struct err *e)
{
	struct sweep_job *j = (struct sweep_job *)job;
	size_t gone = 0;

	for (size_t i = 0; i < j->n; i++) {
		if (store_row(store, QUERY_GATEWAY_CONTAINER_GONE, e, "t", j->ids[i]) < 0)
			return -1;
		if (store_int(store, QUERY_GATEWAY_CONTAINER_GONE, 0))
			memmove(j->ids[gone++], j->ids[i], sizeof *j->ids);
		store_reset(store, QUERY_GATEWAY_CONTAINER_GONE);
	}
	j->n = gone;
	return 0;
}

static int delete_run(struct job *job, void *context, struct err *e)
{
	struct sweep_job *j = (struct sweep_job *)job;
	char path[SPOOL_DIR_MAX];

	for (size_t i = 0; i < j->n; i++) {
		snprintf(path, sizeof path, "%s/spool/%s", job->gw->settings->state_dir, j->ids[i]);
		if (spool_remove(path, e) < 0)
			log_error("spool: %s", e->text);
		layer_files_remove(job->gw->settings->state_dir, j->ids[i]);
	}
	return 0;
}

static void deleted(struct job *job)
{
	free(((struct sweep_job *)job)->ids);
	free(job);
}

static void looked_up(struct job *job)
{
	struct sweep_job *j = (struct sweep_job *)job;
	size_t n = 0;

	if (job->rc < 0) {
		log_error("sweeping the spools: %s", job->err.text);
		deleted(job);
		return;
	}
	/* One that is in use ends by itself. */
	for (size_t i = 0; i < j->n; i++)
		if (!table_find(&job->gw->containers, j->ids[i]))
			memmove(j->ids[n++], j->ids[i], sizeof *j->ids);
	j->n = n;
	job->run = delete_run;
	job->done = deleted;
	worker_post(job->gw->spool, job);
}

static void listed(struct job *job)
{
	job->run = look_up_run;
	job->done = looked_up;
	worker_post(job->gw->store, job);
}

void spools_sweep(struct gateway *gw)
{
	struct sweep_job *j = calloc(1, sizeof *j);

	if (!j)
		return;
	j->job = (struct job){ .gw = gw, .run = list_run, .done = listed };
	worker_post(gw->spool, &j->job);
}
