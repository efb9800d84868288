#include "agent-gateway/agent/launch.h"

#include <stdlib.h>
#include <string.h>

#include "agent-gateway/agent/passwd.h"

#define STRINGS_MAX (64 * 1024)

static void strings_free(char **strings)
{
	for (char **s = strings; s && *s; s++)
		free(*s);
	free(strings);
}

void launch_free(struct launch *l)
{
	strings_free(l->args);
	strings_free(l->env);
	free(l->cwd);
	json_object_put(l->task);
	*l = (struct launch){ 0 };
}

static size_t strings_count(char *const *strings)
{
	size_t n = 0;

	while (strings && strings[n])
		n++;
	return n;
}

const char *env_get(char *const *env, const char *name)
{
	size_t len = strlen(name);

	for (; env && *env; env++)
		if (!strncmp(*env, name, len) && (*env)[len] == '=')
			return *env + len + 1;
	return NULL;
}

/* The member's strings with room for `extra` more. */
static int read_strings(struct json_object *o, const char *key, size_t extra, char ***ret, struct err *e)
{
	struct json_object *array = json_array(o, key);
	size_t n = array ? json_object_array_length(array) : 0;
	char **strings;

	if (n > STRINGS_MAX)
		return err_set(e, ERR_INVALID, "%s has too many members", key);
	strings = calloc(n + extra + 1, sizeof *strings);
	if (!strings)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++) {
		struct json_object *s = json_object_array_get_idx(array, i);

		if (!s || !json_object_is_type(s, json_type_string) ||
		    strlen(json_object_get_string(s)) != (size_t)json_object_get_string_len(s)) {
			strings_free(strings);
			return err_set(e, ERR_INVALID, "%s holds something else than text", key);
		}
		strings[i] = strdup(json_object_get_string(s));
		if (!strings[i]) {
			strings_free(strings);
			return err_nomem(e);
		}
	}
	*ret = strings;
	return 0;
}

/* Puts `entry` (owned) in the place of the same variable, or last. The array has room. */
static void env_put(char **env, char *entry)
{
	size_t key = strcspn(entry, "=");

	for (; *env; env++) {
		if (!strncmp(*env, entry, key) && ((*env)[key] == '=' || !(*env)[key])) {
			free(*env);
			*env = entry;
			return;
		}
	}
	env[0] = entry;
	env[1] = NULL;
}

static int add_home(struct launch *l, const char *user, struct err *e)
{
	char home[512 + 6] = "HOME=";
	char *entry;

	if (env_get(l->env, "HOME"))
		return 0;
	passwd_home(user, home + 5, sizeof home - 5);
	entry = strdup(home);
	if (!entry)
		return err_nomem(e);
	env_put(l->env, entry);
	return 0;
}

static unsigned short size_of(struct json_object *o, const char *key)
{
	int64_t v = json_int(o, key, 0);

	return v > 0 && v <= 0xffff ? (unsigned short)v : 0;
}

/* What spec and open have in common. */
static int read_common(struct json_object *o, const char *cwd, struct launch *l, struct err *e)
{
	const char *given = json_str(o, "cwd", "");

	if (read_strings(o, "args", 0, &l->args, e) < 0)
		return -1;
	if (!l->args[0])
		return err_set(e, ERR_INVALID, "args is empty");
	l->cwd = strdup(*given ? given : cwd);
	if (!l->cwd)
		return err_nomem(e);
	l->tty = json_flag(o, "tty", false);
	l->height = size_of(o, "height");
	l->width = size_of(o, "width");
	return 0;
}

int launch_of_spec(struct json_object *spec, struct launch *ret, struct err *e)
{
	struct launch l = { 0 };

	if (read_common(spec, "/", &l, e) < 0 || read_strings(spec, "env", 1, &l.env, e) < 0 ||
	    add_home(&l, json_str(spec, "user", ""), e) < 0) {
		launch_free(&l);
		return -1;
	}
	l.open_stdin = json_flag(spec, "open_stdin", false);
	l.init = json_flag(spec, "init", false);
	*ret = l;
	return 0;
}

/* The container's environment, then what `added` holds; takes the strings of `added`. */
static int join_env(struct launch *l, char *const *base, char **added, struct err *e)
{
	size_t n = strings_count(base);

	l->env = calloc(n + strings_count(added) + 1, sizeof *l->env);
	if (!l->env)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++)
		if (!(l->env[i] = strdup(base[i])))
			return err_nomem(e);
	for (char **s = added; *s; s++)
		env_put(l->env, *s);
	added[0] = NULL;
	return 0;
}

int launch_of_open(struct json_object *open, const struct launch *container, struct launch *ret, struct err *e)
{
	struct launch l = { 0 };
	char **added = NULL;
	int done = -1;

	if (read_common(open, container->cwd, &l, e) == 0 && read_strings(open, "env", 0, &added, e) == 0)
		done = join_env(&l, container->env, added, e);
	if (done < 0) {
		strings_free(added);
		launch_free(&l);
		return -1;
	}
	free(added);
	l.open_stdin = json_flag(open, "stdin", false);
	*ret = l;
	return 0;
}

int launch_of_task(struct json_object *open, const struct layer *layer, struct launch *ret, struct err *e)
{
	struct launch l = { .open_stdin = json_flag(open, "stdin", false), .layer = layer };

	l.args = calloc(2, sizeof *l.args);
	l.cwd = strdup("/");
	if (!l.args || !l.cwd || !(l.args[0] = strdup(json_str(open, "task", "")))) {
		launch_free(&l);
		return err_nomem(e);
	}
	l.task = json_object_get(open);
	*ret = l;
	return 0;
}
