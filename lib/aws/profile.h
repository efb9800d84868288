/* AWS's shared credentials and config files: values of the profile that AWS_PROFILE names. */
#ifndef SOCKERLESS_AWS_PROFILE_H
#define SOCKERLESS_AWS_PROFILE_H

#include "lib/err.h"

/* *ret is the value (free()), NULL if neither file has the key; the credentials file wins. ERR_INVALID: a file that can't be read. */
int aws_profile_value(const char *key, char **ret, struct err *e);

#endif
