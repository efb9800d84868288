/* The lines of Docker's progress streams. */
#ifndef SOCKERLESS_PROGRESS_H
#define SOCKERLESS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "fcgi/request.h"

/* {"status":..,"progressDetail":{..},"progress":"[==> ] 1MB/2MB","id":..}; total 0: no bar. ERR_INVALID when the client has left. */
int progress_line(struct request *req, const char *status, int64_t current, int64_t total, const char *id, struct err *e);

/* {"stream":".."} as load and build tell. False: the client has left. */
bool progress_text(struct request *req, const char *text);

#endif
