/* Layers by their chain ids, as dockerd names them when it deletes them. */
#ifndef SOCKERLESS_IMAGE_LAYERS_H
#define SOCKERLESS_IMAGE_LAYERS_H

#include <json-c/json.h>

#include "fcgi/request.h"

/* Appends {"Deleted": chain id} to `records` for each layer of a deleted image, from the top, that no other image of the tenant has. */
int image_layers_deleted(struct request *req, struct json_object *config, struct json_object *records, struct err *e);

#endif
