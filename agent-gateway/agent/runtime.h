/* The Lambda Runtime API: asks for the next invocation, answers it. */
#ifndef SOCKERLESS_AGENT_RUNTIME_H
#define SOCKERLESS_AGENT_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#include "agent-gateway/agent/agent.h"

#define RUNTIME_PAYLOAD_MAX (6 * 1024 * 1024)

struct invocation {
	char request_id[128];
	int64_t deadline_ms; /* since the epoch; 0: none was given */
	const char *payload; /* borrowed */
	size_t len;
};

typedef void runtime_invoke_fn(struct agent *a, const struct invocation *inv);

/* NULL when out of memory. fn is called for each invocation; the next one is asked for once it is answered. */
struct runtime *runtime_new(struct agent *a, runtime_invoke_fn *fn);
void runtime_free(struct runtime *r);

/* Asks for the next invocation. Leaves the loop when the Runtime API stays out of reach. */
void runtime_next(struct runtime *r);
/* Answers the held invocation with a JSON text, then asks for the next. */
void runtime_answer(struct runtime *r, const char *json);
/* The same with an error of the function's. */
void runtime_fail(struct runtime *r, const char *message);

#endif
