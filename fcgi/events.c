/*
 * GET /events: the tenant's events from `since` on, until `until` or for ever.
 * The times and the filters are checked here; the gateway streams.
 */
#include <stdio.h>
#include <string.h>

#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/docker/filters.h"
#include "lib/docker/time.h"
#include "lib/json.h"

/* 0: not given. An explicit 0 is the beginning of all time, not "none". */
static int read_time(const struct request *req, const char *key, int64_t *ret, struct err *e)
{
	const char *text = request_query(req, key, "");

	if (!time_parse_unix(text, ret))
		return err_set(e, ERR_INTERNAL, "strconv.ParseInt: parsing \"%.200s\": invalid syntax", text);
	if (*text && *ret == 0)
		*ret = 1;
	return 0;
}

int route_events(struct request *req, struct err *e)
{
	CLEANUP_JSON struct json_object *filters = NULL;
	char since_text[24], until_text[24];
	int64_t since, until;

	if (read_time(req, "since", &since, e) < 0 || read_time(req, "until", &until, e) < 0)
		return -1;
	if (until && until < since)
		return err_set(e, ERR_INVALID, "`since` time (%.100s) cannot be after `until` time (%.100s)",
			       request_query(req, "since", ""), request_query(req, "until", ""));
	/* Without a beginning an end asks for all that there is before it, as with dockerd. */
	if (until && !since)
		since = 1;
	if (filters_parse(request_query(req, "filters", ""), &filters, e) < 0)
		return -1;
	snprintf(since_text, sizeof since_text, "%lld", (long long)since);
	snprintf(until_text, sizeof until_text, "%lld", (long long)until);
	return reply_handover(req, "/.gateway/http/events/0", "api", req->api, "tenant", req->tenant, "since", since_text,
			      "until", until_text, "filters", json_text(filters), NULL);
}
