/*
 * The derived image: an image's own layers, the agent's (/.sockerless/agent),
 * and one that makes of the image what a Lambda function needs: symbolic links
 * where directories are to be writable, the content of those as a seed, files
 * that only root may read once more with rights for all. The agent is its
 * entrypoint. The same image, agent and wishes give the same digest. Blocking.
 */
#ifndef SOCKERLESS_REGISTRY_DERIVE_H
#define SOCKERLESS_REGISTRY_DERIVE_H

#include <stdbool.h>

#include "lib/err.h"
#include "lib/registry/client.h"
#include "lib/registry/image.h"

#define DERIVE_AGENT "/.sockerless/agent"
#define DERIVE_WRITABLE "/.sockerless/writable" /* the links' paths, one a line */
#define DERIVE_SEED "/.sockerless/seed"         /* content of the directories that became links, and of /tmp, laid out as from the root */
#define DERIVE_LINKS "/tmp/.sockerless/root"    /* where the links point: this, then the path */
#define DERIVE_KEY_SIZE 65
#define DERIVE_LAYERS 2                         /* that are added */
#define DERIVE_DIRS_MAX 128
#define DERIVE_HOME "~"                         /* as a path: the home directory of `user` */

#define DERIVE_SEED_MAX (INT64_C(32) << 20)        /* bytes of a directory's content; a larger one stays read-only */
#define DERIVE_SEED_FILES_MAX 10000u               /* and files in it */
#define DERIVE_ASKED_SEED_MAX (INT64_C(256) << 20) /* the same for one that was asked for */
#define DERIVE_ASKED_SEED_FILES_MAX 50000u
#define DERIVE_ROOT_ONLY_MAX (INT64_C(256) << 20)  /* bytes of files that only root may read */

enum derive_flags {
	DERIVE_ASKED = 1,   /* somebody named it: what can't be done about it is told */
	DERIVE_EMPTY = 2,   /* begins empty, whatever the image holds there */
	DERIVE_CAREFUL = 4, /* left alone where it is one of the system's own, as some users' homes are */
};

struct derive_dir {
	const char *path; /* absolute, or DERIVE_HOME */
	unsigned int flags;
};

/* Borrowed for the call. */
struct derive_wish {
	const char *agent_path;
	const char *state_dir; /* for indexes of layers */
	const char *user;      /* "name", "uid", either with ":group"; "": root */
	const struct derive_dir *dirs;
	size_t n_dirs;
	bool keep_root_only;   /* leave files that only root may read as they are */
};

/* Hex SHA-256 over the image's id, the agent's bytes, the wishes and the version of the layout: what a cache of URIs goes by. */
int derive_key(const char *image_id, const struct derive_wish *w, char ret[DERIVE_KEY_SIZE], struct err *e);

/*
 * `base` must have been copied to `to` already (image_copy). `from`: the same
 * repository by a second handle, for reading while the layer is uploaded. Gives
 * "host:port/repository@sha256:..." (free()), the ImageUri for Lambda, and what
 * the user is to be told (array of strings, owned by the caller). Nothing is
 * uploaded if it is there (tag "sockerless-<key>"). The agent's layer is made
 * once for a repository (tag "sockerless-agent-<key>").
 */
int derive_image(struct registry *to, struct registry *from, const struct image *base, const struct derive_wish *w, char **ret_uri,
		 struct json_object **ret_warnings, struct err *e);

/* The derived config of a base config; for `notes` see derive_image's warnings. */
int derive_config(struct json_object *base, struct json_object *notes, struct json_object **ret, struct err *e);
/* The notes of a derived config: a new array, empty if it has none; NULL: out of memory. */
struct json_object *derive_config_notes(struct json_object *config);

/* Part of it: the layer of the agent alone. */
int derive_agent_layer(struct registry *to, const char *agent_path, const char *architecture, struct image_layer *ret, struct err *e);
/* Part of it: hashes a file. */
int derive_hash_file(EVP_MD_CTX *d, const char *path, struct err *e);

#endif
