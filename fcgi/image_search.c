/*
 * GET /images/search?term=&limit=&filters=: asks the index behind docker.io, or
 * for "host/term" that registry, by its /v1/search. Filters: is-official,
 * is-automated, stars. A registry without a search is a refusal.
 */
#include <stdlib.h>
#include <string.h>

#include "fcgi/image_source.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/cleanup.h"
#include "lib/docker/filters.h"
#include "lib/json.h"

#define LIMIT_DEFAULT 25
#define LIMIT_MAX 100

struct search {
	struct json_object *filters; /* owned */
	int official, automated;     /* -1: whatever */
	int64_t stars;
	int limit;
};

static void search_free(struct search *s)
{
	json_object_put(s->filters);
}

static int read_stars(struct search *s, struct err *e)
{
	for (size_t i = 0; i < filters_count(s->filters, "stars"); i++) {
		const char *text = filters_value(s->filters, "stars", i);
		char *end;
		long stars = strtol(text, &end, 10);

		if (!*text || *end)
			return err_set(e, ERR_INVALID, "invalid filter 'stars=%.100s'", text);
		if (stars > s->stars)
			s->stars = stars;
	}
	return 0;
}

static int read_parameters(struct request *req, struct search *s, struct err *e)
{
	static const char *const accepted[] = { "is-automated", "is-official", "stars", NULL };
	const char *limit = request_query(req, "limit", "");
	char *end = NULL;
	long n = *limit ? strtol(limit, &end, 10) : LIMIT_DEFAULT;

	if (end && *end)
		return err_set(e, ERR_INVALID, "strconv.Atoi: parsing \"%.100s\": invalid syntax", limit);
	n = n == 0 ? LIMIT_DEFAULT : n;
	if (n < 1 || n > LIMIT_MAX)
		return err_set(e, ERR_INVALID, "limit %ld is outside the range of [1, %d]", n, LIMIT_MAX);
	s->limit = (int)n;
	if (filters_parse(request_query(req, "filters", ""), &s->filters, e) < 0 || filters_check(s->filters, accepted, e) < 0)
		return -1;
	s->official = filters_boolean(s->filters, "is-official", -1, e);
	s->automated = filters_boolean(s->filters, "is-automated", -1, e);
	if ((s->official < 0 && filters_count(s->filters, "is-official")) || (s->automated < 0 && filters_count(s->filters, "is-automated")))
		return -1;
	return read_stars(s, e);
}

static bool wanted(const struct search *s, struct json_object *found)
{
	return (s->official < 0 || s->official == json_flag(found, "is_official", false)) &&
	       (s->automated < 0 || s->automated == json_flag(found, "is_automated", false)) && json_int(found, "star_count", 0) >= s->stars;
}

static int add(struct json_object *list, struct json_object *found, struct err *e)
{
	struct json_object *o = json_object_new_object();

	if (json_object_array_add(list, o) < 0) {
		json_object_put(o);
		return err_nomem(e);
	}
	if (!o || !json_add_int(o, "star_count", json_int(found, "star_count", 0)) || !json_add_bool(o, "is_official", json_flag(found, "is_official", false)) ||
	    !json_add_str(o, "name", json_str(found, "name", "")) || !json_add_bool(o, "is_automated", json_flag(found, "is_automated", false)) ||
	    !json_add_str(o, "description", json_str(found, "description", "")))
		return err_nomem(e);
	return 0;
}

/* "host/term" as in a reference; everything else is docker.io's. */
static const char *split_host(const char *term, char **ret_host)
{
	const char *slash = strchr(term, '/');
	size_t n = slash ? (size_t)(slash - term) : 0;

	*ret_host = NULL;
	if (!slash || (!memchr(term, '.', n) && !memchr(term, ':', n) && strncmp(term, "localhost/", 10) != 0))
		return term;
	*ret_host = strndup(term, n);
	return slash + 1;
}

int route_image_search(struct request *req, struct err *e)
{
	__attribute__((cleanup(search_free))) struct search s = { .filters = NULL };
	CLEANUP_JSON struct json_object *auth = image_source_auth(req);
	CLEANUP_JSON struct json_object *found = NULL;
	CLEANUP_JSON struct json_object *list = json_object_new_array();
	REGISTRY_CLEANUP struct registry *registry = NULL;
	CLEANUP_FREE char *host = NULL;
	const char *term = request_query(req, "term", "");

	if (!list)
		return err_nomem(e);
	if (read_parameters(req, &s, e) < 0)
		return -1;
	if (strstr(term, "://"))
		return err_set(e, ERR_INVALID, "invalid repository name: repository name (%.200s) should not have a scheme", term);
	term = split_host(term, &host);
	if (image_source_open_index(req, host, auth, &registry, e) < 0 || registry_search(registry, term, s.limit, &found, e) < 0)
		return -1;
	for (size_t i = 0; i < json_object_array_length(found) && (int)json_object_array_length(list) < s.limit; i++) {
		struct json_object *one = json_object_array_get_idx(found, i);

		if (wanted(&s, one) && add(list, one, e) < 0)
			return -1;
	}
	return reply_json(req, 200, list);
}
