/*
 * Layers on their way from an image's registry into ours, for a tenant: what
 * it has read before is known from the store; all else is read to its end,
 * whoever has it already, and then kept once for all tenants. Blocks; draws Docker's progress lines.
 */
#ifndef SOCKERLESS_IMAGE_TRANSFER_H
#define SOCKERLESS_IMAGE_TRANSFER_H

#include "fcgi/request.h"
#include "lib/registry/image.h"

/* The reply's stream must have begun. `to`: image_registry_open(). *i may be changed: image_copy(). */
int image_transfer(struct request *req, struct registry *from, struct image *i, struct registry *to, struct err *e);

#endif
