/*
 * What Lambda asks of a source image before it takes it: it is in the account's
 * ECR, a repository there was created for it, and it is the manifest of one
 * platform, no index.
 */
#ifndef SOCKERLESS_LOCAL_MANIFEST_CHECK_H
#define SOCKERLESS_LOCAL_MANIFEST_CHECK_H

#include "lib/err.h"
#include "local-lambda/config.h"
#include "local-lambda/ecr.h"

/*
 * *ret_resolved is the image by digest, "host:port/repo@sha256:..." (free()).
 * ERR_INVALID with AWS's text when Lambda would refuse it. Asks the registry: blocks.
 */
int manifest_check(const struct local_config *config, struct ecr *ecr, const char *uri, char **ret_resolved, struct err *e);

#endif
