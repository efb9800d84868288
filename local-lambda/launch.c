#include "local-lambda/launch.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ids.h"

static void free_list(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}

void launch_free(struct launch *l)
{
	free_list(l->argv);
	free_list(l->envp);
	free(l->workdir);
	*l = (struct launch){ 0 };
}

static struct json_object *first_array(struct json_object *a, const char *a_key, struct json_object *b, const char *b_key)
{
	struct json_object *list = json_array(a, a_key);

	return list && json_object_array_length(list) ? list : json_array(b, b_key);
}

static size_t length(struct json_object *list)
{
	return list ? json_object_array_length(list) : 0;
}

static char *item(struct json_object *list, size_t i)
{
	struct json_object *o = json_object_array_get_idx(list, i);

	return strdup(o && json_object_is_type(o, json_type_string) ? json_object_get_string(o) : "");
}

static int make_argv(struct launch *l, struct json_object *override, struct json_object *image, struct err *e)
{
	struct json_object *entry = first_array(override, "EntryPoint", image, "Entrypoint");
	struct json_object *command = first_array(override, "Command", image, "Cmd");
	size_t n = length(entry), m = length(command);

	if (n + m == 0)
		return err_set(e, ERR_INVALID, "Runtime.InvalidEntrypoint: the image names no process to start");
	l->argv = calloc(n + m + 1, sizeof *l->argv);
	for (size_t i = 0; l->argv && i < n + m; i++) {
		l->argv[i] = i < n ? item(entry, i) : item(command, i - n);
		if (!l->argv[i])
			return err_nomem(e);
	}
	if (!l->argv)
		return err_nomem(e);
	if (l->argv[0][0] != '/')
		return err_set(e, ERR_INVALID, "Runtime.InvalidEntrypoint: %.256s is no absolute path", l->argv[0]);
	return 0;
}

/* The later of two of one name wins. */
static bool set(struct json_object *variables, const char *name, const char *value)
{
	return json_add_str(variables, name, value);
}

static bool add_image_variables(struct json_object *variables, struct json_object *image)
{
	struct json_object *list = json_array(image, "Env");
	bool ok = true;

	for (size_t i = 0; ok && i < length(list); i++) {
		char *text = item(list, i), *value = text ? strchr(text, '=') : NULL;

		if (value) {
			*value = '\0';
			ok = set(variables, text, value + 1);
		}
		ok = ok && text;
		free(text);
	}
	return ok;
}

static bool add_function_variables(struct json_object *variables, struct json_object *config)
{
	struct json_object *own = json_obj(json_get(config, "Environment"), "Variables");
	bool ok = true;

	if (!own)
		return true;
	json_object_object_foreach(own, key, value)
		ok = ok && set(variables, key, json_object_get_string(value));
	return ok;
}

/* Credentials of the execution role: of the right shape, good for nothing. */
static bool add_credentials(struct json_object *variables)
{
	char key_id[4 + 17] = "ASIA", secret[41], token[257];

	id_random(key_id + 4, 8);
	for (char *c = key_id; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	id_random(secret, 20);
	for (size_t i = 0; i < 4; i++)
		id_random(token + i * 64, 32);
	return set(variables, "AWS_ACCESS_KEY_ID", key_id) && set(variables, "AWS_SECRET_ACCESS_KEY", secret) &&
	       set(variables, "AWS_SESSION_TOKEN", token);
}

static bool add_lambda_variables(struct json_object *variables, const struct local_config *config, const struct revision *r, const struct output *output)
{
	char memory[16];

	snprintf(memory, sizeof memory, "%u", r->memory_mb);
	return set(variables, "AWS_REGION", config->region) && set(variables, "AWS_DEFAULT_REGION", config->region) &&
	       set(variables, "AWS_LAMBDA_FUNCTION_NAME", r->name) && set(variables, "AWS_LAMBDA_FUNCTION_VERSION", "$LATEST") &&
	       set(variables, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory) && set(variables, "AWS_LAMBDA_LOG_GROUP_NAME", output->group_name) &&
	       set(variables, "AWS_LAMBDA_LOG_STREAM_NAME", output->stream_name) && set(variables, "AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand") &&
	       set(variables, "AWS_LAMBDA_RUNTIME_API", "169.254.100.1:9001") && add_credentials(variables);
}

static int make_envp(struct launch *l, struct json_object *variables, struct err *e)
{
	size_t n = 0;

	l->envp = calloc((size_t)json_object_object_length(variables) + 1, sizeof *l->envp);
	if (!l->envp)
		return err_nomem(e);
	json_object_object_foreach(variables, key, value)
		if (asprintf(&l->envp[n++], "%s=%s", key, json_object_get_string(value)) < 0) {
			l->envp[n - 1] = NULL;
			return err_nomem(e);
		}
	return 0;
}

int launch_make(struct launch *ret, const struct local_config *config, const struct revision *r, const struct image *image,
		const struct output *output, struct err *e)
{
	struct json_object *override = json_obj(json_get(r->config, "ImageConfigResponse"), "ImageConfig");
	/* A copy: json-c's reading calls aren't safe on an object that others read too. */
	CLEANUP_JSON struct json_object *own = NULL, *variables = json_object_new_object();
	struct json_object *of_image = image_config(image);
	struct launch l = { 0 };
	const char *workdir;

	if (of_image && json_object_deep_copy(of_image, &own, NULL) < 0)
		return err_nomem(e);
	workdir = json_str(override, "WorkingDirectory", json_str(own, "WorkingDir", "/"));
	l.workdir = strdup(*workdir ? workdir : "/");
	if (make_argv(&l, override, own, e) < 0)
		goto fail;
	if (!l.workdir || !variables || !set(variables, "PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin") || !set(variables, "LANG", "en_US.UTF-8") ||
	    !set(variables, "TZ", ":UTC") || !set(variables, "LAMBDA_TASK_ROOT", "/var/task") || !set(variables, "LAMBDA_RUNTIME_DIR", "/var/runtime") ||
	    !add_image_variables(variables, own) || !add_function_variables(variables, r->config) ||
	    !add_lambda_variables(variables, config, r, output)) {
		err_nomem(e);
		goto fail;
	}
	if (make_envp(&l, variables, e) < 0)
		goto fail;
	*ret = l;
	return 0;
fail:
	launch_free(&l);
	return -1;
}
