#include "fcgi/list_filters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/container.h"
#include "fcgi/image_store.h"
#include "lib/docker/filters.h"
#include "lib/json.h"

static const char *const accepted[] = {
	"ancestor", "before", "exited", "id",      "isolation", "label",  "name",   "status",
	"health",   "since",  "volume", "network", "is-task",   "publish", "expose", NULL,
};

static bool is_one_of(const char *text, const char *const *words)
{
	while (*words && strcmp(*words, text) != 0)
		words++;
	return *words != NULL;
}

static int check_words(struct json_object *filters, const char *key, const char *const *words, struct err *e)
{
	for (size_t i = 0; i < filters_count(filters, key); i++)
		if (!is_one_of(filters_value(filters, key, i), words))
			return err_set(e, ERR_INVALID, "invalid filter '%s=%.200s'", key, filters_value(filters, key, i));
	return 0;
}

static int check_exited(struct json_object *filters, struct err *e)
{
	for (size_t i = 0; i < filters_count(filters, "exited"); i++) {
		const char *value = filters_value(filters, "exited", i);
		const char *digits = value + (*value == '-' || *value == '+');

		if (!*digits || digits[strspn(digits, "0123456789")] || strlen(digits) > 9)
			return err_set(e, ERR_INTERNAL, "strconv.Atoi: parsing \"%.200s\": invalid syntax", value);
	}
	return 0;
}

struct ports {
	long first, last;
	const char *protocol;
};

/* Go's strconv.ParseUint of 16 bits. */
static int parse_port(const char *text, size_t len, long *ret, struct err *e)
{
	if (!len || strspn(text, "0123456789") < len)
		return err_set(e, ERR_INTERNAL, "strconv.ParseUint: parsing \"%.*s\": invalid syntax", (int)(len < 200 ? len : 200), text);
	*ret = len < 10 ? strtol(text, NULL, 10) : 65536;
	if (*ret > 65535)
		return err_set(e, ERR_INTERNAL, "strconv.ParseUint: parsing \"%.*s\": value out of range", (int)(len < 200 ? len : 200), text);
	return 0;
}

/* 80, 80/tcp, 8000-8100/udp; errors are those of go-connections' nat. */
static int parse_ports(const char *text, struct ports *ret, struct err *e)
{
	size_t len = strcspn(text, "/"), dash = strcspn(text, "-/");
	struct ports p;

	if (!len)
		return err_set(e, ERR_INTERNAL, "empty string specified for ports");
	if (parse_port(text, dash, &p.first, e) < 0)
		return -1;
	p.last = p.first;
	if (dash < len && parse_port(text + dash + 1, len - dash - 1, &p.last, e) < 0)
		return -1;
	if (p.last < p.first)
		return err_set(e, ERR_INTERNAL, "invalid range specified for port: %.*s", (int)len, text);
	p.protocol = text[len] && text[len + 1] ? text + len + 1 : "tcp";
	*ret = p;
	return 0;
}

static int check_ports(struct json_object *filters, const char *key, struct err *e)
{
	for (size_t i = 0; i < filters_count(filters, key); i++) {
		const char *value = filters_value(filters, key, i);
		struct ports ignored;
		struct err why;

		if (strchr(value, ':'))
			return err_set(e, ERR_INTERNAL, "filter for '%s' should not contain ':': %.200s", key, value);
		if (parse_ports(value, &ignored, &why) < 0)
			return err_set(e, ERR_INTERNAL, "error while looking up for %s %.200s: %s", key, value, why.text);
	}
	return 0;
}

static int check_health(struct json_object *filters, struct err *e)
{
	static const char *const healths[] = { "none", "starting", "healthy", "unhealthy", NULL };

	for (size_t i = 0; i < filters_count(filters, "health"); i++)
		if (!is_one_of(filters_value(filters, "health", i), healths))
			return err_set(e, ERR_INVALID, "Unrecognised filter value for health: %.200s", filters_value(filters, "health", i));
	return 0;
}

