/*
 * GET /containers/{id}/json: everything about a container, from its row alone:
 * Config and HostConfig as create stored them, State as the gateway keeps it.
 * What only a machine with files and networks of its own could tell is there,
 * and empty. With size=1 also the size of its image.
 */
#include <string.h>

#include "fcgi/container.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/docker/networks.h"
#include "lib/docker/time.h"
#include "lib/json.h"

static bool add_time(struct json_object *o, const char *key, int64_t ns)
{
	char text[TIME_TEXT_MAX];

	time_format(text, ns);
	return json_add_str(o, key, text);
}

static bool add_state(struct json_object *out, const struct container *c)
{
	struct json_object *state = json_object_new_object();

	return state && json_add(out, "State", state) && json_add_str(state, "Status", container_status(c)) &&
	       json_add_bool(state, "Running", c->state == STATE_RUNNING) && json_add_bool(state, "Paused", false) &&
	       json_add_bool(state, "Restarting", false) && json_add_bool(state, "OOMKilled", c->oom_killed) &&
	       json_add_bool(state, "Dead", false) && json_add_int(state, "Pid", c->state == STATE_RUNNING ? c->pid : 0) &&
	       json_add_int(state, "ExitCode", c->exit_code) && json_add_str(state, "Error", c->error) &&
	       add_time(state, "StartedAt", c->started_at) && add_time(state, "FinishedAt", c->finished_at);
}

/* Path and Args: what is really executed. */
static bool add_command(struct json_object *out, struct json_object *spec)
{
	struct json_object *all = json_array(spec, "args");
	size_t n = all ? json_object_array_length(all) : 0;
	struct json_object *args = json_object_new_array();

	if (!args || !json_add_str(out, "Path", n ? json_object_get_string(json_object_array_get_idx(all, 0)) : "") ||
	    !json_add(out, "Args", args))
		return false;
	for (size_t i = 1; i < n; i++)
		if (json_object_array_add(args, json_object_get(json_object_array_get_idx(all, i))) != 0)
			return false;
	return true;
}

/* ExecIDs: those that live; null without any. */
static int add_execs(struct request *req, struct json_object *out, const struct container *c, struct err *e)
{
	struct json_object *ids = NULL;
	int rc;

	if (store_query(req->store, QUERY_EXEC_LIVE, e, "tt", req->tenant, c->id) < 0)
		return -1;
	while ((rc = store_step(req->store, QUERY_EXEC_LIVE, e)) == 1) {
		if (!ids && !(ids = json_object_new_array()))
			break;
		json_object_array_add(ids, json_object_new_string(store_text(req->store, QUERY_EXEC_LIVE, 0)));
	}
	store_reset(req->store, QUERY_EXEC_LIVE);
	if (rc < 0) {
		json_object_put(ids);
		return -1;
	}
	return json_add(out, "ExecIDs", ids) ? 0 : err_nomem(e);
}

static bool add_paths(struct json_object *out, const struct container *c)
{
	static const char *const before[] = { "ResolvConfPath", "HostnamePath", "HostsPath", "LogPath" };
	static const char *const after[] = { "MountLabel", "ProcessLabel", "AppArmorProfile" };
	char name[512];

	snprintf(name, sizeof name, "/%s", c->name);
	for (size_t i = 0; i < sizeof before / sizeof *before; i++)
		if (!json_add_str(out, before[i], ""))
			return false;
	if (!json_add_str(out, "Name", name) || !json_add_int(out, "RestartCount", c->restart_count) ||
	    !json_add_str(out, "Driver", "lambda") || !json_add_str(out, "Platform", "linux"))
		return false;
	for (size_t i = 0; i < sizeof after / sizeof *after; i++)
		if (!json_add_str(out, after[i], ""))
			return false;
	return true;
}

static bool add_driver(struct json_object *out)
{
	struct json_object *driver = json_object_new_object();

	return driver && json_add(out, "GraphDriver", driver) && json_add(driver, "Data", NULL) && json_add_str(driver, "Name", "lambda");
}

