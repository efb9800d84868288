/* CloudWatch Logs: read a stream, delete a group. Blocking (see aws_call). */
#ifndef SOCKERLESS_AWS_LOGS_H
#define SOCKERLESS_AWS_LOGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/aws/http.h"
#include "lib/err.h"

#define LOGS_PAGE 1000 /* events asked for at once */

struct logs_event {
	int64_t timestamp; /* ms since the epoch */
	const char *message;
	size_t len;
};

struct logs_query {
	const char *group;
	const char *stream;
	int64_t start;     /* ms, inclusive; 0: from the beginning */
	int64_t end;       /* ms, exclusive; 0: no end */
	const char *token; /* of the page before; NULL: the first page */
};

/*
 * One page, oldest first. `each` is called for every event (a negative result
 * ends it, with e set). *ret_token is the token for the next page (free());
 * *ret_end: this page was the last for now; calling again with the token later
 * gives what has come since. ERR_NOT_FOUND: no such group or stream (yet).
 */
int logs_get_events(struct aws_client *c, const struct logs_query *q, int (*each)(void *arg, const struct logs_event *ev, struct err *e),
		    void *arg, char **ret_token, bool *ret_end, struct err *e);

/* A group that is not there is success. */
int logs_delete_group(struct aws_client *c, const char *group, struct err *e);

#endif
