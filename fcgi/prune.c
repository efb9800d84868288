#include "fcgi/prune.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/docker/filters.h"
#include "lib/docker/time.h"
#include "lib/json.h"

#define SECOND INT64_C(1000000000)
#define DURATION_MAX 4e18 /* ns */

/* Go's time.ParseDuration without a sign. */
static bool parse_duration(const char *text, int64_t *ret)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = { { "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }, { "m", 60e9 }, { "h", 3600e9 } };
	double sum = 0;

	if (!*text)
		return false;
	while (*text) {
		size_t digits = strspn(text, "0123456789."), letters = strspn(text + digits, "nsumh"), i = 0;
		char *end;
		double value = strtod(text, &end);

		if (digits == 0 || digits > 20 || end != text + digits)
			return false;
		while (i < sizeof units / sizeof *units && (strlen(units[i].name) != letters || memcmp(units[i].name, text + digits, letters) != 0))
			i++;
		if (i == sizeof units / sizeof *units)
			return false;
		sum += value * units[i].ns;
		text += digits + letters;
	}
	if (!isfinite(sum) || sum > DURATION_MAX)
		return false;
	*ret = (int64_t)sum;
	return true;
}

static bool parse_date(const char *text, int64_t *ret)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d" };

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct tm t = { 0 };
		const char *end = strptime(text, forms[i], &t);

		if (end && !*end) {
			*ret = (int64_t)timegm(&t) * SECOND;
			return true;
		}
	}
	return false;
}

bool prune_parse_until(const char *text, int64_t now, int64_t *ret)
{
	int64_t ns;

	if (parse_duration(text, &ns)) {
		*ret = ns < now ? now - ns : 1;
		return true;
	}
	return *text && (time_parse_unix(text, ret) || parse_date(text, ret));
}

int prune_read(struct request *req, const char *const *accepted, struct prune *ret, struct err *e)
{
	PRUNE_CLEANUP struct prune p = { .filters = NULL };

	if (filters_parse(request_query(req, "filters", ""), &p.filters, e) < 0 || filters_check(p.filters, accepted, e) < 0)
		return -1;
	if (filters_count(p.filters, "until") > 1)
		return err_set(e, ERR_INVALID, "more than one until filter specified");
	if (filters_count(p.filters, "until") && !prune_parse_until(filters_value(p.filters, "until", 0), time_now(), &p.until))
		return err_set(e, ERR_INVALID, "until=%.200s is not supported: give a duration (24h), a date or seconds since 1970",
			       filters_value(p.filters, "until", 0));
	*ret = p;
	p.filters = NULL;
	return 0;
}

void prune_free(struct prune *p)
{
	json_object_put(p->filters);
	p->filters = NULL;
}

bool prune_wants(const struct prune *p, const char *labels_text, int64_t created_at)
{
	CLEANUP_JSON struct json_object *labels = NULL;
	struct err ignored;

	if (p->until && created_at >= p->until)
		return false;
	if (*labels_text && json_parse(labels_text, strlen(labels_text), &labels, &ignored) < 0)
		return false;
	if (!filters_match_labels(p->filters, "label", labels))
		return false;
	return !filters_count(p->filters, "label!") || !filters_match_labels(p->filters, "label!", labels);
}

int prune_event(struct request *req, const char *type, int64_t bytes, struct err *e)
{
	char attributes[64];

	snprintf(attributes, sizeof attributes, "{\"reclaimed\":\"%lld\"}", (long long)bytes);
	return store_run(req->store, QUERY_EVENT_ADD, e, "titttt", req->tenant, time_now(), type, "prune", "", attributes) < 0 ? -1 : 0;
}

int prune_event_commit(struct request *req, const char *type, int64_t bytes, struct err *e)
{
	if (store_begin(req->store, e) < 0)
		return -1;
	if (prune_event(req, type, bytes, e) < 0) {
		store_rollback(req->store);
		return -1;
	}
	return store_commit(req->store, e);
}

bool prune_add(struct json_object *answer, const char *key, struct json_object *list)
{
	return json_add(answer, key, json_object_array_length(list) ? json_object_get(list) : NULL);
}
