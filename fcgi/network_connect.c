/*
 * POST /networks/{id}/connect and /disconnect: a container's membership, which
 * inspect of both shows. 403 when it is on the network already, 500 (as
 * dockerd) when it isn't.
 */
#include <string.h>

#include "fcgi/network.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/json.h"

struct change {
	struct request *req;
	struct json_object *body;
	struct network network;
	struct container container;
	struct json_object *networking;
};

static void change_free(struct change *c)
{
	json_object_put(c->body);
	json_object_put(c->networking);
	network_free(&c->network);
	container_free(&c->container);
}

static int read_networking(struct change *c, struct err *e)
{
	const char *text = c->container.networking;

	if (json_parse(text, strlen(text), &c->networking, e) < 0)
		return -1;
	if (json_object_is_type(c->networking, json_type_object))
		return 0;
	json_object_put(c->networking);
	c->networking = json_object_new_object();
	return c->networking ? 0 : err_nomem(e);
}

static int connect_it(struct change *c, struct err *e)
{
	struct network *n = &c->network;

	if (n->predefined && strcmp(n->name, "host") == 0)
		return err_set(e, ERR_FORBIDDEN, "container cannot be connected to host network - container is not in host network mode");
	if (json_object_object_get_ex(c->networking, n->name, NULL))
		return err_set(e, ERR_FORBIDDEN, "endpoint with name %s already exists in network %s", c->container.name, n->name);
	/* "none" goes with no other. */
	if (json_object_object_get_ex(c->networking, "none", NULL))
		return err_set(e, ERR_FORBIDDEN, "container cannot be connected to multiple networks with one of the networks in private (none) mode");
	return json_add(c->networking, n->name, network_endpoint(n, json_obj(c->body, "EndpointConfig"), c->container.id)) ? 0 : err_nomem(e);
}

static int disconnect_it(struct change *c, struct err *e)
{
	if (!json_object_object_get_ex(c->networking, c->network.name, NULL))
		return err_set(e, ERR_INTERNAL, "container %s is not connected to network %s", c->container.id, c->network.name);
	json_object_object_del(c->networking, c->network.name);
	return 0;
}

static int apply(struct change *c, const char *action, int (*edit)(struct change *, struct err *), struct err *e)
{
	struct request *req = c->req;

	if (network_find(req, req->name, &c->network, e) < 0 || container_find(req, json_str(c->body, "Container", ""), &c->container, e) < 0 ||
	    read_networking(c, e) < 0 || edit(c, e) < 0 || network_set(req, &c->container, c->networking, e) < 0)
		return -1;
	/* dockerd tells of running containers alone. */
	if (!container_runs(&c->container))
		return 0;
	return network_event(req, &c->network, action, c->container.id, e);
}

static int change(struct request *req, const char *action, int (*edit)(struct change *, struct err *), struct err *e)
{
	__attribute__((cleanup(change_free))) struct change c = { .req = req };

	if (request_json(req, false, &c.body, e) < 0 || store_begin(req->store, e) < 0)
		return -1;
	if (apply(&c, action, edit, e) < 0) {
		store_rollback(req->store);
		return -1;
	}
	return store_commit(req->store, e) < 0 ? -1 : reply_empty(req, 200);
}

int route_network_connect(struct request *req, struct err *e)
{
	return change(req, "connect", connect_it, e);
}

int route_network_disconnect(struct request *req, struct err *e)
{
	return change(req, "disconnect", disconnect_it, e);
}