static int add_size(struct request *req, struct json_object *out, const struct container *c, struct err *e)
{
	int64_t size = 0;
	int rc = store_row(req->store, QUERY_CONTAINER_IMAGE_SIZE, e, "tt", req->tenant, c->image_id);

	if (rc == 1)
		size = store_int(req->store, QUERY_CONTAINER_IMAGE_SIZE, 0);
	store_reset(req->store, QUERY_CONTAINER_IMAGE_SIZE);
	if (rc < 0)
		return -1;
	return json_add_int(out, "SizeRw", 0) && json_add_int(out, "SizeRootFs", size) ? 0 : err_nomem(e);
}

/* dockerd's fields of the default network stand twice: here and within Networks. */
static bool add_network_settings(struct request *req, struct json_object *out, const struct container *c, struct json_object *config,
				 struct json_object *host_config, struct json_object *endpoints)
{
	static const char before[] = "{\"Bridge\":\"\",\"SandboxID\":\"\",\"HairpinMode\":false,\"LinkLocalIPv6Address\":\"\","
				     "\"LinkLocalIPv6PrefixLen\":0,\"Ports\":{},\"SandboxKey\":\"\",\"SecondaryIPAddresses\":null,"
				     "\"SecondaryIPv6Addresses\":null,\"EndpointID\":\"\",\"Gateway\":\"\",\"GlobalIPv6Address\":\"\","
				     "\"GlobalIPv6PrefixLen\":0,\"IPAddress\":\"\",\"IPPrefixLen\":0,\"IPv6Gateway\":\"\",\"MacAddress\":\"\"}";
	struct json_object *settings = NULL, *networks, *ports;
	struct err ignored;

	if (json_parse(before, strlen(before), &settings, &ignored) < 0 || !json_add(out, "NetworkSettings", settings))
		return false;
	networks = networks_render(endpoints, json_str(host_config, "NetworkMode", "default"), req->minor);
	ports = networks_ports(c->state == STATE_RUNNING ? json_obj(config, "ExposedPorts") : NULL);
	if (!networks || !ports) {
		json_object_put(networks);
		json_object_put(ports);
		return false;
	}
	if (!json_add(settings, "Ports", ports)) {
		json_object_put(networks);
		return false;
	}
	return json_add(settings, "Networks", networks);
}

static int render(struct request *req, const struct container *c, struct json_object *out, struct err *e)
{
	CLEANUP_JSON struct json_object *config = NULL;
	CLEANUP_JSON struct json_object *host_config = NULL;
	CLEANUP_JSON struct json_object *endpoints = NULL;
	CLEANUP_JSON struct json_object *spec = NULL;
	struct json_object *mounts;

	if (json_parse(c->config, strlen(c->config), &config, e) < 0 ||
	    json_parse(c->host_config, strlen(c->host_config), &host_config, e) < 0 ||
	    json_parse(c->networking, strlen(c->networking), &endpoints, e) < 0 || json_parse(c->spec, strlen(c->spec), &spec, e) < 0)
		return err_set(e, ERR_INTERNAL, "the row of container %s holds no valid JSON", c->id);
	if (!json_add_str(out, "Id", c->id) || !add_time(out, "Created", c->created_at) || !add_command(out, spec) ||
	    !add_state(out, c) || !json_add_str(out, "Image", c->image_id) || !add_paths(out, c))
		return err_nomem(e);
	if (add_execs(req, out, c, e) < 0)
		return -1;
	if (!json_add(out, "HostConfig", json_object_get(host_config)) || !add_driver(out))
		return err_nomem(e);
	if (request_flag(req, "size", false) && add_size(req, out, c, e) < 0)
		return -1;
	mounts = json_object_new_array();
	if (!mounts || !json_add(out, "Mounts", mounts) || !json_add(out, "Config", json_object_get(config)) ||
	    !add_network_settings(req, out, c, config, host_config, endpoints))
		return err_nomem(e);
	return 0;
}

int route_container_inspect(struct request *req, struct err *e)
{
	CONTAINER_CLEANUP struct container c = { 0 };
	CLEANUP_JSON struct json_object *out = json_object_new_object();

	if (!out)
		return err_nomem(e);
	if (container_find(req, req->name, &c, e) < 0 || render(req, &c, out, e) < 0)
		return -1;
	return reply_json(req, 200, out);
}
