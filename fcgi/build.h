/*
 * POST /build, step by step: parameters, context, Dockerfile, the images it
 * names, buildah in its sandbox, the result. One struct build goes through all.
 *
 * $STATE_DIR/build/<tenant>/storage: buildah's layers, the tenant's cache; .../<build id>: one build.
 */
#ifndef SOCKERLESS_BUILD_H
#define SOCKERLESS_BUILD_H

#include <json-c/json.h>
#include <stdbool.h>

#include "fcgi/request.h"
#include "lib/docker/dockerfile.h"
#include "lib/registry/digest.h"

struct build {
	struct request *req;
	const char *dockerfile_name, *target;
	struct json_object *args, *labels; /* objects of strings; NULL: none */
	struct json_object *auths;         /* X-Registry-Config; NULL: none */
	bool quiet, nocache, pull, keep_containers, egress;
	int64_t memory, shm_size;          /* bytes; 0: not asked for */

	char id[65];                       /* of this build: random */
	char *dir;                         /* of this build */
	char *storage;                     /* of the tenant */
	bool remove_containers;            /* the storage holds some of builds that were ended */
	int lock;                          /* shared while the storage is used; -1: none */
	char *text;                        /* the Dockerfile */
	struct dockerfile file;
	struct json_object *images;        /* what FROM and --from call an image -> its hex id in buildah's storage */
	struct json_object *ours;          /* such an id -> the image's own, where that is another */
	struct json_object *layers;        /* diff id -> {digest, size, type}: layers of these images, in our registry */

	char image[65];                    /* hex id of the result in buildah's storage */
	char *config_text;                 /* the result's config */
	char result[DIGEST_SIZE];          /* its id */
	bool known;                        /* the tenant has got this image: from the cache, mostly */
	char *unused_args;                 /* "[X Y]" that no ARG took; NULL: none */
	int64_t used;                      /* bytes of storage after the build */
};

void build_free(struct build *b);

/* build_options.c: the query and X-Registry-Config. ERR_INVALID, ERR_NOT_SUPPORTED. */
int build_options(struct build *b, struct err *e);
/* A line for each option that changes nothing. */
void build_say_ignored(struct build *b);

/* build_place.c: whether builds are possible here at all, and why not. ERR_NOT_SUPPORTED. */
int build_possible(const struct request *req, struct err *e);
/* Sets id, dir, storage and lock and makes the directories. */
int build_place(struct build *b, struct err *e);
/* `builder prune` goes by the time of the last build: the lock's mtime. */
int build_mark_used(const struct build *b, struct err *e);
/* Removes the build's directory; what isn't ours to remove goes by the sandbox. */
void build_clear(struct build *b);
/* Removes the tenant's whole cache unless a build uses it; 1: done, 0: in use, or smaller than `above` bytes. */
int build_drop_cache(struct build *b, int64_t above, int64_t *ret_bytes, struct err *e);

/* build_context.c: the body's tar into dir/context, the Dockerfile into text and file. */
int build_context(struct build *b, struct err *e);
/* True: there is nothing at `path` once links are followed inside of the context. */
bool build_context_lacks(const struct build *b, const char *path);

/* build_base.c: every image that the Dockerfile names, for buildah in dir/base. The reply's stream has begun. */
int build_bases(struct build *b, struct err *e);
/* The whole id of the image in buildah's storage that begins with `hex`; false: none. */
bool build_stored(struct build *b, const char *hex, char ret[65]);
/* The hex id that clients know, of an image in buildah's storage; borrowed. */
const char *build_own_id(const struct build *b, const char *hex);

/* build_run.c: runs `argv` (steps separated by ";") in the sandbox. line() is told each line of output, `reason` what the sandbox itself has to say. The status of the step that failed, or -1. */
struct build_listener {
	int (*line)(void *arg, const char *line, struct err *e);
	void *arg;
};
int build_sandbox(struct build *b, const char *const *argv, const struct build_listener *l, struct err *e);
/* Runs buildah: bases in, Dockerfile, result out; tells the client as dockerd does. */
int build_run(struct build *b, struct err *e);

/* build_output.c: lines of buildah's to lines of dockerd's. */
struct build_output {
	struct build *build;
	size_t step;        /* number of steps begun */
	bool running;       /* "Running in" was told of this one */
	bool fresh;         /* nothing was told of this step yet */
	bool committed;     /* the result's id comes */
	char cached[65];    /* id of the step's image, if it is from the cache */
	char ended[65];     /* id of the last step's image, which is told when the next one begins: the result's is another */
	char *failure;      /* the last "Error:" line; owned */
	char *last;         /* the last line of the sandbox or buildah itself; owned */
};
int build_output_line(void *arg, const char *line, struct err *e);
/* The last step's image is the result. */
void build_output_done(struct build_output *o);
/* What buildah said, as dockerd's error line; ends the stream. */
int build_output_failed(struct build_output *o, int status, struct err *e);
/* {"stream": text}; nothing with q. False: the client left. */
bool build_say(struct build *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "Step n/m : text" and, on its own as dockerd does it, the line's end. The client's labels are the last step. */
void build_say_step(struct build *b, size_t n, const char *text);

/* build_config.c: config_text and result from buildah's storage. Of what was built here a link <tenant>/ids/<hex id> tells the id in that storage. */
int build_config(struct build *b, struct err *e);
/* Where that link leads, into ret; false: there is none. */
bool build_linked(const struct build *b, const char *hex, char ret[65]);
/* A whole file that a build has left, of a config's size at most; free(). */
int build_read_file(const char *path, char **ret, size_t *ret_len, struct err *e);

/* build_result.c: into our registry and the store, with names and events. */
int build_result(struct build *b, struct err *e);

#endif
