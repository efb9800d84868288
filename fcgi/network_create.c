/*
 * POST /networks/create: keeps a network with its options, labels and address
 * ranges. It is shown, and containers can be put on it; Lambda functions don't
 * reach each other through it. 409 for a name that is taken, 403 for a
 * predefined one and for ranges that overlap, 404 for drivers that there are not.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/network.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/cleanup.h"
#include "lib/json.h"

struct subnet {
	uint32_t address;
	uint32_t mask;
};

/* IPv4 alone. */
static bool parse_subnet(const char *text, struct subnet *ret)
{
	const char *slash = strchr(text, '/');
	char address[16];
	struct in_addr in;
	long bits;
	char *end;

	if (!slash || (size_t)(slash - text) >= sizeof address || !slash[1])
		return false;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	bits = strtol(slash + 1, &end, 10);
	if (*end || bits < 0 || bits > 32 || inet_pton(AF_INET, address, &in) != 1)
		return false;
	ret->mask = bits ? UINT32_MAX << (32 - bits) : 0;
	ret->address = ntohl(in.s_addr) & ret->mask;
	return true;
}

static bool overlaps(const char *a, const char *b)
{
	struct subnet x, y;
	uint32_t mask;

	if (!parse_subnet(a, &x) || !parse_subnet(b, &y))
		return strcmp(a, b) == 0;
	mask = x.mask & y.mask;
	return (x.address & mask) == (y.address & mask);
}

static bool any_overlaps(struct json_object *ipam, const char *subnet)
{
	struct json_object *list = json_array(ipam, "Config");

	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		if (overlaps(json_str(json_object_array_get_idx(list, i), "Subnet", ""), subnet))
			return true;
	return false;
}

static int check_overlap(struct request *req, struct json_object *ours, struct err *e)
{
	struct json_object *list = json_array(ours, "Config");
	bool found = false;
	int rc;

	if (!json_object_array_length(list))
		return 0;
	if (store_query(req->store, QUERY_NETWORK_LIST, e, "t", req->tenant) < 0)
		return -1;
	while ((rc = store_step(req->store, QUERY_NETWORK_LIST, e)) == 1) {
		CLEANUP_JSON struct json_object *ipam = NULL;
		const char *text = store_text(req->store, QUERY_NETWORK_LIST, 7);
		struct err ignored;

		if (json_parse(text, strlen(text), &ipam, &ignored) < 0)
			continue;
		for (size_t i = 0; i < json_object_array_length(list); i++)
			found = found || any_overlaps(ipam, json_str(json_object_array_get_idx(list, i), "Subnet", ""));
	}
	store_reset(req->store, QUERY_NETWORK_LIST);
	return rc < 0 ? -1 : found ? err_set(e, ERR_FORBIDDEN, "Pool overlaps with other one on this address space") : 0;
}

static int add_range(struct json_object *list, struct json_object *given, struct err *e)
{
	static const char *const texts[] = { "Subnet", "IPRange", "Gateway" };
	struct json_object *range = json_object_new_object(), *more = json_obj(given, "AuxiliaryAddresses");
	const char *subnet = json_str(given, "Subnet", "");
	struct subnet parsed;

	if (!range || json_object_array_add(list, range) < 0)
		return err_nomem(e);
	if (*subnet && !strchr(subnet, ':') && !parse_subnet(subnet, &parsed))
		return err_set(e, ERR_INVALID, "invalid CIDR address: %.200s", subnet);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (*json_str(given, texts[i], "") && !json_add_str(range, texts[i], json_str(given, texts[i], "")))
			return err_nomem(e);
	return !more || json_add(range, "AuxiliaryAddresses", json_object_get(more)) ? 0 : err_nomem(e);
}

/* As inspect shows it. A range that the client didn't ask for isn't made up. */
static int make_ipam(struct json_object *given, struct json_object **ret, struct err *e)
{
	CLEANUP_JSON struct json_object *ipam = json_object_new_object();
	struct json_object *ranges = json_array(given, "Config"), *list = json_object_new_array();
	const char *driver = json_str(given, "Driver", "");

	if (!json_add_str(ipam, "Driver", *driver ? driver : "default") || !json_add(ipam, "Options", json_object_get(json_obj(given, "Options"))) ||
	    !json_add(ipam, "Config", list))
		return err_nomem(e);
	if (*driver && strcmp(driver, "default") != 0 && strcmp(driver, "null") != 0)
		return err_set(e, ERR_NOT_FOUND, "failed to look up ipam driver \"%.200s\": plugin \"%.200s\" not found", driver, driver);
	for (size_t i = 0; ranges && i < json_object_array_length(ranges); i++)
		if (add_range(list, json_object_array_get_idx(ranges, i), e) < 0)
			return -1;
	*ret = STEAL(ipam);
	return 0;
}

