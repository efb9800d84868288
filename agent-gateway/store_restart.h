/* What the gateway writes about restart policies. Store thread, in the caller's transaction. */
#ifndef SOCKERLESS_GATEWAY_STORE_RESTART_H
#define SOCKERLESS_GATEWAY_STORE_RESTART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ids.h"
#include "lib/store/store.h"

struct run_end;

/* 1: the policy starts the container again, the row is `restarting` until *ret_at; 0: it stays ended, nothing is written. */
int store_restart(struct store *s, const char *container, const struct run_end *end, int64_t *ret_at, struct err *e);

/* A client ended the restarts: `exited`, and event stop if it asked for that. */
int store_restart_end(struct store *s, const char *container, bool stop, struct err *e);

struct id_list {
	char (*ids)[ID_HEX_LEN + 1];
	size_t n, cap;
};

void id_list_free(struct id_list *l);

/* Everything was started anew: what its policy starts then goes to `restarting`. The ids of all in that state; owned by the caller. */
int store_restarts_boot(struct store *s, struct id_list *ret, struct err *e);

#endif
