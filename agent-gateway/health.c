#include "agent-gateway/health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/run.h"
#include "agent-gateway/store_health.h"
#include "lib/cleanup.h"
#include "lib/docker/exec_error.h"
#include "lib/docker/health.h"
#include "lib/json.h"
#include "lib/log.h"

#define OUTPUT_SENT (3 * HEALTH_OUTPUT_MAX + 3) /* each byte may have become U+FFFD */

struct report_job {
	struct job job;
	char container[ID_HEX_LEN + 1];
	char run[RUN_ID_LEN + 1];
	struct probe probe;
	char *output;
};

static int report_run(struct job *job, void *store, struct err *e)
{
	struct report_job *j = (struct report_job *)job;

	return store_probe(store, j->container, j->run, &j->probe, e);
}

static void report_done(struct job *job)
{
	struct report_job *j = (struct report_job *)job;

	if (job->rc < 0)
		log_error("health of %s: %s", j->container, job->err.text);
	free(j->output);
	free(j);
}

static bool is_status(const char *word)
{
	for (int s = HEALTH_STARTING; s <= HEALTH_UNHEALTHY; s++)
		if (!strcmp(word, health_status_name((enum health_status)s)))
			return true;
	return false;
}

/* dockerd's words for a probe that couldn't be started, else what it wrote. Owned by the caller. */
static char *output_of(struct json_object *o)
{
	struct json_object *failed = json_obj(o, "failed");
	struct exec_error x;

	if (!failed)
		return strdup(json_str(o, "output", ""));
	exec_error(&x, EXEC_ERROR_EXEC, json_str(failed, "step", "setup"), (int)json_int(failed, "errno", 0), json_str(failed, "path", ""),
		   json_str(failed, "detail", ""));
	return strdup(x.text);
}

static bool read_probe(struct json_object *o, struct probe *p)
{
	const char *exec = json_str(o, "exec", ""), *status = json_str(o, "status", "starting");

	*p = (struct probe){
		.number = json_int(o, "probe", 0),
		.start = json_int(o, "start", 0),
		.end = json_int(o, "end", 0),
		.code = (int)json_int(o, "code", 0),
		.streak = json_int(o, "streak", 0),
	};
	if (strlen(exec) != ID_HEX_LEN || !hex_is(exec, ID_HEX_LEN) || !is_status(status) || strlen(json_str(o, "output", "")) > OUTPUT_SENT)
		return false;
	snprintf(p->exec, sizeof p->exec, "%s", exec);
	snprintf(p->status, sizeof p->status, "%s", status);
	return p->number > 0 && p->number < INT32_MAX && p->start > 0 && p->end >= 0 && p->streak >= 0;
}

bool health_report(struct run *r, struct json_object *o)
{
	struct report_job *j = calloc(1, sizeof *j);

	if (!j)
		return true; /* this one is lost */
	if (!read_probe(o, &j->probe)) {
		free(j);
		return false;
	}
	j->job = (struct job){ .gw = r->gw, .run = report_run, .done = report_done, .writes = true };
	strcpy(j->container, r->container->id);
	strcpy(j->run, r->id);
	j->output = output_of(o);
	j->probe.output = j->output ? j->output : "";
	worker_post(r->gw->store, &j->job);
	return true;
}
