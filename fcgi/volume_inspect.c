/* GET /volumes/{name}: 404 "get x: no such volume". */
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "fcgi/volume.h"
#include "lib/json.h"

int route_volume_inspect(struct request *req, struct err *e)
{
	CLEANUP_JSON struct json_object *volume = NULL;

	if (volume_inspect(req, req->name, &volume, e) < 0)
		return -1;
	return reply_json(req, 200, volume);
}
