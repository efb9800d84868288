/* Rules of POST /containers/create that need more than a table: restart policy, mounts, process. Resources: create_resources.c. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/create.h"
#include "fcgi/create_parse.h"
#include "fcgi/log_details.h"
#include "lib/cleanup.h"
#include "lib/docker/log_options.h"
#include "lib/docker/signals.h"
#include "lib/json.h"

static int replace(struct json_object *o, const char *key, struct json_object *v, struct err *e)
{
	return json_add(o, key, v) ? 0 : err_nomem(e);
}

static int rule_restart(struct create *c, struct err *e)
{
	struct json_object *policy = json_obj(c->host_config, "RestartPolicy");
	const char *name = json_str(policy, "Name", "");
	int64_t retries = json_int(policy, "MaximumRetryCount", 0);
	bool on_failure = strcmp(name, "on-failure") == 0;
	bool none = !*name || strcmp(name, "no") == 0;

	if (!none && !on_failure && strcmp(name, "always") != 0 && strcmp(name, "unless-stopped") != 0)
		return err_set(e, ERR_INVALID, "invalid restart policy '%s'", name);
	if (!on_failure && retries != 0)
		return err_set(e, ERR_INVALID, "maximum retry count cannot be used with restart policy '%s'", name);
	if (retries < 0)
		return err_set(e, ERR_INVALID, "maximum retry count cannot be negative");
	if (!none && json_flag(c->host_config, "AutoRemove", false))
		return err_set(e, ERR_INVALID, "can't create 'AutoRemove' container with restart policy");
	if (!json_get(policy, "Name") && replace(policy, "Name", json_object_new_string(""), e) < 0)
		return -1;
	if (!json_get(policy, "MaximumRetryCount") && replace(policy, "MaximumRetryCount", json_object_new_int(0), e) < 0)
		return -1;
	return 0;
}

static int relative(const char *bind, const char *path, struct err *e)
{
	return err_set(e, ERR_INTERNAL, "invalid volume specification: '%s': invalid mount config for type \"volume\": invalid mount path: '%s' mount path must be absolute",
		       bind, path);
}

/* "name:/path", "name:/path:mode" or "/path", which makes an anonymous volume. */
static int rule_bind(struct create *c, const char *bind, struct err *e)
{
	const char *colon = strchr(bind, ':');
	const char *second = colon ? strchr(colon + 1, ':') : NULL;
	CLEANUP_FREE char *name = NULL;
	CLEANUP_FREE char *path = NULL;

	/* dockerd answers 500 to what it can't take apart. */
	if (colon == bind || (colon && (!colon[1] || colon[1] == ':')) || (second && strchr(second + 1, ':')))
		return err_set(e, ERR_INTERNAL, "invalid volume specification: '%s'", bind);
	if (!colon)
		return *bind == '/' ? create_volume(c, "", bind, "", NULL, e) : relative(bind, bind, e);
	if (*bind == '/')
		return err_set(e, ERR_INVALID, "bind mounts are not supported: a Lambda function can't reach the host's %.*s (put the files into the image, or pass them by docker exec)",
			       (int)(colon - bind), bind);
	name = strndup(bind, (size_t)(colon - bind));
	path = second ? strndup(colon + 1, (size_t)(second - colon - 1)) : strdup(colon + 1);
	if (!name || !path)
		return err_nomem(e);
	if (*path != '/')
		return relative(bind, path, e);
	return create_volume(c, name, path, second ? second + 1 : "z", NULL, e);
}

static int rule_binds(struct create *c, struct err *e)
{
	struct json_object *binds = json_array(c->host_config, "Binds");

	for (size_t i = 0; binds && i < json_object_array_length(binds); i++)
		if (rule_bind(c, json_object_get_string(json_object_array_get_idx(binds, i)), e) < 0)
			return -1;
	return 0;
}

static int rule_mounts(struct create *c, struct err *e)
{
	struct json_object *mounts = json_array(c->host_config, "Mounts");

	for (size_t i = 0; mounts && i < json_object_array_length(mounts); i++) {
		struct json_object *m = json_object_array_get_idx(mounts, i);
		const char *type = json_str(m, "Type", "");
		const char *target = json_str(m, "Target", "");

		if (!*target)
			return err_set(e, ERR_INVALID, "invalid mount config for type \"%s\": field Target must not be empty", type);
		if (strcmp(type, "tmpfs") == 0) {
			if (create_tmpfs(c, target, json_flag(m, "ReadOnly", false), e) < 0 || create_warn(c, create_field_text("Tmpfs"), e) < 0)
				return -1;
		} else if (strcmp(type, "bind") == 0) {
			return err_set(e, ERR_INVALID, "bind mounts are not supported: a Lambda function can't reach the host's %s (put the files into the image, or pass them by docker exec)",
				       json_str(m, "Source", ""));
		} else if (strcmp(type, "volume") == 0) {
			if (create_volume(c, json_str(m, "Source", ""), target, json_flag(m, "ReadOnly", false) ? "ro" : "z",
					  json_obj(m, "VolumeOptions"), e) < 0)
				return -1;
		} else if (strcmp(type, "npipe") == 0 || strcmp(type, "cluster") == 0 || strcmp(type, "image") == 0) {
			return err_set(e, ERR_INVALID, "mounts of type %s are not supported", type);
		} else {
			return err_set(e, ERR_INVALID, "invalid mount config for type \"%s\": mount type unknown", type);
		}
	}
	return 0;
}

