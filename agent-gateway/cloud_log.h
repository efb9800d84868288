/*
 * What CloudWatch Logs knows of a run, read in a thread of its own: pages are
 * slow, and nobody waits for them as for an Invoke.
 */
#ifndef SOCKERLESS_GATEWAY_CLOUD_LOG_H
#define SOCKERLESS_GATEWAY_CLOUD_LOG_H

#include "agent-gateway/gateway.h"
#include "lib/aws/lambda.h"

struct run;

extern const struct worker_ops cloud_log_ops;

/* In the loop; report->found tells whether the invocation has ended. The run may be gone. */
typedef void cloud_log_done(struct gateway *gw, const char *run, const struct lambda_report *report);

/* Looks for the REPORT line of the run's invocation, from where the last look ended. Nothing if a look is under way or the agent never told its request. */
void cloud_log_find_report(struct run *r, cloud_log_done *done);

#endif
