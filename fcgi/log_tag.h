/* The log option `tag`: what docker logs --details shows as the attribute of this name. */
#ifndef SOCKERLESS_FCGI_LOG_TAG_H
#define SOCKERLESS_FCGI_LOG_TAG_H

#include "fcgi/container.h"
#include "lib/buf.h"

/*
 * Appends a tag's text to ret: it may hold {{.ID}}, {{.FullID}}, {{.Name}},
 * {{.ImageID}}, {{.ImageFullID}}, {{.ImageName}} and {{.DaemonName}}, which dockerd
 * replaces so; anything else between braces (Go's templates) is ERR_INVALID.
 * `c` NULL: it is only checked.
 */
int log_tag(const char *text, const struct container *c, struct buf *ret, struct err *e);

#endif
