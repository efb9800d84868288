/*
 * POST /containers/create: makes a container, which is a Lambda function.
 *
 * The body is checked as dockerd checks it; what Lambda can't do is refused
 * with 400 and the reason, or kept with a warning (create_fields.def). Then:
 * the image's Lambda form is made unless it is there; the row is inserted in
 * state `creating`; CreateFunction is called; when the function is Active, or
 * create's share of the wait is over, the row becomes `created`. What a crash
 * leaves in between, the reconciler undoes. 201 with id and warnings; 404
 * without the image, 409 if the name is taken.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/create.h"
#include "fcgi/create_image.h"
#include "fcgi/create_keep.h"
#include "fcgi/function_ready.h"
#include "fcgi/image_platform.h"
#include "fcgi/image_registry.h"
#include "fcgi/network.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/aws/lambda.h"
#include "lib/cleanup.h"
#include "lib/docker/names.h"
#include "lib/hint.h"
#include "lib/ids.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/store/container.h"

#define ATTEMPTS 6
#define FUNCTION_NAME_SIZE 32

/* One container on its way. */
struct making {
	struct request *req;
	struct create create;
	struct image_row image;
	struct create_plan plan;
	char *uri;
	const char *wanted;              /* the client's name without slash; NULL: made up */
	char made_up[NAME_GENERATED_MAX];
	const char *name;
	char id[ID_HEX_LEN + 1];
	char token[ID_HEX_LEN + 1];
	char function[FUNCTION_NAME_SIZE];
	bool name_taken;
};

static void making_free(struct making *m)
{
	create_plan_free(&m->plan);
	create_free(&m->create);
	image_row_free(&m->image);
	free(m->uri);
}

static int check_name(struct making *m, struct err *e)
{
	const char *name = request_query(m->req, "name", "");

	if (*name == '/')
		name++;
	if (!*name)
		return 0;
	if (!name_valid(name))
		return err_set(e, ERR_INVALID, "Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", name);
	m->wanted = name;
	return 0;
}

static int check_image(struct making *m, struct err *e)
{
	const char *image = json_str(m->create.config, "Image", "");

	if (!*image)
		return err_set(e, ERR_INVALID, "a container without an image is not supported: a Lambda function needs one");
	if (image_find(m->req->store, m->req->tenant, image, &m->image, e) < 0)
		return -1;
	return image_platform_match(m->image.config, image, request_query(m->req, "platform", NULL), e);
}

/* Draws an id and what follows from it. */
static int draw(struct making *m, int attempt, struct err *e)
{
	id_random(m->id, ID_HEX_LEN / 2);
	id_random(m->token, ID_HEX_LEN / 2);
	snprintf(m->function, sizeof m->function, "skls-%.12s", m->id);
	m->name = m->wanted;
	if (!m->name) {
		name_generate(m->made_up, attempt);
		m->name = m->made_up;
	}
	if (create_name_host(&m->create, m->id, e) < 0 || network_resolve(m->req, &m->create.networking, m->id, e) < 0)
		return -1;
	create_plan_free(&m->plan);
	return create_plan(&m->create, m->req->settings, m->id, m->token, m->name, &m->plan, e);
}

static int check_free(struct making *m, struct err *e)
{
	struct store *s = m->req->store;
	int rc = store_row(s, QUERY_CONTAINER_NAME_OWNER, e, "tt", m->req->tenant, m->name);

	if (rc > 0) {
		m->name_taken = true;
		rc = err_set(e, ERR_CONFLICT,
			     "Conflict. The container name \"/%s\" is already in use by container \"%s\". You have to remove (or rename) that container to be able to reuse that name.",
			     m->name, store_text(s, QUERY_CONTAINER_NAME_OWNER, 0));
	}
	store_reset(s, QUERY_CONTAINER_NAME_OWNER);
	if (rc < 0)
		return -1;
	/* It may have been removed while its Lambda form was made. */
	rc = store_row(s, QUERY_IMAGE_GET, e, "tt", m->req->tenant, m->image.id);
	store_reset(s, QUERY_IMAGE_GET);
	return rc == 0 ? err_set(e, ERR_NOT_FOUND, "No such image: %s", json_str(m->create.config, "Image", "")) : rc < 0 ? -1 : 0;
}

