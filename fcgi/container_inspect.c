/*
 * GET /containers/{id}/json: everything about a container, from its row alone:
 * Config and HostConfig as create stored them, State as the gateway keeps it.
 * What only a machine with files and networks of its own could tell is there,
 * and empty. With size=1 also the sizes of its image and its layers. The stored JSON goes out
 * as it is: parsing it would be most of the work.
 */
#include <string.h>

#include "fcgi/container.h"
#include "fcgi/container_files.h"
#include "fcgi/json_text.h"
#include "fcgi/network.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/docker/networks.h"
#include "lib/docker/time.h"
#include "lib/json.h"

static const char *boolean(bool b)
{
	return b ? "true" : "false";
}

static void put_state(struct buf *out, const struct container *c)
{
	char started[TIME_TEXT_MAX], finished[TIME_TEXT_MAX];
	bool running = container_runs(c), restarting = container_restarting(c);

	time_format(started, c->started_at);
	time_format(finished, c->finished_at);
	buf_printf(out, ",\"State\":{\"Status\":\"%s\",\"Running\":%s,\"Paused\":%s,\"Restarting\":%s,\"OOMKilled\":%s,\"Dead\":false",
		   container_status(c), boolean(running || restarting), boolean(c->state == STATE_PAUSED), boolean(restarting),
		   boolean(c->oom_killed));
	buf_printf(out, ",\"Pid\":%lld,\"ExitCode\":%lld", (long long)(running ? c->pid : 0), (long long)c->exit_code);
	json_put_member(out, "Error", c->error);
	buf_printf(out, ",\"StartedAt\":\"%s\",\"FinishedAt\":\"%s\"", started, finished);
	if (*c->health)
		json_put_raw(out, "Health", c->health);
	buf_putc(out, '}');
}

/* Path and Args: what is really executed, cut from the text of an array of strings without blanks between them. */
static void put_command(struct buf *out, const struct container *c)
{
	size_t path = *c->args == '[' ? json_string_length(c->args + 1) : 0;
	const char *rest = c->args + 1 + path;

	if (!path) {
		buf_puts(out, ",\"Path\":\"\",\"Args\":[]");
		return;
	}
	buf_puts(out, ",\"Path\":");
	buf_append(out, c->args + 1, path);
	buf_puts(out, ",\"Args\":[");
	buf_puts(out, rest + (*rest == ','));
}

static void put_names(struct buf *out, const struct container *c)
{
	buf_puts(out, ",\"ResolvConfPath\":\"\",\"HostnamePath\":\"\",\"HostsPath\":\"\",\"LogPath\":\"\"");
	buf_printf(out, ",\"Name\":\"/%s\",\"RestartCount\":%lld", c->name, (long long)c->restart_count);
	buf_puts(out, ",\"Driver\":\"lambda\",\"Platform\":\"linux\",\"MountLabel\":\"\",\"ProcessLabel\":\"\",\"AppArmorProfile\":\"\"");
}

/* dockerd names the runtime of a container that was made without a HostConfig at its first start. */
static void put_host_config(struct buf *out, const struct container *c)
{
	size_t len = strlen(c->host_config);

	if (!*c->run_id || strstr(c->host_config, "\"Runtime\":") || len < 3) {
		json_put_raw(out, "HostConfig", c->host_config);
		return;
	}
	buf_puts(out, ",\"HostConfig\":");
	buf_append(out, c->host_config, len - 1);
	buf_puts(out, ",\"Runtime\":\"runc\"}");
}

static int put_size(struct request *req, struct buf *out, const struct container *c, struct err *e)
{
	int64_t size = 0, own = container_layer_size(req, c->id);
	int rc = store_row(req->store, QUERY_CONTAINER_IMAGE_SIZE, e, "tt", req->tenant, c->image_id);

	if (rc == 1)
		size = store_int(req->store, QUERY_CONTAINER_IMAGE_SIZE, 0);
	store_reset(req->store, QUERY_CONTAINER_IMAGE_SIZE);
	buf_printf(out, ",\"SizeRw\":%lld,\"SizeRootFs\":%lld", (long long)own, (long long)(size + own));
	return rc < 0 ? -1 : 0;
}

