/* A container's networks as inspect and list show them. Lambda gives a function no address that Docker could show. */
#ifndef SOCKERLESS_DOCKER_NETWORKS_H
#define SOCKERLESS_DOCKER_NETWORKS_H

#include <json-c/json.h>

#include "lib/buf.h"

/*
 * Appends an object, as JSON text, with one member for each network.
 * `endpoints`: what the store keeps of EndpointsConfig, or NULL; `mode`:
 * HostConfig.NetworkMode. Without memory the buffer is marked as failed.
 */
void networks_put(struct buf *out, struct json_object *endpoints, const char *mode, int api_minor);

/* Within NetworkSettings.Ports: every exposed port ("80/tcp") with null, since nothing is published. Owned by the caller. */
struct json_object *networks_ports(struct json_object *exposed);

#endif