static int insert_row(struct making *m, struct err *e)
{
	struct create *c = &m->create;
	int64_t now = time_now();

	if (check_free(m, e) < 0)
		return -1;
	if (store_run(m->req->store, QUERY_CREATE_INSERT, e, "ttttittttttttiiiiiit", m->id, m->req->tenant, m->name, m->function, now,
			 json_str(c->config, "Image", ""), m->image.id, m->uri, json_text(c->config), json_text(c->host_config),
			 json_text(c->networking), json_text(m->plan.spec), m->token, (int64_t)m->req->settings->lambda_timeout,
			 (int64_t)json_flag(c->host_config, "AutoRemove", false), (int64_t)json_flag(c->config, "Tty", false),
			 (int64_t)json_flag(c->config, "OpenStdin", false), (int64_t)json_flag(c->config, "StdinOnce", false), now, json_text(c->mounts)) < 0)
		return -1;
	return create_keep_volumes(m->req, c, m->id, e);
}

static int intend(struct making *m, struct err *e)
{
	m->name_taken = false;
	if (store_begin(m->req->store, e) < 0)
		return -1;
	if (insert_row(m, e) < 0) {
		store_rollback(m->req->store);
		return -1;
	}
	return store_commit(m->req->store, e);
}

/* The row goes the way of a removed container: the reconciler deletes it, and the function if there is one. */
static void undo(struct making *m)
{
	struct store *s = m->req->store;
	struct err e = { 0 };

	if (store_begin(s, &e) < 0) {
		log_warn("container %s stays in state creating until the reconciler finds it: %s", m->id, e.text);
		return;
	}
	if (container_move(s, m->id, EVENT_REMOVE, &e) < 0 || store_run(s, QUERY_CREATE_UNNAME, &e, "t", m->id) < 0)
		store_rollback(s);
	else if (store_commit(s, &e) == 0)
		hint_send(m->req->settings->run_dir, HINT_RECONCILER);
}

static int call_lambda(struct making *m, struct err *e)
{
	const struct settings *s = m->req->settings;
	struct lambda_function f = {
		.name = m->function,
		.description = m->plan.description,
		.image_uri = m->uri,
		.role_arn = s->lambda_role_arn,
		.architecture = image_lambda_architecture(image_config_architecture(m->image.config)),
		.timeout = (unsigned int)s->lambda_timeout,
		.memory_size = m->plan.memory,
		.ephemeral_storage = m->plan.storage,
		.entry_point = m->plan.entry_point,
		.command = m->plan.command,
		.working_directory = "/",
		.environment = m->plan.environment,
		.tags = m->plan.tags,
		.subnets = s->lambda_subnets,
		.security_groups = s->lambda_security_groups,
	};
	struct aws_client *aws = NULL;

	if (worker_aws(m->req, &aws, e) < 0)
		return -1;
	return lambda_create_function(aws, &f, NULL, e);
}

static int add_event(struct making *m, struct err *e)
{
	struct json_object *labels = json_obj(m->create.config, "Labels");
	CLEANUP_JSON struct json_object *attributes = json_object_new_object();

	if (!attributes)
		return err_nomem(e);
	if (labels) {
		json_object_object_foreach(labels, key, v)
			if (!json_add(attributes, key, json_object_get(v)))
				return err_nomem(e);
	}
	if (!json_add_str(attributes, "image", json_str(m->create.config, "Image", "")) || !json_add_str(attributes, "name", m->name))
		return err_nomem(e);
	return store_run(m->req->store, QUERY_EVENT_ADD, e, "titttt", m->req->tenant, time_now(), "container", "create", m->id,
			 json_text(attributes)) < 0 ? -1 : 0;
}

