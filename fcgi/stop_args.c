#include "fcgi/stop_args.h"

#include <string.h>

#include "lib/docker/signals.h"
#include "lib/json.h"

#define TIMEOUT_DEFAULT 10
/* The API that first has the parameter `signal`. */
#define SIGNAL_SINCE 42

static int64_t default_timeout(const struct container *c)
{
	CLEANUP_JSON struct json_object *config = NULL;
	struct err ignored;

	if (json_parse(c->config, strlen(c->config), &config, &ignored) < 0)
		return TIMEOUT_DEFAULT;
	return json_int(config, "StopTimeout", TIMEOUT_DEFAULT);
}

int stop_args(struct request *req, const struct container *c, const char *prefix, struct json_object **ret, struct err *e)
{
	const char *signal = req->minor >= SIGNAL_SINCE ? request_query(req, "signal", "") : "";
	CLEANUP_JSON struct json_object *args = NULL;
	char name[SIGNAL_TEXT_MAX];
	int64_t timeout = default_timeout(c);

	if (*request_query(req, "t", "") && query_int(req, "t", ERR_INTERNAL, &timeout, e) < 0)
		return -1;
	if (*signal) {
		if (signal_parse(signal) < 0)
			return err_set(e, ERR_INTERNAL, "%s %s: invalid signal: %.100s", prefix, req->name, signal);
		signal_format(name, signal_parse(signal));
	}
	args = json_object_new_object();
	if (!args || !json_add_str(args, "signal", *signal ? name : NULL) || !json_add_int(args, "timeout", timeout))
		return err_nomem(e);
	*ret = json_object_get(args);
	return 0;
}
