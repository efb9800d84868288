/*
 * GET /images/json: images of the tenant, newest first. Filters: dangling,
 * label, before, since, until, reference. ?shared-size=1 counts layers that
 * other images have, ?manifests=1 shows the manifest of each. ?all and ?digests
 * change nothing: there are no intermediate images, digests are always shown.
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/image_manifests.h"
#include "fcgi/image_sizes.h"
#include "fcgi/image_store.h"
#include "fcgi/prune.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/cleanup.h"
#include "lib/docker/filters.h"
#include "lib/docker/versions.h"
#include "lib/json.h"

/* fnmatch() takes time by the power of the stars. */
#define PATTERN_MAX 256
#define PATTERN_STARS_MAX 6

static const char *const accepted[] = { "dangling", "label", "label!", "before", "since", "until", "reference", NULL };

struct listing {
	struct request *req;
	struct json_object *filters; /* owned */
	struct json_object *names;   /* image id -> array of references; owned */
	struct image_sizes sizes;    /* read for shared-size alone */
	bool shared;
	bool manifests;
	int dangling;                /* -1: whatever */
	int64_t before;              /* creation time, seconds; 0: none */
	int64_t since;
};

static void listing_free(struct listing *l)
{
	json_object_put(l->filters);
	json_object_put(l->names);
	image_sizes_free(&l->sizes);
}

static int collect_names(struct listing *l, struct err *e)
{
	struct store *s = l->req->store;
	int rc;

	l->names = json_object_new_object();
	if (!l->names)
		return err_nomem(e);
	if (store_query(s, QUERY_IMAGE_REFERENCES_ALL, e, "t", l->req->tenant) < 0)
		return -1;
	while ((rc = store_step(s, QUERY_IMAGE_REFERENCES_ALL, e)) > 0) {
		const char *id = store_text(s, QUERY_IMAGE_REFERENCES_ALL, 0);
		struct json_object *list = json_array(l->names, id);
		struct json_object *name = json_object_new_string(store_text(s, QUERY_IMAGE_REFERENCES_ALL, 1));

		if (!list && (list = json_object_new_array()) && !json_add(l->names, id, list))
			list = NULL;
		if (!list || !name || json_object_array_add(list, name) < 0) {
			store_reset(s, QUERY_IMAGE_REFERENCES_ALL);
			return err_nomem(e);
		}
	}
	return rc;
}

static int creation_of(struct listing *l, const char *filter, int64_t *ret, struct err *e)
{
	IMAGE_ROW_CLEANUP struct image_row row = { 0 };

	if (!filters_count(l->filters, filter))
		return 0;
	if (image_find(l->req->store, l->req->tenant, filters_value(l->filters, filter, 0), &row, e) < 0)
		return -1;
	*ret = image_created(row.config);
	return 0;
}

static int read_until(struct listing *l, struct err *e)
{
	int64_t ns;

	for (size_t i = 0; i < filters_count(l->filters, "until"); i++) {
		const char *text = filters_value(l->filters, "until", i);

		if (!prune_parse_until(text, time_now(), &ns))
			return err_set(e, ERR_INVALID, "until=%.200s is not supported: give a duration (24h), a date or seconds since 1970", text);
		if (ns && (!l->before || ns / 1000000000 < l->before))
			l->before = ns / 1000000000;
	}
	return 0;
}

static int read_filters(struct listing *l, struct err *e)
{
	if (filters_parse(request_query(l->req, "filters", ""), &l->filters, e) < 0 || filters_check(l->filters, accepted, e) < 0)
		return -1;
	l->dangling = filters_boolean(l->filters, "dangling", -1, e);
	if (l->dangling < 0 && filters_count(l->filters, "dangling"))
		return -1;
	if (creation_of(l, "before", &l->before, e) < 0 || creation_of(l, "since", &l->since, e) < 0)
		return -1;
	return read_until(l, e);
}

