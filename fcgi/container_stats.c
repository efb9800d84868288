/*
 * GET /containers/{id}/stats: what a container uses, each second or (stream=0)
 * once, from the agent. One that doesn't run uses nothing, and is answered so
 * from here, once.
 */
#include <stdio.h>
#include <string.h>

#include "fcgi/container.h"
#include "fcgi/json_text.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/buf.h"
#include "lib/json.h"

#define NO_CPU "{\"cpu_usage\":{\"total_usage\":0,\"usage_in_kernelmode\":0,\"usage_in_usermode\":0}," \
	       "\"throttling_data\":{\"periods\":0,\"throttled_periods\":0,\"throttled_time\":0}}"

static int reply_nothing(struct request *req, const struct container *c, struct err *e)
{
	BUF_CLEANUP struct buf out = BUF_INIT;
	char name[512];

	snprintf(name, sizeof name, "/%s", c->name);
	buf_puts(&out, "{\"read\":\"0001-01-01T00:00:00Z\",\"preread\":\"0001-01-01T00:00:00Z\",\"pids_stats\":{},\"blkio_stats\":{"
		       "\"io_service_bytes_recursive\":null,\"io_serviced_recursive\":null,\"io_queue_recursive\":null,"
		       "\"io_service_time_recursive\":null,\"io_wait_time_recursive\":null,\"io_merged_recursive\":null,"
		       "\"io_time_recursive\":null,\"sectors_recursive\":null},\"num_procs\":0,\"storage_stats\":{},"
		       "\"cpu_stats\":" NO_CPU ",\"precpu_stats\":" NO_CPU ",\"memory_stats\":{}");
	json_put_member(&out, "name", name);
	buf_printf(&out, ",\"id\":\"%s\"}\n", c->id);
	if (out.failed)
		return err_nomem(e);
	return reply_raw(req, 200, "application/json", out.data);
}

static int64_t memory_limit(struct request *req, const struct container *c)
{
	CLEANUP_JSON struct json_object *host = NULL;
	struct err ignored;
	int64_t limit = 0;

	if (json_parse(c->host_config, strlen(c->host_config), &host, &ignored) == 0)
		limit = json_int(host, "Memory", 0);
	return limit > 0 ? limit : (int64_t)req->settings->lambda_memory_size << 20;
}

int route_container_stats(struct request *req, struct err *e)
{
	CONTAINER_CLEANUP struct container c = { 0 };
	char limit[24];

	if (request_flag(req, "stream", true) && request_flag(req, "one-shot", false))
		return err_set(e, ERR_INVALID, "cannot have stream=true and one-shot=true");
	if (container_find(req, req->name, &c, e) < 0)
		return -1;
	if (!container_runs(&c))
		return reply_nothing(req, &c, e);
	snprintf(limit, sizeof limit, "%lld", (long long)memory_limit(req, &c));
	return container_handover(req, "/.gateway/http/task/", c.id, "task", "stats", "name", c.name, "id", c.id, "limit", limit,
				  "stream", request_flag(req, "stream", true) ? "1" : "0",
				  "one_shot", request_flag(req, "one-shot", false) ? "1" : "0");
}
