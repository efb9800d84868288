/* What Lambda and the agent are told about a container. */
#include <ctype.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/create.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/docker/signals.h"
#include "lib/json.h"
#include "lib/registry/derive.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define ENVIRONMENT_MAX 4096      /* bytes of the whole map, Lambda's */
#define COMMAND_ITEMS_MAX 1500    /* Lambda's */
#define COMMAND_BYTES_MAX 32768   /* longer ones are in the spec alone */
#define TAG_VALUE_MAX 256

bool create_env_key_valid(const char *key, size_t len)
{
	if (len < 2 || !isalpha((unsigned char)*key))
		return false;
	if ((len >= 4 && strncmp(key, "AWS_", 4) == 0) || (len >= 7 && strncmp(key, "LAMBDA_", 7) == 0) || (len >= 11 && strncmp(key, "SOCKERLESS_", 11) == 0))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)key[i]) && key[i] != '_')
			return false;
	return true;
}

static const char *element(struct json_object *list, size_t i)
{
	const char *text = json_object_get_string(json_object_array_get_idx(list, i));

	return text ? text : "";
}

static size_t length(struct json_object *list)
{
	return list ? json_object_array_length(list) : 0;
}

/* env as members of an object: a later entry takes the place of an earlier one; one without "=" takes the variable away. */
static int env_put(struct json_object *map, const char *entry, struct err *e)
{
	const char *equals = strchr(entry, '=');
	CLEANUP_FREE char *name = strndup(entry, strcspn(entry, "="));

	if (!name)
		return err_nomem(e);
	if (!equals) {
		json_object_object_del(map, name);
		return 0;
	}
	return json_add_str(map, name, equals + 1) ? 0 : err_nomem(e);
}

static int env_map(const struct create *c, struct json_object **ret, struct err *e)
{
	struct json_object *given = json_array(c->config, "Env");
	CLEANUP_JSON struct json_object *map = json_object_new_object();

	if (!map || !json_add_str(map, "PATH", PATH_DEFAULT) || !json_add_str(map, "HOSTNAME", json_str(c->config, "Hostname", "")))
		return err_nomem(e);
	if (json_flag(c->config, "Tty", false) && !json_add_str(map, "TERM", "xterm"))
		return err_nomem(e);
	for (size_t i = 0; i < length(given); i++)
		if (env_put(map, element(given, i), e) < 0)
			return -1;
	*ret = STEAL(map);
	return 0;
}

static int spec_env(struct json_object *spec, struct json_object *map, struct err *e)
{
	struct json_object *list = json_object_new_array();

	if (!list || !json_add(spec, "env", list))
		return err_nomem(e);
	json_object_object_foreach(map, name, v) {
		BUF_CLEANUP struct buf entry = BUF_INIT;
		struct json_object *text;

		buf_puts(&entry, name);
		buf_putc(&entry, '=');
		buf_append(&entry, json_object_get_string(v), (size_t)json_object_get_string_len(v));
		text = entry.failed ? NULL : json_object_new_string_len(entry.data, (int)entry.len);
		if (!text || json_object_array_add(list, text) < 0)
			return err_nomem(e);
	}
	return 0;
}

static int spec_args(const struct create *c, struct json_object *spec, struct err *e)
{
	struct json_object *parts[] = { json_array(c->config, "Entrypoint"), json_array(c->config, "Cmd") };
	struct json_object *args = json_object_new_array();

	if (!args || !json_add(spec, "args", args))
		return err_nomem(e);
	for (int p = 0; p < 2; p++)
		for (size_t i = 0; i < length(parts[p]); i++)
			if (json_object_array_add(args, json_object_get(json_object_array_get_idx(parts[p], i))) < 0)
				return err_nomem(e);
	return 0;
}

static int make_spec(const struct create *c, struct json_object *map, struct json_object **ret, struct err *e)
{
	CLEANUP_JSON struct json_object *spec = json_object_new_object();
	struct json_object *console = json_array(c->host_config, "ConsoleSize");
	const char *dir = json_str(c->config, "WorkingDir", "");
	int stop = signal_parse(json_str(c->config, "StopSignal", "TERM"));

	if (!spec)
		return err_nomem(e);
	if (spec_args(c, spec, e) < 0 || spec_env(spec, map, e) < 0)
		return -1;
	if (!json_add_str(spec, "cwd", *dir ? dir : "/") || !json_add_str(spec, "user", json_str(c->config, "User", "")) ||
	    !json_add_str(spec, "hostname", json_str(c->config, "Hostname", "")) || !json_add_bool(spec, "tty", json_flag(c->config, "Tty", false)) ||
	    !json_add_bool(spec, "open_stdin", json_flag(c->config, "OpenStdin", false)) ||
	    !json_add_bool(spec, "stdin_once", json_flag(c->config, "StdinOnce", false)) ||
	    !json_add_bool(spec, "init", json_flag(c->host_config, "Init", false)) || !json_add_int(spec, "stop_signal", stop > 0 ? stop : 15) ||
	    !json_add_int(spec, "height", length(console) == 2 ? json_object_get_int64(json_object_array_get_idx(console, 0)) : 0) ||
	    !json_add_int(spec, "width", length(console) == 2 ? json_object_get_int64(json_object_array_get_idx(console, 1)) : 0))
		return err_nomem(e);
	*ret = STEAL(spec);
	return 0;
}

