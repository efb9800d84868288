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

/* What has been found so far. */
struct details {
	struct json_object *config;
	struct json_object *found;  /* name -> value; owned */
	size_t len;                 /* bytes of both */
	struct log_pattern *pattern;
};

static void details_free(struct details *d)
{
	json_object_put(d->found);
}

static int too_much(struct err *e)
{
	return err_set(e, ERR_NOT_SUPPORTED, "log details of more than %d bytes are not supported", LOG_DETAILS_MAX);
}

/* In place of what has the name. */
static int add(struct details *d, const char *name, const char *value, struct err *e)
{
	const char *old = json_str(d->found, name, NULL);

	d->len += strlen(name) + strlen(value);
	if (old)
		d->len -= strlen(name) + strlen(old);
	if (d->len > LOG_DETAILS_MAX)
		return too_much(e);
	return json_add_str(d->found, name, value) ? 0 : err_nomem(e);
}

static int collect(struct details *d, const char *names, const char *(*value)(struct json_object *, const char *), struct err *e)
{
	CLEANUP_FREE char *copy = strdup(names);
	char *rest = copy, *name;

	if (!copy)
		return err_nomem(e);
	while ((name = strsep(&rest, ","))) {
		const char *v = value(d->config, name);

		if (v && add(d, name, v, e) < 0)
			return -1;
	}
	return 0;
}

static int add_matching(struct details *d, const char *name, const char *value, struct err *e)
{
	int rc = log_pattern_matches(d->pattern, name, e);

	return rc == 1 ? add(d, name, value, e) : rc;
}

static int match_labels(struct details *d, struct err *e)
{
	struct json_object *labels = json_obj(d->config, "Labels");

	if (!labels)
		return 0;
	json_object_object_foreach(labels, name, v)
		if (v && add_matching(d, name, json_object_get_string(v), e) < 0)
			return -1;
	return 0;
}

static int match_variables(struct details *d, struct err *e)
{
	struct json_object *env = json_array(d->config, "Env");

	for (size_t i = 0; env && i < json_object_array_length(env); i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(env, i));
		const char *equals = text ? strchr(text, '=') : NULL;
		CLEANUP_FREE char *name = NULL;

		if (!equals)
			continue;
		name = strndup(text, (size_t)(equals - text));
		if (!name)
			return err_nomem(e);
		if (add_matching(d, name, equals + 1, e) < 0)
			return -1;
	}
	return 0;
}

/* `match` adds what the option's expression is for. */
static int collect_matching(struct details *d, struct json_object *options, const char *option, int (*match)(struct details *, struct err *), struct err *e)
{
	LOG_PATTERN_CLEANUP struct log_pattern *p = NULL;
	const char *text = json_str(options, option, "");

	if (!*text)
		return 0;
	if (log_pattern_new(&p, option, text, e) < 0)
		return -1;
	d->pattern = p;
	return match(d, e);
}

static int add_tag(struct details *d, const struct container *c, const char *text, struct err *e)
{
	BUF_CLEANUP struct buf tag = BUF_INIT;

	if (!*text)
		return 0;
	return log_tag(text, c, &tag, e) < 0 ? -1 : add(d, "tag", tag.data, e);
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
	__attribute__((cleanup(details_free))) struct details d = { .config = config, .found = json_object_new_object() };

	if (!d.found)
		return err_nomem(e);
	if (collect(&d, json_str(options, "labels", ""), label, e) < 0 || collect(&d, json_str(options, "env", ""), variable, e) < 0 ||
	    collect_matching(&d, options, "labels-regex", match_labels, e) < 0 || collect_matching(&d, options, "env-regex", match_variables, e) < 0 ||
	    add_tag(&d, c, json_str(options, "tag", ""), e) < 0)
		return -1;
	if (!write_sorted(d.found, ret))
		return err_nomem(e);
	return ret->len <= LOG_DETAILS_MAX ? 0 : too_much(e);
}
