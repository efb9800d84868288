/* Reads the reply to an Invoke: AWS's words, the log's REPORT, the agent's last word. */
#ifndef SOCKERLESS_GATEWAY_INVOKE_OUTCOME_H
#define SOCKERLESS_GATEWAY_INVOKE_OUTCOME_H

#include "agent-gateway/invoke.h"
#include "lib/aws/http.h"

void invoke_outcome_read(struct invoke_outcome *o, const struct aws_response *resp, const char *run);

#endif
