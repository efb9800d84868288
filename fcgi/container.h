/* A container's row as the handlers of containers see it, and what several of them do with it. */
#ifndef SOCKERLESS_FCGI_CONTAINER_H
#define SOCKERLESS_FCGI_CONTAINER_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "fcgi/request.h"
#include "lib/ids.h"
#include "lib/lifecycle.h"

struct container {
	char id[ID_HEX_LEN + 1];
	char *name;            /* without the slash */
	enum container_state state;
	char *image_reference;
	char *image_id;
	char *config;          /* JSON texts */
	char *host_config;
	char *networking;
	char *mounts;
	char *args;            /* what is executed, a JSON array */
	char *network_mode;
	char *execs;           /* ids of those that live, a JSON array; "" unless it runs */
	bool tty, open_stdin, oom_killed;
	char *run_id;          /* "" before the first start */
	char *error;
	char *health;          /* State.Health, JSON; "": there is no health check */
	int64_t created_at, started_at, finished_at, exit_code, pid, restart_count, restart_at;
};

#define CONTAINER_CLEANUP __attribute__((cleanup(container_free)))

/*
 * By full id, name (with or without a slash in front) or unique beginning of
 * the id, among the request's tenant's. ERR_NOT_FOUND "No such container: x";
 * ERR_INVALID if several ids begin so. Free with container_free.
 */
int container_find(struct request *req, const char *reference, struct container *ret, struct err *e);
void container_free(struct container *c);

/* How many of the tenant's ids begin so: 0, 1, 2 for several; ret_id is the first of them. */
int container_by_prefix(struct request *req, const char *prefix, char ret_id[ID_HEX_LEN + 1], struct err *e);

/* The word that a client sees: a container being started is still what it was before. */
const char *container_status(const struct container *c);

/* Its process is there, paused or not. */
bool container_runs(const struct container *c);

/* Its restart policy starts it again soon, or is about to. */
bool container_restarting(const struct container *c);

/* "container <id> is not running", or that it is restarting. */
int container_check_running(const struct container *c, struct err *e);

/*
 * Within a transaction: the event `action` of a container, with its image,
 * name and labels as attributes; `attributes` (owned by this call, may be
 * NULL) holds more.
 */
int container_event(struct request *req, const struct container *c, const char *action, struct json_object *attributes, struct err *e);

/*
 * Commits the intent, sends the gateway a hint and hands the client over to
 * wait for its end. `args` is owned by this call; NULL (no memory) is an error.
 */
int container_intent(struct request *req, const struct container *c, const char *verb, struct json_object *args, struct err *e);

/* Hands over to "<place><id>" with api and what follows (pairs, as reply_handover). */
#define container_handover(req, place, id, ...) ({ \
	char path_[256]; \
	snprintf(path_, sizeof path_, "%s%s", place, id); \
	reply_handover(req, path_, "api", (req)->api, ##__VA_ARGS__, NULL); })

/* Appends all containers with their sizes, as GET /containers/json?all=1&size=1 shows them: a JSON array. */
int container_list_all(struct request *req, struct buf *out, struct err *e);

/* A parameter that Go's strconv.Atoi reads; its words otherwise, with `kind`. */
int query_int(const struct request *req, const char *key, enum err_kind kind, int64_t *ret, struct err *e);

#endif