static int check(struct json_object *filters, struct err *e)
{
	static const char *const states[] = { "paused", "restarting", "removing", "running", "dead", "created", "exited", NULL };

	if (filters_check(filters, accepted, e) < 0 || check_exited(filters, e) < 0 ||
	    check_words(filters, "status", states, e) < 0 || check_health(filters, e) < 0 ||
	    check_ports(filters, "publish", e) < 0 || check_ports(filters, "expose", e) < 0)
		return -1;
	return 0;
}

/* The container that before or since names, the last one given. */
static int read_reference(struct request *req, struct json_object *filters, const char *key, char id[ID_HEX_LEN + 1], struct err *e)
{
	for (size_t i = 0; i < filters_count(filters, key); i++) {
		CONTAINER_CLEANUP struct container c = { 0 };

		if (container_find(req, filters_value(filters, key, i), &c, e) < 0)
			return -1;
		snprintf(id, ID_HEX_LEN + 1, "%s", c.id);
	}
	return 0;
}

/* The whole ids that a filter's values stand for; each for one at most. NULL: it isn't given. */
static int read_ids(struct request *req, struct json_object *filters, const char *key,
		    int (*find)(struct request *, const char *value, char ret_id[DIGEST_SIZE], struct err *), struct json_object **ret, struct err *e)
{
	size_t n = filters_count(filters, key);

	if (n == 0)
		return 0;
	*ret = json_object_new_object();
	if (!*ret)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++) {
		char id[DIGEST_SIZE];
		int rc = find(req, filters_value(filters, key, i), id, e);

		if (rc == 1 && !json_add_bool(*ret, id, true))
			return err_nomem(e);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int find_image(struct request *req, const char *value, char ret_id[DIGEST_SIZE], struct err *e)
{
	return image_id_of(req->store, req->tenant, value, ret_id, e);
}

/* Of several whose ids begin so, none is meant. */
static int find_container(struct request *req, const char *value, char ret_id[DIGEST_SIZE], struct err *e)
{
	_Static_assert(DIGEST_SIZE > ID_HEX_LEN, "an id of a container fits");
	return container_by_prefix(req, value, ret_id, e);
}

int list_filters_read(struct request *req, struct list_filters *ret, struct err *e)
{
	struct list_filters f = { 0 };

	if (filters_parse(request_query(req, "filters", ""), &f.filters, e) < 0)
		return -1;
	if (check(f.filters, e) == 0 && (f.is_task = filters_boolean(f.filters, "is-task", 0, e)) >= 0 &&
	    read_reference(req, f.filters, "before", f.before, e) == 0 && read_reference(req, f.filters, "since", f.since, e) == 0 &&
	    read_ids(req, f.filters, "id", find_container, &f.ids, e) == 0 && read_ids(req, f.filters, "ancestor", find_image, &f.images, e) == 0) {
		f.every_state = filters_count(f.filters, "status") > 0;
		*ret = f;
		return 0;
	}
	list_filters_free(&f);
	return -1;
}

void list_filters_free(struct list_filters *f)
{
	json_object_put(f->filters);
	json_object_put(f->ids);
	json_object_put(f->images);
}

/* NULL for no text and for what is none of JSON. */
static struct json_object *parse(const char *text)
{
	struct json_object *o = NULL;
	struct err ignored;

	if (text && *text && json_parse(text, strlen(text), &o, &ignored) < 0)
		return NULL;
	return o;
}

static bool match_exited(struct list_filters *f, const struct list_entry *entry)
{
	size_t n = filters_count(f->filters, "exited");

	for (size_t i = 0; i < n; i++)
		if (atoi(filters_value(f->filters, "exited", i)) == entry->exit_code && !entry->running && entry->started_at > 0)
			return true;
	return n == 0;
}

static bool is_exposed(struct json_object *exposed, const char *wanted)
{
	struct ports have, want;
	struct err ignored;

	if (!exposed || parse_ports(wanted, &want, &ignored) < 0)
		return false;
	json_object_object_foreach(exposed, key, unused) {
		(void)unused;
		if (parse_ports(key, &have, &ignored) == 0 && strcmp(want.protocol, have.protocol) == 0 && have.first <= want.last &&
		    want.first <= have.last)
			return true;
	}
	return false;
}

/* One of either filter is enough; no port is published. Only what runs has ports, as with dockerd. */
static bool match_ports(struct list_filters *f, const struct list_entry *entry)
{
	CLEANUP_JSON struct json_object *exposed = NULL;
	size_t n = filters_count(f->filters, "expose");

	if (n == 0)
		return filters_count(f->filters, "publish") == 0;
	exposed = parse(entry->exposed);
	for (size_t i = 0; i < n; i++)
		if (is_exposed(exposed, filters_value(f->filters, "expose", i)))
			return true;
	return false;
}

static bool match_labels(struct list_filters *f, const struct list_entry *entry)
{
	CLEANUP_JSON struct json_object *labels = NULL;

	if (filters_count(f->filters, "label") == 0)
		return true;
	labels = parse(entry->labels);
	return filters_match_labels(f->filters, "label", labels);
}

/* By the beginning of its id. */
static bool is_network(struct json_object *filters, const char *id)
{
	for (size_t i = 0; i < filters_count(filters, "network"); i++) {
		const char *value = filters_value(filters, "network", i);

		if (!strncmp(id, value, strlen(value)))
			return true;
	}
	return false;
}

static bool match_network(struct list_filters *f, const struct list_entry *entry)
{
	CLEANUP_JSON struct json_object *networks = NULL;

	if (filters_count(f->filters, "network") == 0)
		return true;
	networks = parse(entry->networks);
	if (networks) {
		json_object_object_foreach(networks, key, endpoint) {
			if (filters_exact(f->filters, "network", key) || is_network(f->filters, json_str(endpoint, "NetworkID", "")))
				return true;
		}
	}
	return false;
}

/* By a volume's name or by where it is mounted. */
static bool match_volume(struct list_filters *f, const struct list_entry *entry)
{
	CLEANUP_JSON struct json_object *mounts = NULL;

	if (filters_count(f->filters, "volume") == 0)
		return true;
	mounts = parse(entry->mounts);
	for (size_t i = 0; json_object_is_type(mounts, json_type_array) && i < json_object_array_length(mounts); i++) {
		struct json_object *m = json_object_array_get_idx(mounts, i);

		if (filters_exact(f->filters, "volume", json_str(m, "Name", "")) || filters_exact(f->filters, "volume", json_str(m, "Destination", "")))
			return true;
	}
	return false;
}

static bool match_name(struct list_filters *f, const char *name)
{
	char slashed[512];

	snprintf(slashed, sizeof slashed, "/%s", name);
	return filters_match(f->filters, "name", name) || filters_match(f->filters, "name", slashed);
}

enum list_verdict list_filters_judge(struct list_filters *f, const struct list_entry *entry)
{
	if (f->before[0]) {
		if (strcmp(f->before, entry->id) == 0)
			f->before[0] = '\0';
		return LIST_SKIP;
	}
	if (f->since[0] && strcmp(f->since, entry->id) == 0)
		return LIST_STOP;
	if (f->only_running && !entry->running)
		return LIST_SKIP;
	/* Nothing is a task of a swarm. */
	if (f->is_task)
		return LIST_SKIP;
	if (!match_name(f, entry->name) || (f->ids && !json_get(f->ids, entry->id)) ||
	    !filters_exact(f->filters, "status", entry->status) || !filters_exact(f->filters, "health", *entry->health ? entry->health : "none") ||
	    !match_exited(f, entry) || !match_labels(f, entry) || !match_ports(f, entry) || !match_network(f, entry) || !match_volume(f, entry))
		return LIST_SKIP;
	if (f->images && !json_get(f->images, entry->image_id))
		return LIST_SKIP;
	return LIST_SHOW;
}