static int rule_process(struct create *c, struct err *e)
{
	const char *dir = json_str(c->config, "WorkingDir", "");
	const char *signal = json_str(c->config, "StopSignal", "");
	struct json_object *env = json_array(c->config, "Env");

	c->hostname_given = *json_str(c->config, "Hostname", "") != '\0';
	if (*dir && *dir != '/')
		return err_set(e, ERR_INVALID, "the working directory '%s' is invalid, it needs to be an absolute path", dir);
	if (*signal && signal_parse(signal) < 0)
		return err_set(e, ERR_INVALID, "invalid signal: %s", signal);
	for (size_t i = 0; env && i < json_object_array_length(env); i++) {
		const char *v = json_object_get_string(json_object_array_get_idx(env, i));

		if (!*v || *v == '=')
			return err_set(e, ERR_INVALID, "invalid environment variable: %s", v);
	}
	return 0;
}

static int rule_health(struct create *c, struct err *e)
{
	struct json_object *health = json_obj(c->config, "Healthcheck");
	static const char *const times[] = { "Interval", "Timeout", "StartPeriod", "StartInterval" };

	if (!health)
		return 0;
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		int64_t t = json_int(health, times[i], 0);

		if (t != 0 && t < 1000000)
			return err_set(e, ERR_INVALID, "%s in Healthcheck cannot be less than 1ms", times[i]);
	}
	if (json_int(health, "Retries", 0) < 0)
		return err_set(e, ERR_INVALID, "Retries in Healthcheck cannot be negative");
	return 0;
}

/* What has no effect: the spool takes output in at its own pace. */
static bool has_log_mode(struct json_object *options)
{
	return strcmp(json_str(options, "mode", ""), "non-blocking") == 0;
}

static int rule_log(struct create *c, struct err *e)
{
	static const char *const others[] = { "journald", "syslog", "awslogs", "fluentd", "gelf", "splunk", "gcplogs", "etwlogs", "logentries" };
	struct json_object *log = json_obj(c->host_config, "LogConfig");
	const char *type = json_str(log, "Type", "");
	struct json_object *options = json_obj(log, "Config");
	bool none = strcmp(type, "none") == 0;
	struct log_options read;

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (strcmp(type, others[i]) == 0)
			return err_set(e, ERR_INVALID, "the log driver %s is not supported: output is kept by the service (json-file, local or none)", type);
	if (*type && !none && strcmp(type, "json-file") != 0 && strcmp(type, "local") != 0)
		return err_set(e, ERR_INVALID, "logger: no log driver named '%s' is registered", type);
	if (!none && (log_options_read(*type ? type : "json-file", options, &read, e) < 0 || log_details_check(options, e) < 0))
		return -1;
	if (!none && has_log_mode(options) && create_warn(c, create_field_text("LogConfig"), e) < 0)
		return -1;
	if (!*type && replace(log, "Type", json_object_new_string("json-file"), e) < 0)
		return -1;
	return options ? 0 : replace(log, "Config", json_object_new_object(), e);
}

static int rule_ports(struct create *c, struct err *e)
{
	struct json_object *ports = json_obj(c->host_config, "PortBindings");

	if (!ports)
		return 0;
	json_object_object_foreach(ports, key, list) {
		if (!parse_port(key))
			return err_set(e, ERR_INVALID, "invalid port specification: \"%.*s\"", (int)strcspn(key, "/"), key);
		for (size_t i = 0; list && i < json_object_array_length(list); i++) {
			const char *host = json_str(json_object_array_get_idx(list, i), "HostPort", "");

			if (*host && !parse_port(host))
				return err_set(e, ERR_INVALID, "invalid port specification: \"%s\"", host);
		}
	}
	return 0;
}

static int rule_hosts(struct create *c, struct err *e)
{
	struct json_object *hosts = json_array(c->host_config, "ExtraHosts");

	if (!hosts || !json_object_array_length(hosts))
		return 0;
	for (size_t i = 0; i < json_object_array_length(hosts); i++) {
		const char *h = json_object_get_string(json_object_array_get_idx(hosts, i));
		const char *divider = strpbrk(h, ":=");

		if (!divider || divider == h || !divider[1])
			return err_set(e, ERR_INVALID, "bad format for add-host: \"%s\"", h);
	}
	return create_warn(c, create_field_text("ExtraHosts"), e);
}

/* dockerd takes 0 and less for "no limit", and -1 for "the host's swappiness". */
static int rule_unset(struct create *c, struct err *e)
{
	if (json_int(c->host_config, "PidsLimit", 1) <= 0 && replace(c->host_config, "PidsLimit", NULL, e) < 0)
		return -1;
	if (json_int(c->host_config, "MemorySwappiness", 0) == -1 && replace(c->host_config, "MemorySwappiness", NULL, e) < 0)
		return -1;
	/* It shows the runtime only to those who sent a HostConfig. */
	if (!c->host_given)
		json_object_object_del(c->host_config, "Runtime");
	return 0;
}

int create_rules(struct create *c, struct err *e)
{
	static int (*const rules[])(struct create *, struct err *) = {
		rule_process, rule_health, rule_ports, rule_hosts, rule_restart, create_resources, create_capabilities, rule_log, rule_binds, rule_mounts, rule_unset,
	};

	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (rules[i](c, e) < 0)
			return -1;
	return 0;
}
