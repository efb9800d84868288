/* POST /exec/{id}/resize: the size of the client's terminal. It comes before the process exists; the gateway holds the answer until it does. */
#include <stdio.h>

#include "fcgi/container.h"
#include "fcgi/exec.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"

int route_exec_resize(struct request *req, struct err *e)
{
	EXEC_CLEANUP struct exec x = { .config = NULL };
	char h_text[24], w_text[24];
	int64_t h, w;

	if (query_int(req, "h", ERR_INVALID, &h, e) < 0 || query_int(req, "w", ERR_INVALID, &w, e) < 0 ||
	    exec_find(req, req->name, &x, e) < 0)
		return -1;
	snprintf(h_text, sizeof h_text, "%lld", (long long)h);
	snprintf(w_text, sizeof w_text, "%lld", (long long)w);
	return container_handover(req, "/.gateway/http/exec-resize/", x.id, "h", h_text, "w", w_text);
}