static bool is_bearable(const char *pattern)
{
	size_t stars = 0;

	for (const char *p = pattern; *p; p++)
		stars += *p == '*';
	return stars <= PATTERN_STARS_MAX && strlen(pattern) <= PATTERN_MAX;
}

/* As dockerd: against "busybox:latest", and against "busybox" alone. */
static bool matches(struct listing *l, const char *reference)
{
	REFERENCE_CLEANUP struct reference r = { 0 };
	CLEANUP_FREE char *familiar = NULL;
	CLEANUP_FREE char *name = NULL;
	size_t n = filters_count(l->filters, "reference");
	struct err e;

	if (n == 0)
		return true;
	if (reference_parse(reference, &r, &e) < 0 || !(familiar = reference_familiar(&r)) || !(name = reference_familiar_name(&r)))
		return false;
	for (size_t i = 0; i < n; i++) {
		const char *pattern = filters_value(l->filters, "reference", i);

		if (!is_bearable(pattern))
			continue;
		if (fnmatch(pattern, familiar, FNM_PATHNAME) == 0 || fnmatch(pattern, name, FNM_PATHNAME) == 0)
			return true;
	}
	return false;
}

static bool wanted(struct listing *l, struct json_object *config, bool has_tags)
{
	struct json_object *labels = json_obj(json_obj(config, "config"), "Labels");
	int64_t created = image_created(config);

	if (l->dangling >= 0 && l->dangling == has_tags)
		return false;
	if ((l->before && created >= l->before) || (l->since && created <= l->since))
		return false;
	if (!filters_match_labels(l->filters, "label", labels))
		return false;
	return !filters_count(l->filters, "label!") || !filters_match_labels(l->filters, "label!", labels);
}

static int add_matching(struct listing *l, const char *id, struct json_object *tags, struct json_object *digests, bool *ret_tagged, struct err *e)
{
	struct json_object *names = json_array(l->names, id);

	for (size_t i = 0; names && i < json_object_array_length(names); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(names, i));
		CLEANUP_FREE char *shown = NULL;
		struct json_object *text;

		*ret_tagged = *ret_tagged || !image_is_digest(name);
		if (!matches(l, name))
			continue;
		shown = image_familiar(name);
		text = shown ? json_object_new_string(shown) : NULL;
		if (!text || json_object_array_add(image_is_digest(name) ? digests : tags, text) < 0)
			return err_nomem(e);
	}
	return 0;
}

/* dockerd's placeholder of an image without names, for clients of old versions. */
static bool add_placeholder(struct json_object *list, const char *text)
{
	struct json_object *v = json_object_new_string(text);

	return v && json_object_array_add(list, v) == 0;
}

static int add_manifests(struct listing *l, struct json_object *o, const struct image_manifest *m, struct err *e)
{
	struct json_object *list = NULL;

	if (!l->manifests)
		return 0;
	if (image_manifests(l->req, m, &list, e) < 0)
		return -1;
	return json_add(o, "Manifests", list) ? 0 : err_nomem(e);
}

