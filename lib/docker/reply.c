#include "lib/docker/reply.h"

#include <stddef.h>

#include "config.h"
#include "lib/json.h"

void reply_headers(struct buf *out)
{
	buf_puts(out, "Api-Version: " DOCKER_API_VERSION "\r\nDocker-Experimental: false\r\nOstype: linux\r\n"
		      "Server: sockerless/" PACKAGE_VERSION " (linux)\r\n");
}

void reply_error_body(struct buf *out, const char *message)
{
	CLEANUP_JSON struct json_object *body = json_object_new_object();

	if (!body || !json_add_str(body, "message", message)) {
		out->failed = true;
		return;
	}
	buf_puts(out, json_text(body));
	buf_putc(out, '\n');
}

const char *reply_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
		{ 101, "UPGRADED" },
		{ 200, "OK" },
		{ 201, "Created" },
		{ 204, "No Content" },
		{ 301, "Moved Permanently" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 409, "Conflict" },
		{ 410, "Gone" },
		{ 413, "Request Entity Too Large" },
		{ 429, "Too Many Requests" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
	};

	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}
