/*
 * Answers of intents that were done lately. A container's row goes soon after
 * its removal, and its intents with it: a client that is handed over later
 * than that still gets its answer, from here.
 */
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/conn.h"
#include "agent-gateway/intent.h"

#define KEPT 256

struct intent_past {
	int64_t seq[KEPT];
	int status[KEPT];
	char *message[KEPT];
};

struct intent_past *intent_past_new(void)
{
	return calloc(1, sizeof(struct intent_past));
}

void intent_past_free(struct intent_past *p)
{
	for (size_t i = 0; p && i < KEPT; i++)
		free(p->message[i]);
	free(p);
}

void intent_past_note(struct intent_past *p, int64_t seq, int status, const char *message)
{
	size_t i = (size_t)seq % KEPT;

	p->seq[i] = seq;
	p->status[i] = status;
	free(p->message[i]);
	p->message[i] = message ? strdup(message) : NULL;
}

bool intent_past_answer(struct conn *c)
{
	const struct intent_past *p = c->gw->intents_past;
	int64_t seq = conn_arg_int(c, "seq", 0);
	size_t i = (size_t)seq % KEPT;

	if (seq <= 0 || p->seq[i] != seq)
		return false;
	intent_answer(c, p->status[i], p->message[i]);
	return true;
}
