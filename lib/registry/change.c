#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/utf8.h"
#include "lib/registry/import.h"

#define WORDS_MAX 1000

/* What takes an instruction's arguments. */
struct change {
	struct json_object *config;
	const char *name;
	const char *rest; /* without white space at its ends */
};

/* ["a","b"] or NULL if it isn't an array of strings. */
static struct json_object *json_form(const char *text)
{
	CLEANUP_JSON struct json_object *o = NULL;

	if (*text != '[' || json_parse(text, strlen(text), &o, NULL) < 0 || !json_object_is_type(o, json_type_array))
		return NULL;
	for (size_t i = 0; i < json_object_array_length(o); i++)
		if (!json_object_is_type(json_object_array_get_idx(o, i), json_type_string))
			return NULL;
	return STEAL(o);
}

static struct json_object *shell_form(const char *text)
{
	CLEANUP_JSON struct json_object *list = json_object_new_array();
	const char *const words[] = { "/bin/sh", "-c", text };

	for (size_t i = 0; list && i < 3; i++)
		if (json_object_array_add(list, json_object_new_string(words[i])) < 0)
			return NULL;
	return STEAL(list);
}

static int set_command(const struct change *c, const char *key, struct err *e)
{
	struct json_object *list = json_form(c->rest);

	if (!list)
		list = shell_form(c->rest);
	return list && json_add(c->config, key, list) ? 0 : err_nomem(e);
}

static int change_cmd(const struct change *c, struct err *e)
{
	return set_command(c, "Cmd", e);
}

static int change_entrypoint(const struct change *c, struct err *e)
{
	return set_command(c, "Entrypoint", e);
}

/*
 * The next word: quotes and backslashes are taken off, white space in quotes
 * is kept. NULL at the end or when memory is out.
 */
static char *next_word(const char **at)
{
	BUF_CLEANUP struct buf b = BUF_INIT;
	const char *p = *at + strspn(*at, " \t");
	char quote = '\0';

	if (!*p)
		return NULL;
	for (; *p && (quote || !strchr(" \t", *p)); p++) {
		if (quote ? *p == quote : *p == '"' || *p == '\'') {
			quote = quote ? '\0' : *p;
			continue;
		}
		if (*p == '\\' && quote != '\'' && p[1])
			p++;
		buf_putc(&b, *p);
	}
	*at = p;
	return buf_steal(&b);
}

/* Calls `each` with every pair of "K=V K2=V2" or of the old form "K the rest". */
static int each_pair(const struct change *c, int (*each)(const struct change *c, const char *key, const char *value, struct err *e), struct err *e)
{
	const char *at = c->rest;
	size_t key_len = strcspn(at, " \t=");

	if (at[key_len] != '=') {
		CLEANUP_FREE char *key = strndup(at, key_len);

		if (!key)
			return err_nomem(e);
		at += key_len;
		at += strspn(at, " \t");
		if (!*at)
			return err_set(e, ERR_INVALID, "%s must have two arguments", c->name);
		return each(c, key, at, e);
	}
	for (int i = 0; i < WORDS_MAX; i++) {
		CLEANUP_FREE char *word = next_word(&at);
		char *value;

		if (!word)
			return 0;
		value = strchr(word, '=');
		if (!value || value == word)
			return err_set(e, ERR_INVALID, "Syntax error - can't find = in \"%s\". Must be of the form: name=value", word);
		*value++ = '\0';
		if (each(c, word, value, e) < 0)
			return -1;
	}
	return err_set(e, ERR_INVALID, "%s has too many arguments", c->name);
}

/* The array or object under a key, made if it isn't there. */
static struct json_object *member(struct json_object *o, const char *key, enum json_type type)
{
	struct json_object *m = json_get(o, key);

	if (m && json_object_is_type(m, type))
		return m;
	m = type == json_type_array ? json_object_new_array() : json_object_new_object();
	return m && json_add(o, key, m) ? m : NULL;
}

static int set_env(const struct change *c, const char *key, const char *value, struct err *e)
{
	struct json_object *list = member(c->config, "Env", json_type_array);
	BUF_CLEANUP struct buf text = BUF_INIT;
	struct json_object *o;
	size_t len = strlen(key);

	buf_printf(&text, "%s=%s", key, value);
	o = list && !text.failed ? json_object_new_string(text.data) : NULL;
	if (!o)
		return err_nomem(e);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *old = json_object_get_string(json_object_array_get_idx(list, i));

		if (old && !strncmp(old, key, len) && old[len] == '=')
			return json_object_array_put_idx(list, i, o) < 0 ? err_nomem(e) : 0;
	}
	return json_object_array_add(list, o) < 0 ? err_nomem(e) : 0;
}

static int change_env(const struct change *c, struct err *e)
{
	return each_pair(c, set_env, e);
}

static int set_label(const struct change *c, const char *key, const char *value, struct err *e)
{
	struct json_object *labels = member(c->config, "Labels", json_type_object);

	return labels && json_add_str(labels, key, value) ? 0 : err_nomem(e);
}

static int change_label(const struct change *c, struct err *e)
{
	return each_pair(c, set_label, e);
}

/* Each word of `list` (JSON or plain) becomes a key of an object, as Docker keeps sets. */
static int add_set(const struct change *c, const char *key, const char *word, struct err *e)
{
	struct json_object *set = member(c->config, key, json_type_object);

	return set && json_add(set, word, json_object_new_object()) ? 0 : err_nomem(e);
}

