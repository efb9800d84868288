/* The image of a container that is being created. */
#ifndef SOCKERLESS_CREATE_IMAGE_H
#define SOCKERLESS_CREATE_IMAGE_H

#include "fcgi/create_writable.h"
#include "fcgi/image_store.h"
#include "fcgi/request.h"

/*
 * URI of the image's Lambda form (free()): from the store, or made now by calls to our registry, which may read
 * the image's layers. What the user is to be told about it is added to c's warnings. Blocks.
 */
int create_derive(struct request *req, const struct image_row *row, struct create *c, char **ret_uri, struct err *e);

#endif
