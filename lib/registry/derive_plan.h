/* What the files' layer of a derived image is to hold. Internal to derive.c. */
#ifndef SOCKERLESS_REGISTRY_DERIVE_PLAN_H
#define SOCKERLESS_REGISTRY_DERIVE_PLAN_H

#include <json-c/json.h>

#include "lib/registry/derive.h"
#include "lib/rootfs/rootfs.h"

struct derive_target {
	char *path;                     /* real; owned */
	const struct rootfs_node *node; /* NULL: the image has nothing there */
	unsigned int flags;
};

struct derive_plan {
	struct derive_target *links;   /* directories that become links, sorted, none beneath another */
	size_t n_links;
	struct json_object *made;      /* array: directories below /tmp that are to be there */
	struct rootfs_members members; /* directories on the way to links; what is widened; seeds */
	struct json_object *notes;     /* array: what the user is told */
};

void derive_plan_free(struct derive_plan *p);
#define DERIVE_PLAN_CLEANUP __attribute__((cleanup(derive_plan_free)))
int derive_plan_make(const struct rootfs *fs, const struct derive_wish *w, struct derive_plan *ret, struct err *e);

/* derive_targets.c: fills links, made and notes. */
int derive_targets(const struct rootfs *fs, const struct derive_wish *w, struct derive_plan *p, struct err *e);
/* Whether `path` is `dir` or below it. */
bool derive_is_below(const char *path, const char *dir);
int derive_note(struct derive_plan *p, struct err *e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Whether the content of a directory stays within the limits for seeds. */
bool derive_fits(const struct rootfs_node *dir, unsigned int flags);

/* derive_home.c: the home directory of `user` as the image's passwd has it, appended; nothing if there is none. */
int derive_home(const struct rootfs *fs, const char *user, struct buf *ret, struct err *e);

#endif
