/* Credentials of a role for a token that the platform keeps in a file (EKS): STS AssumeRoleWithWebIdentity. */
#ifndef SOCKERLESS_AWS_WEB_IDENTITY_H
#define SOCKERLESS_AWS_WEB_IDENTITY_H

#include "lib/aws/credentials.h"
#include "lib/buf.h"
#include "lib/err.h"

/* 1: *ret is filled; 0: AWS_WEB_IDENTITY_TOKEN_FILE is not set; -1. Blocks for 5 s at most. */
int aws_web_identity(struct aws_credentials *ret, struct err *e);

/* The credentials in STS's XML. ERR_UNAUTHORIZED with STS's own message if it holds none. */
int aws_web_identity_parse(const char *xml, struct aws_credentials *ret, struct err *e);

#endif
