/* The filters of GET /containers/json: checked once, then asked for each container. */
#ifndef SOCKERLESS_LIST_FILTERS_H
#define SOCKERLESS_LIST_FILTERS_H

#include <json-c/json.h>

#include "fcgi/request.h"
#include "lib/ids.h"

struct list_filters {
	struct json_object *filters; /* owned */
	bool every_state;            /* a filter asks for containers that don't run */
	bool only_running;           /* set by the caller; before and since are places in the list of all nevertheless */
	int is_task;                 /* 1: only a swarm's tasks */
	char before[ID_HEX_LEN + 1]; /* show what is older than this one; cleared when it was met */
	char since[ID_HEX_LEN + 1];  /* stop at this one */
	struct json_object *ids;     /* owned: of containers, as keys; NULL without id */
	struct json_object *images;  /* owned: image ids as keys; NULL without ancestor */
};

/* What a container shows of itself to the filters. JSON texts may be NULL. */
struct list_entry {
	const char *id, *name, *status, *image_id, *labels, *networks, *mounts;
	const char *exposed; /* of one that runs */
	int64_t exit_code, started_at;
	const char *health;  /* "": there is no health check */
	bool running;
};

enum list_verdict { LIST_SHOW, LIST_SKIP, LIST_STOP };

/* From the request's `filters`; errors in dockerd's words. Free with list_filters_free. */
int list_filters_read(struct request *req, struct list_filters *ret, struct err *e);
void list_filters_free(struct list_filters *f);

/* Entries come newest first. */
enum list_verdict list_filters_judge(struct list_filters *f, const struct list_entry *entry);

#endif
