/* start: 204 when the process runs; 304 if it does already; errors of the start as the run tells them. */
#include <stdio.h>

#include "agent-gateway/run.h"

void intent_start(struct intent *in)
{
	struct container *c = in->container;
	char text[160];

	switch (c->state) {
	case STATE_RUNNING:
	case STATE_RESTARTING:
		intent_finish(in, 304, NULL);
		return;
	case STATE_PAUSED:
		intent_finish(in, 409, "cannot start a paused container, try unpause instead");
		return;
	case STATE_STARTING:
		/* A start that a predecessor of this process had begun. */
		if (c->run && !c->run->intent && c->run->phase != RUN_ENDING) {
			c->run->intent = in;
			in->stage = INTENT_STARTING;
			c->starting = true;
		} else {
			intent_finish(in, 304, NULL);
		}
		return;
	case STATE_CREATED:
	case STATE_EXITED:
		run_start(c, in);
		return;
	default:
		snprintf(text, sizeof text, "No such container: %s", c->id);
		intent_finish(in, 404, text);
	}
}
