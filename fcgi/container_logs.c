/*
 * GET /containers/{id}/logs: what the container wrote, from the gateway's
 * spool. The parameters are checked and brought into one form here; a `tail`
 * that is no number means all of it, as dockerd has it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/container.h"
#include "fcgi/log_details.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/docker/time.h"
#include "lib/json.h"

static int read_time(const struct request *req, const char *key, char text[24], struct err *e)
{
	const char *given = request_query(req, key, "");
	int64_t ns;

	if (!time_parse_unix(given, &ns))
		return err_set(e, ERR_INTERNAL, "strconv.ParseInt: parsing \"%.200s\": invalid syntax", given);
	snprintf(text, 24, "%lld", (long long)ns);
	return 0;
}

static void read_tail(const struct request *req, char text[24])
{
	const char *given = request_query(req, "tail", "");
	size_t digits = strspn(given, "0123456789");
	bool number = digits > 0 && digits < 19 && !given[digits];

	snprintf(text, 24, "%lld", number ? atoll(given) : -1LL);
}

static const char *flag(const struct request *req, const char *key)
{
	return request_flag(req, key, false) ? "1" : "0";
}

/* As dockerd: what --log-driver none wrote can be seen by attach only. */
static int read_config(const struct request *req, const struct container *c, struct buf *ret_details, struct err *e)
{
	CLEANUP_JSON struct json_object *host = NULL, *config = NULL;

	if (json_parse(c->host_config, strlen(c->host_config), &host, e) < 0)
		return -1;
	if (strcmp(json_str(json_obj(host, "LogConfig"), "Type", ""), "none") == 0)
		return err_set(e, ERR_NOT_SUPPORTED, "configured logging driver does not support reading");
	if (!request_flag(req, "details", false))
		return 0;
	if (json_parse(c->config, strlen(c->config), &config, e) < 0)
		return -1;
	return log_details(c, config, host, ret_details, e);
}

int route_container_logs(struct request *req, struct err *e)
{
	CONTAINER_CLEANUP struct container c = { 0 };
	BUF_CLEANUP struct buf details = BUF_INIT;
	char since[24], until[24], tail[24];

	if (!request_flag(req, "stdout", false) && !request_flag(req, "stderr", false))
		return err_set(e, ERR_INVALID, "Bad parameters: you must choose at least one stream");
	if (container_find(req, req->name, &c, e) < 0 || read_config(req, &c, &details, e) < 0 || read_time(req, "since", since, e) < 0 ||
	    read_time(req, "until", until, e) < 0)
		return -1;
	read_tail(req, tail);
	return container_handover(req, "/.gateway/http/logs/", c.id, "follow", flag(req, "follow"), "stdout", flag(req, "stdout"),
				  "stderr", flag(req, "stderr"), "since", since, "until", until, "tail", tail,
				  "timestamps", flag(req, "timestamps"), "details", flag(req, "details"), "attributes", details.data, "tty", c.tty ? "1" : "0");
}
