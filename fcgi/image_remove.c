/*
 * DELETE /images/{ref}: takes a name away, and the image with its last name,
 * by dockerd's rules: a name whose image a container uses, an image of a
 * running container, and an id with several names are conflicts, some of which
 * ?force=1 overrules. ?noprune= changes nothing, as no image has a parent that
 * could go with it. The answer tells what was untagged and deleted. The manifests become garbage of the registry, which the
 * reconciler deletes there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/image_layers.h"
#include "fcgi/image_store.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/cleanup.h"
#include "lib/json.h"

struct removal {
	struct request *req;
	struct image_row image;
	struct json_object *names;   /* all references; owned */
	struct json_object *records; /* the answer; owned */
	char user[13];               /* a container that uses it; "" if none */
	bool user_runs;
	bool force;
};

static void removal_free(struct removal *r)
{
	image_row_free(&r->image);
	json_object_put(r->names);
	json_object_put(r->records);
}

static const char *name_at(struct removal *r, size_t i)
{
	return json_object_get_string(json_object_array_get_idx(r->names, i));
}

static size_t name_count(struct removal *r)
{
	return json_object_array_length(r->names);
}

static int reload_names(struct removal *r, struct err *e)
{
	json_object_put(r->names);
	r->names = NULL;
	return image_names(r->req->store, r->req->tenant, r->image.id, &r->names, e);
}

/* Length of the part before ":tag" or "@digest". */
static size_t repository_length(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *at = strchr(name, '@');
	const char *colon = strchr(slash ? slash : name, ':');

	return at ? (size_t)(at - name) : colon ? (size_t)(colon - name) : strlen(name);
}

static bool same_repository(const char *a, const char *b)
{
	size_t n = repository_length(a);

	return n == repository_length(b) && memcmp(a, b, n) == 0;
}

/* At most one tag, and nothing outside of its repository. */
static bool is_single_reference(struct removal *r)
{
	size_t tags = 0;

	for (size_t i = 0; i < name_count(r); i++) {
		tags += !image_is_digest(name_at(r, i));
		if (!same_repository(name_at(r, 0), name_at(r, i)))
			return false;
	}
	return tags <= 1;
}

static int find_user(struct removal *r, struct err *e)
{
	struct store *s = r->req->store;
	int rc = store_row(s, QUERY_IMAGE_USER, e, "tt", r->req->tenant, r->image.id);

	if (rc > 0) {
		const char *state = store_text(s, QUERY_IMAGE_USER, 1);

		snprintf(r->user, sizeof r->user, "%.12s", store_text(s, QUERY_IMAGE_USER, 0));
		r->user_runs = strcmp(state, "running") == 0 || strcmp(state, "starting") == 0 || strcmp(state, "paused") == 0;
	}
	store_reset(s, QUERY_IMAGE_USER);
	return rc < 0 ? -1 : 0;
}

static int add_record(struct removal *r, const char *what, const char *text, struct err *e)
{
	struct json_object *o = json_object_new_object();

	if (!o || !json_add_str(o, what, text) || json_object_array_add(r->records, o) < 0) {
		json_object_put(o);
		return err_nomem(e);
	}
	return 0;
}

static int untag(struct removal *r, const char *reference, bool told, struct err *e)
{
	CLEANUP_FREE char *shown = image_familiar(reference);

	if (!shown)
		return err_nomem(e);
	if (store_run(r->req->store, QUERY_IMAGE_REFERENCE_DELETE, e, "tt", r->req->tenant, reference) < 0)
		return -1;
	if (told && image_event(r->req->store, r->req->tenant, "untag", r->image.id, r->image.id, r->image.config, e) < 0)
		return -1;
	return add_record(r, "Untagged", shown, e);
}

static int check_conflict(struct removal *r, bool active_reference, struct err *e)
{
	const char *id = r->image.id + 7;

	if (r->user_runs)
		return err_set(e, ERR_CONFLICT, "conflict: unable to delete %.12s (cannot be forced) - image is being used by running container %s", id, r->user);
	if (r->force)
		return 0;
	if (active_reference && name_count(r) > 1)
		return err_set(e, ERR_CONFLICT, "conflict: unable to delete %.12s (must be forced) - image is referenced in multiple repositories", id);
	if (*r->user)
		return err_set(e, ERR_CONFLICT, "conflict: unable to delete %.12s (must be forced) - image is being used by stopped container %s", id, r->user);
	return 0;
}

