/* Our own registry (ECR or what stands for it) as the worker reaches it. Blocks. */
#ifndef SOCKERLESS_IMAGE_REGISTRY_H
#define SOCKERLESS_IMAGE_REGISTRY_H

#include "fcgi/request.h"
#include "lib/aws/http.h"
#include "lib/registry/client.h"

/* Names an error of AWS's, and turns kinds that a client would misread into ERR_UPSTREAM. Returns -1. */
int aws_trouble(struct err *e, const char *what);

/* The process's AWS client; borrowed. */
int worker_aws(struct request *req, struct aws_client **ret, struct err *e);

/* The repository <prefix>/<tenant>, opened for pushing; `make`: created if it isn't there. */
int image_registry_open(struct request *req, bool make, struct registry **ret, struct err *e);

#endif
