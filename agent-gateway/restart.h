/*
 * Containers whose restart policy starts them again: they wait in the state
 * `restarting`, whose row says until when.
 */
#ifndef SOCKERLESS_GATEWAY_RESTART_H
#define SOCKERLESS_GATEWAY_RESTART_H

#include "agent-gateway/container.h"

struct intent;

/* At c->restart_at, which the row says too, the container starts. */
void restart_schedule(struct container *c);
/* Its start could not even be prepared: it is tried again. */
void restart_later(struct container *c, const char *why);
/* It doesn't; the row isn't changed. */
void restart_cancel(struct container *c);

/* A client ended the restarts: the row becomes `exited`, then done(in). */
void restart_end(struct intent *in, void (*done)(struct intent *in));

/* At the start: those that a predecessor left, and those whose policy starts them with everything. */
void restarts_recover(struct gateway *gw);

#endif
