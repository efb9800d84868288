/*
 * ECR's control plane, JSON 1.1, target AmazonEC2ContainerRegistry_V20150921.*:
 * which repositories exist, and a token for the registry that holds them.
 */
#ifndef SOCKERLESS_LOCAL_ECR_H
#define SOCKERLESS_LOCAL_ECR_H

#include "lib/err.h"
#include "local-lambda/config.h"
#include "local-lambda/message.h"

#define ECR_TARGET "AmazonEC2ContainerRegistry_V20150921."

struct ecr;

/* Keeps its repositories in the file `path`. `config` must outlive it. */
int ecr_open(struct ecr **ret, const struct local_config *config, const char *path, struct err *e);
void ecr_close(struct ecr *r);
void ecr_call(struct ecr *r, const char *action, struct json_object *input, struct reply *reply);
/* Whether CreateRepository was called for it. Thread-safe. */
bool ecr_has(struct ecr *r, const char *repository);

#endif
