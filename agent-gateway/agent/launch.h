/* What is to be started: a container's main process or an exec, as the gateway's JSON says it. */
#ifndef SOCKERLESS_AGENT_LAUNCH_H
#define SOCKERLESS_AGENT_LAUNCH_H

#include <stdbool.h>

#include "lib/err.h"
#include "lib/json.h"

struct layer;

struct launch {
	char **args, **env; /* NULL-terminated; owned, as all strings here */
	char *cwd;
	bool tty, open_stdin, init;
	unsigned short height, width;
	struct json_object *task; /* instead of args: the agent's own work (task.h); owned */
	const struct layer *layer; /* for it; borrowed */
};

/* Reads the spec of an Invoke payload. HOME is added when env has none. */
int launch_of_spec(struct json_object *spec, struct launch *ret, struct err *e);
/* Reads an `open`: its environment is added to the container's, its directory defaults to the container's. */
int launch_of_open(struct json_object *open, const struct launch *container, struct launch *ret, struct err *e);
/* Of the kind "task": takes a reference to `open`, borrows `layer`. */
int launch_of_task(struct json_object *open, const struct layer *layer, struct launch *ret, struct err *e);
void launch_free(struct launch *l);

/* The value of a variable in a NULL-terminated environment, or NULL. */
const char *env_get(char *const *env, const char *name);

#endif
