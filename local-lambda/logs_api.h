/* CloudWatch Logs, JSON 1.1, target Logs_20140328.*. */
#ifndef SOCKERLESS_LOCAL_LOGS_API_H
#define SOCKERLESS_LOCAL_LOGS_API_H

#include "local-lambda/config.h"
#include "local-lambda/logs_store.h"
#include "local-lambda/message.h"

#define LOGS_TARGET "Logs_20140328."

struct logs_api {
	const struct local_config *config;
	struct logs *logs;
};

/* `action` is what follows the prefix of the target; `input` the parsed body. */
void logs_api_call(struct logs_api *a, const char *action, struct json_object *input, struct reply *reply);

#endif
