/*
 * What the agent does for the gateway itself: an `open` of the kind "task".
 * It runs in a process of its own, forked and not executed, with stdin and
 * stdout as an exec has them, so that it may block and hold as much as it
 * needs. Its output is one line of JSON, the head ({"status":200,...} or
 * {"status":404,"message":".."}), then the bytes of the answer. Code 0: all
 * of it was written.
 */
#ifndef SOCKERLESS_AGENT_TASK_H
#define SOCKERLESS_AGENT_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/json.h"

struct layer;

/* The name of such a process in /proc. */
#define TASK_COMM "sockerless-task"

/* Runs the task that the message asks for; stdin and stdout are its pipes, nothing else is open. */
_Noreturn void task_main(struct json_object *open, const struct layer *layer);

/* The tasks; each returns the exit code. */
int task_top(struct json_object *open);
int task_stats(struct json_object *open);
int task_stat(struct json_object *open);
int task_get(struct json_object *open);
int task_put(struct json_object *open);

/* Those that look at what the container has written. */
int task_changes(struct json_object *open, const struct layer *layer);
int task_save(struct json_object *open, const struct layer *layer);
int task_restore(struct json_object *open, const struct layer *layer);

/* The head; `head` is borrowed, its status is added. 0, or -1 when nobody reads. */
int task_head(int status, struct json_object *head);
/* The head of an error. Returns 0, the code of a task that has said what it had to say. */
int task_fail(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* All of it, or -1. */
int task_write(const void *data, size_t len);

#endif
