/*
 * GET /version: who answers and which API versions it speaks. The one
 * component is the engine; there is no containerd or runc beneath it.
 */
#include <string.h>

#include "config.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/docker/reply.h"
#include "lib/json.h"

#define KERNEL "managed by AWS Lambda"

static const char *architecture(const struct request *req)
{
	return strcmp(req->settings->lambda_architecture, "arm64") == 0 ? "arm64" : "amd64";
}

static bool add_engine(struct json_object *components, struct request *req)
{
	struct json_object *engine = json_object_new_object(), *details = json_object_new_object();

	if (!engine || !details || json_object_array_add(components, engine) != 0) {
		json_object_put(engine);
		json_object_put(details);
		return false;
	}
	return json_add_str(engine, "Name", "Engine") && json_add_str(engine, "Version", PACKAGE_VERSION) &&
	       json_add(engine, "Details", details) && json_add_str(details, "ApiVersion", DOCKER_API_VERSION) &&
	       json_add_str(details, "Arch", architecture(req)) && json_add_str(details, "BuildTime", "") &&
	       json_add_str(details, "Experimental", "false") && json_add_str(details, "GitCommit", "") &&
	       json_add_str(details, "GoVersion", "") && json_add_str(details, "KernelVersion", KERNEL) &&
	       json_add_str(details, "MinAPIVersion", DOCKER_API_MINIMUM) && json_add_str(details, "Os", "linux");
}

int route_version(struct request *req, struct err *e)
{
	CLEANUP_JSON struct json_object *out = json_object_new_object();
	struct json_object *platform = json_object_new_object(), *components = json_object_new_array();

	if (!out || !platform || !json_add(out, "Platform", platform) || !components || !json_add(out, "Components", components))
		return err_nomem(e);
	if (!json_add_str(platform, "Name", "sockerless") || !add_engine(components, req) ||
	    !json_add_str(out, "Version", PACKAGE_VERSION) || !json_add_str(out, "ApiVersion", DOCKER_API_VERSION) ||
	    !json_add_str(out, "MinAPIVersion", DOCKER_API_MINIMUM) || !json_add_str(out, "GitCommit", "") ||
	    !json_add_str(out, "GoVersion", "") || !json_add_str(out, "Os", "linux") ||
	    !json_add_str(out, "Arch", architecture(req)) || !json_add_str(out, "KernelVersion", KERNEL) ||
	    !json_add_str(out, "BuildTime", ""))
		return err_nomem(e);
	return reply_json(req, 200, out);
}
