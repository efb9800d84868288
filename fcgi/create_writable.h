/* Which directories of a container are to be writable. */
#ifndef SOCKERLESS_CREATE_WRITABLE_H
#define SOCKERLESS_CREATE_WRITABLE_H

#include "fcgi/create.h"
#include "lib/registry/derive.h"

#define CREATE_LABEL_WRITABLE "sockerless.writable" /* in place of SOCKERLESS_WRITABLE: "/var,home,workdir" */
#define CREATE_LABEL_ROOT_ONLY "sockerless.rootonly" /* "keep": files that only root may read stay so */

#define CREATE_LABEL_ROOT "sockerless.root" /* in place of SOCKERLESS_ROOT: "fake" or "image" */

struct create_writable {
	struct derive_wish wish; /* points into this and into the create; without an agent_path */
	struct derive_dir dirs[DERIVE_DIRS_MAX];
	char *text;              /* the list, cut up */
};

void create_writable_free(struct create_writable *w);
#define CREATE_WRITABLE_CLEANUP __attribute__((cleanup(create_writable_free)))

/*
 * After create_merge and create_volumes_config; `c` must outlive *ret, which must not move. ERR_INVALID for a label
 * that is no list of absolute paths, and for more than DERIVE_DIRS_MAX directories.
 */
int create_writable(const struct create *c, const struct settings *s, struct create_writable *ret, struct err *e);

#endif
