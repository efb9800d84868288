/*
 * GET and HEAD /_ping: "OK", at once and always. Clients read the API version
 * from its headers. Builder-Version 1 tells the docker CLI that there is no
 * BuildKit here.
 */
#include "fcgi/reply.h"
#include "fcgi/route.h"

int route_ping(struct request *req, struct err *e)
{
	reply_header(req, "Builder-Version", "1");
	reply_header(req, "Cache-Control", "no-cache, no-store, must-revalidate");
	reply_header(req, "Pragma", "no-cache");
	reply_header(req, "Swarm", "inactive");
	return reply_text(req, 200, req->method[0] == 'H' ? "" : "OK");
}
