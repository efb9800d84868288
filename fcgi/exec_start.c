/*
 * POST /exec/{id}/start: runs what exec create noted, once. Everything that
 * can be said in JSON is said before the connection is handed over; what
 * execve says comes in the stream, or as an error when detached.
 */
#include <stdio.h>
#include <string.h>

#include "fcgi/container.h"
#include "fcgi/exec.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/docker/detach_keys.h"
#include "lib/json.h"

static int check_startable(const struct exec *x, struct err *e)
{
	if (strcmp(x->state, "exited") == 0)
		return err_set(e, ERR_CONFLICT, "Error: Exec command %s has already run", x->id);
	if (strcmp(x->state, "created") != 0)
		return err_set(e, ERR_CONFLICT, "Error: Exec command %s is already running", x->id);
	if (x->container_state == STATE_PAUSED)
		return err_set(e, ERR_CONFLICT, "Container %s is paused, unpause the container before exec", x->container_id);
	if (x->container_state != STATE_RUNNING)
		return err_set(e, ERR_CONFLICT, "container %s is not running", x->container_id);
	if (!x->of_this_run)
		return err_set(e, ERR_CONFLICT, "container %s was restarted since exec %s was created", x->container_id, x->id);
	return 0;
}

int route_exec_start(struct request *req, struct err *e)
{
	CLEANUP_JSON struct json_object *body = NULL;
	EXEC_CLEANUP struct exec x = { .config = NULL };
	char h[24], w[24], keys[DETACH_KEYS_HEX_MAX];
	bool tty;

	if (request_json(req, true, &body, e) < 0 || exec_find(req, req->name, &x, e) < 0)
		return -1;
	tty = json_flag(body, "Tty", false);
	if (json_array(body, "ConsoleSize") && !tty)
		return err_set(e, ERR_INVALID, "console size is only supported when TTY is enabled");
	if (check_startable(&x, e) < 0)
		return -1;
	if (json_flag(body, "Detach", false))
		return container_handover(req, "/.gateway/http/exec-detached/", x.id);
	if (detach_keys_hex(x.detach_keys, keys, e) < 0)
		return -1;
	exec_console_size(json_array(body, "ConsoleSize") ? body : x.config, h, w);
	return container_handover(req, "/.gateway/tunnel/exec/", x.id, "tty", tty ? "1" : "0", "detach_keys", keys, "h", h, "w", w);
}
