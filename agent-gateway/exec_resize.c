/* GET /.gateway/http/exec-resize/<exec>?h=&w=: waits until the process exists, then tells the agent. */
#include <stdio.h>
#include <stdlib.h>

#include "agent-gateway/agent.h"
#include "agent-gateway/conn.h"
#include "agent-gateway/exec.h"
#include "agent-gateway/reply.h"
#include "agent-gateway/route.h"
#include "agent-gateway/run.h"
#include "agent-gateway/table.h"

static void send_resize(struct exec *x, int h, int w)
{
	char text[64];

	if (!x->run->agent)
		return;
	snprintf(text, sizeof text, "{\"h\":%d,\"w\":%d}", h, w);
	agent_send_text(x->run->agent, WIRE_RESIZE, x->stream, text);
}

static void on_closed(struct conn *c)
{
	struct exec_resize *r = c->state;

	if (!r)
		return;
	LIST_REMOVE(r, link);
	free(r);
}

static const struct conn_ops resize_ops = { .closed = on_closed };

void exec_answer_resizes(struct exec *x)
{
	struct exec_resize *r;

	while ((r = LIST_FIRST(&x->resizes))) {
		struct conn *c = r->conn;

		if (x->started) {
			send_resize(x, r->h, r->w);
			reply_empty(c, 200);
		} else {
			reply_error(c, 409, "exec %s is not running", x->id);
		}
		LIST_REMOVE(r, link);
		free(r);
		c->state = NULL;
	}
}

void exec_resize_handle(struct conn *c)
{
	struct exec *x = table_find(&c->gw->execs, c->id);
	int h = (int)(conn_arg_int(c, "h", 0) & 0xffff), w = (int)(conn_arg_int(c, "w", 0) & 0xffff);
	struct exec_resize *r;

	if (!x || x->ended) {
		reply_error(c, 409, "exec %s is not running", c->id);
		return;
	}
	if (x->started) {
		send_resize(x, h, w);
		reply_empty(c, 200);
		return;
	}
	r = calloc(1, sizeof *r);
	if (!r) {
		reply_error(c, 503, "out of memory");
		return;
	}
	*r = (struct exec_resize){ .conn = c, .h = h, .w = w };
	LIST_INSERT_HEAD(&x->resizes, r, link);
	conn_take(c, &resize_ops, r);
}
