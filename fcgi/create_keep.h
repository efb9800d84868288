/* What a container's creation leaves in the store beside its row. */
#ifndef SOCKERLESS_CREATE_KEEP_H
#define SOCKERLESS_CREATE_KEEP_H

#include "fcgi/create.h"
#include "fcgi/request.h"

/* Within the transaction that inserted the container: makes the volumes that are not there and notes who uses them. */
int create_keep_volumes(struct request *req, const struct create *c, const char *id, struct err *e);

#endif
