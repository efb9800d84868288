/* Files that a function can't write, put into the image of the function itself. */
#ifndef SOCKERLESS_FCGI_CONTAINER_CODE_H
#define SOCKERLESS_FCGI_CONTAINER_CODE_H

#include "fcgi/container.h"
#include "lib/registry/image.h"

/*
 * Makes the tar the top layer of the function's image, in place of the one
 * that was made of an earlier one (`again`), and has Lambda take the image.
 * Blocks until it has. `derived` is the present image; `function` its name.
 */
int container_code_update(struct request *req, const struct container *c, const char *function, struct registry *registry,
			  const struct image *derived, bool again, const char *tar, struct err *e);

#endif
