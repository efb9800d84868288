/*
 * POST /images/create: pull (?fromImage=) or import (?fromSrc=- or a URL). The reply is
 * a stream of JSON lines; what fails before its first line has an HTTP status.
 */
#include <string.h>

#include "fcgi/image_create.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/json.h"

int route_image_create(struct request *req, struct err *e)
{
	const char *source = request_query(req, "fromSrc", "");

	if (*request_query(req, "fromImage", ""))
		return image_pull(req, e);
	if (strcmp(source, "-") == 0)
		return image_import_stream(req, e);
	if (!*source)
		return err_set(e, ERR_INTERNAL, "Get \"http:\": http: no Host in request URL");
	return image_import_url(req, source, e);
}

bool image_line(struct request *req, const char *status, const char *id)
{
	CLEANUP_JSON struct json_object *line = json_object_new_object();

	if (!line || !json_add_str(line, "status", status) || (id && !json_add_str(line, "id", id)))
		return true;
	return reply_stream_json(req, line);
}

void image_line_error(struct request *req, const struct err *e)
{
	CLEANUP_JSON struct json_object *line = json_object_new_object();
	struct json_object *detail = json_object_new_object();

	if (line && detail && json_add_str(detail, "message", e->text) && json_add(line, "errorDetail", detail) && json_add_str(line, "error", e->text))
		reply_stream_json(req, line);
	else if (!line)
		json_object_put(detail);
}
