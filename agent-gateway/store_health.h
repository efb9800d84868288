/* State.Health and the events of its probes. Store thread, in the caller's transaction. */
#ifndef SOCKERLESS_GATEWAY_STORE_HEALTH_H
#define SOCKERLESS_GATEWAY_STORE_HEALTH_H

#include "lib/ids.h"
#include "lib/store/store.h"

struct probe {
	int64_t number;             /* 1, 2, ... within the run */
	char exec[ID_HEX_LEN + 1];  /* what its events are told of */
	int64_t start, end;         /* ns since the epoch; end 0: it has begun */
	int code;
	char status[16];            /* of the container, after it */
	int64_t streak;
	const char *output;         /* borrowed */
};

/* Takes in a probe of this run once, however often it is reported. */
int store_probe(struct store *s, const char *container, const char *run, const struct probe *p, struct err *e);

/* The process runs: "starting", if the container has a health check. */
int store_health_begin(struct store *s, const char *container, struct err *e);
/* As dockerd: without probes (paused, ended) a container is "unhealthy". */
int store_health_end(struct store *s, const char *container, struct err *e);

#endif