/* Exposed ports are shown while the container runs. */
static int put_ports(struct buf *out, const struct container *c, struct err *e)
{
	CLEANUP_JSON struct json_object *config = NULL;
	CLEANUP_JSON struct json_object *ports = NULL;

	if (container_runs(c) && strstr(c->config, "\"ExposedPorts\"") &&
	    json_parse(c->config, strlen(c->config), &config, e) < 0)
		return -1;
	ports = networks_ports(json_obj(config, "ExposedPorts"));
	if (!ports)
		return err_nomem(e);
	json_put_raw(out, "Ports", json_text(ports));
	return 0;
}

/* An endpoint is there while the container runs. */
static int set_endpoint_ids(struct json_object *endpoints, const struct container *c, struct err *e)
{
	json_object_object_foreach(endpoints, name, endpoint) {
		char id[ID_HEX_LEN + 1] = "";

		(void)name;
		if (container_runs(c) && network_endpoint_id(endpoint, c->id, id, e) < 0)
			return -1;
		if (json_object_is_type(endpoint, json_type_object) && !json_add_str(endpoint, "EndpointID", id))
			return err_nomem(e);
	}
	return 0;
}

/* dockerd's fields of the default network stand twice: here and within Networks. */
static int put_network_settings(struct request *req, struct buf *out, const struct container *c, struct err *e)
{
	CLEANUP_JSON struct json_object *endpoints = NULL;

	if (strlen(c->networking) > strlen("{}") && json_parse(c->networking, strlen(c->networking), &endpoints, e) < 0)
		return -1;
	if (endpoints && set_endpoint_ids(endpoints, c, e) < 0)
		return -1;
	buf_puts(out, ",\"NetworkSettings\":{\"Bridge\":\"\",\"SandboxID\":\"\",\"HairpinMode\":false,\"LinkLocalIPv6Address\":\"\","
		      "\"LinkLocalIPv6PrefixLen\":0");
	if (put_ports(out, c, e) < 0)
		return -1;
	buf_puts(out, ",\"SandboxKey\":\"\",\"SecondaryIPAddresses\":null,\"SecondaryIPv6Addresses\":null");
	json_put_member(out, "EndpointID", json_str(json_obj(endpoints, "bridge"), "EndpointID", ""));
	buf_puts(out, ",\"Gateway\":\"\","
		      "\"GlobalIPv6Address\":\"\",\"GlobalIPv6PrefixLen\":0,\"IPAddress\":\"\",\"IPPrefixLen\":0,\"IPv6Gateway\":\"\",\"MacAddress\":\"\"");
	buf_puts(out, ",\"Networks\":");
	networks_put(out, endpoints, c->network_mode, req->minor);
	buf_puts(out, "}}\n");
	return 0;
}

static int render(struct request *req, struct buf *out, const struct container *c, struct err *e)
{
	char created[TIME_TEXT_MAX];

	time_format(created, c->created_at);
	buf_printf(out, "{\"Id\":\"%s\",\"Created\":\"%s\"", c->id, created);
	put_command(out, c);
	put_state(out, c);
	json_put_member(out, "Image", c->image_id);
	put_names(out, c);
	json_put_raw(out, "ExecIDs", strlen(c->execs) > strlen("[]") ? c->execs : "");
	put_host_config(out, c);
	buf_puts(out, ",\"GraphDriver\":{\"Data\":null,\"Name\":\"lambda\"}");
	if (request_flag(req, "size", false) && put_size(req, out, c, e) < 0)
		return -1;
	json_put_raw(out, "Mounts", c->mounts);
	json_put_raw(out, "Config", c->config);
	return put_network_settings(req, out, c, e);
}

int route_container_inspect(struct request *req, struct err *e)
{
	CONTAINER_CLEANUP struct container c = { 0 };
	BUF_CLEANUP struct buf out = BUF_INIT;

	if (container_find(req, req->name, &c, e) < 0 || render(req, &out, &c, e) < 0)
		return -1;
	return out.failed ? err_nomem(e) : reply_raw(req, 200, "application/json", out.data);
}
