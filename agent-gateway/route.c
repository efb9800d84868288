#include "agent-gateway/route.h"

#include <event2/http.h>
#include <stdio.h>
#include <string.h>

#include "agent-gateway/agent.h"
#include "agent-gateway/conn.h"
#include "agent-gateway/container.h"
#include "agent-gateway/reply.h"

/* Connections that are handled in one go. */
#define HELD_MAX 32

static const struct route routes[] = {
	{ "/.gateway/tunnel/attach/", ROUTE_CONTAINER, attach_handle },
	{ "/.gateway/tunnel/attach-ws/", ROUTE_CONTAINER, attach_ws_handle },
	{ "/.gateway/tunnel/exec/", ROUTE_OTHER, exec_tunnel_handle },
	{ "/.gateway/http/exec-detached/", ROUTE_OTHER, exec_detached_handle },
	{ "/.gateway/http/exec-resize/", ROUTE_OTHER, exec_resize_handle },
	{ "/.gateway/http/intent/", ROUTE_CONTAINER, intent_handle },
	{ "/.gateway/http/wait/", ROUTE_CONTAINER, wait_handle },
	{ "/.gateway/http/logs/", ROUTE_CONTAINER, logs_handle },
	{ "/.gateway/http/events/", ROUTE_OTHER, events_handle },
	{ "/.gateway/http/task/", ROUTE_CONTAINER, task_handle },
	{ "/.gateway/http/fail/", ROUTE_OTHER, fail_handle },
	{ "/.gateway/http/resize/", ROUTE_CONTAINER, resize_handle },
	{ "/.gateway/agent/", ROUTE_OTHER, agent_accept },
};

static void container_loaded(void *arg, struct container *container, const struct err *e)
{
	struct conn *c = arg;

	if (c->dead) {
		if (container)
			container_unref(container);
	} else if (e && c->route->handle == intent_handle && intent_past_answer(c)) {
		/* The container was removed meanwhile. */
	} else if (e) {
		reply_error(c, err_status(e->kind), "%s", e->text);
	} else {
		c->container = container;
		c->route->handle(c);
	}
	conn_unref(c);
}

static void handle(struct conn *c)
{
	if (c->route->kind == ROUTE_OTHER) {
		c->route->handle(c);
		return;
	}
	conn_ref(c);
	container_open(c->gw, c->id, container_loaded, c);
}

void route_conn(struct conn *c, char *target)
{
	char *query = strchr(target, '?');
	const char *id = NULL;

	if (query)
		*query++ = '\0';
	for (size_t i = 0; i < sizeof routes / sizeof *routes && !id; i++)
		if (!strncmp(target, routes[i].prefix, strlen(routes[i].prefix))) {
			c->route = &routes[i];
			id = target + strlen(routes[i].prefix);
		}
	if (!id || !hex_is(id, ID_HEX_LEN)) {
		reply_error(c, 404, "page not found");
		return;
	}
	snprintf(c->id, sizeof c->id, "%s", id);
	if (query && evhttp_parse_query_str(query, &c->args) < 0) {
		reply_error(c, 400, "the arguments can't be read");
		return;
	}
	if (c->gw->recovered) {
		handle(c);
	} else {
		LIST_REMOVE(c, link);
		LIST_INSERT_HEAD(&c->gw->held, c, link);
	}
}

static void handle_held(void *arg)
{
	struct gateway *gw = arg;
	struct conn *c;

	for (int n = 0; n < HELD_MAX && (c = LIST_FIRST(&gw->held)); n++) {
		LIST_REMOVE(c, link);
		LIST_INSERT_HEAD(&gw->conns, c, link);
		handle(c);
	}
	if (!LIST_EMPTY(&gw->held))
		gateway_later(gw, handle_held, gw);
}

void route_held(struct gateway *gw)
{
	handle_held(gw);
}
