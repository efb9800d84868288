/*
 * The thread that holds all SQL of the gateway. Its jobs' `run` get a struct
 * store as context; those with `writes` run inside a transaction that they
 * may share with others, and are done when it is committed. A busy database
 * is tried again until it answers.
 */
#ifndef SOCKERLESS_GATEWAY_STORE_THREAD_H
#define SOCKERLESS_GATEWAY_STORE_THREAD_H

#include "agent-gateway/job.h"
#include "lib/store/store.h"

/* The argument of worker_start is the state directory (const char *). */
extern const struct worker_ops store_thread_ops;

#endif
