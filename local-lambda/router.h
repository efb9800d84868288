/* What stands behind the one endpoint: checks the signature, then hands the request to the service it is for. */
#ifndef SOCKERLESS_LOCAL_ROUTER_H
#define SOCKERLESS_LOCAL_ROUTER_H

#include "local-lambda/ecr.h"
#include "local-lambda/lambda_api.h"
#include "local-lambda/logs_api.h"

struct router {
	const struct local_config *config;
	struct lambda_api lambda;
	struct logs_api logs;
	struct bucket log_reads; /* GetLogEvents and FilterLogEvents: 10 a second */
	struct ecr *ecr;
};

/* HTTP handlers with a struct router as context. */
size_t router_body_limit(void *ctx, const struct request *request);
void router_handle(void *ctx, struct request *request, struct reply *reply);

#endif
