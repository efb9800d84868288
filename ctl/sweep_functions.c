/* Functions against rows. */
#include <stdio.h>
#include <string.h>

#include "ctl/sweep.h"
#include "lib/aws/lambda.h"
#include "lib/ids.h"
#include "lib/json.h"
#include "lib/log.h"

#define PREFIX "skls-"

struct listing {
	struct sweep *sweep;
	struct json_object *names;   /* function names of this deployment, as members */
	struct json_object *orphans; /* name -> {"arn":..,"id":..} */
};

/* The container's id within "sockerless <deployment> <id>", or NULL for what isn't ours. */
static const char *container_of(struct sweep *s, const struct lambda_listed *f)
{
	const char *p = f->description;
	size_t n = strlen(s->settings->deployment);

	if (strncmp(f->name, PREFIX, strlen(PREFIX)) != 0 || strncmp(p, "sockerless ", 11) != 0)
		return NULL;
	p += 11;
	if (strncmp(p, s->settings->deployment, n) != 0 || p[n] != ' ')
		return NULL;
	p += n + 1;
	if (strlen(p) != ID_HEX_LEN || !hex_is(p, ID_HEX_LEN) || strncmp(p, f->name + strlen(PREFIX), 12) != 0)
		return NULL;
	return p;
}

static int note(void *arg, const struct lambda_listed *f, struct err *e)
{
	struct listing *l = arg;
	const char *id = container_of(l->sweep, f);
	struct json_object *o;
	int found;

	if (!id)
		return 0;
	if (!json_add(l->names, f->name, NULL))
		return err_nomem(e);
	found = store_row(l->sweep->store, QUERY_SWEEP_FUNCTION, e, "t", f->name);
	store_reset(l->sweep->store, QUERY_SWEEP_FUNCTION);
	if (found != 0)
		return found < 0 ? -1 : 0;
	o = json_object_new_object();
	if (!o || !json_add_str(o, "arn", f->arn) || !json_add_str(o, "id", id)) {
		json_object_put(o);
		return err_nomem(e);
	}
	return json_add(l->orphans, f->name, o) ? 0 : err_nomem(e);
}

/* Deletes one whose tags agree that it is ours. */
static int delete_orphan(struct sweep *s, const char *name, struct json_object *o, struct err *e)
{
	CLEANUP_JSON struct json_object *tags = NULL;
	int found;

	if (lambda_list_tags(s->aws, json_str(o, "arn", ""), &tags, e) < 0)
		return e->kind == ERR_NOT_FOUND ? 0 : -1;
	if (strcmp(json_str(tags, "sockerless-container", ""), json_str(o, "id", "?")) != 0) {
		log_warn("function %s looks like ours, but its tags say otherwise: left alone", name);
		return 0;
	}
	found = store_row(s->store, QUERY_SWEEP_FUNCTION, e, "t", name);
	store_reset(s->store, QUERY_SWEEP_FUNCTION);
	if (found != 0)
		return found < 0 ? -1 : 0;
	if (lambda_delete_function(s->aws, name, e) < 0)
		return -1;
	log_warn("function %s belonged to no container: deleted", name);
	return 1;
}

static int note_missing(struct listing *l, int64_t before, struct err *e)
{
	struct store *s = l->sweep->store;
	int rc;

	if (store_query(s, QUERY_SWEEP_FUNCTIONS, e, "i", before) < 0)
		return -1;
	while ((rc = store_step(s, QUERY_SWEEP_FUNCTIONS, e)) > 0)
		if (!json_object_object_get_ex(l->names, store_text(s, QUERY_SWEEP_FUNCTIONS, 1), NULL))
			log_warn("container %.12s (%s) has lost its function %s: it can only be removed", store_text(s, QUERY_SWEEP_FUNCTIONS, 0),
				 store_text(s, QUERY_SWEEP_FUNCTIONS, 2), store_text(s, QUERY_SWEEP_FUNCTIONS, 1));
	return rc;
}

int sweep_functions(struct sweep *s, struct err *e)
{
	CLEANUP_JSON struct json_object *names = json_object_new_object();
	CLEANUP_JSON struct json_object *orphans = json_object_new_object();
	struct listing l = { s, names, orphans };
	int64_t before = time_now();
	int deleted = 0;

	if (!names || !orphans)
		return err_nomem(e);
	if (lambda_list_functions(s->aws, note, &l, e) < 0)
		return -1;
	json_object_object_foreach(orphans, name, o) {
		int rc = delete_orphan(s, name, o, e);

		if (rc < 0)
			return -1;
		deleted += rc;
	}
	return note_missing(&l, before, e) < 0 ? -1 : deleted;
}
