/* POST /containers/{id}/resize: gives the size of the client's terminal to a running container; handed to the gateway. */
#include <stdio.h>

#include "fcgi/container.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"

int route_container_resize(struct request *req, struct err *e)
{
	CONTAINER_CLEANUP struct container c = { 0 };
	char h_text[24], w_text[24];
	int64_t h, w;

	if (query_int(req, "h", ERR_INVALID, &h, e) < 0 || query_int(req, "w", ERR_INVALID, &w, e) < 0 ||
	    container_find(req, req->name, &c, e) < 0)
		return -1;
	/* While it starts, the gateway keeps the size for the terminal that is about to be. */
	if (c.state != STATE_STARTING && container_check_running(&c, e) < 0)
		return -1;
	snprintf(h_text, sizeof h_text, "%lld", (long long)h);
	snprintf(w_text, sizeof w_text, "%lld", (long long)w);
	return container_handover(req, "/.gateway/http/resize/", c.id, "h", h_text, "w", w_text);
}
