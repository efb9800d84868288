#include "fcgi/log_details.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/log_pattern.h"
#include "fcgi/log_tag.h"
#include "lib/cleanup.h"
#include "lib/json.h"

static void escape(struct buf *b, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (isalnum(*p) || strchr("-_.~", *p))
			buf_putc(b, (char)*p);
		else if (*p == ' ')
			buf_putc(b, '+');
		else
			buf_printf(b, "%%%02X", *p);
	}
}

static const char *label(struct json_object *config, const char *name)
{
	return json_str(json_obj(config, "Labels"), name, NULL);
}

/* The last one of a name counts. */
static const char *variable(struct json_object *config, const char *name)
{
	struct json_object *env = json_array(config, "Env");
	size_t len = strlen(name);

	for (size_t i = env ? json_object_array_length(env) : 0; i-- > 0;) {
		const char *v = json_object_get_string(json_object_array_get_idx(env, i));

		if (v && !strncmp(v, name, len) && v[len] == '=')
			return v + len + 1;
	}
	return NULL;
}

static bool collect(struct json_object *config, const char *names, const char *(*value)(struct json_object *, const char *), struct json_object *to)
{
	CLEANUP_FREE char *copy = strdup(names);
	char *rest = copy, *name;

	if (!copy)
		return false;
	while ((name = strsep(&rest, ","))) {
		const char *v = value(config, name);

		if (v && !json_add_str(to, name, v))
			return false;
	}
	return true;
}

/* Adds v under the name if it matches. */
static int add_matching(const struct log_pattern *p, const char *name, const char *v, struct json_object *to, struct err *e)
{
	int rc = log_pattern_matches(p, name, e);

	return rc == 1 && !json_add_str(to, name, v) ? err_nomem(e) : rc;
}

static int collect_labels(struct json_object *config, const char *pattern, struct json_object *to, struct err *e)
{
	LOG_PATTERN_CLEANUP struct log_pattern *p = NULL;
	struct json_object *labels = json_obj(config, "Labels");

	if (!*pattern || !labels)
		return 0;
	if (log_pattern_new(&p, "labels-regex", pattern, e) < 0)
		return -1;
	json_object_object_foreach(labels, name, v)
		if (add_matching(p, name, json_object_get_string(v), to, e) < 0)
			return -1;
	return 0;
}

static int collect_variables(struct json_object *config, const char *pattern, struct json_object *to, struct err *e)
{
	LOG_PATTERN_CLEANUP struct log_pattern *p = NULL;
	struct json_object *env = json_array(config, "Env");

	if (!*pattern || !env)
		return 0;
	if (log_pattern_new(&p, "env-regex", pattern, e) < 0)
		return -1;
	for (size_t i = 0; i < json_object_array_length(env); i++) {
		CLEANUP_FREE char *name = strdup(json_object_get_string(json_object_array_get_idx(env, i)));
		char *equals = name ? strchr(name, '=') : NULL;

		if (!name)
			return err_nomem(e);
		if (!equals)
			continue;
		*equals = '\0';
		if (add_matching(p, name, equals + 1, to, e) < 0)
			return -1;
	}
	return 0;
}

static int add_tag(const struct container *c, const char *text, struct json_object *to, struct err *e)
{
	BUF_CLEANUP struct buf tag = BUF_INIT;

	if (!*text)
		return 0;
	if (log_tag(text, c, &tag, e) < 0)
		return -1;
	return json_add_str(to, "tag", tag.data) ? 0 : err_nomem(e);
}

int log_details_check(struct json_object *options, struct err *e)
{
	static const char *const expressions[] = { "labels-regex", "env-regex" };
	BUF_CLEANUP struct buf tag = BUF_INIT;

	for (size_t i = 0; i < sizeof expressions / sizeof *expressions; i++) {
		LOG_PATTERN_CLEANUP struct log_pattern *p = NULL;

		if (log_pattern_new(&p, expressions[i], json_str(options, expressions[i], ""), e) < 0)
			return -1;
	}
	return log_tag(json_str(options, "tag", ""), NULL, &tag, e);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool write_sorted(struct json_object *found, struct buf *ret)
{
	size_t n = 0, count = (size_t)json_object_object_length(found);
	CLEANUP_FREE const char **names = calloc(count + 1, sizeof *names);

	if (!names)
		return false;
	json_object_object_foreach(found, key, v) {
		(void)v;
		names[n++] = key;
	}
	qsort(names, n, sizeof *names, by_name);
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_putc(ret, ',');
		escape(ret, names[i]);
		buf_putc(ret, '=');
		escape(ret, json_str(found, names[i], ""));
	}
	return !ret->failed;
}

int log_details(const struct container *c, struct json_object *config, struct json_object *host_config, struct buf *ret, struct err *e)
{
	struct json_object *options = json_obj(json_obj(host_config, "LogConfig"), "Config");
	CLEANUP_JSON struct json_object *found = json_object_new_object();

	if (!found || !collect(config, json_str(options, "labels", ""), label, found) ||
	    !collect(config, json_str(options, "env", ""), variable, found))
		return err_nomem(e);
	if (collect_labels(config, json_str(options, "labels-regex", ""), found, e) < 0 ||
	    collect_variables(config, json_str(options, "env-regex", ""), found, e) < 0 || add_tag(c, json_str(options, "tag", ""), found, e) < 0)
		return -1;
	if (!write_sorted(found, ret))
		return err_nomem(e);
	return ret->len <= LOG_DETAILS_MAX ? 0 : err_set(e, ERR_NOT_SUPPORTED, "log details of more than %d bytes are not supported", LOG_DETAILS_MAX);
}
