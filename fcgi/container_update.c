/*
 * POST /containers/{id}/update: the restart policy at any time; memory and
 * CPU choose the function's memory size, which Lambda takes while nothing runs
 * only, so they are refused for a running container. What has no effect in
 * Lambda is kept and warned about, as create does it. Blocks for the call of AWS.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fcgi/container.h"
#include "fcgi/create.h"
#include "fcgi/image_registry.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/aws/lambda.h"
#include "lib/cleanup.h"
#include "lib/json.h"

/* What the body may hold of HostConfig. */
static const char *const members[] = {
	"CpuShares", "Memory", "CgroupParent", "BlkioWeight", "BlkioWeightDevice", "BlkioDeviceReadBps", "BlkioDeviceWriteBps",
	"BlkioDeviceReadIOps", "BlkioDeviceWriteIOps", "CpuPeriod", "CpuQuota", "CpuRealtimePeriod", "CpuRealtimeRuntime", "CpusetCpus",
	"CpusetMems", "Devices", "DeviceCgroupRules", "DeviceRequests", "KernelMemory", "KernelMemoryTCP", "MemoryReservation", "MemorySwap",
	"MemorySwappiness", "NanoCpus", "OomKillDisable", "PidsLimit", "Ulimits", "RestartPolicy", NULL,
};

/* How long another change of the function is waited for. */
#define TRIES 40
#define PAUSE_NS 500000000L

struct update {
	struct request *req;
	struct container container;
	struct json_object *given;   /* what the body holds of it, checked; owned by `create` */
	struct json_object *host;    /* HostConfig as it will be; owned */
	struct create create;
};

static void update_free(struct update *u)
{
	container_free(&u->container);
	create_free(&u->create);
	json_object_put(u->host);
}

/* Swap without memory is asked for beside the memory that the container has; create has no such case. 0: it isn't so. */
static int64_t swap_alone(struct json_object *body)
{
	int64_t swap = json_object_is_type(json_get(body, "MemorySwap"), json_type_int) ? json_int(body, "MemorySwap", 0) : 0;

	return swap > 0 && !json_int(body, "Memory", 0) ? swap : 0;
}

/* The body's members in a body of create, whose rules are theirs, too. */
static int check(struct update *u, struct json_object *body, struct err *e)
{
	CLEANUP_JSON struct json_object *whole = json_object_new_object();
	struct json_object *host = json_object_new_object();
	int64_t swap = swap_alone(body);

	if (!whole || !json_add(whole, "HostConfig", host))
		return err_nomem(e);
	for (const char *const *m = members; *m; m++) {
		struct json_object *v = json_get(body, *m);

		if (v && !json_add(host, *m, json_object_get(v)))
			return err_nomem(e);
	}
	if (swap)
		json_object_object_del(host, "MemorySwap");
	if (create_check(whole, &u->create, e) < 0)
		return -1;
	/* create's defaults that the body didn't ask for aren't its wishes. */
	u->given = u->create.host_config;
	json_object_object_foreach(u->given, key, v) {
		(void)v;
		if (!json_get(body, key) || (!strcmp(key, "MemorySwap") && !json_int(body, key, 0)))
			json_object_object_del(u->given, key);
	}
	if (!swap)
		return 0;
	return json_add_int(u->given, "MemorySwap", swap) ? create_warn(&u->create, create_field_text("MemorySwap"), e) : err_nomem(e);
}

static bool is_wish(struct json_object *v)
{
	if (json_object_is_type(v, json_type_object))
		return *json_str(v, "Name", "") != '\0';
	if (json_object_is_type(v, json_type_array))
		return json_object_array_length(v) > 0;
	return json_object_is_type(v, json_type_string) ? json_object_get_string_len(v) > 0 : json_object_get_int64(v) != 0;
}

