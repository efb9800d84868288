#include "fcgi/log_details.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

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

int log_details(struct json_object *config, struct json_object *host_config, struct buf *ret, struct err *e)
{
	struct json_object *options = json_obj(json_obj(host_config, "LogConfig"), "Config");
	CLEANUP_JSON struct json_object *found = json_object_new_object();

	if (!found || !collect(config, json_str(options, "labels", ""), label, found) ||
	    !collect(config, json_str(options, "env", ""), variable, found) || !write_sorted(found, ret))
		return err_nomem(e);
	return ret->len <= LOG_DETAILS_MAX ? 0 : err_set(e, ERR_NOT_SUPPORTED, "log details of more than %d bytes are not supported", LOG_DETAILS_MAX);
}
