/*
 * GET /exec/{id}/json: an exec's command and how it ended. Clients ask for it
 * right after the stream's end and find the exit code, since the gateway
 * writes the row before it ends the stream.
 */
#include <string.h>

#include "fcgi/exec.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/json.h"

static bool add_process(struct json_object *out, struct json_object *config)
{
	struct json_object *process = json_object_new_object(), *arguments;
	struct json_object *cmd = json_array(config, "Cmd");
	const char *user = json_str(config, "User", "");

	if (!process || !json_add(out, "ProcessConfig", process) || !json_add_bool(process, "tty", json_flag(config, "Tty", false)) ||
	    !json_add_str(process, "entrypoint", cmd ? json_object_get_string(json_object_array_get_idx(cmd, 0)) : ""))
		return false;
	arguments = json_object_new_array();
	if (!arguments || !json_add(process, "arguments", arguments))
		return false;
	for (size_t i = 1; cmd && i < json_object_array_length(cmd); i++)
		if (json_object_array_add(arguments, json_object_get(json_object_array_get_idx(cmd, i))) != 0)
			return false;
	return json_add_bool(process, "privileged", false) && (!*user || json_add_str(process, "user", user));
}

static bool render(struct json_object *out, const struct exec *x)
{
	bool running = strcmp(x->state, "starting") == 0 || strcmp(x->state, "running") == 0;
	bool stdin_open = json_flag(x->config, "AttachStdin", false);

	return json_add_str(out, "ID", x->id) && json_add_bool(out, "Running", running) &&
	       json_add(out, "ExitCode", x->ended ? json_object_new_int64(x->exit_code) : NULL) && add_process(out, x->config) &&
	       json_add_bool(out, "OpenStdin", stdin_open) &&
	       json_add_bool(out, "OpenStderr", json_flag(x->config, "AttachStderr", false)) &&
	       json_add_bool(out, "OpenStdout", json_flag(x->config, "AttachStdout", false)) && json_add_bool(out, "CanRemove", false) &&
	       json_add_str(out, "ContainerID", x->container_id) && json_add_str(out, "DetachKeys", x->detach_keys) &&
	       json_add_int(out, "Pid", x->pid);
}

int route_exec_inspect(struct request *req, struct err *e)
{
	EXEC_CLEANUP struct exec x = { .config = NULL };
	CLEANUP_JSON struct json_object *out = json_object_new_object();

	if (exec_find(req, req->name, &x, e) < 0)
		return -1;
	if (!out || !render(out, &x))
		return err_nomem(e);
	return reply_json(req, 200, out);
}
