/* The layer that a plan makes. Internal to derive.c. */
#ifndef SOCKERLESS_REGISTRY_DERIVE_LAYER_H
#define SOCKERLESS_REGISTRY_DERIVE_LAYER_H

#include "lib/registry/derive_plan.h"

int derive_files_layer(struct registry *to, const struct rootfs *fs, const struct derive_plan *p, struct image_layer *ret, struct err *e);

#endif
