/*
 * kill: 204 when the signal is delivered, of KILL when the run has ended; 409
 * if nothing runs. A run whose agent doesn't come back within the grace time
 * is given up after KILL: its secret is worth nothing from then on.
 */
#include <stdio.h>

#include "agent-gateway/restart.h"
#include "agent-gateway/run.h"

#define KILL_GRACE 5
#define KILL_WAIT 10

static void give_up(struct intent *in)
{
	struct run *r = in->container->run;

	if (in->signal != SIGNAL_KILL || !r)
		intent_finish(in, 204, NULL);
	else {
		in->stage = INTENT_EXIT;
		run_finish(r, 137, false, "killed while its agent was out of reach");
	}
}

static void ended(struct intent *in)
{
	intent_finish(in, 204, NULL);
}

void intent_kill(struct intent *in)
{
	struct container *c = in->container;
	char text[512];

	if (!in->signal)
		in->signal = SIGNAL_KILL;
	if (c->state == STATE_RESTARTING && !c->run) {
		if (intent_signal_ends(c, in->signal))
			restart_end(in, ended);
		else
			intent_finish(in, 204, NULL);
	} else if (!c->run || !container_running(c)) {
		snprintf(text, sizeof text, "Cannot kill container: %s: Container %s is not running", *in->name ? in->name : c->id, c->id);
		intent_finish(in, 409, text);
	} else if (!intent_signal(in, in->signal)) {
		in->stage = INTENT_SIGNAL;
		intent_timer(in, KILL_GRACE, give_up);
	} else if (in->signal == SIGNAL_KILL) {
		in->stage = INTENT_EXIT;
		intent_timer(in, KILL_WAIT, give_up);
	} else {
		intent_finish(in, 204, NULL);
	}
}