static int check_map(struct json_object *body, const char *key, struct err *e)
{
	struct json_object *map = json_obj(body, key);

	if (map) {
		json_object_object_foreach(map, name, v)
			if (!json_object_is_type(v, json_type_string))
				return err_set(e, ERR_INVALID, "invalid JSON: %s.%.200s is no string", key, name);
	}
	return 0;
}

static int check(struct json_object *body, const char *name, const char *driver, struct err *e)
{
	static const char *const predefined[] = { "bridge", "host", "none", "default" };

	if (!name[strspn(name, " \t\r\n")] || strlen(name) > 255)
		return err_set(e, ERR_INVALID, "invalid network name: \"%.200s\"", name);
	for (size_t i = 0; i < sizeof predefined / sizeof *predefined; i++)
		if (strcmp(name, predefined[i]) == 0)
			return err_set(e, ERR_FORBIDDEN, "operation is not permitted on predefined %s network ", name);
	if (strcmp(driver, "host") == 0 || strcmp(driver, "null") == 0)
		return err_set(e, ERR_FORBIDDEN, "only one instance of \"%s\" network is allowed", driver);
	if (strcmp(driver, "overlay") == 0)
		return err_set(e, ERR_UNAVAILABLE, "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again.");
	if (strcmp(driver, "bridge") != 0)
		return err_set(e, ERR_NOT_FOUND, "plugin \"%.200s\" not found", driver);
	return check_map(body, "Labels", e) < 0 || check_map(body, "Options", e) < 0 ? -1 : 0;
}

static int insert(struct request *req, struct json_object *body, struct json_object *ipam, const char *name, const char *driver,
		  char id[ID_HEX_LEN + 1], struct err *e)
{
	struct json_object *options = json_obj(body, "Options"), *labels = json_obj(body, "Labels");
	struct network made = { .name = (char *)name, .driver = (char *)driver };
	int rc = store_row(req->store, QUERY_NETWORK_BY_NAME, e, "tt", req->tenant, name);

	store_reset(req->store, QUERY_NETWORK_BY_NAME);
	if (rc)
		return rc < 0 ? -1 : err_set(e, ERR_CONFLICT, "network with name %s already exists", name);
	if (check_overlap(req, ipam, e) < 0)
		return -1;
	id_random(made.id, ID_HEX_LEN / 2);
	memcpy(id, made.id, sizeof made.id);
	if (store_run(req->store, QUERY_NETWORK_ADD, e, "ttttiiittti", id, req->tenant, name, driver, (int64_t)json_flag(body, "Internal", false),
		      (int64_t)json_flag(body, "Attachable", false), (int64_t)json_flag(body, "EnableIPv6", false), json_text(ipam),
		      options ? json_text(options) : "{}", labels ? json_text(labels) : "{}", time_now()) < 0)
		return -1;
	return network_event(req, &made, "create", NULL, e);
}

int route_network_create(struct request *req, struct err *e)
{
	CLEANUP_JSON struct json_object *body = NULL;
	CLEANUP_JSON struct json_object *ipam = NULL;
	CLEANUP_JSON struct json_object *answer = json_object_new_object();
	const char *name, *driver;
	char id[ID_HEX_LEN + 1];

	if (request_json(req, false, &body, e) < 0)
		return -1;
	name = json_str(body, "Name", "");
	driver = *json_str(body, "Driver", "") ? json_str(body, "Driver", "") : "bridge";
	if (check(body, name, driver, e) < 0 || make_ipam(json_obj(body, "IPAM"), &ipam, e) < 0 || store_begin(req->store, e) < 0)
		return -1;
	if (insert(req, body, ipam, name, driver, id, e) < 0) {
		store_rollback(req->store);
		return -1;
	}
	if (store_commit(req->store, e) < 0)
		return -1;
	if (!answer || !json_add_str(answer, "Id", id) || !json_add_str(answer, "Warning", ""))
		return err_nomem(e);
	return reply_json(req, 201, answer);
}
