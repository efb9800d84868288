/* Files that are copied into a container while it doesn't run. */
#ifndef SOCKERLESS_FCGI_CONTAINER_STAGE_H
#define SOCKERLESS_FCGI_CONTAINER_STAGE_H

#include "fcgi/container.h"

/*
 * Adds the tar of the request's body to what the next start puts into the
 * function. All of it or nothing. Blocks as the client sends.
 */
int container_stage(struct request *req, const struct container *c, struct err *e);

#endif