static int add_image(struct listing *l, struct json_object *list, const struct image_manifest *m, struct err *e)
{
	struct json_object *config = m->config;
	const char *id = m->image_id;
	int64_t size = m->content;
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	CLEANUP_JSON struct json_object *tags = json_object_new_array();
	CLEANUP_JSON struct json_object *digests = json_object_new_array();
	struct json_object *labels = json_obj(json_obj(config, "config"), "Labels");
	bool tagged = false;

	if (!o || !tags || !digests)
		return err_nomem(e);
	if (add_matching(l, id, tags, digests, &tagged, e) < 0)
		return -1;
	if (!wanted(l, config, tagged))
		return 0;
	if (filters_count(l->filters, "reference") && !json_object_array_length(tags) && !json_object_array_length(digests))
		return 0;
	if (l->req->minor < 43 && !json_object_array_length(tags) && !json_object_array_length(digests) &&
	    (!add_placeholder(tags, "<none>:<none>") || !add_placeholder(digests, "<none>@<none>")))
		return err_nomem(e);
	if (!json_add_int(o, "Containers", -1) || !json_add_int(o, "Created", image_created(config)) || !json_add_str(o, "Id", id) ||
	    !json_add(o, "Labels", json_object_get(labels)) || !json_add_str(o, "ParentId", "") ||
	    !json_add(o, "RepoDigests", json_object_get(digests)) || !json_add(o, "RepoTags", json_object_get(tags)) ||
	    !json_add_int(o, "SharedSize", l->shared ? image_sizes_shared(&l->sizes, id) : -1) || !json_add_int(o, "Size", size) ||
	    (version_shows(VERSION_IMAGE_VIRTUAL_SIZE, l->req->minor) && !json_add_int(o, "VirtualSize", size)))
		return err_nomem(e);
	if (add_manifests(l, o, m, e) < 0)
		return -1;
	if (json_object_array_add(list, o) < 0)
		return err_nomem(e);
	json_object_get(o);
	return 0;
}

static int newer_first(const void *a, const void *b)
{
	int64_t x = json_int(*(struct json_object *const *)a, "Created", 0);
	int64_t y = json_int(*(struct json_object *const *)b, "Created", 0);

	return x < y ? 1 : x > y ? -1 : 0;
}

static int collect(struct listing *l, struct json_object *list, struct err *e)
{
	struct store *s = l->req->store;
	int rc;

	if (store_query(s, QUERY_IMAGE_ALL, e, "t", l->req->tenant) < 0)
		return -1;
	while ((rc = store_step(s, QUERY_IMAGE_ALL, e)) > 0) {
		CLEANUP_JSON struct json_object *config = NULL;
		const char *text = store_text(s, QUERY_IMAGE_ALL, 1);
		struct image_manifest m = {
			.image_id = store_text(s, QUERY_IMAGE_ALL, 0),
			.content = store_int(s, QUERY_IMAGE_ALL, 2),
			.digest = store_text(s, QUERY_IMAGE_ALL, 4),
			.media_type = store_text(s, QUERY_IMAGE_ALL, 5),
			.size = store_int(s, QUERY_IMAGE_ALL, 6),
		};

		if (json_parse(text, strlen(text), &config, e) == 0)
			m.config = config;
		if (!m.config || add_image(l, list, &m, e) < 0) {
			store_reset(s, QUERY_IMAGE_ALL);
			return -1;
		}
	}
	return rc;
}

int image_list_all(struct request *req, struct json_object **ret, struct err *e)
{
	__attribute__((cleanup(listing_free))) struct listing l = { .req = req, .filters = json_object_new_object(), .dangling = -1 };
	CLEANUP_JSON struct json_object *list = json_object_new_array();

	if (!list || !l.filters)
		return err_nomem(e);
	if (collect_names(&l, e) < 0 || collect(&l, list, e) < 0)
		return -1;
	json_object_array_sort(list, newer_first);
	*ret = STEAL(list);
	return 0;
}

int route_image_list(struct request *req, struct err *e)
{
	__attribute__((cleanup(listing_free))) struct listing l = { .req = req };
	CLEANUP_JSON struct json_object *list = json_object_new_array();

	if (!list)
		return err_nomem(e);
	l.shared = request_flag(req, "shared-size", false);
	l.manifests = version_shows(VERSION_IMAGE_MANIFESTS, req->minor) && request_flag(req, "manifests", false);
	if (l.shared && image_sizes_read(req, &l.sizes, e) < 0)
		return -1;
	if (read_filters(&l, e) < 0 || collect_names(&l, e) < 0 || collect(&l, list, e) < 0)
		return -1;
	json_object_array_sort(list, newer_first);
	return reply_json(req, 200, list);
}
