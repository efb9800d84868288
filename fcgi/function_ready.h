/* Waits for Lambda to take a function's image. */
#ifndef SOCKERLESS_FCGI_FUNCTION_READY_H
#define SOCKERLESS_FCGI_FUNCTION_READY_H

#include "fcgi/request.h"

enum function_ready {
	FUNCTION_UNKNOWN,  /* Lambda doesn't tell */
	FUNCTION_PENDING,  /* not within the time */
	FUNCTION_REFUSED,  /* Lambda doesn't take the image */
	FUNCTION_READY,
};

/* Blocks until the function is Active and nothing changes it, up to `seconds`. e is set but for FUNCTION_READY. */
enum function_ready function_ready(struct request *req, const char *function, unsigned int seconds, struct err *e);

#endif
