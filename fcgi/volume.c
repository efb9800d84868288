#include "fcgi/volume.h"

#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/docker/names.h"
#include "lib/docker/time.h"
#include "lib/json.h"

#define SECOND INT64_C(1000000000)

int volume_check(const char *name, const char *driver, struct err *e)
{
	if (*driver && strcmp(driver, "local") != 0)
		return err_set(e, ERR_NOT_FOUND, "create %.200s: error looking up volume plugin %.200s: plugin \"%.200s\" not found", name, driver, driver);
	if (*name && !name[1])
		return err_set(e, ERR_INVALID, "create %s: volume name is too short, names should be at least two alphanumeric characters", name);
	if (*name && (!name_valid(name) || strlen(name) > 255))
		return err_set(e, ERR_INVALID,
			       "create %.300s: \"%.300s\" includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use absolute path",
			       name, name);
	return 0;
}

static int event(struct request *req, const char *name, const char *action, struct err *e)
{
	return store_run(req->store, QUERY_EVENT_ADD, e, "titttt", req->tenant, time_now(), "volume", action, name, "{\"driver\":\"local\"}") < 0 ? -1 : 0;
}

int volume_make(struct request *req, const char *name, struct json_object *labels, struct json_object *options, struct err *e)
{
	int made = store_run(req->store, QUERY_VOLUME_ADD, e, "tttti", req->tenant, name, labels ? json_text(labels) : NULL,
			     options ? json_text(options) : NULL, time_now());

	if (made <= 0)
		return made;
	return event(req, name, "create", e) < 0 ? -1 : 1;
}

int volume_destroy(struct request *req, const char *name, struct err *e)
{
	if (store_run(req->store, QUERY_VOLUME_DELETE, e, "tt", req->tenant, name) < 0)
		return -1;
	return event(req, name, "destroy", e);
}

static bool add_text(struct json_object *o, const char *key, const char *text)
{
	struct json_object *v = NULL;
	struct err ignored;

	if (*text && json_parse(text, strlen(text), &v, &ignored) < 0)
		return false;
	return json_add(o, key, v);
}

/* The row that q stands at. */
static struct json_object *render(struct store *s, enum query q)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	BUF_CLEANUP struct buf path = BUF_INIT;
	char created[TIME_TEXT_MAX];

	time_format(created, store_int(s, q, 3) / SECOND * SECOND);
	buf_printf(&path, VOLUME_PATH, store_text(s, q, 0));
	if (path.failed || !json_add_str(o, "CreatedAt", created) || !json_add_str(o, "Driver", "local") || !add_text(o, "Labels", store_text(s, q, 1)) ||
	    !json_add_str(o, "Mountpoint", path.data) || !json_add_str(o, "Name", store_text(s, q, 0)) ||
	    !add_text(o, "Options", store_text(s, q, 2)) || !json_add_str(o, "Scope", "local"))
		return NULL;
	return STEAL(o);
}

int volume_inspect(struct request *req, const char *name, struct json_object **ret, struct err *e)
{
	struct json_object *o = NULL;
	int rc = store_row(req->store, QUERY_VOLUME_GET, e, "tt", req->tenant, name);

	if (rc == 1)
		o = render(req->store, QUERY_VOLUME_GET);
	store_reset(req->store, QUERY_VOLUME_GET);
	if (rc <= 0)
		return rc < 0 ? -1 : err_set(e, ERR_NOT_FOUND, "get %s: no such volume", name);
	if (!o)
		return err_nomem(e);
	*ret = o;
	return 0;
}

int volume_all(struct request *req, struct json_object **ret, struct err *e)
{
	CLEANUP_JSON struct json_object *list = json_object_new_array();
	enum query q = QUERY_VOLUME_LIST;
	int rc;

	if (!list)
		return err_nomem(e);
	if (store_query(req->store, q, e, "t", req->tenant) < 0)
		return -1;
	while ((rc = store_step(req->store, q, e)) == 1) {
		struct json_object *o = render(req->store, q), *usage = json_object_new_object();

		if (!o || json_object_array_add(list, o) < 0 || !json_add(o, "UsageData", usage) ||
		    !json_add_int(usage, "RefCount", store_int(req->store, q, 4)) || !json_add_int(usage, "Size", 0)) {
			rc = err_nomem(e);
			break;
		}
	}
	store_reset(req->store, q);
	if (rc < 0)
		return -1;
	*ret = STEAL(list);
	return 0;
}

int volume_users(struct request *req, const char *name, struct json_object **ret, struct err *e)
{
	CLEANUP_JSON struct json_object *list = json_object_new_array();
	enum query q = QUERY_VOLUME_USERS;
	int rc;

	if (!list)
		return err_nomem(e);
	if (store_query(req->store, q, e, "tt", req->tenant, name) < 0)
		return -1;
	while ((rc = store_step(req->store, q, e)) == 1) {
		struct json_object *id = json_object_new_string(store_text(req->store, q, 0));

		if (!id || json_object_array_add(list, id) < 0) {
			rc = err_nomem(e);
			break;
		}
	}
	store_reset(req->store, q);
	if (rc < 0)
		return -1;
	*ret = STEAL(list);
	return 0;
}
