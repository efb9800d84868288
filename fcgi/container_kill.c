/*
 * POST /containers/{id}/kill: sends a signal to the container's main process,
 * KILL unless `signal` names another. 409 at once if it doesn't run; else the
 * intent is committed and the client waits at the gateway until the signal is
 * delivered, for KILL until the run ended.
 */
#include "fcgi/container.h"
#include "fcgi/route.h"
#include "lib/docker/signals.h"
#include "lib/json.h"

int route_container_kill(struct request *req, struct err *e)
{
	CONTAINER_CLEANUP struct container c = { 0 };
	const char *signal = request_query(req, "signal", "");
	struct json_object *args;
	char name[SIGNAL_TEXT_MAX];
	int number = signal_parse(*signal ? signal : "KILL");

	if (number < 0)
		return err_set(e, ERR_INVALID, "Cannot kill container: %s: invalid signal: %.100s", req->name, signal);
	if (container_find(req, req->name, &c, e) < 0)
		return err_prefix(e, "Cannot kill container: %s", req->name);
	if (c.state == STATE_CREATED || c.state == STATE_EXITED)
		return err_set(e, ERR_CONFLICT, "Cannot kill container: %s: Container %s is not running", req->name, c.id);
	signal_format(name, number);
	args = json_object_new_object();
	if (args && !(json_add_str(args, "signal", name) && json_add_str(args, "name", req->name))) {
		json_object_put(args);
		args = NULL;
	}
	return container_intent(req, &c, "kill", args, e);
}