static int add_port(const struct change *c, const char *word, struct err *e)
{
	size_t digits = strspn(word, "0123456789");
	const char *rest = word + digits;
	BUF_CLEANUP struct buf port = BUF_INIT;
	long number = strtol(word, NULL, 10);

	if (!digits || digits > 5 || number < 1 || number > 65535 ||
	    (*rest && strcmp(rest, "/tcp") && strcmp(rest, "/udp") && strcmp(rest, "/sctp")))
		return err_set(e, ERR_INVALID, "invalid containerPort: %s", word);
	buf_printf(&port, "%s%s", word, *rest ? "" : "/tcp");
	return port.failed ? err_nomem(e) : add_set(c, "ExposedPorts", port.data, e);
}

static int change_expose(const struct change *c, struct err *e)
{
	const char *at = c->rest;

	for (int i = 0; i < WORDS_MAX; i++) {
		CLEANUP_FREE char *word = next_word(&at);

		if (!word)
			return 0;
		if (add_port(c, word, e) < 0)
			return -1;
	}
	return err_set(e, ERR_INVALID, "EXPOSE has too many arguments");
}

static int change_volume(const struct change *c, struct err *e)
{
	CLEANUP_JSON struct json_object *list = json_form(c->rest);
	const char *at = c->rest;

	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		if (add_set(c, "Volumes", json_object_get_string(json_object_array_get_idx(list, i)), e) < 0)
			return -1;
	for (int i = 0; !list && i < WORDS_MAX; i++) {
		CLEANUP_FREE char *word = next_word(&at);

		if (!word)
			break;
		if (add_set(c, "Volumes", word, e) < 0)
			return -1;
	}
	return 0;
}

static int change_workdir(const struct change *c, struct err *e)
{
	const char *now = json_str(c->config, "WorkingDir", "");
	BUF_CLEANUP struct buf path = BUF_INIT;

	if (*c->rest != '/')
		buf_printf(&path, "%s%s", now, *now && now[strlen(now) - 1] == '/' ? "" : "/");
	buf_puts(&path, c->rest);
	return !path.failed && json_add_str(c->config, "WorkingDir", path.data) ? 0 : err_nomem(e);
}

static int change_user(const struct change *c, struct err *e)
{
	return json_add_str(c->config, "User", c->rest) ? 0 : err_nomem(e);
}

static int change_stopsignal(const struct change *c, struct err *e)
{
	return json_add_str(c->config, "StopSignal", c->rest) ? 0 : err_nomem(e);
}

static int change_onbuild(const struct change *c, struct err *e)
{
	struct json_object *list = member(c->config, "OnBuild", json_type_array);

	return list && json_object_array_add(list, json_object_new_string(c->rest)) == 0 ? 0 : err_nomem(e);
}

static int change_healthcheck(const struct change *c, struct err *e)
{
	struct json_object *check, *test;

	if (strcasecmp(c->rest, "NONE") != 0)
		return err_set(e, ERR_NOT_SUPPORTED, "a HEALTHCHECK other than NONE is not supported in changes");
	check = json_object_new_object();
	test = json_object_new_array();
	if (!check || !test || json_object_array_add(test, json_object_new_string("NONE")) < 0 || !json_add(check, "Test", test)) {
		json_object_put(check);
		return err_nomem(e);
	}
	return json_add(c->config, "Healthcheck", check) ? 0 : err_nomem(e);
}

static const struct {
	const char *name;
	int (*change)(const struct change *c, struct err *e);
} instructions[] = {
	{ "CMD", change_cmd },		 { "ENTRYPOINT", change_entrypoint }, { "ENV", change_env },
	{ "EXPOSE", change_expose },	 { "HEALTHCHECK", change_healthcheck }, { "LABEL", change_label },
	{ "ONBUILD", change_onbuild },	 { "STOPSIGNAL", change_stopsignal }, { "USER", change_user },
	{ "VOLUME", change_volume },	 { "WORKDIR", change_workdir },
};

static bool is_build_instruction(const char *name)
{
	static const char *const names[] = { "from", "run", "copy", "add", "arg", "shell", "maintainer" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcasecmp(name, names[i]))
			return true;
	return false;
}

int image_change(struct json_object *container_config, const char *instruction, struct err *e)
{
	const char *start = instruction + strspn(instruction, " \t\r\n");
	size_t name_len = strcspn(start, " \t\r\n");
	const char *rest = start + name_len;
	CLEANUP_FREE char *name = strndup(start, name_len);
	CLEANUP_FREE char *text = NULL;
	struct change c = { .config = container_config, .name = name };
	size_t len;

	rest += strspn(rest, " \t\r\n");
	for (len = strlen(rest); len && isspace((unsigned char)rest[len - 1]); len--)
		;
	text = strndup(rest, len);
	if (!name || !text)
		return err_nomem(e);
	c.rest = text;
	if (!utf8_valid(instruction))
		return err_set(e, ERR_INVALID, "a change holds what is no UTF-8");
	if (!*name)
		return 0;
	for (size_t i = 0; i < sizeof instructions / sizeof *instructions; i++) {
		if (strcasecmp(name, instructions[i].name) != 0)
			continue;
		if (!*text)
			return err_set(e, ERR_INVALID, "%s requires at least one argument", instructions[i].name);
		c.name = instructions[i].name;
		return instructions[i].change(&c, e);
	}
	if (is_build_instruction(name))
		return err_set(e, ERR_INVALID, "%s is not a valid change command", name);
	return err_set(e, ERR_INVALID, "dockerfile parse error on line 1: unknown instruction: %s", name);
}
