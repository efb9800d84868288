/*
 * POST /containers/{id}/exec: notes a command to be run in a running container
 * and answers with its id; exec start runs it. The row and the event
 * `exec_create` are written in one transaction, in which the container must
 * still run. What a function can't give (privileges) is refused.
 */
#include <string.h>

#include "fcgi/container.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/buf.h"
#include "lib/docker/detach_keys.h"
#include "lib/json.h"

#define CONFIG_MAX (512 * 1024) /* as JSON; it becomes one message to the agent */

static const struct {
	const char *key;
	enum json_type type;
	const char *go_type;
} fields[] = {
	{ "User", json_type_string, "string" },         { "Privileged", json_type_boolean, "bool" },
	{ "Tty", json_type_boolean, "bool" },           { "AttachStdin", json_type_boolean, "bool" },
	{ "AttachStdout", json_type_boolean, "bool" },  { "AttachStderr", json_type_boolean, "bool" },
	{ "Detach", json_type_boolean, "bool" },        { "DetachKeys", json_type_string, "string" },
	{ "WorkingDir", json_type_string, "string" },   { "Env", json_type_array, "[]string" },
	{ "Cmd", json_type_array, "[]string" },         { "ConsoleSize", json_type_array, "[2]uint" },
};

static const char *go_name(enum json_type type)
{
	return type == json_type_boolean ? "bool" : type == json_type_int || type == json_type_double ? "number" : json_type_to_name(type);
}

static int wrong_type(const char *key, const char *go_type, struct json_object *value, struct err *e)
{
	return err_set(e, ERR_INVALID, "invalid JSON: json: cannot unmarshal %s into Go struct field ExecConfig.%s of type %s",
		       go_name(json_object_get_type(value)), key, go_type);
}

static int check_strings(struct json_object *list, const char *key, struct err *e)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *v = json_object_array_get_idx(list, i);

		if (!json_object_is_type(v, json_type_string))
			return wrong_type(key, "string", v, e);
		/* A NUL can't stand in an argument; execve would cut it there. */
		if (strlen(json_object_get_string(v)) != (size_t)json_object_get_string_len(v))
			return err_set(e, ERR_INVALID, "%s holds a NUL character", key);
	}
	return 0;
}

static int check_body(struct request *req, struct json_object *body, struct err *e)
{
	char keys[DETACH_KEYS_HEX_MAX];

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		struct json_object *v = json_get(body, fields[i].key);

		if (v && !json_object_is_type(v, fields[i].type))
			return wrong_type(fields[i].key, fields[i].go_type, v, e);
		if (v && fields[i].type == json_type_array && strcmp(fields[i].go_type, "[]string") == 0 &&
		    check_strings(v, fields[i].key, e) < 0)
			return -1;
	}
	if (!json_array(body, "Cmd") || json_object_array_length(json_array(body, "Cmd")) == 0)
		return err_set(e, ERR_INVALID, "No exec command specified");
	if (req->body.len > CONFIG_MAX)
		return err_set(e, ERR_TOO_LARGE, "the exec's configuration is larger than %d bytes", CONFIG_MAX);
	if (detach_keys_hex(json_str(body, "DetachKeys", ""), keys, e) < 0)
		return -1;
	if (json_flag(body, "Privileged", false))
		return err_set(e, ERR_INVALID, "privileged exec is not supported: a Lambda function has no privileges to give");
	return 0;
}

/* "exec_create: sh -c true"; with a blank behind a command without arguments, as dockerd has it. */
static void describe(struct json_object *body, struct buf *out)
{
	struct json_object *cmd = json_array(body, "Cmd");

	buf_printf(out, "exec_create: %s ", json_object_get_string(json_object_array_get_idx(cmd, 0)));
	for (size_t i = 1; i < json_object_array_length(cmd); i++)
		buf_printf(out, "%s%s", i > 1 ? " " : "", json_object_get_string(json_object_array_get_idx(cmd, i)));
}

static int check_paused(struct request *req, const struct container *c, struct err *e)
{
	if (c->state != STATE_PAUSED)
		return 0;
	return err_set(e, ERR_CONFLICT, "Container %s is paused, unpause the container before exec", req->name);
}

static int insert(struct request *req, const char *id, struct json_object *body, struct err *e)
{
	CONTAINER_CLEANUP struct container c = { 0 };
	BUF_CLEANUP struct buf action = BUF_INIT;
	struct json_object *attributes = json_object_new_object();

	describe(body, &action);
	if (!attributes || !json_add_str(attributes, "execID", id) || action.failed) {
		json_object_put(attributes);
		return err_nomem(e);
	}
	if (container_find(req, req->name, &c, e) < 0 || container_check_running(&c, e) < 0 || check_paused(req, &c, e) < 0 ||
	    store_run(req->store, QUERY_EXEC_ADD, e, "tttttti", id, req->tenant, c.id, c.run_id, json_text(body),
		      json_str(body, "DetachKeys", ""), time_now()) < 0) {
		json_object_put(attributes);
		return -1;
	}
	return container_event(req, &c, action.data, attributes, e);
}

int route_exec_create(struct request *req, struct err *e)
{
	CLEANUP_JSON struct json_object *body = NULL;
	CLEANUP_JSON struct json_object *out = json_object_new_object();
	char id[ID_HEX_LEN + 1];

	if (request_json(req, false, &body, e) < 0 || check_body(req, body, e) < 0 || store_begin(req->store, e) < 0)
		return -1;
	id_random(id, ID_HEX_LEN / 2);
	if (insert(req, id, body, e) < 0) {
		store_rollback(req->store);
		return -1;
	}
	if (store_commit(req->store, e) < 0)
		return -1;
	if (!out || !json_add_str(out, "Id", id))
		return err_nomem(e);
	return reply_json(req, 201, out);
}
