/* GET /plugins: an empty list, since a Lambda function can't load any. */
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/json.h"

int route_plugin_list(struct request *req, struct err *e)
{
	CLEANUP_JSON struct json_object *list = json_object_new_array();

	return list ? reply_json(req, 200, list) : err_nomem(e);
}
