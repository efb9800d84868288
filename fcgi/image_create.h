/* The two ways of POST /images/create and the lines of their streams. */
#ifndef SOCKERLESS_IMAGE_CREATE_H
#define SOCKERLESS_IMAGE_CREATE_H

#include <stdbool.h>

#include "fcgi/request.h"

int image_pull(struct request *req, struct err *e);
/* The same pull within a stream that was begun, with the account `auth` (NULL: anonymous); its lines go there, its error to the caller. */
int image_pull_into(struct request *req, const char *name, struct json_object *auth, struct err *e);
int image_import_stream(struct request *req, struct err *e); /* the request's body */
int image_import_url(struct request *req, const char *url, struct err *e);

/* {"status":..,"id":..}; id NULL: none. False: the client has left. */
bool image_line(struct request *req, const char *status, const char *id);
/* {"errorDetail":{"message":..},"error":..} */
void image_line_error(struct request *req, const struct err *e);

#endif
