/*
 * AWS credentials, found as the AWS SDKs find them. In this order:
 *   environment      AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
 *   shared files     AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE (default below ~/.aws), profile AWS_PROFILE:
 *                    keys, credential_process
 *   web identity     AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME, by STS (AWS_ENDPOINT_URL_STS)
 *   container        AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI, AWS_CONTAINER_AUTHORIZATION_TOKEN(_FILE)
 *   instance         IMDSv2, unless AWS_EC2_METADATA_DISABLED=true
 * The first source that is configured decides: if it fails, that is the error.
 * role_arn in a profile is refused with a text that says so.
 */
#ifndef SOCKERLESS_AWS_CREDENTIALS_H
#define SOCKERLESS_AWS_CREDENTIALS_H

#include <stdbool.h>
#include <time.h>

#include "lib/err.h"

struct aws_credentials {
	char *access_key_id;
	char *secret_access_key;
	char *session_token; /* NULL: none */
	time_t expires;      /* 0: never */
};

#define AWS_CREDENTIALS_REFRESH 300 /* seconds before the end at which new ones are fetched */

void aws_credentials_free(struct aws_credentials *c); /* wipes the secrets */

/*
 * Walks the chain. Blocks: reads files, runs credential_process (30 s), asks
 * STS, the container's or the instance's endpoint (5 s each).
 * ERR_UNAUTHORIZED when no source is configured or the configured one failed.
 */
int aws_credentials_load(struct aws_credentials *ret, struct err *e);

/* True if they end within AWS_CREDENTIALS_REFRESH seconds from `now`. */
bool aws_credentials_stale(const struct aws_credentials *c, time_t now);

#endif
