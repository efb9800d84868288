/* GET /.gateway/http/resize/<container>?h=&w=: 200 when the agent was told; 409 if nothing runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/agent.h"
#include "agent-gateway/conn.h"
#include "agent-gateway/reply.h"
#include "agent-gateway/route.h"
#include "agent-gateway/run.h"
#include "agent-gateway/store_event.h"
#include "lib/log.h"

struct event_job {
	struct job job;
	char container[ID_HEX_LEN + 1];
	char h[16], w[16];
};

static int event_run(struct job *job, void *store, struct err *e)
{
	struct event_job *j = (struct event_job *)job;
	struct event_attribute extra[] = { { "height", j->h }, { "width", j->w }, { NULL, NULL } };

	return store_container_event(store, j->container, "resize", extra, e);
}

static void event_done(struct job *job)
{
	if (job->rc < 0)
		log_error("resize: %s", job->err.text);
	free(job);
}

void resize_handle(struct conn *c)
{
	struct container *container = c->container;
	int h = (int)(conn_arg_int(c, "h", 0) & 0xffff), w = (int)(conn_arg_int(c, "w", 0) & 0xffff);
	struct event_job *j;
	char text[64];

	if (!container_running(container) || !container->run) {
		reply_error(c, 409, "container %s is not running", container->id);
		return;
	}
	if (!container->run->agent) {
		reply_error(c, 503, "the agent of container %s is out of reach", container->id);
		return;
	}
	snprintf(text, sizeof text, "{\"h\":%d,\"w\":%d}", h, w);
	agent_send_text(container->run->agent, WIRE_RESIZE, WIRE_MAIN, text);
	j = calloc(1, sizeof *j);
	if (j) {
		j->job = (struct job){ .gw = c->gw, .run = event_run, .done = event_done, .writes = true };
		strcpy(j->container, container->id);
		snprintf(j->h, sizeof j->h, "%d", h);
		snprintf(j->w, sizeof j->w, "%d", w);
		worker_post(c->gw->store, &j->job);
	}
	reply_empty(c, 200);
}
