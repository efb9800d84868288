#include "fcgi/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/docker/time.h"
#include "lib/docker/versions.h"
#include "lib/json.h"
#include "lib/registry/digest.h"

void network_free(struct network *n)
{
	free(n->name);
	free(n->driver);
	free(n->ipam);
	free(n->options);
	free(n->labels);
	memset(n, 0, sizeof *n);
}

int network_take(struct store *s, enum query q, struct network *ret, struct err *e)
{
	struct network n = {
		.name = strdup(store_text(s, q, 1)),
		.driver = strdup(store_text(s, q, 2)),
		.predefined = store_int(s, q, 3) != 0,
		.internal = store_int(s, q, 4) != 0,
		.attachable = store_int(s, q, 5) != 0,
		.enable_ipv6 = store_int(s, q, 6) != 0,
		.ipam = strdup(store_text(s, q, 7)),
		.options = strdup(store_text(s, q, 8)),
		.labels = strdup(store_text(s, q, 9)),
		.created_at = store_int(s, q, 10),
	};

	snprintf(n.id, sizeof n.id, "%s", store_text(s, q, 0));
	if (!n.name || !n.driver || !n.ipam || !n.options || !n.labels) {
		network_free(&n);
		return err_nomem(e);
	}
	*ret = n;
	return 1;
}

static int find_one(struct request *req, enum query q, const char *key, struct network *ret, struct err *e)
{
	int rc = store_row(req->store, q, e, "tt", req->tenant, key);

	if (rc == 1)
		rc = network_take(req->store, q, ret, e);
	store_reset(req->store, q);
	return rc;
}

static int find_by_prefix(struct request *req, const char *prefix, struct network *ret, struct err *e)
{
	enum query q = QUERY_NETWORK_BY_PREFIX;
	char end[ID_HEX_LEN + 2], id[ID_HEX_LEN + 1];
	int rc;

	if (!hex_is(prefix, ID_HEX_LEN))
		return 0;
	snprintf(end, sizeof end, "%sg", prefix);
	rc = store_row(req->store, q, e, "ttt", req->tenant, prefix, end);
	if (rc != 1)
		return rc;
	snprintf(id, sizeof id, "%s", store_text(req->store, q, 0));
	rc = store_step(req->store, q, e);
	store_reset(req->store, q);
	if (rc == 1)
		return err_set(e, ERR_INVALID, "network %s is ambiguous (2 matches found based on ID prefix)", prefix);
	return rc < 0 ? -1 : find_one(req, QUERY_NETWORK_BY_ID, id, ret, e);
}

int network_look_up(struct request *req, const char *reference, struct network *ret, struct err *e)
{
	int rc = 0;

	if (strcmp(reference, "default") == 0)
		reference = "bridge";
	if (strlen(reference) == ID_HEX_LEN)
		rc = find_one(req, QUERY_NETWORK_BY_ID, reference, ret, e);
	if (rc == 0)
		rc = find_one(req, QUERY_NETWORK_BY_NAME, reference, ret, e);
	return rc ? rc : find_by_prefix(req, reference, ret, e);
}

int network_find(struct request *req, const char *reference, struct network *ret, struct err *e)
{
	int rc = network_look_up(req, reference, ret, e);

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "network %s not found", reference);
	return rc < 0 ? -1 : 0;
}

static bool add_text(struct json_object *o, const char *key, const char *text)
{
	struct json_object *v = NULL;
	struct err ignored;

	return json_parse(text, strlen(text), &v, &ignored) == 0 && json_add(o, key, v);
}

int network_endpoint_id(struct json_object *endpoint, const char *container_id, char ret[ID_HEX_LEN + 1], struct err *e)
{
	const char *own = json_str(endpoint, "EndpointID", ""), *network = json_str(endpoint, "NetworkID", "");
	char text[2 * ID_HEX_LEN + 1], digest[DIGEST_SIZE];

	ret[0] = '\0';
	if (*own || !*network) {
		snprintf(ret, ID_HEX_LEN + 1, "%s", own);
		return 0;
	}
	snprintf(text, sizeof text, "%.*s%.*s", ID_HEX_LEN, container_id, ID_HEX_LEN, network);
	if (digest_of(text, strlen(text), digest, e) < 0)
		return -1;
	strcpy(ret, digest + strlen("sha256:"));
	return 0;
}