static int delete_image(struct removal *r, struct err *e)
{
	struct store *s = r->req->store;
	const char *tenant = r->req->tenant;

	while (name_count(r) > 0) {
		if (untag(r, name_at(r, 0), true, e) < 0 || reload_names(r, e) < 0)
			return -1;
	}
	if (store_run(s, QUERY_GARBAGE_ADD_IMAGE, e, "itt", time_now(), tenant, r->image.id) < 0 ||
	    store_run(s, QUERY_GARBAGE_ADD_DERIVED, e, "itt", time_now(), tenant, r->image.id) < 0)
		return -1;
	if (store_run(s, QUERY_DERIVED_DELETE, e, "tt", tenant, r->image.id) < 0 ||
	    store_run(s, QUERY_IMAGE_DELETE, e, "tt", tenant, r->image.id) < 0 ||
	    image_event(s, tenant, "delete", r->image.id, r->image.id, NULL, e) < 0 ||
	    add_record(r, "Deleted", r->image.id, e) < 0)
		return -1;
	return image_layers_deleted(r->req, r->image.config, r->records, e);
}

/* The digests of a repository go with its last tag, without a word. */
static int untag_digests(struct removal *r, const char *reference, struct err *e)
{
	if (image_is_digest(reference))
		return 0;
	for (size_t i = 0; i < name_count(r); i++)
		if (!image_is_digest(name_at(r, i)) && same_repository(name_at(r, i), reference))
			return 0;
	for (size_t i = 0; i < name_count(r); i++)
		if (same_repository(name_at(r, i), reference) && untag(r, name_at(r, i), false, e) < 0)
			return -1;
	return reload_names(r, e);
}

static int untag_whole(struct removal *r, const char *reference, struct err *e)
{
	return untag(r, reference, true, e) < 0 || reload_names(r, e) < 0 || untag_digests(r, reference, e) < 0 ? -1 : 0;
}

/* The stored form of the name that the client gave. */
static char *stored_name(const char *text, struct err *e)
{
	REFERENCE_CLEANUP struct reference ref = { 0 };
	char *full = NULL;

	if (reference_parse(text, &ref, e) < 0)
		return NULL;
	if (ref.digest) {
		CLEANUP_FREE char *name = reference_name(&ref);

		if (!name || asprintf(&full, "%s@%s", name, ref.digest) < 0)
			full = NULL;
	} else if (reference_default_tag(&ref, e) == 0) {
		full = reference_full(&ref);
	}
	if (!full)
		err_nomem(e);
	return full;
}

static int remove_by_name(struct removal *r, struct err *e)
{
	const char *text = r->req->name;
	CLEANUP_FREE char *reference = stored_name(text, e);
	struct err conflict = { 0 };

	if (!reference)
		return -1;
	if (!r->force && is_single_reference(r) && *r->user)
		return err_set(e, ERR_CONFLICT, "conflict: unable to remove repository reference \"%s\" (must force) - container %s is using its referenced image %.12s",
			       text, r->user, r->image.id + 7);
	if (untag_whole(r, reference, e) < 0)
		return -1;
	if (name_count(r) > 0)
		return 0;
	/* A container keeps it, without a name. */
	if (check_conflict(r, false, &conflict) < 0)
		return 0;
	return delete_image(r, e);
}

static int remove_by_id(struct removal *r, struct err *e)
{
	if (check_conflict(r, !is_single_reference(r), e) < 0)
		return -1;
	return delete_image(r, e);
}

/* A name goes before the beginning of an id. */
static int run(struct removal *r, struct err *e)
{
	bool by_id = image_is_id_prefix(r->image.id, r->req->name);

	r->records = json_object_new_array();
	if (!r->records)
		return err_nomem(e);
	if (reload_names(r, e) < 0 || find_user(r, e) < 0)
		return -1;
	return by_id ? remove_by_id(r, e) : remove_by_name(r, e);
}

int image_remove_unused(struct request *req, const char *id, struct json_object *records, struct err *e)
{
	__attribute__((cleanup(removal_free))) struct removal r = { .req = req, .records = json_object_get(records) };

	if (image_load(req->store, req->tenant, id, &r.image, e) <= 0)
		return -1;
	if (reload_names(&r, e) < 0 || find_user(&r, e) < 0)
		return -1;
	if (*r.user)
		return 0;
	while (name_count(&r) > 0) {
		CLEANUP_FREE char *reference = strdup(name_at(&r, 0));

		if (!reference)
			return err_nomem(e);
		if (untag_whole(&r, reference, e) < 0)
			return -1;
	}
	return delete_image(&r, e) < 0 ? -1 : 1;
}

int route_image_remove(struct request *req, struct err *e)
{
	__attribute__((cleanup(removal_free))) struct removal r = { .req = req, .force = request_flag(req, "force", false) };

	if (store_begin(req->store, e) < 0)
		return -1;
	if (image_find(req->store, req->tenant, req->name, &r.image, e) < 0 || run(&r, e) < 0) {
		store_rollback(req->store);
		return -1;
	}
	if (store_commit(req->store, e) < 0)
		return -1;
	return reply_json(req, 200, r.records);
}
