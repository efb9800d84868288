/* ECR's control plane: the password of the registry, and repositories. Blocking (see aws_call). */
#ifndef SOCKERLESS_AWS_ECR_H
#define SOCKERLESS_AWS_ECR_H

#include <time.h>

#include "lib/aws/http.h"
#include "lib/err.h"

struct ecr_authorization {
	char *endpoint; /* "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com", as a registry_config takes it */
	char *host;     /* the same without scheme: the first part of an image URI */
	char *user;
	char *password;
	time_t expires;
};

void ecr_authorization_free(struct ecr_authorization *a);
#define ECR_AUTHORIZATION_CLEANUP __attribute__((cleanup(ecr_authorization_free)))

int ecr_get_authorization_token(struct aws_client *c, struct ecr_authorization *ret, struct err *e);

/* One that exists already is success. */
int ecr_create_repository(struct aws_client *c, const char *name, struct err *e);

/* Deletes an image and its tags by its manifest's digest. One that isn't there, and no repository, is success. */
int ecr_delete_image(struct aws_client *c, const char *repository, const char *digest, struct err *e);

#endif