static int add_member(struct store *s, enum query q, struct json_object *members, struct err *e)
{
	CLEANUP_JSON struct json_object *endpoint = NULL;
	const char *text = store_text(s, q, 3);
	struct json_object *m = json_object_new_object();
	char id[ID_HEX_LEN + 1];
	struct err ignored;

	if (!m || !json_add(members, store_text(s, q, 0), m))
		return err_nomem(e);
	if (json_parse(text, strlen(text), &endpoint, &ignored) < 0)
		endpoint = NULL;
	if (network_endpoint_id(endpoint, store_text(s, q, 0), id, e) < 0)
		return -1;
	if (!json_add_str(m, "Name", store_text(s, q, 1)) || !json_add_str(m, "EndpointID", id) ||
	    !json_add_str(m, "MacAddress", "") || !json_add_str(m, "IPv4Address", "") || !json_add_str(m, "IPv6Address", ""))
		return err_nomem(e);
	return 0;
}

/* Walks the containers on a network; the running ones go into `members` (NULL: they are counted alone). */
static int walk(struct request *req, const struct network *n, bool running, struct json_object *members, struct err *e)
{
	enum query q = QUERY_NETWORK_MEMBERS;
	int count = 0, rc;

	if (store_query(req->store, q, e, "tt", req->tenant, n->name) < 0)
		return -1;
	while ((rc = store_step(req->store, q, e)) == 1) {
		if (running && strcmp(store_text(req->store, q, 2), "running") != 0 && strcmp(store_text(req->store, q, 2), "paused") != 0)
			continue;
		count++;
		if (members && add_member(req->store, q, members, e) < 0) {
			rc = -1;
			break;
		}
	}
	store_reset(req->store, q);
	return rc < 0 ? -1 : count;
}

int network_count(struct request *req, const struct network *n, bool running, struct err *e)
{
	return walk(req, n, running, NULL, e);
}

int network_render(struct request *req, const struct network *n, bool members, struct json_object **ret, struct err *e)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	struct json_object *from = json_object_new_object(), *containers = json_object_new_object();
	char created[TIME_TEXT_MAX];

	time_format(created, n->created_at);
	if (!json_add_str(from, "Network", "") || !json_add_str(o, "Name", n->name) || !json_add_str(o, "Id", n->id) ||
	    !json_add_str(o, "Created", created) || !json_add_str(o, "Scope", "local") || !json_add_str(o, "Driver", n->driver) ||
	    (version_shows(VERSION_NETWORK_IPV4, req->minor) && !json_add_bool(o, "EnableIPv4", true)) ||
	    !json_add_bool(o, "EnableIPv6", n->enable_ipv6) || !add_text(o, "IPAM", n->ipam) || !json_add_bool(o, "Internal", n->internal) ||
	    !json_add_bool(o, "Attachable", n->attachable) || !json_add_bool(o, "Ingress", false)) {
		json_object_put(from);
		json_object_put(containers);
		return err_nomem(e);
	}
	if (!json_add(o, "ConfigFrom", from)) {
		json_object_put(containers);
		return err_nomem(e);
	}
	if (!json_add_bool(o, "ConfigOnly", false) || !json_add(o, "Containers", containers) || !add_text(o, "Options", n->options) ||
	    !add_text(o, "Labels", n->labels))
		return err_nomem(e);
	if (members && walk(req, n, true, containers, e) < 0)
		return -1;
	*ret = STEAL(o);
	return 0;
}

int network_event(struct request *req, const struct network *n, const char *action, const char *container, struct err *e)
{
	CLEANUP_JSON struct json_object *attributes = json_object_new_object();

	if (!attributes || (container && !json_add_str(attributes, "container", container)) || !json_add_str(attributes, "name", n->name) ||
	    !json_add_str(attributes, "type", n->driver))
		return err_nomem(e);
	return store_run(req->store, QUERY_EVENT_ADD, e, "titttt", req->tenant, time_now(), "network", action, n->id, json_text(attributes)) < 0
		       ? -1
		       : 0;
}
