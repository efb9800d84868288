/* The hand-over paths: which handler a connection is for. */
#ifndef SOCKERLESS_GATEWAY_ROUTE_H
#define SOCKERLESS_GATEWAY_ROUTE_H

struct conn;
struct gateway;

enum route_kind {
	ROUTE_CONTAINER, /* the path's id is a container, which is loaded first */
	ROUTE_OTHER,     /* the handler looks at the id itself */
};

struct route {
	const char *prefix;
	enum route_kind kind;
	void (*handle)(struct conn *c);
};

/*
 * Parses the target and calls the handler, or answers 404 / 400. The target is
 * changed. Before gateway.recovered is set no handler is called: a container
 * whose run isn't known yet would look as if it had ended.
 */
void route_conn(struct conn *c, char *target);
/* Calls the handlers of the connections that came before gateway.recovered. */
void route_held(struct gateway *gw);

/* The handlers. */
void attach_handle(struct conn *c);
void attach_ws_handle(struct conn *c);
void exec_tunnel_handle(struct conn *c);
void exec_detached_handle(struct conn *c);
void exec_resize_handle(struct conn *c);
void resize_handle(struct conn *c);
void intent_handle(struct conn *c);
void wait_handle(struct conn *c);
void logs_handle(struct conn *c);
void task_handle(struct conn *c);
void fail_handle(struct conn *c);
void events_handle(struct conn *c);

#endif