/* CPUs are asked for in one way alone. */
static int check_cpus(struct update *u, struct err *e)
{
	static const struct {
		const char *given, *before, *text;
	} table[] = {
		{ "NanoCpus", "CpuPeriod", "Nano CPUs cannot be updated as CPU Period has already been set" },
		{ "NanoCpus", "CpuQuota", "Nano CPUs cannot be updated as CPU Quota has already been set" },
		{ "CpuPeriod", "NanoCpus", "CPU Period cannot be updated as NanoCPUs has already been set" },
		{ "CpuQuota", "NanoCpus", "CPU Quota cannot be updated as NanoCPUs has already been set" },
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (json_int(u->given, table[i].given, 0) > 0 && json_int(u->host, table[i].before, 0) > 0)
			return err_set(e, ERR_CONFLICT, "Conflicting options: %s", table[i].text);
	return 0;
}

/* As dockerd: what is empty or 0 stays as it is. */
static int merge(struct update *u, struct err *e)
{
	int64_t memory = json_int(u->given, "Memory", 0), old_swap;

	if (json_parse(u->container.host_config, strlen(u->container.host_config), &u->host, e) < 0)
		return -1;
	old_swap = json_int(u->host, "MemorySwap", 0);
	if (memory && old_swap >= 0 && memory > old_swap && !json_int(u->given, "MemorySwap", 0))
		return err_set(e, ERR_CONFLICT,
			       "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time");
	if (is_wish(json_get(u->given, "RestartPolicy")) && json_flag(u->host, "AutoRemove", false))
		return err_set(e, ERR_CONFLICT, "Restart policy cannot be updated because AutoRemove is enabled for the container");
	if (check_cpus(u, e) < 0)
		return -1;
	json_object_object_foreach(u->given, key, v)
		if (v && is_wish(v) && !json_add(u->host, key, json_object_get(v)))
			return err_nomem(e);
	return 0;
}

/* What the function's memory size is made of. */
static const char *const sizes[] = { "Memory", "NanoCpus", "CpuPeriod", "CpuQuota" };

static bool is_same_size(struct json_object *a, struct json_object *b)
{
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		if (json_int(a, sizes[i], 0) != json_int(b, sizes[i], 0))
			return false;
	return true;
}

/* MB of the function that a HostConfig asks for. */
static int memory_of(struct request *req, struct json_object *host, unsigned int *ret, struct err *e)
{
	CREATE_CLEANUP struct create c = { 0 };
	CLEANUP_JSON struct json_object *whole = json_object_new_object();
	struct json_object *part = json_object_new_object();

	if (!whole || !json_add(whole, "HostConfig", part))
		return err_nomem(e);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		if (!json_add_int(part, sizes[i], json_int(host, sizes[i], 0)))
			return err_nomem(e);
	if (create_check(whole, &c, e) < 0)
		return -1;
	*ret = c.memory ? c.memory : (unsigned int)req->settings->lambda_memory_size;
	return 0;
}

static int call_lambda(struct update *u, const char *function, unsigned int mb, struct err *e)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	struct aws_client *aws = NULL;
	int rc = -1;

	if (worker_aws(u->req, &aws, e) < 0)
		return -1;
	/* 409: it is being made, or changed already. */
	for (int i = 0; i < TRIES && (rc = lambda_update_memory(aws, function, mb, e)) < 0 && e->kind == ERR_CONFLICT; i++)
		nanosleep(&pause, NULL);
	return rc;
}

static int set_memory(struct update *u, struct err *e)
{
	CLEANUP_JSON struct json_object *old = NULL;
	CLEANUP_FREE char *function = NULL;
	unsigned int before, after;
	struct err ignored;

	if (json_parse(u->container.host_config, strlen(u->container.host_config), &old, e) < 0)
		return -1;
	/* A row may be older than a rule of create: what is there already is nobody's wish now. */
	if (is_same_size(old, u->host))
		return 0;
	if (memory_of(u->req, u->host, &after, e) < 0)
		return -1;
	if (memory_of(u->req, old, &before, &ignored) == 0 && before == after)
		return 0;
	if (u->container.state != STATE_CREATED && u->container.state != STATE_EXITED)
		return err_set(e, ERR_NOT_SUPPORTED,
			       "Cannot update container %s: changing memory or CPUs of a running container is not supported: they are fixed while a Lambda function runs; stop the container first",
			       u->container.id);
	if (store_row(u->req->store, QUERY_CONTAINER_FUNCTION, e, "tt", u->req->tenant, u->container.id) <= 0)
		return err_set(e, ERR_NOT_FOUND, "No such container: %s", u->req->name);
	function = strdup(store_text(u->req->store, QUERY_CONTAINER_FUNCTION, 0));
	store_reset(u->req->store, QUERY_CONTAINER_FUNCTION);
	if (!function)
		return err_nomem(e);
	return call_lambda(u, function, after, e) < 0 ? err_prefix(e, "Cannot update container %s", u->container.id) : 0;
}

static int record(struct update *u, struct err *e)
{
	struct store *s = u->req->store;
	int changed;

	if (store_begin(s, e) < 0)
		return -1;
	changed = store_run(s, QUERY_CONTAINER_SET_HOST_CONFIG, e, "ttt", json_text(u->host), u->req->tenant, u->container.id);
	if (changed == 0)
		err_set(e, ERR_NOT_FOUND, "No such container: %s", u->req->name);
	if (changed <= 0 || container_event(u->req, &u->container, "update", NULL, e) < 0) {
		store_rollback(s);
		return -1;
	}
	return store_commit(s, e);
}

static int answer(struct update *u, struct err *e)
{
	CLEANUP_JSON struct json_object *out = json_object_new_object();
	struct json_object *warnings = json_object_array_length(u->create.warnings) ? json_object_get(u->create.warnings) : NULL;

	if (!out || !json_add(out, "Warnings", warnings))
		return err_nomem(e);
	return reply_json(u->req, 200, out);
}

int route_container_update(struct request *req, struct err *e)
{
	__attribute__((cleanup(update_free))) struct update u = { .req = req };
	CLEANUP_JSON struct json_object *body = NULL;

	if (request_json(req, false, &body, e) < 0 || check(&u, body, e) < 0 || container_find(req, req->name, &u.container, e) < 0 ||
	    merge(&u, e) < 0 || set_memory(&u, e) < 0 || record(&u, e) < 0)
		return -1;
	return answer(&u, e);
}