/* Lambda counts names and values; a margin is left for how it counts the rest. */
static int make_environment(const struct settings *s, const char *id, const char *token, struct json_object *map, struct json_object **ret, struct err *e)
{
	CLEANUP_JSON struct json_object *env = json_object_new_object();
	size_t room;

	if (!env || !json_add_str(env, "SOCKERLESS_CONTAINER_ID", id) || !json_add_str(env, "SOCKERLESS_AGENT_TOKEN", token) ||
	    !json_add_str(env, "SOCKERLESS_AGENT_CALLBACK_URL", s->agent_callback_url))
		return err_nomem(e);
	room = strlen(json_text(env));
	room = room < ENVIRONMENT_MAX ? ENVIRONMENT_MAX - room : 0;
	json_object_object_foreach(map, name, v) {
		size_t need = strlen(name) + strlen(json_text(v)) + 4;

		if (need >= room || !create_env_key_valid(name, strlen(name)))
			continue;
		room -= need;
		if (!json_add(env, name, json_object_get(v)))
			return err_nomem(e);
	}
	*ret = STEAL(env);
	return 0;
}

/* Letters, digits and a few signs are taken as they are; anything else as base64, if that fits. */
static int add_tag(struct json_object *tags, const char *key, const char *value, struct err *e)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _.:/=+-@";
	size_t n = strlen(value);
	char base64[TAG_VALUE_MAX + 8] = "base64:";

	if (n <= TAG_VALUE_MAX && !value[strspn(value, plain)])
		return json_add_str(tags, key, value) ? 0 : err_nomem(e);
	if (n > (TAG_VALUE_MAX - 8) / 4 * 3)
		return 0;
	EVP_EncodeBlock((unsigned char *)base64 + 7, (const unsigned char *)value, (int)n);
	return json_add_str(tags, key, base64) ? 0 : err_nomem(e);
}

static int make_tags(const struct create *c, const struct settings *s, const char *id, const char *name, struct json_object **ret, struct err *e)
{
	CLEANUP_JSON struct json_object *tags = json_object_new_object();
	const char *dir = json_str(c->config, "WorkingDir", "");

	if (!tags)
		return err_nomem(e);
	if (add_tag(tags, "sockerless-deployment", s->deployment, e) < 0 || add_tag(tags, "sockerless-container", id, e) < 0 ||
	    add_tag(tags, "sockerless-name", name, e) < 0 || add_tag(tags, "sockerless-image", json_str(c->config, "Image", ""), e) < 0 ||
	    add_tag(tags, "sockerless-directory", *dir ? dir : "/", e) < 0)
		return -1;
	*ret = STEAL(tags);
	return 0;
}

/* NULL-terminated; `first` (NULL: none) stands before the list. *ret stays NULL for what Lambda wouldn't take: the spec has it anyway. */
static int make_list(const char *first, struct json_object *list, const char ***ret, struct err *e)
{
	size_t n = length(list), bytes = 0, at = 0;
	const char **items;

	for (size_t i = 0; i < n; i++)
		bytes += strlen(element(list, i));
	if (n + 1 > COMMAND_ITEMS_MAX || bytes > COMMAND_BYTES_MAX)
		n = 0;
	items = calloc(n + 2, sizeof *items);
	if (!items)
		return err_nomem(e);
	if (first)
		items[at++] = first;
	for (size_t i = 0; i < n; i++)
		items[at++] = element(list, i);
	*ret = items;
	return 0;
}

static int fill(const struct create *c, const struct settings *s, const char *id, const char *token, const char *name, struct create_plan *p, struct err *e)
{
	CLEANUP_JSON struct json_object *map = NULL;
	BUF_CLEANUP struct buf description = BUF_INIT;

	if (env_map(c, &map, e) < 0 || make_spec(c, map, &p->spec, e) < 0 || make_environment(s, id, token, map, &p->environment, e) < 0)
		return -1;
	if (make_tags(c, s, id, name, &p->tags, e) < 0 || make_list(DERIVE_AGENT, json_array(c->config, "Entrypoint"), &p->entry_point, e) < 0 ||
	    make_list(NULL, json_array(c->config, "Cmd"), &p->command, e) < 0)
		return -1;
	buf_printf(&description, "sockerless %s %s", s->deployment, id);
	p->description = buf_steal(&description);
	p->memory = c->memory ? c->memory : (unsigned int)s->lambda_memory_size;
	p->storage = c->storage ? c->storage : (unsigned int)s->lambda_ephemeral_storage;
	return p->description ? 0 : err_nomem(e);
}

int create_plan(const struct create *c, const struct settings *s, const char *id, const char *token, const char *name,
		struct create_plan *ret, struct err *e)
{
	struct create_plan p = { 0 };

	if (fill(c, s, id, token, name, &p, e) < 0) {
		create_plan_free(&p);
		return -1;
	}
	*ret = p;
	return 0;
}

void create_plan_free(struct create_plan *p)
{
	json_object_put(p->spec);
	json_object_put(p->environment);
	json_object_put(p->tags);
	free(p->entry_point);
	free(p->command);
	free(p->description);
	memset(p, 0, sizeof *p);
}