static int record(struct making *m, struct err *e)
{
	struct store *s = m->req->store;

	if (store_begin(s, e) < 0)
		return -1;
	if (container_move(s, m->id, EVENT_CREATED, e) < 0 || add_event(m, e) < 0) {
		store_rollback(s);
		return -1;
	}
	return store_commit(s, e);
}

/* The rest of the wait is start's, which tells also what Lambda doesn't tell now. */
static int await_active(struct making *m, struct err *e)
{
	unsigned int seconds = (unsigned int)m->req->settings->create_wait;
	enum function_ready found = seconds ? function_ready(m->req, m->function, seconds, e) : FUNCTION_PENDING;

	if (found == FUNCTION_UNKNOWN)
		log_warn("container %s: %s", m->id, e->text);
	return found == FUNCTION_REFUSED ? -1 : 0;
}

/* 0: made; 1: name or function name is taken, another draw may help (e is set all the same). */
static int attempt_once(struct making *m, int attempt, struct err *e)
{
	if (draw(m, attempt, e) < 0)
		return -1;
	if (intend(m, e) < 0)
		return m->name_taken && !m->wanted ? 1 : -1;
	if (call_lambda(m, e) < 0) {
		bool taken = e->kind == ERR_CONFLICT;

		undo(m);
		aws_trouble(e, "Lambda didn't create the function (look at its reason, SOCKERLESS_LAMBDA_* and the permissions of the service)");
		return taken ? 1 : -1;
	}
	if (await_active(m, e) < 0 || record(m, e) < 0) {
		undo(m);
		return -1;
	}
	return 0;
}

static int attempt(struct making *m, struct err *e)
{
	int rc = 1;

	for (int i = 0; i < ATTEMPTS && rc > 0; i++)
		rc = attempt_once(m, i, e);
	return rc == 0 ? 0 : -1;
}

/* The image's Lambda form has vanished from the registry, by a lifecycle rule for instance: another one is made. */
static int derive_again(struct making *m, struct err *e)
{
	if (store_run(m->req->store, QUERY_DERIVED_FORGET, e, "tt", m->req->tenant, m->uri) < 0)
		return -1;
	free(m->uri);
	m->uri = NULL;
	return create_derive(m->req, &m->image, &m->create, &m->uri, e) < 0 ? -1 : attempt(m, e);
}

static int make(struct making *m, struct json_object *body, struct err *e)
{
	int rc;

	if (!body)
		return err_set(e, ERR_INVALID, "config cannot be empty in order to create a container");
	if (create_check(body, &m->create, e) < 0 || check_image(m, e) < 0 ||
	    create_merge(&m->create, json_obj(m->image.config, "config"), e) < 0 || create_volumes_config(&m->create, e) < 0 || check_name(m, e) < 0)
		return -1;
	if (!*m->req->settings->agent_callback_url)
		return err_set(e, ERR_UNAVAILABLE, "SOCKERLESS_AGENT_CALLBACK_URL isn't set: functions would have no way back to this service");
	if (create_derive(m->req, &m->image, &m->create, &m->uri, e) < 0)
		return -1;
	rc = attempt(m, e);
	if (rc < 0 && strstr(e->text, "Source image") && strstr(e->text, "does not exist"))
		rc = derive_again(m, e);
	return rc;
}

static int answer(struct making *m, struct err *e)
{
	CLEANUP_JSON struct json_object *body = json_object_new_object();

	if (!body || !json_add_str(body, "Id", m->id) || !json_add(body, "Warnings", json_object_get(m->create.warnings)))
		return err_nomem(e);
	return reply_json(m->req, 201, body);
}

int route_container_create(struct request *req, struct err *e)
{
	__attribute__((cleanup(making_free))) struct making m = { .req = req };
	CLEANUP_JSON struct json_object *body = NULL;

	if (request_json(req, false, &body, e) < 0)
		return -1;
	if (make(&m, body, e) < 0)
		return -1;
	return answer(&m, e);
}
