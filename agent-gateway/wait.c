/*
 * GET /.gateway/http/wait/<container>?condition=: the head at once, so that
 * the client goes on to start; one line of JSON when the condition holds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/conn.h"
#include "agent-gateway/container.h"
#include "agent-gateway/reply.h"
#include "agent-gateway/route.h"
#include "lib/buf.h"
#include "lib/json.h"

enum condition { NOT_RUNNING, NEXT_EXIT, REMOVED };

struct wait {
	struct watcher watcher; /* first */
	struct conn *conn;
	enum condition condition;
	bool due; /* it holds: the answer comes */
};

static void finish(struct conn *c)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	struct container *container = c->container;
	struct wait *w = c->state;
	BUF_CLEANUP struct buf line = BUF_INIT;

	/* A start that failed has no exit code of its own. */
	if (o && w->condition == NOT_RUNNING && container->start_failed && container->error && *container->error) {
		struct json_object *error = json_object_new_object();

		if (error)
			json_add_str(error, "Message", container->error);
		json_add(o, "Error", error);
	}
	if (o)
		json_add_int(o, "StatusCode", container->exit_code);
	buf_printf(&line, "%s\n", o ? json_text(o) : "{\"StatusCode\":125}");
	reply_chunk(c, line.data, line.len);
	reply_end(c);
}

static void spaced(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	if (!c->dead)
		finish(c);
	conn_unref(c);
}

/*
 * Clients take this answer for the end of an attach's output as well (dockerode's
 * run), though that comes on another connection: dockerd's comes 80 ms later.
 */
static void finish_spaced(struct wait *w)
{
	struct conn *c = w->conn;
	const struct timeval space = { .tv_usec = c->spacing * 1000 };

	w->due = true;
	conn_ref(c);
	if (!c->spacing || event_base_once(c->gw->base, -1, EV_TIMEOUT, spaced, c, &space) < 0)
		spaced(-1, 0, c);
}

static void told(struct watcher *watcher, enum news news)
{
	struct wait *w = (struct wait *)watcher;

	if (w->due || w->conn->finishing)
		return;
	if (news == NEWS_REMOVED || ((news == NEWS_EXITED || news == NEWS_START_FAILED) && w->condition != REMOVED))
		finish_spaced(w);
}

static void closed(struct conn *c)
{
	struct wait *w = c->state;

	container_unwatch(c->container, &w->watcher);
	free(w);
}

static const struct conn_ops wait_ops = { .closed = closed };

void wait_handle(struct conn *c)
{
	const char *condition = conn_arg(c, "condition", "");
	struct container *container = c->container;
	struct wait *w = calloc(1, sizeof *w);

	if (!w) {
		reply_error(c, 503, "out of memory");
		return;
	}
	w->watcher.told = told;
	w->conn = c;
	w->condition = !strcmp(condition, "next-exit") ? NEXT_EXIT : !strcmp(condition, "removed") ? REMOVED : NOT_RUNNING;
	container_watch(container, &w->watcher);
	conn_take(c, &wait_ops, w);
	reply_stream(c, "application/json");
	if (container->state == STATE_REMOVING || (w->condition == NOT_RUNNING && !container->run && !container->starting &&
						   container->state != STATE_RESTARTING))
		finish(c);
}
