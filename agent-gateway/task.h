/*
 * What the agent does itself for a client: top, archive. Each is a stream of
 * the wire like an exec's, with an id of the upper half of the numbers; what
 * comes is a line of JSON, the reply's head, then its body. Nothing of it is
 * in the store: a task ends with its client, its run or the agent's connection.
 */
#ifndef SOCKERLESS_GATEWAY_TASK_H
#define SOCKERLESS_GATEWAY_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/json.h"

struct agent;
struct run;
struct wire_message;

#define TASK_STREAM 0x80000000u

/* A message about a stream with TASK_STREAM. False: it breaks the protocol. */
bool task_message(struct agent *a, const struct wire_message *m);

/* The agent's connection was cut, or the run ended. */
void task_run_lost(struct run *r);

#endif
