/* What the prune verbs have in common: filters for labels and age, and how their answers are written. */
#ifndef SOCKERLESS_PRUNE_H
#define SOCKERLESS_PRUNE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "fcgi/request.h"

struct prune {
	struct json_object *filters; /* owned */
	int64_t until;               /* only what was created before this, ns; 0: everything */
};

/* Reads the request's `filters`; errors in dockerd's words. */
int prune_read(struct request *req, const char *const *accepted, struct prune *ret, struct err *e);
void prune_free(struct prune *p);
#define PRUNE_CLEANUP __attribute__((cleanup(prune_free)))

/* Labels: a JSON object as text ("" and "null": none). created_at in ns. */
bool prune_wants(const struct prune *p, const char *labels, int64_t created_at);

/* The event that tells what was gained: type container, image, network, volume or builder. In the caller's transaction, and in one of its own. */
int prune_event(struct request *req, const char *type, int64_t bytes, struct err *e);
int prune_event_commit(struct request *req, const char *type, int64_t bytes, struct err *e);

/* An empty list is null, as Go writes it. `list` is borrowed. False without memory. */
bool prune_add(struct json_object *answer, const char *key, struct json_object *list);

/* "24h", "1h30m", seconds since 1970, or RFC 3339; a duration counts back from `now`. */
bool prune_parse_until(const char *text, int64_t now, int64_t *ret);

#endif
