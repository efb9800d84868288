/* Where a service is, and under which names it signs. */
#ifndef SOCKERLESS_AWS_ENDPOINT_H
#define SOCKERLESS_AWS_ENDPOINT_H

#include "lib/aws/http.h"
#include "lib/err.h"

struct aws_endpoint {
	char *base; /* "https://host[:port]", without the port that is the scheme's own; owned */
	char *host; /* Host header; owned */
	char *path; /* put before a request's path; "" or "/x"; owned */
};

void aws_endpoint_free(struct aws_endpoint *p);

/* ERR_INVALID: a URL that isn't http(s)://host[:port][/path]. */
int aws_endpoint_parse(const char *url, struct aws_endpoint *ret, struct err *e);

/* From AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, or AWS's own names. */
int aws_endpoint_find(enum aws_service service, const char *region, struct aws_endpoint *ret, struct err *e);

/* AWS_REGION, AWS_DEFAULT_REGION or the profile's; free(). ERR_INVALID: none, or one that can't be a host name's part. */
int aws_region_find(char **ret, struct err *e);

const char *aws_service_signing_name(enum aws_service service); /* "lambda" */
const char *aws_service_title(enum aws_service service);        /* "Lambda", for error texts */

#endif
