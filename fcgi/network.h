/* A network's row as the handlers of networks see it. Networks are kept and shown; Lambda functions reach no peer through them. */
#ifndef SOCKERLESS_FCGI_NETWORK_H
#define SOCKERLESS_FCGI_NETWORK_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "fcgi/container.h"
#include "fcgi/request.h"
#include "lib/ids.h"

struct network {
	char id[ID_HEX_LEN + 1];
	char *name;
	char *driver;
	bool predefined, internal, attachable, enable_ipv6;
	char *ipam; /* JSON texts */
	char *options;
	char *labels;
	int64_t created_at;
};

void network_free(struct network *n);
#define NETWORK_CLEANUP __attribute__((cleanup(network_free)))

/*
 * By id, name or unique beginning of the id, among the tenant's. "default" is
 * bridge. 1: *ret is filled, 0: there is none; -1: ERR_INVALID if it is ambiguous.
 */
int network_look_up(struct request *req, const char *reference, struct network *ret, struct err *e);
/* The same with ERR_NOT_FOUND "network x not found". */
int network_find(struct request *req, const char *reference, struct network *ret, struct err *e);
/* Takes the row that q (network_list and its like) stands at. */
int network_take(struct store *s, enum query q, struct network *ret, struct err *e);

/* What inspect shows; `members`: the running containers are listed. The caller owns *ret. */
int network_render(struct request *req, const struct network *n, bool members, struct json_object **ret, struct err *e);

/* How many containers are on it, running ones only if `running`. -1: error. */
int network_count(struct request *req, const struct network *n, bool running, struct err *e);

/* Within a transaction: an event; `container` may be NULL. */
int network_event(struct request *req, const struct network *n, const char *action, const char *container, struct err *e);

/*
 * The endpoint that `asked` (EndpointSettings or NULL) gives a container on a
 * network, as inspect shows it. On a network of the client's own the
 * container's short id is one of its aliases. Owned by the caller; NULL without memory.
 */
struct json_object *network_endpoint(const struct network *n, struct json_object *asked, const char *container_id);

/*
 * The id of a container's membership, as inspect and the network show it while
 * the container runs: the endpoint's own, or, on a predefined network, one made of
 * both ids. "" where no network is named.
 */
int network_endpoint_id(struct json_object *endpoint, const char *container_id, char ret[ID_HEX_LEN + 1], struct err *e);

/* Keys of `networking` that name networks become their names, with the network's id in each; what names none stays. */
int network_resolve(struct request *req, struct json_object **networking, const char *container_id, struct err *e);

/* Within a transaction: rewrites a container's networks. */
int network_set(struct request *req, const struct container *c, struct json_object *networking, struct err *e);

/* ERR_NOT_FOUND in dockerd's words for the first network of a container that isn't there (any more). */
int network_check(struct request *req, const struct container *c, struct err *e);

#endif
